"""``kgalign diff``: which links two runs do not share, and what tipped each."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import cell, console, line, log_options, run_argument, table, write_out
from .paths import PATH

if TYPE_CHECKING:
    from rich.table import Table

    from kgalign.evaluate.mistakes import Named
    from kgalign.report import Change, Changes

_SHOWN = 20
_NAME = 60
_HEADINGS = (
    *("change", "left", "right", "was", "was_side", "probability", "before", "tipped", "log_odds"),
    *("left_name", "right_name", "was_name"),
)


@click.command()
@run_argument
@click.argument("old", type=PATH)
@click.option("--csv", "as_csv", type=PATH, metavar="FILE", help="Write all of it as CSV; - for the output.")
@click.option(
    "--json", "as_json", type=PATH, metavar="FILE", help="Write all of it as JSON; - for the output."
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=_SHOWN,
    show_default=True,
    help="Most changes shown of each kind.",
)
@log_options
def diff(run: Path, old: Path, as_csv: Path | None, as_json: Path | None, limit: int) -> None:
    """Show which links of RUN the run folder OLD does not have, and the other way round.

    A link is gained, lost, or changed: then one of the two has another partner. With each stands the
    comparison that tipped it: the largest change of the log-odds between the two runs, of a changed link
    that of the new pair against the old one. The runs may have been made by different methods; entities
    are the same where their IRIs are. Nothing is changed in either folder.
    """
    from kgalign.report import compare
    from kgalign.run.finished import Finished

    found = compare(Finished(run), Finished(old))
    if as_csv is not None:
        write_out(as_csv, _csv(found))
    if as_json is not None:
        write_out(as_json, json.dumps(found.to_dict(), indent=1) + "\n")
    if str(as_csv) != "-" and str(as_json) != "-":
        _show(found, limit)


def _csv(found: "Changes") -> str:
    from kgalign.values.text import csv_lines

    return csv_lines([_HEADINGS, *map(_row, found.changes)])


def _row(change: "Change") -> tuple[str, ...]:
    """What strangers wrote is no formula, and names stand on one line."""
    from kgalign.values.text import no_formula

    ends = change.left, change.right, change.was
    iris = [no_formula(each.iri if each else "") for each in ends]
    names = [no_formula(line(each.name) if each else "") for each in ends]
    figures = [_figure(each) for each in (change.probability, change.before)]
    tipped = no_formula(line(change.tipped)), _figure(change.log_odds)
    return (change.kind.value, *iris, change.was_side, *figures, *tipped, *names)


def _figure(value: float | None) -> str:
    return "" if value is None else repr(round(value, 6))


def _show(found: "Changes", limit: int) -> None:
    from kgalign.report import Kind

    screen = console()
    screen.print(cell(found.summary))
    for kind in Kind:
        of_kind = [each for each in found.changes if each.kind is kind]
        if of_kind and limit:
            screen.print()
            screen.print(_table(kind.value, of_kind[:limit]))
            if len(of_kind) > limit:
                screen.print(
                    cell(f"{limit:,} of {len(of_kind):,}: --limit shows more, --csv FILE writes all")
                )


def _table(title: str, changes: "list[Change]") -> "Table":
    made = table((title, ""), ("before", "now"), ("tipped by",))
    for each in changes:
        ends = [cell(_name(each.left), _NAME), cell(_name(each.right) + "".join(_was(each)), 2 * _NAME)]
        figures = [
            cell("-" if value is None else f"{value:.3f}") for value in (each.before, each.probability)
        ]
        by = "" if each.log_odds is None else f" {each.log_odds:+.2f}"
        made.add_row(*ends, *figures, cell(f"{each.tipped}{by}"))
    return made


def _was(change: "Change") -> Iterator[str]:
    if change.was is not None:
        yield f" (before: {_name(change.was)}{'' if change.was_side == 'right' else ', left'})"


def _name(entity: "Named") -> str:
    return entity.name or entity.iri
