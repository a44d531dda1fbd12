"""``kgalign explain``: why a link was made, or why not."""

import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from kgalign import pipeline
from kgalign.base.logs import printable
from kgalign.errors import InputError
from kgalign.explain import Explainer, Explanation, Line, PairExplanation, Side, bare, is_node
from kgalign.ledger import FILE, Ledger
from kgalign.records.votes import Vote
from kgalign.run.finished import Finished

from .common import json_option, log_options, run_argument, table

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_SHOWN = 40
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
    finished = Finished(run)
    with ExitStack() as stack:
        explainer = Explainer(
            finished.left,
            finished.right,
            finished.candidates,
            finished.verdicts,
            finished.alignment,
            match_probability=finished.config.judge.match_probability,
            hearing=finished.hearing,
            votes=_votes(finished, stack),
            are_one=_are_one(finished),
        )
        try:
            result = explainer.pair(iri, other, side) if other is not None else explainer.entity(iri, side)
        except InputError as error:
            given = [each for each in (iri, other) if each is not None]
            _check_nodes(finished, [each for each in given if not explainer.is_entity(each)], error)
            raise
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=1))
    else:
        _show(result)


def _votes(run: Finished, stack: ExitStack) -> Callable[[str], Iterable[Vote]]:
    """Where the votes on a case are looked up: in the ledger, if there is one."""
    path, judging = run.folder.file(FILE), run.hearing.judging
    if not judging or not path.is_file():
        return lambda case: ()
    ledger = stack.enter_context(Ledger.open(path, write=False))
    return lambda case: ledger.votes(judging, cases=[case])


def _are_one(run: Finished) -> Callable[[Side, int, int], bool] | None:
    """Whether two entities of a side are one node of the fused graph; None where there is none."""
    if not run.has(pipeline.FUSE):
        return None

    def found(side: Side, first: int, second: int) -> bool:
        profile = run.left if side == "left" else run.right
        places = run.fusion().left_term if side == "left" else run.fusion().right_term
        one, other = places[profile.entity_term[[first, second]]].tolist()
        return bool(one == other)

    return found


def _check_nodes(run: Finished, iris: list[str], error: InputError) -> None:
    """Say so where what was asked for is in a graph but is no entity."""
    for iri in map(bare, iris):
        if repr(iri) not in error.message:
            continue
        for side, step in (("left", pipeline.READ_LEFT), ("right", pipeline.READ_RIGHT)):
            if is_node(run.get(step), iri):
                raise InputError(
                    f"{iri!r} is a node of the {side} graph, but no entity: "
                    "it was taken for a part of one, or for a class or a property",
                    f"Name its type with --{side}-type when you run, to make it one",
                ) from error


def _show(result: Explanation) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(printable(result.summary)), soft_wrap=True)
    for pair in result.pairs:
        console.print()
        for line in _headline(pair):
            console.print(line, soft_wrap=True)
        console.print(_waterfall(pair))
        for beside in pair.neighbours:
            names = f"{beside.left_relation} {beside.left} ~ {beside.right_relation} {beside.right}"
            console.print(Text(f"  neighbours: {printable(names, 200)}", style="dim"), soft_wrap=True)


def _headline(pair: PairExplanation) -> list["Text"]:
    from rich.text import Text

    known = " (known from the start)" if pair.given else ""
    ranks = ", ".join(f"{channel} {rank or '-'}" for channel, rank in pair.ranks.items())
    return [
        Text(f"{pair.role}: {pair.outcome}{known}", style="bold"),
        Text(printable(f"  left  {pair.left.iri}  {pair.left.name}", 300)),
        Text(printable(f"  right {pair.right.iri}  {pair.right.name}", 300)),
        Text(f"  log-odds {pair.log_odds:+.2f}, probability {pair.probability:.4f}"),
        Text(f"  retrieved at rank {pair.rank or '-'} ({printable(ranks)})"),
    ]


def _waterfall(pair: PairExplanation) -> "Table":
    made = table(("evidence", "level", "left", "right"), ("adds", "sum", "probability"))
    for each in pair.lines:
        made.add_row(*_cells(each))
    return made


def _cells(line: Line) -> list["Text"]:
    from rich.text import Text

    values = (printable(" | ".join(each), _SHOWN) for each in (line.left, line.right))
    style = "green" if line.contribution > 0 else "red" if line.contribution < 0 else ""
    return [
        Text(printable(line.feature, _NAME)),
        Text(printable(line.level or "nothing to compare", _SHOWN)),
        *(Text(each) for each in values),
        Text(f"{line.contribution:+.2f}", style=style),
        Text(f"{line.running:+.2f}"),
        Text(f"{line.probability:.3f}"),
    ]
