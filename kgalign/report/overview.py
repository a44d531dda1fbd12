"""The first two parts of a report: what became of the entities, and how sure that is."""

from collections.abc import Iterator

import numpy as np

from kgalign.arrays import Doubles, first_of_best, flags
from kgalign.base.notebook import Html
from kgalign.charts import Curve, Layer, Stream, chart, flow, histogram
from kgalign.charts.svg import FOR, NEUTRAL, OPEN, OTHER
from kgalign.links.pairs import is_link
from kgalign.records import Alignment, Floats, Outcome, Profile, Verdicts
from kgalign.report.findings import Findings, fates
from kgalign.report.page import Section, beside, figure, joined, paragraph, table

BINS = 20
_POINTS = 100
_TO_LOOK_AT = 10
_COLOURS = {"linked": FOR, "undecided": OPEN, "only mentioned": OTHER}


def entity_flow(left: Profile, right: Profile, verdicts: Verdicts, alignment: Alignment) -> Html:
    """What became of the entities of both sides, as a chart."""
    counts = fates(left, right, verdicts, alignment).items()
    return flow([Stream(name, _COLOURS.get(name, NEUTRAL), *sides) for name, sides in counts])


def probability_histogram(
    verdicts: Verdicts, alignment: Alignment, *, match: float, undecided: float
) -> Html:
    """Links by their probability, and below them what is left to people and the best of all others.

    :param match: from which probability on a pair is a match.
    :param undecided: from which one on it is left to people.
    """
    linked = is_link(alignment)
    waiting = ~linked & (alignment.outcome != Outcome.REJECTED)
    return histogram(
        _layer("links", FOR, alignment.probability[linked]),
        [
            _layer("undecided", OPEN, alignment.probability[waiting]),
            _layer("best of the others", NEUTRAL, _best_of_others(verdicts, alignment)),
        ],
        {"undecided": undecided, "match": match},
        "Probabilities of links, of undecided pairs, and of the best pair of each other left entity",
    )


def _best_of_others(verdicts: Verdicts, alignment: Alignment) -> Floats:
    """(b,) probability of the best pair of each left entity that has no link and is not undecided."""
    taken = alignment.left[alignment.outcome != Outcome.REJECTED]
    size = 1 + max(int(each.max(initial=-1)) for each in (verdicts.left, taken))
    rows = np.flatnonzero(~flags(size, taken)[verdicts.left])
    best: Floats = verdicts.probability[rows[first_of_best(verdicts.left[rows], verdicts.log_odds[rows])]]
    return best


def _layer(name: str, colour: str, probability: np.ndarray) -> Layer:
    place = np.clip((probability.astype(np.float64) * BINS).astype(np.int64), 0, BINS - 1)
    return Layer(name, colour, np.bincount(place, minlength=BINS).tolist())


def overview(found: Findings) -> Section:
    """What became of the entities of both sides."""
    drawn = entity_flow(found.left, found.right, found.verdicts, found.alignment)
    counts = fates(found.left, found.right, found.verdicts, found.alignment)
    rows: list[tuple[str, int, int]] = [
        ("statements", found.fusion.counts.left, found.fusion.counts.right),
        ("entities", len(found.left), len(found.right)),
        ("with candidates", *_with_candidates(found.verdicts)),
        *((name, *sides) for name, sides in counts.items()),
    ]
    words = paragraph(
        "Found nobody: has candidates, and none of them is probable enough. Only mentioned: its graph says "
        "nothing of it itself, so that it gets no link.",
        soft=True,
    )
    both = beside(figure("From both sides to links", drawn), table("In numbers", ("", "left", "right"), rows))
    return Section("entities", "Entities and links", joined([both, words]))


def _with_candidates(verdicts: Verdicts) -> tuple[int, int]:
    left, right = (
        int(flags(int(each.max(initial=-1)) + 1, each).sum()) for each in (verdicts.left, verdicts.right)
    )
    return left, right


def probabilities(found: Findings) -> Section:
    """How sure links are, and what is to be expected of them along the threshold."""
    marks = {"undecided": found.undecided_probability, "match": found.match_probability}
    drawn = probability_histogram(
        found.verdicts, found.alignment, match=marks["match"], undecided=marks["undecided"]
    )
    first = figure("How probable links are, and what was not linked (heights are logarithmic)", drawn)
    curves = list(_expected(found))
    words = paragraph(
        "Expected precision is the mean probability of the pairs from a threshold on, expected recall their "
        "sum in proportion to all partners that are to be expected: both are as good as the probabilities "
        "are. Pairs that are known from the start, or have one IRI, don't count.",
        soft=True,
    )
    name = "Expected precision and recall along the threshold"
    second = figure(name, chart(curves, "threshold", name, marks)) if curves else paragraph("No pair to draw")
    return Section("sure", "How sure it is", joined([beside(first, second), words, _to_look_at(found)]))


def _expected(found: Findings) -> Iterator[Curve]:
    """Expected precision and recall from each threshold on; nothing where nothing can be expected.

    Counted are links and undecided pairs, and of each other left entity its best pair.
    """
    alignment = found.alignment
    counted = np.isin(alignment.outcome, (Outcome.CONFIRMED, Outcome.REJECTED), invert=True)
    if len(alignment.same_iri):
        counted &= ~alignment.same_iri
    others = _best_of_others(found.verdicts, alignment)
    pairs = np.concatenate([alignment.probability[counted], others]).astype(np.float64)
    partners = alignment.probability[counted & found.linked].astype(np.float64).sum()
    partners += alignment.figures.get("expected_missed", 0.0)
    if not len(pairs) or not partners:
        return
    sure: Doubles = np.sort(pairs)[::-1]
    thresholds = np.linspace(0, sure[0], _POINTS)
    counts = np.maximum(np.searchsorted(-sure, -thresholds, side="right"), 1)
    sums, x = np.cumsum(sure)[counts - 1], thresholds.tolist()
    shares = (sums / counts).tolist(), np.minimum(sums / partners, 1.0).tolist()
    yield Curve("expected precision", FOR, list(zip(x, shares[0], strict=True)))
    yield Curve("expected recall", OTHER, list(zip(x, shares[1], strict=True)))


def _to_look_at(found: Findings) -> Html:
    """The head of the worklist."""
    listed, rows = found.worklist, []
    if not len(listed):
        return paragraph("There is nothing that a person should look at.")
    for place in range(min(len(listed), _TO_LOOK_AT)):
        names = (
            found.left.entity_name[int(listed.left[place])],
            found.right.entity_name[int(listed.right[place])],
        )
        linked = "yes" if listed.linked[place] else "no"
        figures = float(listed.probability[place]), float(listed.doubt[place])
        rows.append((names[0].as_py(), names[1].as_py(), linked, *figures))
    headings = ("left", "right", "linked", "probability", "doubt")
    return table(f"What to look at first, of {len(listed):,} in worklist.csv", headings, rows)
