"""What wrong best pairs look like here: those there would be if right ones were missing.

The target–decoy estimate of proteomics (Elias and Gygi, 2007; Käll et al., 2007): a part of the partners is
hidden, and whoever lost one is matched again. What is best then is wrong by construction. Entities that are
taken to have no partner lose their best pair too: their second best is about as good as the best one of
others like them, so that there are decoys also where few or no entities have a partner.

Best pairs are a mixture of matches and of pairs like the decoys (the two-groups model; Efron, 2008), whose
log ratio is taken for a line over the log-odds (an exponential tilt; Zou, Fine and Yandell, 2002). Where the
line and the share of matches lie before anything was seen is known from other graphs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions
from kgalign.judge.evidence.base_rate import mean_rate
from kgalign.judge.evidence.prior import BaseRate, Wrong
from kgalign.rdf.graph import Ids

_HIDDEN = 0.25
_ENOUGH = 2000
"""Best pairs from which one draw is enough."""
_DRAWS = 4
_FEW = 5.0
"""Decoys at which their mean counts as much as what it is elsewhere."""
_ROUNDS = 100
_NEWTON = 5


@dataclass(frozen=True, slots=True)
class Line:
    """New log-odds as a line over the old ones."""

    stretch: float = 1.0
    move: float = 0.0


def decoys(
    left: Ids,
    right: Ids,
    alike: tuple[Ids, Ids],
    top: Flags,
    expected: Doubles,
    match_again: Callable[[Positions], tuple[Doubles, Flags]],
    further: float,
    several: Sequence[bool],
) -> Doubles:
    """Log-odds of best pairs that are wrong by construction.

    Where a thing has several records on one side, an entity of the other side that loses a partner may have
    another: there only those of the side with several are looked at, whose partner was the only one.

    :param left: (c,) number of the thing that the left entity is a record of; ``right`` of the right one.
    :param alike: (c,) each: the same, as far as things are alike enough to be one; who loses a partner and
        gets one like it has got no decoy.
    :param top: (c,) best pairs; ``expected`` (c,) their probability.
    :param match_again: log-odds and best pairs where only some rows are there.
    :param further: how much better the best wrong pair of an entity is than its second best one.
    :param several: whether things have several records on the left side, and on the right one.
    """
    watched = (True, True) if several[0] == several[1] else tuple(several)
    rows = np.flatnonzero(top)
    ends = ((left, alike[1]), (right, alike[0]))
    found = []
    for draw in range(_DRAWS if len(rows) < _ENOUGH else 1):
        dice = np.random.default_rng(draw)
        match = dice.random(len(rows)) < expected[rows]
        hidden = match & (dice.random(len(rows)) < _HIDDEN)
        at_left = dice.random(len(rows)) < (0.5 if all(watched) else float(watched[1]))
        alive = ~_marked(left, rows[hidden & at_left])[left] & ~_marked(right, rows[hidden & ~at_left])[right]
        alive[rows[~match]] = False
        rest = np.flatnonzero(alive)
        if not len(rest):
            continue
        log_odds, best = match_again(rest)
        widowed, alone = np.zeros((2, len(rest)), dtype=bool)
        for (node, other), looked_at, gone in zip(
            ends, watched, (hidden & ~at_left, hidden & at_left), strict=True
        ):
            if looked_at:
                widowed |= _lost(node, other, rows[gone], rest)
                alone |= _lost(node, other, rows[~match], rest)
        taken = best & (alone | widowed)
        found.append((log_odds + np.where(widowed, 0.0, further))[taken])
    return np.concatenate(found) if found else np.zeros(0)


def _lost(node: Ids, other: Ids, rows: Positions, rest: Positions) -> Flags:
    """(r,) pairs of the rest whose node lost a partner with some rows, and has one here that is unlike it."""
    partner = np.full(int(node.max()) + 1, -1, dtype=np.int64)
    partner[node[rows]] = other[rows]
    lost = partner[node[rest]]
    found: Flags = (lost >= 0) & (lost != other[rest])
    return found


def _marked(node: Ids, rows: Positions) -> Flags:
    """(n,) entities that some rows are about."""
    marked = np.zeros(int(node.max()) + 1, dtype=bool)
    marked[node[rows]] = True
    return marked


def line_of(best: Doubles, wrong: Doubles, prior: Wrong, base: BaseRate) -> Line:
    """The line that makes log-odds of best pairs what they are worth here, by expectation maximisation.

    :param best: (n,) log-odds of the best pairs before anything is known of how common matches are.
    :param wrong: (d,) log-odds of decoys.
    """
    usual = len(wrong) / (len(wrong) + _FEW)
    mean = usual * float(wrong.mean() if len(wrong) else 0.0) + (1 - usual) * prior.mean
    at = prior.crossing + prior.rise * mean
    steep, cross = prior.stretch, at
    rate = base.log_odds
    for _ in range(_ROUNDS):
        match = 1 / (1 + np.exp(-(np.exp(steep) * (best - cross) + rate)))
        before = steep, cross, rate
        steep, cross = _separate(best, match, wrong, (prior.stretch, at), (steep, cross), prior, base.trust)
        rate = mean_rate(np.exp(steep) * (best - cross), base)
        if max(abs(now - then) for now, then in zip((steep, cross, rate), before, strict=True)) < 1e-3:
            break
    return Line(float(np.exp(steep)), float(rate - np.exp(steep) * cross))


def _separate(
    best: Doubles,
    match: Doubles,
    wrong: Doubles,
    usual: tuple[float, float],
    start: tuple[float, float],
    prior: Wrong,
    trust: float,
) -> tuple[float, float]:
    """Logarithm of the stretch, and where matches and wrong pairs are as likely: logistic regression.

    Best pairs count on both sides, as far as they match; Newton's steps from where it was.

    :param usual: what the two are before anything is seen.
    """
    score = np.concatenate([best, best, wrong])
    label = np.concatenate([np.ones(len(best)), np.zeros(len(best) + len(wrong))])
    weight = trust * np.concatenate([match, 1 - match, np.ones(len(wrong))])
    even = np.log((match.sum() + 0.5) / ((1 - match).sum() + len(wrong) + 0.5))
    theta = np.array(start)
    precise = 1 / np.array([prior.stretch_spread, prior.crossing_spread]) ** 2
    for _ in range(_NEWTON):
        slope = np.exp(theta[0])
        away = slope * (score - theta[1])
        chance = 1 / (1 + np.exp(-np.clip(away + even, -500, 500)))
        wrongness, sure = weight * (chance - label), weight * chance * (1 - chance)
        downhill = np.array([(wrongness * away).sum(), -slope * wrongness.sum()])
        downhill += precise * (theta - np.array(usual))
        across = -slope * (sure * away).sum()
        curve = np.array([[(sure * away**2).sum(), across], [across, slope**2 * sure.sum()]])
        theta = theta - np.clip(np.linalg.solve(curve + np.diag(precise), downhill), -1, 1)
    return float(theta[0]), float(theta[1])
