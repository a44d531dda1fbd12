"""What the evidence learned of two sides, and how each candidate pair compares: verdicts follow from it.

It is kept so that a run that grows from this one goes by the same weights, and compares only what is new.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kgalign.rdf.graph import Ids
from kgalign.records import Floats


@dataclass(frozen=True, slots=True)
class LearnedColumn:
    """One comparison whose levels were weighed on the graphs."""

    name: str
    kind: str
    role: str
    """``pooled``: of all values of a kind; ``own``: of two attributes, or of meaning; ``beside``: of
    neighbours."""
    labels: tuple[str, ...]
    """What each level means, the weakest first."""
    left_attribute: int = -1
    right_attribute: int = -1
    """Indices into the profiles' attributes where it compares two of them, else -1."""
    factor: float = 1.0
    """What a left number is multiplied by to give the right one."""


@dataclass(frozen=True, slots=True)
class Learned:
    """The state of the evidence at its end; verdicts follow from it without learning anything."""

    left: Ids
    right: Ids
    """(c,) entity ids of the candidate pairs, in their order."""
    measures: tuple[str, ...]
    measured: Floats
    """(measures, c) what each pair shares whatever its properties are called, NaN for nothing to measure."""
    columns: tuple[LearnedColumn, ...]
    """Those that are ``pooled`` first, then those of their ``own``, then those ``beside``."""
    codes: npt.NDArray[np.uint8]
    """(columns that are not pooled, c) the level reached, in steps; 255 where there is nothing to compare."""
    worth: Floats
    """(columns, 256) natural log-odds of each code."""
    left_thing: Ids
    right_thing: Ids
    """(n,) each: the thing that an entity of the side is a record of."""
    free: tuple[bool, ...]
    """Per side, whether an entity of the other one may have several partners there."""
    constants: dict[str, float]
    """``shift``, ``reliance``, ``final_shift``, ``stretch`` and ``move`` of the model, and of the waterfall
    ``even``: the middle of what rivals add."""
    weights: tuple[tuple[float, ...], ...] = ()
    """Mean of what each level of each feature adds, for people; in the order of the features."""
    figures: dict[str, float] = field(default_factory=dict)
    """How many matched things have several records on a side; of a run that grew, how much was new."""
    notes: dict[str, str] = field(default_factory=dict)
    """How it grew from a run before, or why it was learned anew, in sentences."""
