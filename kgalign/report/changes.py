"""What two runs link differently, and which comparison tipped it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow.compute as pc

from kgalign.errors import InputError
from kgalign.evaluate.mistakes import Named, named
from kgalign.links.pairs import LINKED, PairIndex, is_link
from kgalign.rdf.graph import Ids
from kgalign.records import Alignment, Outcome, Profile, Verdicts

_LEAST = 0.05
"""Log-odds below which a change of a comparison tips nothing."""

_Pair = tuple[str, str]
_Sums = dict[tuple[str, ...], float]
"""Comparison, by its name, kind and paths → the log-odds that it adds."""


class Judged(Protocol):
    """What of a run is compared: both sides, what was judged, and what was decided."""

    @property
    def left(self) -> Profile:
        """The left side."""

    @property
    def right(self) -> Profile:
        """The right side."""

    @property
    def verdicts(self) -> Verdicts:
        """What was judged, with the student and the votes in it."""

    @property
    def alignment(self) -> Alignment:
        """What was decided."""


class Kind(StrEnum):
    """How a link changed."""

    GAINED = "gained"
    LOST = "lost"
    CHANGED = "changed"
    """An entity has another partner."""


@dataclass(frozen=True, slots=True)
class Change:
    """One link that two runs do not share."""

    kind: Kind
    left: Named
    right: Named
    """The two that are linked; of a lost link, that were."""
    was: Named | None
    """With whom one of the two was linked before, where it has another partner."""
    was_side: str
    """Side of ``was``; empty where there is none."""
    probability: float | None
    """Of the pair in the newer run, None where it is no candidate there ..."""
    before: float | None
    """... and in the older one."""
    tipped: str
    """The comparison that changed most in the direction of the change, or what else made it."""
    log_odds: float | None
    """By how much, natural; None where it was no comparison."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The links of a run against those of an older one."""

    kept: int
    """Links that both have."""
    changes: tuple[Change, ...]
    """Gained ones first, then lost, then changed ones; of each the largest change in log-odds first."""

    def count(self, kind: Kind) -> int:
        """How many changes of a kind there are."""
        return sum(each.kind is kind for each in self.changes)

    @property
    def summary(self) -> str:
        """One sentence: ``links +14 −0, 1 changed; 396 the same``."""
        gained, lost, changed = (self.count(kind) for kind in Kind)
        return f"links +{gained:,} −{lost:,}, {changed:,} changed; {self.kept:,} the same"

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dictionaries and lists, for JSON."""
        counts = {kind.value: self.count(kind) for kind in Kind}
        return {**counts, "kept": self.kept, "changes": [asdict(each) for each in self.changes]}


def compare(new: Judged, old: Judged) -> Changes:
    """What a run links differently from an older one, whatever methods the two used.

    Entities are the same where their IRIs are; a blank node is known by its label, which is the same in both
    runs only where they read the same graph.

    :raises InputError: the two have no entity in common.
    """
    for side, one, other in (("left", new.left, old.left), ("right", new.right, old.right)):
        if not pc.any(pc.is_in(one.entity_iri, other.entity_iri)).as_py():
            raise InputError(
                f"The two runs have no {side} entity in common", "Give two runs over the same graphs"
            )
    return links_since(new, old)


def links_since(new: Judged, old: Judged) -> Changes:
    """The same, also where the two have nothing in common."""
    after, before = _Run(new), _Run(old)
    gained, lost = after.links - before.links, before.links - after.links
    moved = list(_moved(sorted(gained), sorted(lost)))
    gained -= {new_pair for new_pair, _ in moved}
    lost -= {old_pair for _, old_pair in moved}
    changes = [_one(Kind.GAINED, pair, after, before) for pair in gained]
    changes += [_one(Kind.LOST, pair, after, before) for pair in lost]
    changes += [_other(*pairs, after, before) for pairs in moved]
    return Changes(len(after.links & before.links), tuple(sorted(changes, key=_order)))


def _order(change: Change) -> tuple[object, ...]:
    size = -abs(change.log_odds or 0.0)
    return list(Kind).index(change.kind), size, change.left.iri, change.right.iri


class _Run:
    """A run, by IRIs."""

    def __init__(self, run: Judged) -> None:
        self.sides = run.left, run.right
        self.verdicts, self.alignment = run.verdicts, run.alignment
        rows = is_link(run.alignment)
        self.links: set[_Pair] = set(zip(*self._iris(rows), strict=True))
        self._keys = [_key(run, number) for number in range(len(run.verdicts.features))]

    def _iris(self, rows: np.ndarray[Any, np.dtype[np.bool_]]) -> Iterator[list[str]]:
        ends: tuple[Ids, Ids] = (self.alignment.left[rows], self.alignment.right[rows])
        for side, end in zip(self.sides, ends, strict=True):
            yield side.entity_iri.take(end).to_pylist()

    @cached_property
    def _ids(self) -> tuple[dict[str, int], dict[str, int]]:
        left, right = (
            {iri: place for place, iri in enumerate(side.entity_iri.to_pylist())} for side in self.sides
        )
        return left, right

    @cached_property
    def _rows(self) -> tuple[PairIndex, PairIndex]:
        verdicts, alignment = self.verdicts, self.alignment
        return PairIndex(verdicts.left, verdicts.right), PairIndex(alignment.left, alignment.right)

    def _row(self, which: int, pair: _Pair) -> int:
        left, right = (self._ids[side].get(iri, -1) for side, iri in enumerate(pair))
        return self._rows[which].row(left, right)

    def named(self, side: int, iri: str) -> Named | None:
        place = self._ids[side].get(iri, -1)
        return named(self.sides[side], place) if place >= 0 else None

    def probability(self, pair: _Pair) -> float | None:
        row = self._row(0, pair)
        return float(self.verdicts.probability[row]) if row >= 0 else None

    def sums(self, pair: _Pair) -> _Sums | None:
        """What each comparison adds to a pair; None where it is no candidate."""
        row = self._row(0, pair)
        if row < 0:
            return None
        found: _Sums = defaultdict(float)
        for key, share in zip(self._keys, self.verdicts.contribution[row].tolist(), strict=True):
            found[key] += share
        return found

    def is_open(self, pair: _Pair) -> bool:
        """Whether a pair is left to people."""
        place = self._row(1, pair)
        return place >= 0 and int(self.alignment.outcome[place]) not in (*LINKED, Outcome.REJECTED)

    def told(self, pair: _Pair) -> str:
        """What somebody said of a pair before it was judged, or over the evidence; empty if nothing."""
        place, row = self._row(1, pair), self._row(0, pair)
        outcome = int(self.alignment.outcome[place]) if place >= 0 else -1
        if outcome == Outcome.REJECTED:
            return "a person took it apart"
        given = row >= 0 and bool(self.verdicts.given[row])
        return "it is given as known" if given or outcome == Outcome.CONFIRMED else ""


def _key(run: Judged, number: int) -> tuple[str, ...]:
    """A comparison by its name, its kind and what it compares: two runs number theirs differently."""
    feature = run.verdicts.features[number]
    ends = (run.left, feature.left_attribute), (run.right, feature.right_attribute)
    paths = [" / ".join(side.attributes[place].path) if place >= 0 else "" for side, place in ends]
    return feature.name, feature.kind, *paths


def _moved(gained: Sequence[_Pair], lost: Sequence[_Pair]) -> Iterator[tuple[_Pair, _Pair]]:
    """New and old links of one entity, each link once at most: of left entities first, then of right ones."""
    taken: set[_Pair] = set()
    for side in (0, 1):
        old: defaultdict[str, list[_Pair]] = defaultdict(list)
        for pair in reversed(lost):
            if pair not in taken:
                old[pair[side]].append(pair)
        for pair in gained:
            if pair not in taken and old[pair[side]]:
                before = old[pair[side]].pop()
                taken |= {pair, before}
                yield pair, before


def _one(kind: Kind, pair: _Pair, after: _Run, before: _Run) -> Change:
    tipped, amount = _tipped(kind, pair, after, before)
    return _change(kind, pair, None, after, before, tipped, amount)


def _other(pair: _Pair, was: _Pair, after: _Run, before: _Run) -> Change:
    """A changed partner: what the new pair has over the old one, in the newer run more than in the older."""
    told = _said(pair, after, before) or _said(was, after, before)
    sums = [[run.sums(each) for each in (pair, was)] for run in (after, before)]
    if told:
        return _change(Kind.CHANGED, pair, was, after, before, told, None)
    if None in (sums[1][0], sums[0][1]):
        why = (
            "the new pair was no candidate" if sums[1][0] is None else "the old pair is no candidate any more"
        )
        return _change(Kind.CHANGED, pair, was, after, before, why, None)
    margins = [_minus(each[0] or {}, each[1] or {}) for each in sums]
    tipped, amount = _largest(_minus(*margins), 1)
    return _change(Kind.CHANGED, pair, was, after, before, tipped, amount)


def _tipped(kind: Kind, pair: _Pair, after: _Run, before: _Run) -> tuple[str, float | None]:
    if told := _said(pair, after, before):
        return told, None
    now, then = after.sums(pair), before.sums(pair)
    if then is None:
        return "it was no candidate", None
    if now is None:
        return "it is no candidate any more", None
    tipped, amount = _largest(_minus(now, then), 1 if kind is Kind.GAINED else -1)
    without, was = (before, "was") if kind is Kind.GAINED else (after, "is now")
    if amount is None and without.is_open(pair):
        return f"by the same evidence it {was} left to people", None
    return tipped, amount


def _said(pair: _Pair, after: _Run, before: _Run) -> str:
    """What was said of a pair in one run and not in the other."""
    now, then = after.told(pair), before.told(pair)
    if now == then:
        return ""
    return now or f"not any more: {then}"


def _minus(one: _Sums, other: _Sums) -> _Sums:
    return {key: one.get(key, 0.0) - other.get(key, 0.0) for key in sorted({*one, *other})}


def _largest(moves: _Sums, sign: int) -> tuple[str, float | None]:
    """The comparison that moved most in a direction; what else it can have been where the sum moved none."""
    key = max(moves, key=lambda each: sign * moves[each], default=None)
    if key is None or sign * moves[key] < _LEAST or sign * sum(moves.values()) <= 0:
        return "not the evidence on the pair: other pairs, or another threshold", None
    return key[0], moves[key]


def _change(
    kind: Kind, pair: _Pair, was: _Pair | None, after: _Run, before: _Run, tipped: str, amount: float | None
) -> Change:
    def name(side: int, iri: str) -> Named:
        return after.named(side, iri) or before.named(side, iri) or Named(iri, "")

    side = -1 if was is None else int(was[0] == pair[0])
    return Change(
        kind=kind,
        left=name(0, pair[0]),
        right=name(1, pair[1]),
        was=name(side, was[side]) if was is not None else None,
        was_side=("left", "right", "")[side],
        probability=after.probability(pair),
        before=before.probability(pair),
        tipped=tipped,
        log_odds=amount,
    )
