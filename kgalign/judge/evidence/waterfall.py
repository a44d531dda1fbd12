"""Verdicts as a waterfall: where all pairs start, what each shares, and what its rivals take away.

The final log-odds are sums of shapes of sums; what each comparison adds is its part of them, so that a row of
contributions sums to the pair's log-odds.
"""

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Doubles
from kgalign.judge.evidence import associate, generic, levels
from kgalign.judge.evidence.applied import Applied
from kgalign.judge.evidence.levels import Codes
from kgalign.judge.evidence.model import CERTAIN, Evidence
from kgalign.judge.evidence.prior import Additive
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


def _at_zero(model: Additive, name: str) -> float:
    """What a measure of 0 is worth."""
    return float(model.shapes[name].look_up(np.zeros(1, dtype=np.float32))[0])


_Key = tuple[str, tuple[int, int]]
"""Name of a feature, and the attributes that it compares."""
_ANY = (-1, -1)


class _Waterfall:
    """Log-odds as a sum: where all start, what a pair shares, and what its rivals take away.

    Its tables are the verdicts' own, filled column by column: the first column is where all start, the last
    one the rivals.
    """

    def __init__(self, evidence: Applied) -> None:
        self.features: list[Feature] = []
        self.weights = evidence.learned.weights
        shape = len(evidence.a), len(_names(evidence)) + 2
        self.contribution = np.zeros(shape, dtype=np.float32)
        self.level = np.zeros(shape, dtype=np.int8)
        self.constant = evidence.reliance * evidence.prior.final.intercept + evidence.final_shift
        self.rivals = np.zeros(len(evidence.a), dtype=np.float32)
        self.of: dict[_Key, int] = {}

    def add(
        self,
        name: str,
        kind: str,
        labels: tuple[str, ...],
        codes: Codes,
        share: Floats,
        attributes: tuple[int, int] = _ANY,
    ) -> None:
        """One more feature, or more of one that is there: of one name, and of the same attributes."""
        key = name, attributes
        if key in self.of:
            self.contribution[:, self.of[key]] += share
            return
        level = np.full(256, -1, dtype=np.int8)
        every = np.arange(levels.MISSING)
        level[every] = (every + levels.STEPS // 2) // levels.STEPS
        reached = level[codes]
        self.of[key] = place = len(self.of) + 1
        self.contribution[:, place], self.level[:, place] = share, reached
        weights = self.weights[place - 1] if self.weights else _means(share, reached, len(labels))
        self.features.append(Feature(name, kind, labels, weights, *attributes))


def _means(share: Floats, reached: npt.NDArray[np.int8], levels_: int) -> tuple[float, ...]:
    """What each level adds on the mean."""
    held = (share[reached == each] for each in range(levels_))
    return tuple(float(each.mean()) if len(each) else 0.0 for each in held)


def _names(evidence: Evidence) -> set[_Key]:
    """What the waterfall has features for."""
    own = (name for name in evidence.prior.start.shapes if name in generic.KINDS)
    whole = (each.name for each in (*evidence.pooled, *evidence.beside))
    keys: set[_Key] = {(name, _ANY) for name in (*own, *whole)}
    return keys | {(each.name, each.attributes) for each in evidence.columns}


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=np.abs(whole) > 1e-6)


def verdicts_of(evidence: Applied) -> Verdicts:
    """The verdicts, in the order of the candidates."""
    final, start = evidence.prior.final, evidence.prior.start
    reliance = np.float32(evidence.reliance)

    def part(name: str) -> Floats:
        found: Floats = reliance * final.shapes[name].look_up(evidence.final_measures[name])
        return found

    fall = _Waterfall(evidence)
    # The prior's log-odds are a sum themselves: each part counts as the whole does.
    by_prior = evidence.final_measures["prior"]
    base = np.float32(start.intercept + evidence.shift)
    at_base = reliance * final.shapes["prior"].look_up(np.full(1, base, dtype=np.float32))
    rate = _ratio(part("prior") - at_base, by_prior - base) + (1 - reliance)
    fall.constant += float(at_base[0] + (1 - reliance) * base)
    for name, shape in start.shapes.items():
        each = shape.look_up(evidence.start_measures[name])
        if name in generic.KINDS:
            comparison = generic.level_of(name, evidence.start_measures[name])
            fall.add(name, comparison.kind, comparison.labels, levels.encode(comparison), rate * each)
        else:
            fall.rivals += rate * each
    pooled = evidence.final_measures["pooled"]
    zero = reliance * np.float32(_at_zero(final, "pooled"))
    fall.constant += float(zero)
    rate = _ratio(part("pooled") - zero, pooled)
    for column in evidence.pooled:
        fall.add(column.name, column.kind, column.labels, column.codes, rate * column.look_up())
    rates = []
    for name in ("for", "against"):
        zero = reliance * np.float32(_at_zero(final, name))
        fall.constant += float(zero)
        rates.append(_ratio(part(name) - zero, evidence.final_measures[name]))
    for column in evidence.columns:
        worth = column.look_up()
        share = rates[0] * np.maximum(worth, 0) + rates[1] * np.minimum(worth, 0)
        if column.name == associate.TYPES:
            share = reliance * np.minimum(worth, 0)
        fall.add(column.name, column.kind, column.labels, column.codes, share, column.attributes)
    for name, column in zip(("surprise", "neighbours"), evidence.beside, strict=False):
        fall.add(column.name, column.kind, column.labels, column.codes, part(name))
    for name in ("lead of the right one", "lead of the left one"):
        fall.rivals += part(name)
    if not evidence.beside:
        missing = final.shapes["surprise"].missing + final.shapes["neighbours"].missing
        fall.constant += float(reliance) * missing
    line = evidence.line
    fall.contribution *= np.float32(line.stretch)
    fall.rivals *= np.float32(line.stretch)
    fall.constant = line.stretch * fall.constant + line.move
    return _as_verdicts(evidence, fall)


def _as_verdicts(evidence: Applied, fall: _Waterfall) -> Verdicts:
    size, learned = len(evidence.a), evidence.learned
    even = np.float32(learned.constants.get(EVEN, np.median(fall.rivals)))
    contribution, level = fall.contribution, fall.level
    contribution[:, 0], contribution[:, -1] = fall.constant + even, fall.rivals - even
    # A pair that is known, and one whose entity has a better partner, are what they are.
    log_odds = _leave_the_rest(evidence)
    total = contribution.sum(axis=1, dtype=np.float64)
    known = evidence.given | evidence.refused
    contribution[:, -1] += np.where(known, 0, log_odds - total).astype(np.float32)
    contribution[:, 0] += np.where(known, log_odds - total, 0).astype(np.float32)
    features = (
        Feature("prior", "prior", ("every pair",), (float(fall.constant + even),)),
        *fall.features,
        Feature("rivals", "rivals", ("what other pairs of the two add or take away",), (0.0,)),
    )
    mentioned = ~(evidence.left.described[evidence.a] & evidence.right.described[evidence.b])
    if mentioned.any():
        # As a neighbour it counts for others; a link would be one to something of which nothing is said.
        taken = np.where(mentioned, -np.maximum(log_odds, 0) - CERTAIN, 0).astype(np.float32)
        contribution = np.concatenate([contribution, taken[:, None]], axis=1)
        level = np.concatenate([level, np.where(mentioned, 0, -1).astype(np.int8)[:, None]], axis=1)
        features = (
            *features,
            Feature("only mentioned", "alone", ("nothing is said of one of the two",), (-CERTAIN,)),
        )
    summed = contribution.sum(axis=1, dtype=np.float64)
    return Verdicts(
        left=evidence.a,
        right=evidence.b,
        probability=(1 / (1 + np.exp(-summed))).astype(np.float32),
        log_odds=summed.astype(np.float32),
        features=features,
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


def _leave_the_rest(evidence: Evidence) -> Doubles:
    """(c,) a pair whose entity has a better one gets no more probability than that one leaves over."""
    a, b, log_odds, top = evidence.a, evidence.b, evidence.log_odds, evidence.top
    best_left = np.full(int(a.max()) + 1, -np.inf)
    best_right = np.full(int(b.max()) + 1, -np.inf)
    np.maximum.at(best_left, a[top], log_odds[top])
    np.maximum.at(best_right, b[top], log_odds[top])
    rest = np.minimum(log_odds, -np.maximum(best_left[a], best_right[b]))
    return np.where(top, log_odds, rest)
