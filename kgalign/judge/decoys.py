"""How sure is a best pair? Decoys say: the best pairs there would be if the right ones were missing.

An entity without a partner still has a best candidate. What that one's score looks like can be seen
on the entities that do have a partner: take the best pairs away, match again, and what comes out is
wrong by construction. This is the target–decoy estimate of proteomics (Elias and Gygi, 2007), with
Efron's local false discovery rate (2004) on top: where best pairs score as decoys do, a share of
them is wrong; where no decoy gets, hardly any is. No label is needed, and neither is a prior.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from kgalign.arrays import Doubles, Flags
from kgalign.rdf.graph import Ids

_LENIENT = 8.0
_FOLDS = 2
_HIDDEN = 0.25
_STRATUM = 50
_CERTAIN = 20.0
_DOUBT = 4.0
"""Score below whose negative a best pair no longer counts as an example of a match, whatever decoys say."""
_CLIP = 20.0
_ROUNDS = 6
_REACH = 7.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the decoys say of each pair."""

    log_odds: Doubles
    """(c,) log-odds of a match: the prior, plus slope times score and lead."""
    lead: Doubles
    """(c,) log-odds by which a pair leads what competes with it."""
    prior: Doubles
    """(c,) log-odds before score and lead; lower where there is less to go by."""
    top: Flags
    """(c,) the best pairs, at most one for each entity on a constrained side."""
    slope: tuple[float, float]
    """What a unit of score and of lead adds to the log-odds."""
    null_share: float
    """Share of the best pairs that are wrong."""

    @property
    def probability(self) -> Doubles:
        """(c,) probability of a match."""
        return np.asarray(1 / (1 + np.exp(-self.log_odds)), dtype=np.float64)


class Rivalry:
    """By how much each pair beats what competes with it, given what its rivals can have elsewhere.

    Messages of belief propagation for a matching (Bayati, Shah and Sharma, 2008): how free an entity is
    for one of its pairs is one over one plus what its other pairs weigh, each as far as its other end
    is free.
    """

    def __init__(self, left: Ids, right: Ids, score: Doubles, one_left: bool, one_right: bool) -> None:
        self.rows, self.columns = int(left.max()) + 1, int(right.max()) + 1
        live = self._live(left, right, score)
        a, b = left[live], right[live]
        odds = np.exp(np.clip(score[live] + _LENIENT, -_CLIP, _CLIP))
        free_left, free_right = np.ones(len(live)), np.ones(len(live))
        for _ in range(_ROUNDS):
            if one_right:
                free_left = _message(a, odds * free_right, self.rows)
            if one_left:
                free_right = np.sqrt(free_right * _message(b, odds * free_left, self.columns))
        self.lead: Doubles = score.copy()
        # A pair that is out of the race has all that is in it against itself.
        if one_right:
            self.lead -= np.log1p(np.bincount(a, weights=odds * free_right, minlength=self.rows))[left]
        if one_left:
            self.lead -= np.log1p(np.bincount(b, weights=odds * free_left, minlength=self.columns))[right]
        self.lead[live] = score[live] + np.log(free_left) + np.log(free_right)

    def _live(self, left: Ids, right: Ids, score: Doubles) -> npt.NDArray[np.int64]:
        """Pairs within reach of the second best of one of their entities: the others weigh nothing."""
        near = np.zeros(len(score), dtype=bool)
        for node, size in ((left, self.rows), (right, self.columns)):
            best, second = np.full(size, -np.inf), np.full(size, -np.inf)
            np.maximum.at(best, node, score)
            rest = score < best[node]
            np.maximum.at(second, node[rest], score[rest])
            near |= score >= np.where(np.isinf(second), best, second)[node] - _REACH
        return np.flatnonzero(near)


def _message(node: Ids, weight: Doubles, size: int) -> Doubles:
    total = np.bincount(node, weights=weight, minlength=size)[node]
    message: Doubles = 1 / (1 + np.maximum(total - weight, 0))
    return message


def dominant(left: Ids, right: Ids, score: Doubles, one_left: bool, one_right: bool) -> Flags:
    """The pairs that a greedy matching takes, best first: found by taking mutual bests until none is left."""
    chosen = np.zeros(len(score), dtype=bool)
    open_ = np.arange(len(score))
    rows, columns = int(left.max()) + 1, int(right.max()) + 1
    while len(open_):
        best_left, best_right = np.full(rows, -np.inf), np.full(columns, -np.inf)
        np.maximum.at(best_left, left[open_], score[open_])
        np.maximum.at(best_right, right[open_], score[open_])
        ok = np.ones(len(open_), dtype=bool)
        if one_right:
            ok &= score[open_] >= best_left[left[open_]]
        if one_left:
            ok &= score[open_] >= best_right[right[open_]]
        taken = open_[ok]
        chosen[taken] = True
        if not (one_right and one_left):
            break
        used_left, used_right = np.zeros(rows, dtype=bool), np.zeros(columns, dtype=bool)
        used_left[left[taken]] = True
        used_right[right[taken]] = True
        open_ = open_[~used_left[left[open_]] & ~used_right[right[open_]]]
    return chosen


def calibrate(
    left: Ids,
    right: Ids,
    score: Doubles,
    given: Flags,
    *,
    one_left: bool,
    one_right: bool,
    stratum: Flags,
    expected: Doubles,
) -> Calibration:
    """Tell from decoys how probable each pair is.

    :param score: (c,) sum of the weights of the levels reached.
    :param given: (c,) pairs known to match.
    :param one_left: whether a right entity has at most one left partner; ``one_right`` the other way.
    :param stratum: (c,) pairs with less to go by: they are held against decoys of their own.
    :param expected: (c,) probabilities so far: how far a best pair may be taken as right.
    """
    # Equal scores are told apart by position, so that the outcome does not hang on rounding.
    score = np.where(given, score + 2 * _CLIP, score) - 1e-7 * np.arange(len(score)) / max(len(score), 1)
    many = not (one_left or one_right)
    lead = score if many else Rivalry(left, right, score, one_left, one_right).lead
    top = dominant(left, right, lead, one_left or many, one_right or many)
    targets = np.flatnonzero(top & ~given)
    decoy, decoy_lead, trust = _decoys(left, right, score, top, expected, one_left, one_right)
    if len(decoy) < 10 or len(targets) < 5:
        prior = np.where(top, 2.0, -3.0)
        return Calibration(np.where(given, _CERTAIN, prior), lead, prior, top, (0.0, 0.0), 0.1)
    columns = np.stack([score, lead, stratum], axis=1)
    decoys = np.stack([score[decoy], decoy_lead, stratum[decoy]], axis=1)
    sure = expected[targets] / (1 + np.exp(-np.clip(score[targets] + _DOUBT, -30, 30))) + 1e-3
    slope, shift = _separate(columns[targets], decoys, sure, trust)
    z, z_decoy = shift + columns @ slope, shift + decoys @ slope
    prior = np.full(len(score), shift)
    shares = []
    for mask in (
        (stratum, ~stratum) if _enough(stratum, targets, decoy) else (np.ones(len(score), dtype=bool),)
    ):
        target, below = mask[targets], mask[decoy]
        share = _null_share(z[targets][target], z_decoy[below], trust[below])
        prior[mask] += np.log((1 - share) / share)
        shares.append(share * target.mean())
    prior += stratum * slope[2]
    log_odds = np.where(given, _CERTAIN, columns[:, :2] @ slope[:2] + prior)
    if many:
        top = np.ones(len(score), dtype=bool)
    else:
        log_odds = _leave_the_rest(left, right, log_odds, top)
    return Calibration(log_odds, lead, prior, top, (float(slope[0]), float(slope[1])), float(sum(shares)))


def _leave_the_rest(left: Ids, right: Ids, log_odds: Doubles, top: Flags) -> Doubles:
    """A pair whose entity has a better one gets no more probability than that one leaves over."""
    best_left = np.full(int(left.max()) + 1, -np.inf)
    best_right = np.full(int(right.max()) + 1, -np.inf)
    np.maximum.at(best_left, left[top], log_odds[top])
    np.maximum.at(best_right, right[top], log_odds[top])
    rest = np.minimum(log_odds, -np.maximum(best_left[left], best_right[right]))
    return np.where(top, log_odds, rest)


def _enough(stratum: Flags, targets: npt.NDArray[np.int64], decoy: npt.NDArray[np.int64]) -> bool:
    counts = [int((stratum[rows] == flag).sum()) for rows in (targets, decoy) for flag in (True, False)]
    return min(counts) >= _STRATUM


def _decoys(
    left: Ids, right: Ids, score: Doubles, top: Flags, expected: Doubles, one_left: bool, one_right: bool
) -> tuple[npt.NDArray[np.int64], Doubles, Doubles]:
    """Best pairs of entities whose partner was hidden: rows of pairs, their leads, how far to trust each.

    A part of the entities of both sides is hidden and the rest matched again, so that those left
    behind compete as entities without a partner do: with all that have one, and with each other.
    A decoy tells something only where the pair that was taken away is right: that is its trust.
    """
    rows, columns = int(left.max()) + 1, int(right.max()) + 1
    sure_left, sure_right = np.zeros(rows), np.zeros(columns)
    np.maximum.at(sure_left, left[top], expected[top])
    np.maximum.at(sure_right, right[top], expected[top])
    found: list[tuple[npt.NDArray[np.int64], Doubles, Doubles]] = []
    for fold in range(_FOLDS):
        random = np.random.default_rng(fold)
        hidden_left, hidden_right = random.random(rows) < _HIDDEN, random.random(columns) < _HIDDEN
        # Whoever keeps one of several partners is not left behind.
        seen = top & ~hidden_left[left] & ~hidden_right[right]
        widow_left, widow_right = np.zeros(rows, dtype=bool), np.zeros(columns, dtype=bool)
        widow_left[left[top]], widow_right[right[top]] = True, True
        widow_left[left[seen]], widow_right[right[seen]] = False, False
        alive = np.flatnonzero(~hidden_left[left] & ~hidden_right[right])
        if not len(alive):
            continue
        a, b = left[alive], right[alive]
        many = not (one_left or one_right)
        lead = score[alive] if many else Rivalry(a, b, score[alive], one_left, one_right).lead
        best = dominant(a, b, lead, one_left or many, one_right or many)
        best &= widow_left[a] | widow_right[b]
        trust = np.where(widow_left[a], sure_left[a], 1.0) * np.where(widow_right[b], sure_right[b], 1.0)
        found.append((alive[best], lead[best], trust[best] + 1e-3))
    if not found:
        return np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0)
    parts = [np.concatenate(column) for column in zip(*found, strict=True)]
    return parts[0], parts[1], parts[2]


def _separate(target: Doubles, decoy: Doubles, sure: Doubles, trust: Doubles) -> tuple[Doubles, float]:
    """Log density ratio of matches and decoys, linear in score and lead (logistic regression).

    Both sides weigh the same in sum, so that the result holds before any prior. Score and lead never
    count against a pair.
    """
    x = np.concatenate([target, decoy])
    y = np.concatenate([np.ones(len(target)), np.zeros(len(decoy))])
    w = np.concatenate([sure, trust * sure.sum() / trust.sum()])
    middle, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    u = (x - middle) / spread
    ridge = 0.000005 * w.sum()

    def loss(theta: Doubles) -> tuple[float, Doubles]:
        z = u @ theta[:-1] + theta[-1]
        residual = w * (1 / (1 + np.exp(-np.clip(z, -500, 500))) - y)
        value = (w * (np.logaddexp(0, z) - y * z)).sum() + ridge * (theta[:-1] ** 2).sum()
        return float(value), np.append(u.T @ residual + 2 * ridge * theta[:-1], residual.sum())

    bounds = [(0.0, 20.0), (0.0, 20.0), (-5.0, 5.0), (-20.0, 20.0)]
    found = minimize(loss, np.array([1.0, 1.0, 0.0, 0.0]), jac=True, bounds=bounds, method="L-BFGS-B").x
    slope = found[:-1] / spread
    if not 0 < x[:, 2].mean() < 1:
        slope[2] = 0.0
    return slope, float(found[-1] - slope @ middle)


def _null_share(target: Doubles, decoy: Doubles, trust: Doubles) -> float:
    """Share of wrong ones among the best pairs: how many lie where decoys do (Storey, 2002)."""
    order = np.argsort(decoy)
    ranked, reached = decoy[order], np.cumsum(trust[order]) / trust.sum()
    shares = []
    for quantile in np.arange(0.1, 0.96, 0.1):
        cut = ranked[min(np.searchsorted(reached, quantile), len(ranked) - 1)]
        # The root is the counting error: few best pairs below the cut say little.
        below = (target <= cut).sum()
        shares.append((below + np.sqrt(below + 1)) / max(len(target), 1) / quantile)
    return float(np.clip(min(shares), 0.001, 0.98))
