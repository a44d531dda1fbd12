"""``kgalign eval``: a run against gold links."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kgalign.base.logs import printable
from kgalign.evaluate import Evaluation, Pair, diff, link_pairs, read_pairs
from kgalign.evaluate.mistakes import Named

from .common import cell, console, json_option, log_options, plural, run_argument, say, table
from .paths import PATH

if TYPE_CHECKING:
    from kgalign.api import AlignmentResult
    from kgalign.evaluate.mistakes import MissedPair, WrongLink

_SHOWN = 80
_PARTNERS = 3
_FEW = 3
"""Errors of each kind that are named where not everything is wanted."""


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
@click.option("--against", type=PATH, help="An older run folder: name the links that were gained and lost.")
@click.option("--worst", default=10, show_default=True, help="How many errors of each kind to name.")
@click.option("--full", is_flag=True, help="Show intervals, candidates, calibration and more errors too.")
@json_option()
@log_options
def eval_command(
    run: Path,
    gold: tuple[Path, ...],
    closed: bool,
    against: Path | None,
    worst: int,
    full: bool,
    as_json: bool,
) -> None:
    """Measure the links, candidates and probabilities of RUN against gold.

    The gold is taken for a sample: a link counts as wrong only where its left or its right entity occurs
    in the gold, unless you say --closed.
    """
    from kgalign.api import open as open_run

    pairs = {pair for path in gold for pair in read_pairs(path)}
    current = open_run(run)
    older = open_run(against) if against is not None else None
    result = current.evaluate(pairs, closed=closed, worst=worst)
    difference = _difference(older, current, pairs, closed) if older else None
    if as_json:
        shown = result.to_dict() | ({"against": difference} if difference else {})
        click.echo(json.dumps(shown, indent=1))
        return
    _show_result(result)
    if full:
        _show_scores(result)
        _show_candidates(result)
        _show_calibration(result)
    _show_errors(result, worst if full else min(worst, _FEW))
    if older and difference:
        _show_difference(difference, older, current, worst)
    if not full:
        say("", "--full shows intervals, candidates, calibration and more errors by name")


def _difference(
    older: "AlignmentResult", current: "AlignmentResult", gold: set[Pair], closed: bool
) -> dict[str, Any]:
    before = link_pairs(older.left, older.right, older.alignment)
    after = link_pairs(current.left, current.right, current.alignment)
    return diff(before, after, gold, closed=closed).to_dict()


def _show_result(result: Evaluation) -> None:
    """F1 and the kinds of errors."""
    scores = result.scores
    how = "complete gold" if result.closed else "gold taken for a sample"
    because = ", ".join(f"{count:,} {reason.value}" for reason, count in result.missed_because.items())
    missed = scores.gold - scores.right
    say(
        f"F1 {scores.f1:.4f}, precision {scores.precision:.4f}, recall {scores.recall:.4f}",
        f"{scores.predicted:,} links, {scores.counted:,} counted, {scores.right:,} right; "
        f"{scores.gold:,} gold pairs ({how})",
        f"Wrong links: {scores.counted - scores.right:,}",
        f"Missed pairs: {missed:,}" + (f", of which {because}" if because else ""),
    )
    if result.unknown:
        say(f"{result.unknown:,} gold pairs name an entity that its side does not have")


def _show_scores(result: Evaluation) -> None:
    made = table(("links",), ("score", "95 % interval"))
    for name in ("precision", "recall", "f1"):
        span = getattr(result.intervals, name)
        made.add_row(name, f"{getattr(result.scores, name):.4f}", f"{span.low:.4f} to {span.high:.4f}")
    say("")
    console().print(made)


def _show_candidates(result: Evaluation) -> None:
    made = table(("candidates",), ("Hits@1", "Hits@10", "MRR"))
    for name, each in (("by retrieval", result.retrieved), ("by evidence", result.judged)):
        made.add_row(name, f"{each.hits_at_1:.4f}", f"{each.hits_at_10:.4f}", f"{each.mrr:.4f}")
    say("")
    console().print(made)
    at = list(next(iter(result.recall.values())))
    made = table(("recall at k",), at)
    for channel, recalls in result.recall.items():
        made.add_row(cell(channel), *(f"{recalls[k]:.4f}" for k in at))
    say("")
    console().print(made)


def _show_calibration(result: Evaluation) -> None:
    found = result.calibration
    if not found.pairs:
        return
    made = table(("probability",), ("pairs", "mean", "share right"))
    for each in found.bins:
        bounds = f"{each.low:.1f} to {each.high:.1f}"
        made.add_row(bounds, f"{each.pairs:,}", f"{each.mean_probability:.3f}", f"{each.share_right:.3f}")
    say("")
    console().print(made)
    say(f"Expected calibration error {found.ece:.4f}, Brier score {found.brier:.4f}")


def _show_errors(result: Evaluation, most: int) -> None:
    if result.wrong[:most]:
        say("")
        say("Most confident wrong links", style="bold")
    for wrong in result.wrong[:most]:
        _show_wrong(wrong)
    if result.missed[:most]:
        say("")
        say("Most probable misses", style="bold")
    for missed in result.missed[:most]:
        _show_missed(missed)


def _show_wrong(wrong: "WrongLink") -> None:
    _show_named(f"  {wrong.probability:.3f}  ", wrong.left)
    _show_named("      ~  ", wrong.right)
    for expected in wrong.expected[:_PARTNERS]:
        _show_named("   gold  ", expected)


def _show_missed(missed: "MissedPair") -> None:
    _show_named("   -     " if missed.probability is None else f"  {missed.probability:.3f}  ", missed.left)
    _show_named("      ~  ", missed.right)
    rank = f", retrieved at rank {missed.rank}" if missed.rank else ""
    say(f"    why  {missed.reason.value}{rank}")
    for partner in missed.instead[:_PARTNERS]:
        _show_named(" linked  ", partner)


def _show_named(lead: str, entity: Named) -> None:
    """One entity, not too long."""
    say(f"{lead}{printable(entity.name, _SHOWN)}  {printable(entity.iri, 2 * _SHOWN)}")


_CHANGES = (
    ("lost", "right", "no longer linked, and right"),
    ("gained", "wrong", "newly linked, and wrong"),
    ("gained", "right", "newly linked, and right"),
    ("lost", "wrong", "no longer linked, and wrong"),
    ("gained", "unknown", "newly linked, not in the gold"),
    ("lost", "unknown", "no longer linked, not in the gold"),
)
"""What changed and what the gold says of it, what is worse first."""


def _show_difference(
    difference: dict[str, Any], older: "AlignmentResult", current: "AlignmentResult", most: int
) -> None:
    """How many links were gained and lost, and which."""
    counts = {change: [len(difference[f"{change}_{truth}"]) for truth in _TRUTHS] for change in _GAINED_LOST}
    told = (
        f"{sum(numbers):,} {change} ({right:,} right, {wrong:,} wrong, {unknown:,} not in the gold)"
        for change, (right, wrong, unknown) in counts.items()
        for numbers in [(right, wrong, unknown)]
    )
    say("", f"Against the older run: {'; '.join(told)}; {difference['kept']:,} in both")
    for change, truth, heading in _CHANGES:
        pairs = difference[f"{change}_{truth}"]
        if not pairs:
            continue
        run = current if change == "gained" else older
        say("")
        say(f"{plural(len(pairs), 'link')} {heading}", style="bold")
        for left, right in _named(run, pairs[:most]):
            _show_named("         ", left)
            _show_named("      ~  ", right)
        if len(pairs) > most:
            say(f"    and {len(pairs) - most:,} more: --worst shows more, --json all of them")


_TRUTHS = ("right", "wrong", "unknown")
_GAINED_LOST = ("gained", "lost")


def _named(run: "AlignmentResult", pairs: Sequence[Pair]) -> Iterable[tuple[Named, Named]]:
    """The pairs with the names that a run knows them by."""
    from kgalign.links.pairs import entity_ids

    sides = []
    for profile, iris in ((run.left, [a for a, _ in pairs]), (run.right, [b for _, b in pairs])):
        ids = entity_ids(profile, iris).tolist()
        sides.append([Named(i, profile.entity_name[n].as_py()) for i, n in zip(iris, ids, strict=True)])
    return zip(*sides, strict=True)
