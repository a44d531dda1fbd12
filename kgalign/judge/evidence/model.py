"""The evidence as a state: what is believed of the pairs, and what each measure is worth so far.

It starts from what any two entities share, weighed as the prior says (:mod:`.prior`). From the pairs that
this makes probable it learns which properties correspond and what their levels are worth (:mod:`.levels`),
counts in neighbours that match, and lets pairs compete (:mod:`.competition`); then again, until little moves.
How common matches are here shifts all of it (:mod:`.base_rate`).
"""

from collections.abc import Sequence

import numpy as np

from kgalign.arrays import Doubles, Flags, unique
from kgalign.base import memory
from kgalign.base.progress import Progress
from kgalign.judge.evidence import associate, generic, levels, parts, twins
from kgalign.judge.evidence.base_rate import lower_bound
from kgalign.judge.evidence.correspond import AttributeComparisons
from kgalign.judge.evidence.neighbours import Neighbours
from kgalign.judge.evidence.prior import Prior
from kgalign.judge.evidence.texts import prepare
from kgalign.judge.evidence.weighing import CERTAIN, HALF, Column, Weighing, column_of
from kgalign.links.cardinality import choose
from kgalign.rdf.graph import Ids
from kgalign.records import Candidates, Profile

__all__ = ["CERTAIN", "Column", "Evidence"]

_AGREE = 0.7
"""Similarity from which two attributes say the same in the same words: what goes with what adds nothing."""
_GATHERINGS = 2
_FREE_SHARE = 0.4
"""Share of things with several records from which all records of a side are taken to have a partner."""
_SEVERAL = ("several_left", "several_right")
_PERHAPS = 0.15
"""Share of things with several records from which it is looked whether it stands up to decoys."""
_DOUBT = 3.0
"""Matched things with one record that are thought of beside those that are seen: a few tell little."""


class Evidence(Weighing):
    """Judges the candidates of two sides; :func:`judge` is the way in."""

    def __init__(
        self,
        left: Profile,
        right: Profile,
        candidates: Candidates,
        given: Flags,
        *,
        refused: Flags | None = None,
        iterations: int = 3,
        prior: Prior | None = None,
    ) -> None:
        super().__init__(left, right, candidates, given, refused=refused, prior=prior)
        self.iterations = iterations
        self.factors: dict[tuple[int, int], float] = {}
        self._compared: dict[tuple[int, int, float], Column] = {}

    # What is measured before anything is learned.

    def start(self) -> None:
        """Measure what any two entities share, and weigh it by the prior."""
        self.shared = shared = generic.Generic(self.left, self.right, prepare(self.left, self.right))
        self.texts = shared.texts
        found = parts.of_pairs(shared.measure_ends, self.a, self.b)
        self.start_measures = dict(zip(generic.MEASURES, found, strict=True))
        self._add_from_candidates()
        self._weigh_by_prior()
        self.pooled = self._pooled(generic.COMPARED)
        self.believe(self.by_prior)

    def _forget_texts(self) -> None:
        """Let go of what only measuring and learning needs: what is believed stays as it is."""
        del self.texts, self.shared, self.correspondences, self._compared
        memory.give_back()

    def several(self, side: int) -> float:
        """How many matched things have several records on a side: a lower bound of their share.

        The largest over the types of entities: where people have several records, their addresses need not.
        Wilson's bound (1927) at one standard error, over the expected number of matched things.
        """
        profile = (self.left, self.right)[side]
        thing, entity = (self.things[0][self.a], self.things[1][self.b])[side], (self.a, self.b)[side]
        chance = np.zeros(len(profile))
        top = np.flatnonzero(self.top)
        likely = np.where(self._both_described(top), self.expected[top], 0.0)
        np.maximum.at(chance, entity[top], likely)
        of = np.full(len(chance), -1, dtype=np.int64)
        of[entity] = thing
        order = np.lexsort((-chance, of))
        place = np.arange(len(order)) - np.searchsorted(of[order], of[order], "left")
        type_of = profile.entity_type[order] + 1
        counts = [
            np.bincount(type_of[here], chance[order[here]], minlength=len(profile.types) + 1)
            for here in (place == 0, place == 1)
        ]
        bounds = [lower_bound(second, first + _DOUBT, 1.0) for first, second in zip(*counts, strict=True)]
        return max(bounds, default=0.0)

    def _within(self, first: Ids, second: Ids, side: int) -> Doubles:
        """(t,) log-odds of pairs within a side, by the measures that pairs across have too."""
        measured = self.shared.measure(first, second, (side, side))
        within = twins.absolute(self.prior.start, dict(zip(generic.MEASURES, measured, strict=True)))
        compared = self.correspondences.compare(first, second, (side, side))
        for column, each in zip(self.columns, compared, strict=False):
            within = within + HALF * column.worth[levels.encode(each)]
        return within

    def settle(self, asked: str) -> dict[str, float]:
        """Take records of one thing for one where the evidence is for it, or where it was asked for.

        Elsewhere what is believed is held against decoys.

        :returns: how many matched things have several records on a side, for the notes.
        """
        sides = {"one-to-one": [], "one-to-many": [1], "many-to-one": [0]}.get(asked, [0, 1])
        figures = dict.fromkeys(_SEVERAL, 0.0)
        before, by_prior = list(self.things), self._by_prior_now()
        keep = [False, False]
        if sides and self.join_records(sides):
            self.alike = list(self.things)
            figures = {
                name: self.several(side) if side in sides else 0.0 for side, name in enumerate(_SEVERAL)
            }
            if asked == "auto" and max(figures.values()) >= _PERHAPS:
                # Among look-alikes much is believed that decoys take back.
                self.conclude(held=True)
                figures = {
                    name: self.several(side) if share >= _PERHAPS else share
                    for side, (name, share) in enumerate(figures.items())
                }
            keep = self._chosen(asked, figures)
            self.things = [
                now if kept else then for now, then, kept in zip(self.things, before, keep, strict=True)
            ]
            if any(keep):
                self._weigh_by_prior()
            else:
                self._take_by_prior(by_prior)
        if not any(keep):
            self.conclude()
            self._forget_texts()
            self.conclude(held=True)
            return figures
        if sum(keep) == 1 and (asked != "auto" or max(figures.values()) >= _FREE_SHARE):
            # Each record of the side with several takes its best partner on the other.
            self.free = keep
        for _ in range(_GATHERINGS):
            self.join_records([side for side in (0, 1) if keep[side]], twins.GATHER)
            self.alike = list(self.things)
        self.conclude(held=True)
        self._forget_texts()
        return figures

    @staticmethod
    def _chosen(asked: str, figures: dict[str, float]) -> list[bool]:
        """Per side, whether a thing may have several records there."""
        chosen, _ = choose(asked, figures["several_right"], figures["several_left"])
        return [chosen in ("many-to-one", "many-to-many"), chosen in ("one-to-many", "many-to-many")]

    def join_records(self, sides: Sequence[int], reach: twins.Reach = twins.SEARCH) -> bool:
        """Take records of one thing within the sides for one, and judge again what competes.

        :returns: whether there are any.
        """
        found = {side: self.records_of_one(side, reach) for side in sides}
        joined = any(len(unique(each)) < len(each) for each in found.values())
        for side, each in found.items():
            self.things[side] = each
        if joined or reach is not twins.SEARCH:
            self._weigh_by_prior()
            self.conclude()
            self.conclude()
        return joined

    def records_of_one(self, side: int, reach: twins.Reach) -> Ids:
        """(n,) the thing that each entity of a side is a record of (:mod:`.twins`)."""
        columns = self.columns[: len(self.correspondences.found)]
        across = parts.column(lambda rows: self._across(columns, rows), self.size)
        top = np.flatnonzero(self.top)
        usual = twins.weighted_quantile(across[top], self.expected[top], reach.usual)
        ends = self.ends[1 - side], self.ends[side]
        found = twins.rivals_of_one(*ends, self.total, across >= usual, reach)
        if not len(found.row):
            return np.arange(len((self.left, self.right)[side]), dtype=np.int32)
        ok = twins.hold_together(found, self._within(found.first, found.second, side), across, reach)
        return twins.grouped(found.first[ok], found.second[ok], len((self.left, self.right)[side]))

    def _across(self, columns: Sequence[Column], rows: slice) -> Doubles:
        """(r,) log-odds of pairs across, by the measures that pairs within a side have too."""
        learned = np.zeros(len(self.a[rows]))
        for column in columns:
            learned += column.look_up(rows)
        return self.absolute[rows] + HALF * learned

    # What is learned here.

    def learn(self, progress: Progress) -> None:
        """Learn correspondences, what goes with what, and what neighbours tell, round by round."""
        with progress.task("judge by evidence", self.iterations + 2, "rounds") as task:
            self._learn_attributes()
            self.conclude()
            task.advance()
            self._learn_attributes()
            self.conclude()
            task.advance()
            neighbours = Neighbours(self.left, self.right, self.a, self.b)
            for _ in range(self.iterations if neighbours.any else 0):
                self.beside = [column_of(each) for each in neighbours.compare(self.expected)]
                self.conclude()
                task.advance()

    def _learn_attributes(self) -> None:
        left, right, a, b = self.left, self.right, self.a, self.b
        learned = AttributeComparisons.learned(left, right, self.texts, a, b, self.expected)
        self.factors = {(each.left, each.right): each.factor for each in learned.found}
        columns = []
        for each in learned.found:
            # How two attributes compare hangs on their factor alone.
            key = each.left, each.right, each.factor
            column = self._compared.get(key) or column_of(learned.levels_of(each, a, b))
            columns.append(column)
        self._compared = {
            (each.left, each.right, each.factor): column
            for each, column in zip(learned.found, columns, strict=True)
        }
        self.correspondences = learned
        taken = {(each.left, each.right) for each in learned.found if each.agreement >= _AGREE}
        for together in associate.learn(left, right, a, b, self.expected, taken):
            columns.append(column_of(associate.levels_of(together, a, b)))
        cosine = self.cosine
        if cosine is not None:
            columns.append(column_of(levels.in_parts(lambda rows: generic.near(cosine[rows]), self.size)))
        self.columns = columns
