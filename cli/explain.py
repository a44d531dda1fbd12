"""``kgalign explain``: why a link was made, or why not."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from kgalign.base.logs import printable
from kgalign.explain import HEADINGS, Explanation, Line, PairExplanation

from .common import json_option, log_options, run_argument, table

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_SHOWN = 40
_SAID = 1000
"""Most characters of what somebody said."""
_NAME = 200
"""Most characters of what was compared: where two properties have one name, it holds their IRIs."""


@click.command()
@run_argument
@click.argument("iri")
@click.argument("other", required=False)
@click.option("--side", type=click.Choice(["left", "right"]), help="Side of IRI, where both sides have it.")
@json_option()
@log_options
def explain(
    run: Path, iri: str, other: str | None, side: Literal["left", "right"] | None, as_json: bool
) -> None:
    """Show what the entity IRI of the run folder RUN was linked with, and why.

    The evidence is a sum of log-odds: each line says what was compared, what came of it and what it adds,
    for the chosen candidate and for the runner-up. With a second IRI, OTHER, that pair is explained; of two
    entities of one side it says what each was linked with and whether links hold them together.
    """
    from kgalign.api import open as open_run

    result = open_run(run).explain(iri, other, side=side)
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=1))
    else:
        _show(result)


def _show(result: Explanation) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(printable(result.summary)), soft_wrap=True)
    for word in result.decided:
        console.print(Text(printable(str(word), _SAID)), soft_wrap=True)
    for pair in result.pairs:
        console.print()
        role, *rest = (printable(line, _SAID) for line in pair.headline())
        console.print(Text(role, style="bold"), soft_wrap=True)
        for line in rest:
            console.print(Text(f"  {line}"), soft_wrap=True)
        console.print(_waterfall(pair))
        for beside in pair.neighbours:
            text = f"  neighbours: {printable(str(beside), 200)}"
            console.print(Text(text, style="dim"), soft_wrap=True)
        for each in pair.for_models:
            console.print(Text(f"  look at: {printable(str(each), 400)}", style="yellow"), soft_wrap=True)


def _waterfall(pair: PairExplanation) -> "Table":
    made = table(HEADINGS[:4], HEADINGS[4:])
    for each in pair.lines:
        made.add_row(*_cells(each))
    return made


def _cells(line: Line) -> list["Text"]:
    from rich.text import Text

    limits = (_NAME, *[_SHOWN] * 6)
    feature, level, left, right, adds, *rest = map(printable, line.cells(), limits)
    style = "green" if line.contribution > 0 else "red" if line.contribution < 0 else ""
    return [*map(Text, (feature, level, left, right)), Text(adds, style=style), *map(Text, rest)]
