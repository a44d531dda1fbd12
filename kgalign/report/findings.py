"""What a report is made of: the records of a finished run, and what may be known besides."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Flags, first_of_best
from kgalign.evaluate.calibration import Calibration
from kgalign.evaluate.summary import Evaluation
from kgalign.explain import Explainer
from kgalign.ledger.figures import Statistics
from kgalign.links.pairs import is_link
from kgalign.rdf.graph import Ids
from kgalign.records import Alignment, Candidates, Hearing, Outcome, Profile, Verdicts, Worklist
from kgalign.records.fused import Fusion
from kgalign.records.vocabularies import Target, Vocabularies
from kgalign.records.votes import Vote
from kgalign.report.changes import Changes

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Findings:
    """The records of one run that a report shows."""

    left: Profile
    right: Profile
    candidates: Candidates
    verdicts: Verdicts
    """With the student and the votes in them."""
    alignment: Alignment
    worklist: Worklist
    vocabularies: Vocabularies
    fusion: Fusion
    hearing: Hearing
    match_probability: float
    undecided_probability: float
    target: Target
    statistics: Statistics | None = None
    """Of the votes, where a language model was asked and its ledger is there."""
    votes: Callable[[str], Iterable[Vote]] = lambda case: ()
    """The votes on a case, by its name in the ledger."""

    @cached_property
    def linked(self) -> Flags:
        """(l,) rows of the alignment that are links."""
        return is_link(self.alignment)

    @cached_property
    def waiting(self) -> Flags:
        """(l,) rows of the alignment that are left to people."""
        waiting: Flags = ~self.linked & (self.alignment.outcome != Outcome.REJECTED)
        return waiting

    @cached_property
    def best(self) -> Places:
        """(b,) row of the best verdict of each left entity that has candidates."""
        return first_of_best(self.verdicts.left, self.verdicts.log_odds)

    @cached_property
    def explainer(self) -> Explainer:
        """Explains pairs of the run."""
        return Explainer(
            self.left,
            self.right,
            self.candidates,
            self.verdicts,
            self.alignment,
            match_probability=self.match_probability,
            hearing=self.hearing,
            votes=self.votes,
        )


def fates(
    left: Profile, right: Profile, verdicts: Verdicts, alignment: Alignment
) -> dict[str, tuple[int, int]]:
    """What became of the entities of each side: name → (left, right); these add up to all of them."""
    linked = is_link(alignment)
    waiting = ~linked & (alignment.outcome != Outcome.REJECTED)
    sides = (
        _fates(left, alignment.left[linked], alignment.left[waiting], verdicts.left),
        _fates(right, alignment.right[linked], alignment.right[waiting], verdicts.right),
    )
    return {name: (sides[0][name], sides[1][name]) for name in sides[0]}


def _fates(side: Profile, linked: Ids, waiting: Ids, candidate: Ids) -> dict[str, int]:
    """Each entity of a side has the first of these that fits."""
    left_over = np.ones(len(side), bool)
    found: dict[str, int] = {}
    for name, fits in (
        ("linked", _flags(side, linked)),
        ("undecided", _flags(side, waiting)),
        ("only mentioned", ~side.described),
        ("found nobody", _flags(side, candidate)),
        ("no candidate", np.ones(len(side), bool)),
    ):
        found[name] = int((left_over & fits).sum())
        left_over &= ~fits
    return found


def _flags(side: Profile, ids: Ids) -> Flags:
    flags = np.zeros(len(side), bool)
    flags[ids] = True
    return flags


@dataclass(frozen=True, slots=True)
class Source:
    """One input file, as people know it."""

    side: str
    path: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What one step took."""

    stage: str
    step: str
    seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Besides:
    """What no step of a run knows: it differs from run to run, or is told only later."""

    sources: tuple[Source, ...] = ()
    spent: tuple[Spent, ...] = ()
    evaluation: Evaluation | None = None
    """Against gold."""
    decided: Calibration | None = None
    """Probabilities of pairs against what people decided of them."""
    changes: Changes | None = None
    """Against another run."""
