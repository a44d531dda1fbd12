"""What wrong best pairs look like here: those there would be if right ones were missing.

The target–decoy estimate of proteomics (Elias and Gygi, 2007; Käll et al., 2007): a part of the entities is
hidden and the others matched again; the best pairs of those whose partner was hidden are wrong by
construction. Held against them, log-odds that mean too much or too little in these graphs are stretched and
moved. Decoys need matches to hide: where few are believed, what was believed before stays.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from kgalign.arrays import Doubles, Flags, Positions
from kgalign.rdf.graph import Ids

_FOLDS = 2
_HIDDEN = 0.25
_LEAST = 10.0
_ENOUGH = 25.0
"""Decoys, as far as they are believed, at which they count as much as what was believed without them."""
_SLOPE, _MOVE = 0.5, 3.0
"""Deviations of the logarithm of the stretch, and of the move, before any decoy was seen."""
_ROUNDS = 30


@dataclass(frozen=True, slots=True)
class Line:
    """New log-odds as a line over the old ones."""

    stretch: float = 1.0
    move: float = 0.0


def hold_against(
    left: Ids,
    right: Ids,
    log_odds: Doubles,
    top: Flags,
    expected: Doubles,
    match_again: Callable[[Positions], tuple[Doubles, Flags]],
) -> Line:
    """Stretch and move log-odds by how decoys come out.

    :param top: (c,) best pairs, at most one for each entity; ``expected`` their probability.
    :param match_again: log-odds and best pairs where only some rows are there.
    """
    decoys, trust = _decoys(left, right, top, expected, match_again)
    believed = float(trust.sum())
    targets = log_odds[top]
    if believed < _LEAST or len(targets) < _LEAST:
        return Line()
    stretch, move = _separate(targets, expected[top], decoys, trust)
    ratio = stretch * targets + move
    share = 0.5
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-(ratio + np.log(share / (1 - share)))))
        share = float((chance.sum() + 1) / (len(ratio) + 2))
    move += np.log(share / (1 - share))
    # Where few best pairs are right, decoys are made of what is left, and say little of it.
    part = believed / (believed + _ENOUGH) * float(expected[top].mean()) ** 2
    return Line(part * stretch + 1 - part, part * move)


def _decoys(
    left: Ids,
    right: Ids,
    top: Flags,
    expected: Doubles,
    match_again: Callable[[Positions], tuple[Doubles, Flags]],
) -> tuple[Doubles, Doubles]:
    """Log-odds of the best pairs of entities whose partner was hidden, and how far each is believed."""
    rows, columns = int(left.max()) + 1, int(right.max()) + 1
    sure_left, sure_right = np.zeros(rows), np.zeros(columns)
    np.maximum.at(sure_left, left[top], expected[top])
    np.maximum.at(sure_right, right[top], expected[top])
    found: list[tuple[Doubles, Doubles]] = []
    for fold in range(_FOLDS):
        dice = np.random.default_rng(fold)
        hidden = dice.random(rows) < _HIDDEN, dice.random(columns) < _HIDDEN
        widowed = (
            _widowed(left[top], right[top], hidden, rows),
            _widowed(right[top], left[top], hidden[::-1], columns),
        )
        alive = np.flatnonzero(~hidden[0][left] & ~hidden[1][right])
        if not len(alive):
            continue
        log_odds, best = match_again(alive)
        a, b = left[alive], right[alive]
        best = best & (widowed[0][a] | widowed[1][b])
        trust = np.where(widowed[0][a], sure_left[a], 1.0) * np.where(widowed[1][b], sure_right[b], 1.0)
        found.append((log_odds[best], trust[best]))
    if not found:
        return np.zeros(0), np.zeros(0)
    return np.concatenate([each[0] for each in found]), np.concatenate([each[1] for each in found])


def _widowed(node: Ids, partner: Ids, hidden: tuple[Flags, Flags], size: int) -> npt.NDArray[np.bool_]:
    """(n,) entities that are there, and whose partner was hidden."""
    found = np.zeros(size, dtype=bool)
    found[node[~hidden[0][node] & hidden[1][partner]]] = True
    return found


def _separate(targets: Doubles, sure: Doubles, decoys: Doubles, trust: Doubles) -> tuple[float, float]:
    """Log ratio of the densities of matches and decoys, a line over the log-odds (logistic regression).

    Both weigh the same in sum, so that the line holds before any prior.
    """
    score = np.concatenate([targets, decoys])
    label = np.concatenate([np.ones(len(targets)), np.zeros(len(decoys))])
    weight = np.concatenate([sure, trust * sure.sum() / trust.sum()])

    def loss(theta: Doubles) -> float:
        line = np.exp(theta[0]) * score + theta[1]
        unlikely = (theta[0] / _SLOPE) ** 2 + (theta[1] / _MOVE) ** 2
        return float((weight * (np.logaddexp(0, line) - label * line)).sum() + unlikely / 2)

    best = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-6}).x
    return float(np.exp(best[0])), float(best[1])
