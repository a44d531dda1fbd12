"""What a notebook shows: tables, markup in which nothing of the data counts as markup, and progress."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from importlib import import_module
from typing import Any

import pyarrow as pa

from kgalign.base.logs import printable
from kgalign.base.progress import NoProgress, Progress, Task

ROWS = 20
"""Most rows of a table that are shown."""
DELAY, EVERY = 1.0, 0.25
"""Seconds before work is shown, and least seconds between two pictures of it."""


class Html(str):
    """Text that is meant as markup; all other text is escaped."""

    __slots__ = ()


def html(value: object, limit: int = 120) -> Html:
    """Any value as markup that shows it as it is: one line, no control characters, not too long."""
    if isinstance(value, Html):
        return value
    if isinstance(value, float):
        return Html(f"{value:.3f}")
    return Html(escape(printable("" if value is None else str(value), limit)))


def html_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """A table that scrolls where it is wider than the page; texts to the left, numbers to the right."""
    head = "".join(f'<th style="text-align:left">{html(each)}</th>' for each in headings)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return Html(f'<div style="overflow-x:auto">{table}</div>')


def _cell(value: object) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f'<td style="text-align:{"right" if number else "left"}">{html(value)}</td>'


class Table:
    """A table for data frames, which a notebook shows: ``table.to_pandas()``, ``polars.DataFrame(table)``.

    It does what a :class:`pyarrow.Table` does, which it holds as ``arrow``; iterating gives its rows.
    """

    def __init__(self, arrow: pa.Table, row: Sequence[str] = ()) -> None:
        """Show a table.

        :param row: the columns that iterating gives, where it is not all of them.
        """
        self.arrow = arrow
        self._row = tuple(row) or tuple(arrow.column_names)

    def __len__(self) -> int:
        """Number of rows."""
        return int(self.arrow.num_rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """The rows."""
        return zip(*(self.arrow.column(name).to_pylist() for name in self._row), strict=True)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever pyarrow has
        if name == "arrow":  # not there yet, while it is being copied
            raise AttributeError(name)
        return getattr(self.arrow, name)

    def __repr__(self) -> str:
        return f"<Table: {len(self):,} rows of {', '.join(self.arrow.column_names)}>"

    def _repr_html_(self) -> str:
        names = self.arrow.column_names
        rows = (tuple(row[name] for name in names) for row in self.arrow.slice(0, ROWS).to_pylist())
        more = f"<p>{ROWS} of {len(self):,} rows</p>" if len(self) > ROWS else ""
        return html_table(names, rows) + more


def progress_here() -> Progress:
    """One line below the cell where this is a notebook, otherwise nothing."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return NotebookProgress() if hasattr(shell, "kernel") else NoProgress()


class NotebookProgress:
    """Shows the work under way in one line, which is written over and goes when the work ends."""

    def __init__(self, delay: float = DELAY, every: float = EVERY) -> None:
        """Show work that takes longer than ``delay`` seconds, once in ``every`` seconds."""
        self._begin, self._every = time.monotonic() + delay, every
        self._shown = 0.0
        self._tasks: list[_Line] = []
        self._place: Any = None

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Begin a piece of work."""
        line = _Line(self, name, total, unit)
        self._tasks.append(line)
        self.show(at_once=True)
        try:
            yield line
        finally:
            self._tasks.remove(line)
            if not self._tasks and self._place is not None:
                self._write("")

    def show(self, *, at_once: bool = False) -> None:
        """Show how far the work is, unless that was shown a moment ago."""
        now = time.monotonic()
        if now < self._begin or (not at_once and now < self._shown + self._every):
            return
        self._shown = now
        self._write("".join(f"<div>{line.html()}</div>" for line in self._tasks))

    def _write(self, text: str) -> None:
        ipython: Any = import_module("IPython.display")
        if self._place is None:
            self._place = ipython.display(ipython.HTML(text), display_id=True)
        else:
            self._place.update(ipython.HTML(text))


class _Line:
    def __init__(self, shown: NotebookProgress, name: str, total: int | None, unit: str) -> None:
        self._shown, self._name, self._total, self._unit = shown, name, total, unit
        self._done, self._note = 0, ""

    def advance(self, amount: int = 1) -> None:
        self._done += amount
        self._shown.show()

    def note(self, text: str) -> None:
        self._note = text
        self._shown.show()

    def html(self) -> str:
        bar = f'<progress value="{self._done}" max="{self._total}"></progress> ' if self._total else ""
        of = f" of {self._total:,}" if self._total is not None else ""
        done = f"{self._done:,}{of} {self._unit}".rstrip() if self._done or self._total else ""
        return bar + html(", ".join(each for each in (self._name, done, self._note) if each))
