"""What is told only after a run: how right it is, what it took, and what changed against another one."""

from collections.abc import Iterator

from kgalign.base.notebook import Html
from kgalign.charts import Curve, chart, plain_bar
from kgalign.charts.svg import OTHER
from kgalign.evaluate.calibration import Calibration
from kgalign.evaluate.mistakes import Named
from kgalign.evaluate.summary import Evaluation
from kgalign.report.changes import Change, Changes
from kgalign.report.findings import Besides, Spent
from kgalign.report.page import Figure, Section, beside, figure, joined, paragraph, table

_WORST, _CHANGED = 6, 30


def measured(besides: Besides) -> Section | None:
    """Against gold, and against what people decided; None where there is neither."""
    parts = [
        *(_against_gold(besides.evaluation) if besides.evaluation else ()),
        *(_against_people(besides.decided) if besides.decided and besides.decided.pairs else ()),
    ]
    return Section("right", "How right it is", joined(parts)) if parts else None


def _against_gold(found: Evaluation) -> Iterator[Html]:
    scores, spans = found.scores, found.intervals
    how = "complete gold" if found.closed else "gold taken for a sample"
    yield paragraph(
        f"{scores.predicted:,} links, {scores.counted:,} of them counted, {scores.right:,} right; "
        f"{scores.gold:,} gold pairs ({how})."
    )
    rows = [
        (
            name,
            float(getattr(scores, name)),
            f"{getattr(spans, name).low:.3f} to {getattr(spans, name).high:.3f}",
        )
        for name in ("precision", "recall", "f1")
    ]
    because = [(reason.value, count) for reason, count in found.missed_because.items()]
    lost = (
        table("Gold pairs that were missed, by where", ("where", "pairs"), because) if because else Html("")
    )
    yield beside(table("Links against gold", ("", "score", "95 % interval"), rows), lost)
    if found.calibration.pairs:
        yield _calibration(found.calibration, "gold")
    if found.wrong:
        wrong = [
            (
                float(each.probability),
                _name(each.left),
                _name(each.right),
                ", ".join(map(_name, each.expected[:2])),
            )
            for each in found.wrong[:_WORST]
        ]
        yield table("The surest wrong links", ("probability", "left", "right", "gold"), wrong)
    if found.missed:
        missed = [
            (each.probability, _name(each.left), _name(each.right), each.reason.value)
            for each in found.missed[:_WORST]
        ]
        yield table("The likeliest misses", ("probability", "left", "right", "why"), missed)


def _against_people(decided: Calibration) -> Iterator[Html]:
    pairs = f"{decided.pairs:,} pair{'' if decided.pairs == 1 else 's'}"
    yield paragraph(
        f"Of {pairs} a person said whether they are the same. People look at what is "
        "doubtful: of such pairs less is right than of all."
    )
    yield _calibration(decided, "people")


def _calibration(found: Calibration, judges: str) -> Html:
    """What the probabilities say, and what is right, bin by bin."""
    points = [(each.mean_probability, each.share_right) for each in found.bins]
    most = max(each.pairs for each in found.bins)
    sizes = [3 + 6 * (each.pairs / most) ** 0.5 for each in found.bins]
    name = f"Probability and share right, by {judges}"
    drawn = chart([Curve("share right", OTHER, points, sizes)], "probability", name, diagonal=True)
    rows = [
        (
            f"{each.low:.1f} to {each.high:.1f}",
            each.pairs,
            float(each.mean_probability),
            float(each.share_right),
        )
        for each in found.bins
    ]
    told = f"Calibration error {found.ece:.4f}, Brier score {found.brier:.4f}"
    return beside(figure(name, drawn), table(told, ("probability", "pairs", "mean", "right"), rows))


def changed(besides: Besides) -> Section | None:
    """What changed against another run."""
    found = besides.changes
    if found is None:
        return None
    return Section(
        "changes", "Against the other run", joined([paragraph(f"{found.summary}."), *_changes(found)])
    )


def _changes(found: Changes) -> Iterator[Html]:
    if found.changes:
        shown = f" ({_CHANGED} of {len(found.changes):,})" if len(found.changes) > _CHANGED else ""
        headings = ("change", "left", "right", "before", "now", "tipped by", "log-odds")
        yield table(f"What changed{shown}", headings, map(_change, found.changes[:_CHANGED]))


def _change(each: Change) -> tuple[object, ...]:
    was = f" (before: {_name(each.was)[:40]})" if each.was else ""
    amount = Figure("" if each.log_odds is None else f"{each.log_odds:+.2f}")
    ends = _name(each.left)[:60], _name(each.right)[:60] + was
    return (each.kind.value, *ends, each.before, each.probability, each.tipped, amount)


def _name(entity: Named) -> str:
    return entity.name or entity.iri


def took(besides: Besides) -> Section | None:
    """Seconds and memory, step by step."""
    if not besides.spent:
        return None
    longest = max(*(each.seconds for each in besides.spent), 1e-9)
    rows = [_spent(each, longest) for each in besides.spent]
    seconds = sum(each.seconds for each in besides.spent)
    peak = max(each.peak_bytes for each in besides.spent)
    words = paragraph(
        f"{seconds:,.1f} seconds in all, each step by itself where some were done side by side; "
        f"{peak / 1e6:,.0f} MB at most. What was kept from an earlier run is counted as it was then."
    )
    listed = table("Seconds and memory by step", ("stage", "step", "seconds", "", "peak memory"), rows)
    return Section("took", "What it took", joined([words, listed]))


def _spent(each: Spent, longest: float) -> tuple[object, ...]:
    bar = plain_bar(each.seconds / longest, f"{each.step}: {each.seconds:.2f} seconds")
    return each.stage, each.step, round(each.seconds, 2), bar, Figure(f"{each.peak_bytes / 1e6:,.0f} MB")
