"""``kgalign eval``: a run against gold links."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kgalign.base.logs import printable
from kgalign.evaluate import Evaluation, diff, link_pairs, read_pairs
from kgalign.evaluate.mistakes import Named

from .common import PATH, json_option, log_options, run_argument

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = 80
_PARTNERS = 3


@click.command("eval")
@run_argument
@click.option(
    "--gold",
    required=True,
    multiple=True,
    type=PATH,
    help="Gold links: left IRI, tab, right IRI, or owl:sameAs in N-Triples or Turtle. Repeatable.",
)
@click.option("--closed", is_flag=True, help="The gold is complete: every link that is not in it is wrong.")
@click.option("--against", type=PATH, help="An older run folder to compare the links with.")
@click.option("--worst", default=10, show_default=True, help="How many errors of each kind to name.")
@json_option()
@log_options
def eval_command(
    run: Path, gold: tuple[Path, ...], closed: bool, against: Path | None, worst: int, as_json: bool
) -> None:
    """Measure the links, candidates and probabilities of RUN against gold.

    The gold is taken for a sample: a link counts as wrong only where its left or its right entity occurs
    in the gold, unless you say --closed.
    """
    from kgalign.api import open as open_run

    pairs = {pair for path in gold for pair in read_pairs(path)}
    current = open_run(run)
    result = current.evaluate(pairs, closed=closed, worst=worst)
    difference = None
    if against is not None:
        older = open_run(against)
        before = link_pairs(older.left, older.right, older.alignment)
        after = link_pairs(current.left, current.right, current.alignment)
        difference = diff(before, after, pairs, closed=closed).to_dict()
    if as_json:
        shown = result.to_dict() | ({"against": difference} if difference else {})
        click.echo(json.dumps(shown, indent=1))
        return
    _show(result, difference)


def _show(result: Evaluation, difference: dict[str, Any] | None) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    _show_scores(console, result)
    _show_candidates(console, result)
    _show_calibration(console, result)
    _show_errors(console, result)
    if difference:
        _show_difference(console, difference)


def _show_scores(console: "Console", result: Evaluation) -> None:
    from rich.table import Table

    scores, spans = result.scores, result.intervals
    table = Table("", "score", "95 % interval", title="Links")
    for name in ("precision", "recall", "f1"):
        span = getattr(spans, name)
        table.add_row(name, f"{getattr(scores, name):.4f}", f"{span.low:.4f} to {span.high:.4f}")
    console.print(table)
    how = "complete gold" if result.closed else "gold taken for a sample"
    console.print(
        f"{scores.predicted:,} links, {scores.counted:,} counted, {scores.right:,} right; "
        f"{scores.gold:,} gold pairs ({how})",
        markup=False,
    )
    if result.unknown:
        console.print(
            f"{result.unknown:,} gold pairs name an entity that its side does not have", markup=False
        )


def _show_candidates(console: "Console", result: Evaluation) -> None:
    from rich.table import Table

    table = Table("", "Hits@1", "Hits@10", "MRR", title="Candidates")
    for name, each in (("by retrieval", result.retrieved), ("by evidence", result.judged)):
        table.add_row(name, f"{each.hits_at_1:.4f}", f"{each.hits_at_10:.4f}", f"{each.mrr:.4f}")
    console.print(table)
    at = list(next(iter(result.recall.values())))
    table = Table("channel", *at, title="Recall at k")
    for channel, recalls in result.recall.items():
        table.add_row(printable(channel), *(f"{recalls[k]:.4f}" for k in at))
    console.print(table)


def _show_calibration(console: "Console", result: Evaluation) -> None:
    from rich.table import Table

    found = result.calibration
    if not found.pairs:
        return
    table = Table("probability", "pairs", "mean", "share right", title="Calibration")
    for each in found.bins:
        bounds = f"{each.low:.1f} to {each.high:.1f}"
        table.add_row(bounds, f"{each.pairs:,}", f"{each.mean_probability:.3f}", f"{each.share_right:.3f}")
    console.print(table)
    console.print(f"Expected calibration error {found.ece:.4f}, Brier score {found.brier:.4f}", markup=False)


def _show_errors(console: "Console", result: Evaluation) -> None:
    if result.wrong:
        console.print("\nMost confident wrong links", style="bold")
        for wrong in result.wrong:
            _print(console, f"  {wrong.probability:.3f}  ", wrong.left)
            _print(console, "      ~  ", wrong.right)
            for expected in wrong.expected[:_PARTNERS]:
                _print(console, "   gold  ", expected)
    if result.missed:
        console.print("\nMost probable misses", style="bold")
        for missed in result.missed:
            sure = "   -   " if missed.probability is None else f"  {missed.probability:.3f}"
            _print(console, f"{sure}  ", missed.left)
            _print(console, "      ~  ", missed.right)
            rank = f", retrieved at rank {missed.rank}" if missed.rank else ""
            console.print(f"    why  {missed.reason.value}{rank}", markup=False)
            for partner in missed.instead[:_PARTNERS]:
                _print(console, " linked  ", partner)
        because = ", ".join(f"{count:,} {reason.value}" for reason, count in result.missed_because.items())
        console.print(f"All misses: {because}", markup=False)


def _print(console: "Console", lead: str, entity: Named) -> None:
    """One entity on one line, as it is: no markup, no control characters, not too long."""
    from rich.text import Text

    shown = f"{printable(entity.name, _SHOWN)}  {printable(entity.iri, 2 * _SHOWN)}"
    console.print(Text(lead + shown), soft_wrap=True)


def _show_difference(console: "Console", difference: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table("", "right", "wrong", "not in the gold", title="Against the older run")
    for change in ("gained", "lost"):
        counts = (str(len(difference[f"{change}_{truth}"])) for truth in ("right", "wrong", "unknown"))
        table.add_row(change, *counts)
    console.print(table)
