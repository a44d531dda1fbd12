"""The evidence by weights that were learned before: what is believed follows, and nothing is learned."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Doubles, Flags, unique
from kgalign.base import scratch
from kgalign.judge.evidence import decoys, generic, parts
from kgalign.judge.evidence.model import Evidence
from kgalign.judge.evidence.prior import Prior
from kgalign.judge.evidence.weighing import Column, coded
from kgalign.records import Candidates, Profile
from kgalign.records.learned import Learned, LearnedColumn

POOLED, OWN, BESIDE = "pooled", "own", "beside"
"""Roles of columns."""


class Applied(Evidence):
    """What is believed of pairs by the weights of :class:`~kgalign.records.learned.Learned`.

    :param learned: of the candidates, row by row.
    """

    def __init__(
        self,
        left: Profile,
        right: Profile,
        candidates: Candidates,
        given: Flags,
        learned: Learned,
        *,
        refused: Flags | None = None,
        prior: Prior | None = None,
    ) -> None:
        super().__init__(left, right, candidates, given, refused=refused, prior=prior)
        self._frozen = True
        self.factors = {_attributes(each): each.factor for each in learned.columns if each.role == OWN}
        constants = learned.constants
        self.shift, self.final_shift = constants["shift"], constants["final_shift"]
        self.reliance = constants["reliance"]
        self.line = decoys.Line(constants["stretch"], constants["move"])
        self.free = list(learned.free)
        for side, thing in enumerate((learned.left_thing, learned.right_thing)):
            if len(unique(thing)) < len(thing):
                self.things[side] = thing
        self.start_measures = dict(zip(learned.measures, learned.measured, strict=True))
        self._add_from_candidates()
        self._weigh_by_prior()
        self.pooled = [
            replace(self._as_column(each.name), worth=worth)
            for each, worth in zip(learned.columns, learned.worth, strict=True)
            if each.role == POOLED
        ]
        self.take(learned)

    def take(self, learned: Learned) -> None:
        """Take the comparisons of attributes and of neighbours for what pairs reach, by their worth."""
        self.learned = learned
        first = len(self.pooled)
        rest = zip(learned.columns[first:], learned.codes, learned.worth[first:], strict=True)
        columns = [
            (
                each.role,
                replace(coded(each.name, each.kind, each.labels, codes, _attributes(each)), worth=worth),
            )
            for each, codes, worth in rest
        ]
        self.columns = [each for role, each in columns if role == OWN]
        self.beside = [each for role, each in columns if role == BESIDE]

    def _weighed(self, columns: Sequence[Column]) -> list[Column]:
        return list(columns) if self._frozen else super()._weighed(columns)

    def _shift(self, log_odds: Doubles) -> tuple[float, Flags | None]:
        return (self.shift, None) if self._frozen else super()._shift(log_odds)

    def conclude(self, *, held: bool = True) -> None:
        """Weigh all that is known, and take it for what is believed."""
        if not self._frozen:
            super().conclude(held=held)
            return
        self.final_measures = self.measures()
        self.believe(
            parts.column(lambda rows: self._line_of(self._by_all_of(rows) + self.final_shift), self.size)
        )

    def weigh_again(self) -> None:
        """Learn anew what levels are worth and how common matches are; nothing is compared anew."""
        self._frozen = False
        self._weigh_by_prior()
        self.conclude(held=False)
        self.conclude(held=True)


def _attributes(column: LearnedColumn) -> tuple[int, int]:
    return column.left_attribute, column.right_attribute


def learned_of(evidence: Evidence, figures: dict[str, float]) -> Learned:
    """The state of evidence that has settled.

    :param figures: of :meth:`Evidence.settle`.
    """
    measures = tuple(
        name for name in evidence.start_measures if name in generic.KINDS and name not in _OF_CANDIDATES
    )
    roles = ((POOLED, evidence.pooled), (OWN, evidence.columns), (BESIDE, evidence.beside))
    every = [(role, column) for role, columns in roles for column in columns]
    size = len(evidence.a)
    codes = [column.codes for role, column in every if role != POOLED]
    return Learned(
        left=evidence.a,
        right=evidence.b,
        measures=measures,
        measured=_stacked([evidence.start_measures[name][:] for name in measures], size, np.float32),
        columns=tuple(
            LearnedColumn(
                column.name,
                column.kind,
                role,
                column.labels,
                *column.attributes,
                evidence.factors.get(column.attributes, 1.0) if role == OWN else 1.0,
            )
            for role, column in every
        ),
        codes=_stacked(codes, size, np.uint8),
        worth=np.stack([column.worth for _, column in every]),
        left_thing=evidence.things[0].astype(np.int32),
        right_thing=evidence.things[1].astype(np.int32),
        free=tuple(evidence.free),
        constants={
            "shift": float(evidence.shift),
            "reliance": float(evidence.reliance),
            "final_shift": float(evidence.final_shift),
            "stretch": float(evidence.line.stretch),
            "move": float(evidence.line.move),
        },
        figures=figures,
    )


def _stacked(columns: Sequence[parts.Array], size: int, dtype: npt.DTypeLike) -> parts.Array:
    """(columns, size) the columns one after the other, mapped where they are large."""
    if not columns:
        return np.zeros((0, size), dtype=dtype)
    return scratch.gather(column.astype(dtype, copy=False)[None] for column in columns)


_OF_CANDIDATES = {generic.SAME_IRI, generic.MEANING}


def nothing_learned(left: Profile, right: Profile) -> Learned:
    """What is learned of no candidates."""
    none = np.zeros(0, dtype=np.int32)
    things = (np.arange(len(each), dtype=np.int32) for each in (left, right))
    return Learned(
        left=none,
        right=none,
        measures=(),
        measured=np.zeros((0, 0), dtype=np.float32),
        columns=(),
        codes=np.zeros((0, 0), dtype=np.uint8),
        worth=np.zeros((0, 256), dtype=np.float32),
        left_thing=next(things),
        right_thing=next(things),
        free=(False, False),
        constants={},
    )
