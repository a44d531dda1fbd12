"""What agreements, leads and missing values are worth in general: learned over many pairs of graphs.

An additive logistic model: each measure of a pair has a shape, straight between knots, and the shapes sum to
log-odds. ``prior.json`` holds them; ``python -m bench prior`` makes it from a folder of sets. It is where the
evidence starts, and what it falls back on where the graphs at hand are small.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from kgalign.arrays import Doubles
from kgalign.judge.evidence.piecewise import between
from kgalign.records import Floats

FILE = Path(__file__).with_name("prior.json")
"""The prior that is shipped."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the values of one measure are worth: natural log-odds, straight between the knots."""

    knots: tuple[float, ...]
    worth: tuple[float, ...]
    """Log-odds at each knot."""
    missing: float
    """Log-odds where there is nothing to measure."""

    def look_up(self, value: Floats) -> Floats:
        """(c,) log-odds of each value; NaN is missing."""
        return between(value, self.knots, self.worth, self.missing)


@dataclass(frozen=True, slots=True)
class Additive:
    """Log-odds as a sum of shapes."""

    intercept: float
    shapes: dict[str, Shape]

    def parts(self, measures: Mapping[str, Floats]) -> dict[str, Floats]:
        """What each measure adds, (c,) each."""
        return {name: shape.look_up(measures[name]) for name, shape in self.shapes.items()}

    def log_odds(
        self, measures: Mapping[str, Floats], known: Doubles | None = None, of: Collection[str] = ()
    ) -> Doubles:
        """(c,) the sum.

        :param known: (c,) what the measures ``of`` these names add, where that is known.
        """
        total: Doubles = np.zeros(len(next(iter(measures.values())))) if known is None else known.copy()
        for name, shape in self.shapes.items():
            if name not in of:
                total += shape.look_up(measures[name])
        total += self.intercept
        return total


@dataclass(frozen=True, slots=True)
class BaseRate:
    """How common matches are among best pairs, before the graphs at hand have their say."""

    log_odds: float
    """Of a best pair in the sets that the prior was learned from."""
    trust: float
    """How far the graphs' likelihood counts, 0 to 1: shapes learned elsewhere fit but roughly."""
    spread: float
    """Standard deviation of the log-odds over sets."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """What wrong best pairs look like before any was seen here, and how matches lie to them."""

    mean: float
    """Log-odds of a wrong best pair, before anything is known of how common matches are."""
    further: float
    """Log-odds by which the best wrong pair of an entity lies above its second best one."""
    crossing: float
    rise: float
    """Log-odds at which matches and wrong pairs are as likely: ``crossing + rise * mean``."""
    crossing_spread: float
    """Standard deviation of that over sets."""
    stretch: float
    stretch_spread: float
    """Mean and standard deviation over sets of the logarithm of what log-odds are to be stretched by."""


@dataclass(frozen=True, slots=True)
class Prior:
    """Two models: of what can be measured before anything is learned, and of what is learned then."""

    start: Additive
    final: Additive
    meaning: Additive
    """What is added to the start where an embedder says how near two are in meaning."""
    base: BaseRate
    wrong: Wrong
    counts: float
    """Matches, and others, that a level of a comparison is taken to have been seen in before any was."""
    matches: float
    """Matches at which what was learned from them counts as much as the prior's own log-odds."""


def with_meaning(prior: Prior) -> Prior:
    """The prior where an embedder says how near two are in meaning."""
    start, meaning = prior.start, prior.meaning
    return replace(
        prior, start=Additive(start.intercept + meaning.intercept, {**start.shapes, **meaning.shapes})
    )


def load_prior(path: Path | None = None) -> Prior:
    """Read a prior; the one that is shipped where no file is named."""
    return _load(path or FILE)


@cache
def _load(path: Path) -> Prior:
    return from_json(json.loads(path.read_text(encoding="utf8")))


def from_json(content: Mapping[str, Any]) -> Prior:
    """A prior from what its file holds."""
    return Prior(
        _additive(content["start"]),
        _additive(content["final"]),
        _additive(content["meaning"]),
        BaseRate(**content["base"]),
        Wrong(**content["wrong"]),
        float(content["counts"]),
        float(content["matches"]),
    )


def _additive(content: Mapping[str, Any]) -> Additive:
    shapes = {
        name: Shape(tuple(each["knots"]), tuple(each["worth"]), float(each["missing"]))
        for name, each in content["shapes"].items()
    }
    return Additive(float(content["intercept"]), shapes)
