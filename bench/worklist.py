"""What people find where a run tells them to look, and whether links are as good as the run expects."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bench.results import table
from bench.sets import Set, family
from kgalign import pipeline
from kgalign.assign import hold_back, with_expectation
from kgalign.config import Config
from kgalign.evaluate import link_pairs, read_pairs
from kgalign.evaluate.metrics import counted_links
from kgalign.judge import judge
from kgalign.judge.evidence.prior import load_prior
from kgalign.links.gold import Pair
from kgalign.records import Alignment, Outcome, Profile
from kgalign.run import start
from kgalign.run.steps import Work

LOOKS = 10
"""One in so many left entities is looked at."""
PROMISE = 0.95

HEAD = (
    *("set", "left", "mistakes", "looks", "found", "share", "of at most", "undecided", "share"),
    *("links", "expected", "right", "not linked: expected", "known"),
    *(f"at {PROMISE:g}: links", "expected", "right"),
)


@dataclass(frozen=True, slots=True)
class Kept:
    """Links, and how many of them are right."""

    links: int
    expected: float
    """Mean of their probabilities."""
    right: float
    """Share of those that the gold can judge; NaN where it can judge none."""


@dataclass(frozen=True, slots=True)
class Row:
    """One set."""

    set: str
    closed: bool
    left: int
    """Left entities that may get a link."""
    mistakes: int
    """Left entities with a wrong link, or with a partner that they are not linked with."""
    looks: int
    found: int
    """Mistakes among the first ``looks`` of the list."""
    undecided: int
    """Left entities that the alignment leaves to people."""
    undecided_found: int
    links: Kept
    missed_expected: float
    missed: int
    """Left entities without a link for which the gold has a partner."""
    promised: Kept
    """The links that are left where :data:`PROMISE` is asked for."""

    @property
    def share(self) -> float:
        """Share of the mistakes that the looks find; NaN where there is none to find."""
        return self.found / self.mistakes if self.mistakes else float("nan")

    @property
    def undecided_share(self) -> float:
        """The same of what the alignment leaves to people."""
        return self.undecided_found / self.mistakes if self.mistakes else float("nan")

    @property
    def ceiling(self) -> float:
        """What could be found if each look found a mistake."""
        return min(1.0, self.looks / self.mistakes) if self.mistakes else float("nan")

    def cells(self) -> list[str]:
        """The row as it is shown."""
        kept = [[f"{each.links:,}", _share(each.expected), _share(each.right)] for each in self._kept()]
        return [
            f"{self.set} (closed)" if self.closed else self.set,
            *(f"{each:,}" for each in (self.left, self.mistakes, self.looks, self.found)),
            _share(self.share),
            _share(self.ceiling),
            f"{self.undecided:,}",
            _share(self.undecided_share),
            *kept[0],
            f"{self.missed_expected:,.0f}",
            f"{self.missed:,}",
            *kept[1],
        ]

    def _kept(self) -> tuple[Kept, Kept]:
        return self.links, self.promised


def _share(number: float) -> str:
    return "" if np.isnan(number) else f"{number:.3f}"


def measure(sets: Sequence[Set], left_out: Path | None, tell: Callable[[Row], None]) -> list[Row]:
    """Align each set with the defaults, in this process.

    :param left_out: folder of priors that saw no set of a family, by family; None for the shipped one.
    """
    rows = []
    for each in sets:
        row = _row(each, left_out)
        tell(row)
        rows.append(row)
    return rows


def _row(each: Set, left_out: Path | None) -> Row:
    work = _judged(each, left_out)
    left, right = work.get(pipeline.SELECT_LEFT), work.get(pipeline.SELECT_RIGHT)
    alignment, listed = work.get(pipeline.ASSIGN), work.get(pipeline.WORKLIST)
    gold = set(read_pairs(each.gold))
    links = set(link_pairs(left, right, alignment))
    counted = counted_links(links, gold, closed=each.closed)
    place = {iri: number for number, iri in enumerate(left.entity_iri.to_pylist())}
    mistakes = {pair[0] for pair in counted - gold} | {pair[0] for pair in gold - links}
    wrong = {place[iri] for iri in mistakes if iri in place}
    number = int(left.described.sum())
    looks = number // LOOKS
    open_ = set(alignment.left[alignment.outcome == Outcome.UNDECIDED].tolist())
    promised = with_expectation(hold_back(alignment, PROMISE), pipeline.verdicts_of(work), left)
    return Row(
        set=each.name,
        closed=each.closed,
        left=number,
        mistakes=len(mistakes),
        looks=looks,
        found=len(wrong & set(listed.left[:looks].tolist())),
        undecided=len(open_),
        undecided_found=len(wrong & open_),
        links=_kept(alignment, left, right, gold, closed=each.closed),
        missed_expected=alignment.figures["expected_missed"],
        missed=len({a for a, _ in gold} - {a for a, _ in links}),
        promised=_kept(promised, left, right, gold, closed=each.closed),
    )


def _judged(each: Set, left_out: Path | None) -> Work:
    also = {"left_also": [*map(str, each.left_also)], "right_also": [*map(str, each.right_also)]}
    config = Config.model_validate({"read": also})
    work = start.evidence(each.left, each.right, None, config)
    if left_out is not None:
        nobody = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32)
        prior = load_prior(left_out / f"{family(each.name)}.json")
        sides = work.get(pipeline.SELECT_LEFT), work.get(pipeline.SELECT_RIGHT)
        work.put(
            pipeline.JUDGE, judge(*sides, work.get(pipeline.RETRIEVE), nobody, config.judge, prior=prior)
        )
    return work


def _kept(alignment: Alignment, left: Profile, right: Profile, gold: set[Pair], *, closed: bool) -> Kept:
    links = link_pairs(left, right, alignment)
    counted = counted_links(links, gold, closed=closed)
    return Kept(
        links=len(links),
        expected=alignment.figures.get("expected_precision", float("nan")),
        right=len(counted & gold) / len(counted) if counted else float("nan"),
    )


def as_markdown(rows: Sequence[Row], left_out: Path | None) -> str:
    """The table, and the means of what can be asked of the list."""
    some = [row for row in rows if row.mistakes]
    means = ", ".join(
        f"{name} {np.mean([getattr(row, key) for row in some]):.3f}"
        for name, key in (("on the list", "share"), ("at most", "ceiling"), ("undecided", "undecided_share"))
    )
    prior = "a prior that saw no set of the family" if left_out else "the prior that is shipped"
    return "\n\n".join(
        [
            f"With {prior}. `mistakes`: left entities with a wrong link or without a partner of theirs, as "
            "far as the gold knows; `found` are those among the first tenth of the left entities on the "
            "list, `of at most` what a tenth could hold, `undecided` those that the alignment leaves to "
            "people. `expected` is what a run says of its links, `right` what the gold says. `not linked`: "
            "left entities without a link that have a partner; a gold that is not complete knows only some.",
            f"Mean share of the mistakes over {len(some)} sets that have some: {means}.",
            table(HEAD, [row.cells() for row in rows]),
        ]
    )


def as_json(rows: Sequence[Row]) -> str:
    """All figures."""
    return json.dumps([asdict(row) for row in rows], indent=1) + "\n"
