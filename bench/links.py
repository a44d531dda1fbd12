"""What a run says of its links, read from the files that it leaves, and what of that is right by the gold."""

import csv
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.sets import Set
from kgalign.arrays import Doubles, Flags
from kgalign.evaluate.calibration import calibration
from kgalign.evaluate.metrics import counted_links, score
from kgalign.links.gold import Pair, read_pairs

SURE = 0.95
"""From this probability on a link is taken to be sure."""
EARLY = 10
"""One in so many of the left entities that may have a link is looked at, by the worklist."""

_LINKED = frozenset({"match", "confirmed"})
_OPEN = frozenset({"undecided", "not_asked", "failed"})
"""Outcomes of links and of pairs that are left to people, as the table of the links names them."""


@dataclass(frozen=True, slots=True)
class Certainty:
    """What links claim to be, and what they are."""

    ece: float
    """Expected calibration error of the links, in ten bins (Guo et al., 2017)."""
    sure: int
    sure_right: float | None
    """Links of a probability of at least :data:`SURE`, and the share of them that is right; None for none."""


def certainty(probability: Doubles, right: Flags) -> Certainty:
    """Compare the probabilities (n,) of links with the truth (n,)."""
    sure = probability >= SURE
    share = float(right[sure].mean()) if sure.any() else None
    return Certainty(calibration(probability, right).ece, int(sure.sum()), share)


@dataclass(frozen=True, slots=True)
class Told:
    """What a run says beside its links; None where it says nothing."""

    probability: Mapping[Pair, float] | None = None
    """Of the links, by (left IRI, right IRI)."""
    undecided: int | None = None
    """Pairs that are left to people."""
    early: frozenset[str] | None = None
    """Left IRIs that come first in the worklist."""


def read_told(folder: Path) -> Told:
    """Read ``links.csv`` (``kgalign export --format csv --undecided``) and ``worklist.csv`` of a folder."""
    links, worklist = folder / "links.csv", folder / "worklist.csv"
    early = first_of(worklist, _may_be_linked(folder)) if worklist.is_file() else None
    if not links.is_file():
        return Told(early=early)
    with links.open(encoding="utf8", newline="") as file:
        rows = list(csv.DictReader(file))
    chance = {
        (row["left"], row["right"]): float(row["probability"]) for row in rows if row["outcome"] in _LINKED
    }
    return Told(chance, sum(row["outcome"] in _OPEN for row in rows), early)


def _may_be_linked(folder: Path) -> int:
    """Left entities of a run of which the graph says anything: the others get no link."""
    return int(np.load(folder / "stages" / "select-left" / "described.npy", allow_pickle=False).sum())


def first_of(worklist: Path, entities: int) -> frozenset[str]:
    """The left IRIs that come first in a worklist, each once: one in :data:`EARLY` of so many entities."""
    with worklist.open(encoding="utf8", newline="") as file:
        order = dict.fromkeys(row["left"] for row in csv.DictReader(file) if row["left"])
    return frozenset(list(order)[: math.ceil(entities / EARLY)])


@dataclass(frozen=True, slots=True)
class Judged:
    """How good links are, and what is said of them, by the gold; None where nothing is said."""

    precision: float = 0.0
    recall: float = 0.0
    f1: float = 0.0
    ece: float | None = None
    sure: float | None = None
    sure_right: float | None = None
    """See :class:`Certainty`; of the links that the gold can judge."""
    undecided: float | None = None
    """Pairs that are left to people."""
    errors: float = 0
    """Left entities with a wrong link or a missed partner."""
    errors_early: float | None = None
    """Share of them that comes first in the worklist, one in :data:`EARLY` of the left entities."""


def judge(found: Collection[Pair], each: Set, told: Told) -> Judged:
    """Judge links (left IRI, right IRI) and what a run says of them."""
    gold = set(read_pairs(each.gold))
    scores, counted = score(found, gold, closed=each.closed), counted_links(found, gold, closed=each.closed)
    errors = wrong_or_missed(found, counted, gold)
    judged = Judged(scores.precision, scores.recall, scores.f1, undecided=told.undecided, errors=len(errors))
    if told.probability is not None:
        links = sorted(pair for pair in counted if pair in told.probability)
        chance = np.array([told.probability[pair] for pair in links], dtype=np.float64)
        sure = certainty(chance, np.array([pair in gold for pair in links], dtype=bool))
        judged = replace(judged, ece=sure.ece, sure=sure.sure, sure_right=sure.sure_right)
    if told.early is not None and errors:
        judged = replace(judged, errors_early=len(errors & told.early) / len(errors))
    return judged


def wrong_or_missed(found: Collection[Pair], counted: Collection[Pair], gold: Collection[Pair]) -> set[str]:
    """The left entities with a counted link that is not in the gold, or a gold pair that is no link."""
    return {left for left, _ in (set(counted) - set(gold)) | (set(gold) - set(found))}
