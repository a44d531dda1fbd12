"""Verdicts as a waterfall: where all pairs start, what each shares, and what its rivals take away.

The final log-odds are sums of shapes of sums; what each comparison adds is its part of them, so that a row of
contributions sums to the pair's log-odds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Doubles, Flags
from kgalign.base import scratch
from kgalign.judge.evidence import associate, generic, levels, parts
from kgalign.judge.evidence.applied import Applied
from kgalign.judge.evidence.levels import Codes
from kgalign.judge.evidence.model import Evidence
from kgalign.judge.evidence.weighing import CERTAIN, Column
from kgalign.records import Candidates, Feature, Floats, Verdicts

EVEN = "even"
"""What rivals add to the pair in the middle: it counts as a part of where all pairs start."""


def no_verdicts(candidates: Candidates) -> Verdicts:
    """The verdicts on no candidates."""
    empty = np.zeros(0, dtype=np.float32)
    return Verdicts(
        left=candidates.left,
        right=candidates.right,
        probability=empty,
        log_odds=empty,
        features=(),
        contribution=np.zeros((0, 0), dtype=np.float32),
        level=np.zeros((0, 0), dtype=np.int8),
        given=np.zeros(0, dtype=bool),
        voted=np.zeros(0, dtype=np.int8),
        notes={},
    )


_Key = tuple[str, tuple[int, int]]
"""Name of a feature, and the attributes that it compares."""
_ANY = (-1, -1)
_APART = 2
"""Columns that are no comparisons: the first, where all start, and the rivals, which come last."""
_AT_ONCE = 2_048
"""Rows that are put side by side at once."""
_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class _Share:
    """What one comparison adds to some pairs."""

    name: str
    kind: str
    labels: tuple[str, ...]
    codes: Codes
    share: Floats
    attributes: tuple[int, int] = _ANY


class _Waterfall:
    """Log-odds as a sum: where all start, what a pair shares, and what its rivals take away.

    All that is asked of some rows alone hangs on nothing but them.
    """

    def __init__(self, evidence: Applied) -> None:
        self.evidence = evidence
        self.final, self.start = evidence.prior.final, evidence.prior.start
        self.reliance = np.float32(evidence.reliance)
        self._set_out()
        self.features: dict[_Key, _Share] = {}
        for each in self.shares(slice(0, 0)):
            self.features.setdefault((each.name, each.attributes), each)
        self.place = {key: place for place, key in enumerate(self.features, 1)}
        self.best = _best_of_all(evidence)

    def _set_out(self) -> None:
        """Where all pairs start: what measures are worth where there is nothing of them."""
        evidence, final = self.evidence, self.final
        constant = evidence.reliance * final.intercept + evidence.final_shift
        self.base = np.float32(self.start.intercept + evidence.shift)
        at_base = final.shapes["prior"].look_up(np.full(1, self.base, dtype=np.float32))
        self.zero = {"prior": self.reliance * at_base}
        constant += float(self.zero["prior"][0] + (1 - self.reliance) * self.base)
        for name in ("pooled", "for", "against"):
            self.zero[name] = self.reliance * final.shapes[name].look_up(np.zeros(1, dtype=np.float32))
            constant += float(self.zero[name][0])
        if not evidence.beside:
            missing = final.shapes["surprise"].missing + final.shapes["neighbours"].missing
            constant += float(self.reliance) * missing
        self.constant = evidence.line.stretch * constant + evidence.line.move

    def _part(self, name: str, rows: slice) -> Floats:
        """What a measure of the final model adds."""
        found: Floats = self.reliance * self.evidence.adds(name, rows)
        return found

    def _rate(self, name: str, rows: slice) -> Floats:
        """What a unit of a measure that is a sum adds."""
        return _ratio(self._part(name, rows) - self.zero[name], self.evidence.final_measures[name][rows])

    def _rate_of_prior(self, rows: slice) -> Floats:
        by_prior = self.evidence.final_measures["prior"][rows]
        rate = _ratio(self._part("prior", rows) - self.zero["prior"], by_prior - self.base)
        found: Floats = rate + (1 - self.reliance)
        return found

    def rivals(self, rows: slice) -> Floats:
        """(r,) what other pairs of the two add or take away."""
        rate = self._rate_of_prior(rows)
        found = np.zeros(len(rate), dtype=np.float32)
        for name, shape in self.start.shapes.items():
            if name not in generic.KINDS:
                found += rate * shape.look_up(self.evidence.start_measures[name][rows])
        for name in ("lead of the right one", "lead of the left one"):
            found += self._part(name, rows)
        found *= np.float32(self.evidence.line.stretch)
        return found

    def shares(self, rows: slice) -> Iterator[_Share]:
        """What each comparison adds to some pairs, before it is stretched: of one name perhaps twice."""
        evidence = self.evidence
        # The prior's log-odds are a sum themselves: each part counts as the whole does.
        rate = self._rate_of_prior(rows)
        for name, shape in self.start.shapes.items():
            if name in generic.KINDS:
                measure = evidence.start_measures[name][rows]
                found = generic.level_of(name, measure)
                share = rate * shape.look_up(measure)
                yield _Share(name, found.kind, found.labels, levels.encode(found), share)
        rate = self._rate("pooled", rows)
        for column in evidence.pooled:
            yield _share(column, rows, rate * column.look_up(rows))
        speaks_for, against = self._rate("for", rows), self._rate("against", rows)
        for column in evidence.columns:
            worth = column.look_up(rows)
            share = speaks_for * np.maximum(worth, 0) + against * np.minimum(worth, 0)
            if column.name == associate.TYPES:
                share = self.reliance * np.minimum(worth, 0)
            yield _share(column, rows, share)
        for name, column in zip(("surprise", "neighbours"), evidence.beside, strict=False):
            yield _share(column, rows, self._part(name, rows))

    def table(self, rows: slice) -> tuple[Floats, npt.NDArray[np.int8], Doubles]:
        """(r, features + 2) what each adds and its level, and (features, 2, 256) sums and counts by level of
        what it adds before it is stretched. The first column and the last one are left open.
        """
        size = len(self.evidence.a[rows])
        added = np.zeros((len(self.place), size), dtype=np.float32)
        reached = np.zeros(added.shape, dtype=np.int8)
        sums = np.zeros((len(self.place), 2, 256))
        told = set()
        for each in self.shares(rows):
            place = self.place[each.name, each.attributes] - 1
            added[place] += each.share
            if place not in told:
                told.add(place)
                reached[place] = _REACHED.take(each.codes)
                at = reached[place].view(np.uint8)
                sums[place, 0] = np.bincount(at, each.share, minlength=256)
                sums[place, 1] = np.bincount(at, minlength=256)
        sums[:, :, levels.MISSING] = 0
        added *= np.float32(self.evidence.line.stretch)
        return _by_rows(added), _by_rows(reached), sums

    def told(self, sums: Doubles) -> Iterator[Feature]:
        """The features, with what each of their levels adds on the mean."""
        held = self.evidence.learned.weights
        for place, each in enumerate(self.features.values()):
            total, count = sums[place][:, : len(each.labels)]
            means = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
            weights = held[place] if held else tuple(means.astype(np.float32).tolist())
            yield Feature(each.name, each.kind, each.labels, weights, *each.attributes)


def _by_rows(columns: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
    """(r, features + 2) the columns side by side, with room for one before them and one behind."""
    rows = np.zeros((columns.shape[1], len(columns) + _APART), dtype=columns.dtype)
    # Some rows at a time, which a core has in its cache for all of the columns.
    for first in range(0, len(rows), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        rows[part, 1:-1] = columns[:, part].T
    return rows


_REACHED = np.full(256, -1, dtype=np.int8)
"""The level that is nearest to each code."""
_REACHED[: levels.MISSING] = (np.arange(levels.MISSING) + levels.STEPS // 2) // levels.STEPS


def _share(column: Column, rows: slice, share: Floats) -> _Share:
    return _Share(column.name, column.kind, column.labels, column.codes[rows], share, column.attributes)


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=np.abs(whole) > 1e-6)


def verdicts_of(evidence: Applied) -> Verdicts:
    """The verdicts, in the order of the candidates."""
    fall, learned, size = _Waterfall(evidence), evidence.learned, evidence.size
    rivals: Floats = parts.column(fall.rivals, size)
    even = np.float32(learned.constants.get(EVEN, np.median(rivals)))
    told = list(parts.in_turn(lambda rows: bool(_mentioned(evidence, rows).any()), parts.parts_of(size)))
    mentions = any(told)
    sums = np.zeros((len(fall.place), 2, 256))

    def tables() -> Iterator[tuple[parts.Array, ...]]:
        for columns, found in parts.in_turn(
            lambda rows: _judged(fall, rows, rivals[rows], even, mentions), parts.parts_of(size)
        ):
            # Summed in the order of the parts: the same sums on any machine.
            np.add(sums, found, out=sums)
            yield columns

    contribution, level, probability, log_odds = scratch.gather_columns(tables())
    features = [
        Feature("prior", "prior", ("every pair",), (float(fall.constant + even),)),
        *fall.told(sums),
        Feature("rivals", "rivals", ("what other pairs of the two add or take away",), (0.0,)),
    ]
    if mentions:
        features.append(
            Feature("only mentioned", "alone", ("nothing is said of one of the two",), (-CERTAIN,))
        )
    return Verdicts(
        left=evidence.a,
        right=evidence.b,
        probability=probability,
        log_odds=log_odds,
        features=tuple(features),
        contribution=contribution,
        level=level,
        given=evidence.given,
        voted=np.full(size, -1, dtype=np.int8),
        notes={
            "shift": evidence.final_shift,
            "reliance": evidence.reliance,
            "stretch": evidence.line.stretch,
            "move": evidence.line.move,
            "expected_matches": float(evidence.expected.sum()),
            EVEN: float(even),
            **learned.figures,
        },
    )


def _mentioned(evidence: Applied, rows: slice) -> Flags:
    """(r,) pairs of two of which one is only mentioned."""
    return ~(evidence.left.described[evidence.a[rows]] & evidence.right.described[evidence.b[rows]])


def _judged(
    fall: _Waterfall, rows: slice, rivals: Floats, even: np.float32, mentions: bool
) -> tuple[tuple[parts.Array, ...], Doubles]:
    """Contributions, levels, probability and log-odds of some rows, and the sums of :meth:`_Waterfall.table`.

    :param mentions: whether there is a column for pairs of which one is only mentioned.
    """
    evidence = fall.evidence
    contribution, level, sums = fall.table(rows)
    contribution[:, 0], contribution[:, -1] = fall.constant + even, rivals - even
    # A pair that is known, and one whose entity has a better partner, are what they are.
    log_odds = _leave_the_rest(fall, rows)
    total = contribution.sum(axis=1, dtype=np.float64)
    known = evidence.given[rows] | evidence.refused[rows]
    contribution[:, -1] += np.where(known, 0, log_odds - total).astype(np.float32)
    contribution[:, 0] += np.where(known, log_odds - total, 0).astype(np.float32)
    if mentions:
        # As a neighbour it counts for others; a link would be one to something of which nothing is said.
        mentioned = _mentioned(evidence, rows)
        taken = np.where(mentioned, -np.maximum(log_odds, 0) - CERTAIN, 0).astype(np.float32)
        contribution = np.concatenate([contribution, taken[:, None]], axis=1)
        level = np.concatenate([level, np.where(mentioned, 0, -1).astype(np.int8)[:, None]], axis=1)
    summed = contribution.sum(axis=1, dtype=np.float64)
    probability = (1 / (1 + np.exp(-summed))).astype(np.float32)
    return (contribution, level, probability, summed.astype(np.float32)), sums


def _best_of_all(evidence: Evidence) -> tuple[Doubles, Doubles]:
    """Log-odds of the best pair of each left entity, and of each right one."""
    top = np.flatnonzero(evidence.top)
    found = []
    for node, size in ((evidence.a, len(evidence.left)), (evidence.b, len(evidence.right))):
        best = np.full(size, -np.inf)
        np.maximum.at(best, node[top], evidence.log_odds[top])
        found.append(best)
    return found[0], found[1]


def _leave_the_rest(fall: _Waterfall, rows: slice) -> Doubles:
    """(r,) a pair whose entity has a better one gets no more probability than that one leaves over."""
    evidence, (left, right) = fall.evidence, fall.best
    log_odds = evidence.log_odds[rows]
    rest = np.minimum(log_odds, -np.maximum(left[evidence.a[rows]], right[evidence.b[rows]]))
    return np.where(evidence.top[rows], log_odds, rest)
