"""Fits additive logistic models whose shapes never fall: what the prior of the evidence is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

Doubles = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]

_MOST_STEP = 8.0
_MISSING = (-6.0, 10.0)


@dataclass(frozen=True, slots=True)
class Rows:
    """Pairs to learn from."""

    measures: Mapping[str, Floats]
    """(n,) each; NaN where there is nothing to measure."""
    match: npt.NDArray[np.bool_]
    weight: Doubles
    known: Doubles | None = None
    """(n,) log-odds that are there already, to which the shapes are added; 0 where None."""


def fit(knots: Mapping[str, Sequence[float]], parts: Sequence[Rows], ridge: float = 2.0) -> dict[str, Any]:
    """Fit the shapes; what ``prior.json`` holds of one model.

    Each shape is a sum of steps between its knots that are never negative (L-BFGS-B), with a weight of its
    own for missing values; ``ridge`` is the precision of a normal prior at 0 on each.
    """
    design = np.concatenate([_design(knots, part.measures) for part in parts])
    match = np.concatenate([part.match for part in parts]).astype(np.float64)
    weight = np.concatenate([part.weight for part in parts])
    weight *= len(weight) / weight.sum()
    known = np.concatenate(
        [np.zeros(len(part.match)) if part.known is None else part.known for part in parts]
    )

    def loss(theta: Doubles) -> tuple[float, Doubles]:
        z = (design @ theta[:-1].astype(np.float32)).astype(np.float64) + theta[-1] + known
        residual = weight * (1 / (1 + np.exp(-np.clip(z, -500, 500))) - match)
        value = (weight * (np.logaddexp(0, z) - match * z)).sum() + ridge / 2 * (theta[:-1] ** 2).sum()
        slope = (design.T @ residual.astype(np.float32)).astype(np.float64) + ridge * theta[:-1]
        return float(value), np.append(slope, residual.sum())

    bounds: list[tuple[float, float]] = []
    for each in knots.values():
        bounds += [(0.0, _MOST_STEP)] * (len(each) - 1) + [_MISSING]
    start = np.zeros(design.shape[1] + 1)
    start[-1] = -2.0
    found = minimize(
        loss, start, jac=True, bounds=[*bounds, (-30.0, 30.0)], method="L-BFGS-B", options={"maxiter": 400}
    ).x
    shapes: dict[str, Any] = {}
    place = 0
    for name, each in knots.items():
        steps = found[place : place + len(each) - 1]
        worth = np.concatenate([[0.0], np.cumsum(steps)])
        shapes[name] = {
            "knots": [float(knot) for knot in each],
            "worth": [round(float(value), 3) for value in worth],
            "missing": round(float(found[place + len(each) - 1]), 3),
        }
        place += len(each)
    return {"intercept": round(float(found[-1]), 3), "shapes": shapes}


def _design(knots: Mapping[str, Sequence[float]], measures: Mapping[str, Floats]) -> Floats:
    """(n, steps and missing flags) how far each value has come from a knot to the next, 0 to 1."""
    columns = []
    for name, each in knots.items():
        value = measures[name].astype(np.float64)
        missing = np.isnan(value)
        bounds = np.array(each)
        part = np.clip((np.nan_to_num(value)[:, None] - bounds[:-1]) / np.diff(bounds), 0, 1)
        part[missing] = 0
        columns += [part.astype(np.float32), missing[:, None].astype(np.float32)]
    return np.concatenate(columns, axis=1)
