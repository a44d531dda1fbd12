"""What several commands share: groups, arguments and options, progress on a terminal, text and tables."""

import importlib
import math
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, TypeVar

import click
from click.shell_completion import CompletionItem

from kgalign.base.logs import LEVELS, configure, printable
from kgalign.base.progress import NoProgress, Progress, Task

from .paths import PATH

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

Command = TypeVar("Command", bound=Callable[..., Any])

DELAY = 2.0
"""Seconds after which a piece of work gets a progress bar."""
EVERY = 30.0
"""Seconds between lines on progress where there is no terminal."""
PIPED_WIDTH = 160
"""Characters per line where the output is no terminal."""
LINE = 1000
"""Most characters of one line of text; what graphs and paths hold is cut there."""

Commands = Mapping[str, tuple[str, str, str]]
"""Name → module, the click command in it, and a line on it."""


class LazyGroup(click.Group):
    """Finds its commands by name, and imports one when it is called."""

    commands_by_name: ClassVar[Commands] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in their order."""
        return list(self.commands_by_name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, None for none."""
        if cmd_name not in self.commands_by_name:
            return None
        module, attribute, _ = self.commands_by_name[cmd_name]
        command = getattr(importlib.import_module(module, __package__), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{attribute} is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with a line on each."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in self.commands_by_name.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names that begin so, each with its line, and options; no command is imported for that."""
        names = [
            CompletionItem(name, help=line)
            for name, (_, _, line) in self.commands_by_name.items()
            if name.startswith(incomplete)
        ]
        return names + super(click.Group, self).shell_complete(ctx, incomplete)


class Number(click.FloatRange):
    """A number in a range; click's own lets "nan" into each, and "inf" into those without an end."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - click's signature
        """The number, if it is finite."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number.", param, ctx)
        return number


def run_argument(command: Command) -> Command:
    """The argument RUN."""
    return click.argument("run", type=PATH)(command)


def json_option(help_text: str = "Print one JSON object.") -> Callable[[Command], Command]:
    """The option ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help=help_text)


def quiet_option(help_text: str = "No progress.") -> Callable[[Command], Command]:
    """The option ``-q``."""
    return click.option("-q", "--quiet", is_flag=True, help=help_text)


def log_options(command: Command) -> Command:
    """Add ``--log-level`` and ``--log-json`` to a command; they take effect before it runs."""
    level = click.option(
        "--log-level",
        type=click.Choice(LEVELS),
        default="warning",
        show_default=True,
        expose_value=False,
        callback=_set_level,
        help="Least severe log messages shown.",
    )
    as_json = click.option(
        "--log-json",
        is_flag=True,
        expose_value=False,
        callback=_set_json,
        help="Log one JSON object per line.",
    )
    return level(as_json(command))


def _set_level(ctx: click.Context, _: click.Parameter, value: Any) -> None:  # noqa: ANN401 - click's signature
    ctx.meta["kgalign.level"] = value
    _configure(ctx)


def _set_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta["kgalign.json"] = value
    _configure(ctx)


def _configure(ctx: click.Context) -> None:
    configure(ctx.meta.get("kgalign.level", "warning"), ctx.meta.get("kgalign.json", False), sys.stderr)


def terminal_progress(quiet: bool = False) -> Progress:
    """Bars on the standard error output where that is a terminal, otherwise a line now and then; nothing
    among JSON.
    """
    ctx = click.get_current_context(silent=True)
    if quiet or (ctx is not None and ctx.meta.get("kgalign.json", False)):
        return NoProgress()
    return TerminalProgress() if sys.stderr.isatty() else LineProgress()


class LineProgress:
    """Writes a line on the standard error output for work that takes long, for logs and batch jobs.

    :param every: seconds between lines, and until the first one.
    """

    def __init__(self, every: float = EVERY) -> None:
        self._every = every

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Begin a piece of work."""
        yield _Lines(name, total, unit, self._every)


class _Lines:
    def __init__(self, name: str, total: int | None, unit: str, every: float) -> None:
        self._name, self._total, self._unit, self._every = printable(name, 60), total, unit, every
        self._done = 0
        self._note = ""
        self._told = time.monotonic()

    def note(self, text: str) -> None:
        self._note = f", {printable(text, 120)}" if text else ""

    def advance(self, amount: int = 1) -> None:
        self._done += amount
        now = time.monotonic()
        if now - self._told < self._every:
            return
        self._told = now
        whole = f" of {_amount(self._total, self._unit)}" if self._total is not None else ""
        click.echo(f"{self._name}: {_amount(self._done, self._unit)}{whole}{self._note}", err=True)


class TerminalProgress:
    """Shows a bar with rate and time left for each piece of work that takes more than two seconds; of one
    that is part of no other a line stays. What other threads do at the same time is part of no work here.
    """

    def __init__(self, delay: float = DELAY) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            SpinnerColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bars

        self._delay = delay
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[state]}", markup=False),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=Console(stderr=True),
            transient=True,
        )
        self._shown = 0
        self._within = threading.local()
        self._lock = threading.Lock()

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Begin a piece of work; its bar appears once the delay is over and goes when the work ends."""
        depth, begun = getattr(self._within, "depth", 0), time.monotonic()
        bar = self._bars.add_task(printable(name, 60), total=total, visible=False, start=True, state="")
        timer = threading.Timer(self._delay, self._show, [bar])
        timer.daemon = True
        timer.start()
        self._within.depth = depth + 1
        try:
            yield _Bar(self._bars, bar, unit)
        finally:
            self._within.depth = depth
            timer.cancel()
            if self._hide(bar) and not depth:
                text = f"{printable(name, 60)}: {time.monotonic() - begun:,.1f} s"
                self._bars.console.print(text, markup=False, highlight=False)

    def _show(self, bar: Any) -> None:  # noqa: ANN401 - rich's TaskID
        with self._lock:
            if bar not in self._bars.task_ids:
                return
            if not self._shown:
                self._bars.start()
            self._shown += 1
            self._bars.update(bar, visible=True)

    def _hide(self, bar: Any) -> bool:  # noqa: ANN401 - rich's TaskID
        """Take a bar away; whether it was seen."""
        with self._lock:
            visible = next(task.visible for task in self._bars.tasks if task.id == bar)
            self._bars.remove_task(bar)
            if visible:
                self._shown -= 1
                if not self._shown:
                    self._bars.stop()
            return bool(visible)


class _Bar:
    def __init__(self, bars: Any, bar: Any, unit: str) -> None:  # noqa: ANN401 - rich is imported late
        self._bars, self._bar, self._unit = bars, bar, unit
        self._note = ""

    def note(self, text: str) -> None:
        self._note = f", {printable(text, 120)}" if text else ""

    def advance(self, amount: int = 1) -> None:
        task = next(task for task in self._bars.tasks if task.id == self._bar)
        done = _amount(task.completed + amount, self._unit)
        whole = f" of {_amount(task.total, self._unit)}" if task.total is not None else ""
        speed = task.finished_speed or task.speed
        rate = f", {_amount(speed, self._unit)}/s" if speed else ""
        self._bars.update(self._bar, advance=amount, state=f"{done}{whole}{rate}{self._note}")


def console() -> "Console":
    """The standard output; where nobody gives a width, wide enough for tables not to be broken."""
    from rich.console import Console

    return Console(highlight=False, width=None if _has_width(sys.stdout) else PIPED_WIDTH)


def _has_width(stream: IO[str]) -> bool:
    """Whether lines must fit: on a terminal, and where COLUMNS says so."""
    return stream.isatty() or os.environ.get("COLUMNS", "").isdigit()


def wrapped(text: str, width: int, indent: str = "  ") -> list[str]:
    """A text in lines, broken at spaces alone: what people copy, an IRI or a path, is never cut.

    :param width: cells of a line; a word that is longer has a line of its own.
    :param indent: what stands before all lines but the first, after as many blanks as the text begins with.
    """
    start = text[: len(text) - len(text.lstrip(" "))]
    lines = [start]
    for word in re.split(r"(?<=[^ ]) ", text[len(start) :]):
        if lines[-1].strip() and _cells(lines[-1]) + 1 + _cells(word) > width:
            lines.append(start + indent + word)
        else:
            lines[-1] += f" {word}" if lines[-1].strip() else word
    return lines


def cell(text: str, limit: int = 200) -> "Text":
    """Text from a graph as it is: no markup, no control characters, not too long."""
    from rich.text import Text

    return Text(printable(text, limit))


def as_utf8(argument: str) -> str:
    """An argument as text: what is not UTF-8 in it is nobody's IRI and nobody's name."""
    return argument.encode("utf8", "replace").decode("utf8")


def _cells(text: str) -> int:
    """How many cells a text takes on a terminal; colours take none."""
    from rich.cells import cell_len

    return cell_len(click.unstyle(text))


def say(*texts: str, limit: int = LINE, style: str = "", whole: bool = False) -> None:
    """Print texts, a line each, as :func:`cell` makes them; where lines must fit they are broken at spaces.

    :param whole: never break them: commands, which people copy.
    """
    screen = console()
    fits = not whole and _has_width(sys.stdout)
    for text in texts:
        shown = printable(text, limit)
        for part in wrapped(shown, screen.width) if fits else [shown]:
            screen.print(part, style=style or None, soft_wrap=True, markup=False, emoji=False)


def echo(text: str = "", *, err: bool = False) -> None:
    """Print one line that is fit for a terminal already, colours and all; broken as in :func:`say`."""
    stream = sys.stderr if err else sys.stdout
    if _has_width(stream):
        text = "\n".join(wrapped(text, shutil.get_terminal_size().columns))
    click.echo(text, err=err)


def write_out(path: Path, text: str) -> None:
    """Write a file that is whole or not there; ``-`` is the standard output.

    :raises InputError: it can't be written.
    """
    from kgalign.base.files import replacing_text

    if str(path) == "-":
        click.echo(text, nl=False)
        return
    with replacing_text(path) as file:
        file.write(text)


def table(words: Sequence[str], numbers: Sequence[str] = (), more: Sequence[str] = ()) -> "Table":
    """A table without lines: columns of text, columns of numbers, further columns of text."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading in words:
        made.add_column(heading, overflow="fold")
    for heading in numbers:
        made.add_column(heading, justify="right", no_wrap=True)
    for heading in more:
        made.add_column(heading, overflow="fold")
    return made


def line(text: str) -> str:
    """Text from anywhere as one line for a terminal, however long."""
    return printable(text, limit=len(text) + 1)


def plural(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _amount(number: float, unit: str) -> str:
    """A number of units for people; bytes (``B``) in kB, MB, GB."""
    from rich.filesize import decimal

    return decimal(int(number)) if unit == "B" else f"{number:,.0f} {unit}".rstrip()


def megabytes(amount: int) -> str:
    """Bytes for people, in MB of a million bytes."""
    return f"{amount / 1e6:,.0f} MB"
