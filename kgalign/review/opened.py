"""A finished run as a review sees it: both sides, what was judged, and the order in which people are asked.

Nothing of it changes while it is open, whatever becomes of the run folder meanwhile.
"""

from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import numpy as np

from kgalign import pipeline
from kgalign.api import AlignmentResult
from kgalign.arrays import Flags, Positions
from kgalign.errors import InputError
from kgalign.explain import PairExplanation
from kgalign.links.pairs import PairIndex
from kgalign.rdf.graph import Ids
from kgalign.review.looks import Looks
from kgalign.review.order import in_order
from kgalign.review.questions import Filter
from kgalign.review.record import Beside, Side
from kgalign.review.search import Search
from kgalign.review.votes import VoteShown, votes_on
from kgalign.run.finished import Finished
from kgalign.run.steps import AnyStep, Step

CANDIDATES = 5
"""The best candidates of an entity that are shown."""

T = TypeVar("T")


class _Kept(Finished):
    """A run as it was when it was opened."""

    def offers(self, step: AnyStep) -> bool:
        """Whether an output is in memory: in the folder there may be a later one."""
        return isinstance(step, Step) and self.has(step)


class Opened:
    """A finished run, ready to be asked about.

    :param run: the run folder.
    :param share: how many of the questions are about entities that nobody doubts.
    :param before: the same run as it was before it learned: what did not change is taken from there.
    :raises RunError: there is no run, it isn't finished, or what is read of it is damaged.
    """

    def __init__(self, run: Path, share: float, before: "Opened | None" = None) -> None:
        self.path, self._share = run, share
        self.run = finished = _Kept(run)
        if before is not None:
            self._take(before)
        self.left = Side(finished.get(pipeline.READ_LEFT), finished.left)
        self.right = Side(finished.get(pipeline.READ_RIGHT), finished.right)
        if before is not None and self._is_same(before):
            self.left, self.right = before.left, before.right  # with what they have found out already
        self.verdicts = verdicts = finished.verdicts
        self.beside = Beside(self.left, self.right, finished.alignment, finished.vocabularies())
        self.pairs = PairIndex(verdicts.left, verdicts.right)
        self._best = np.lexsort((verdicts.right, -verdicts.probability, verdicts.left))
        self._lefts = verdicts.left[self._best]
        worklist, self._seed = finished.get(pipeline.WORKLIST), finished.config.seed
        self.order = in_order(worklist, verdicts, finished.left, share=share, seed=self._seed)
        self.place: Positions = np.full(len(finished.left), -1, dtype=np.int64)
        self.place[self.order.left] = np.arange(len(self.order))

    def again(self) -> "Opened":
        """The run as it is now, the graphs not read again where they are the same.

        :raises RunError: it isn't finished, or what is read of it is damaged.
        """
        return Opened(self.path, self._share, self)

    def _take(self, before: "Opened") -> None:
        for reading in (pipeline.READ_LEFT, pipeline.READ_RIGHT):
            self._take_one(reading, before)
        for selecting in (pipeline.SELECT_LEFT, pipeline.SELECT_RIGHT):
            self._take_one(selecting, before)

    def _take_one(self, step: Step[T], before: "Opened") -> None:
        was, now = before.run.record.steps.get(step.name), self.run.record.steps.get(step.name)
        if was is not None and now is not None and was.fingerprint == now.fingerprint:
            self.run.put(step, before.run.get(step))

    def _is_same(self, before: "Opened") -> bool:
        """Whether entities have the numbers that they had."""
        return self.run.left is before.run.left and self.run.right is before.run.right

    # who may be the same

    def candidates(self, left: int) -> list[int]:
        """The best candidates of a left entity, in an order that follows from the seed and tells nothing."""
        return self.shuffled(left, self.ranked(left)[:CANDIDATES])

    def ranked(self, left: int) -> list[int]:
        """All candidates of a left entity, the likeliest first."""
        start, end = np.searchsorted(self._lefts, [left, left + 1])
        found: list[int] = self.verdicts.right[self._best[start:end]].tolist()
        return found

    def shuffled(self, left: int, rights: list[int]) -> list[int]:
        """Candidates in an order that follows from the seed: always the same one for the same entity."""
        about = f"{self._seed} {self.left.iri(left)} "
        return sorted(rights, key=lambda right: _digest(about + self.right.iri(right)))

    def is_double(self, left: int, overlap: float) -> bool:
        """Whether two people are asked about an entity: always the same ones, whoever comes first."""
        return int.from_bytes(_digest(self.left.iri(left)), "big") < overlap * 2**64

    def probability(self, left: int, right: int) -> float | None:
        """What the run gave to a pair; None where it was not judged."""
        row = self.pairs.row(left, right)
        return round(float(self.verdicts.probability[row]), 6) if row >= 0 else None

    def ends(self, left: str, right: str) -> tuple[int, int]:
        """Ids of a left and of a right entity, -1 where no right one is named.

        :raises InputError: there is no such entity.
        """
        found = []
        for side, iri in ((self.left, left), (self.right, right)):
            entity = side.number(iri) if iri else -1
            if iri and entity < 0:
                raise InputError(f"There is no entity {iri!r}", "Load the page again")
            found.append(entity)
        if found[0] < 0:
            raise InputError("An answer names a left entity", "Load the page again")
        return found[0], found[1]

    # what may be asked about

    @cached_property
    def looks(self) -> Looks:
        """The sample by which the run is estimated."""
        return Looks(self.run)

    def passing(self, wanted: Filter, lefts: Ids) -> Flags:
        """(n,) which left entities pass a filter.

        :raises InputError: it names what is not there.
        """
        profile = self.left.profile
        passes = np.ones(len(lefts), dtype=bool)
        if wanted.type:
            if wanted.type not in profile.types:
                raise InputError(f"No left entity is of the type {wanted.type}", "Choose one that is listed")
            passes &= profile.entity_type[lefts] == profile.types.index(wanted.type)
        if wanted.property:
            numbers = [n for n, each in enumerate(profile.attributes) if each.path[0] == wanted.property]
            if not numbers:
                raise InputError(f"No left entity has {wanted.property}", "Choose one that is listed")
            having = profile.value_entity[np.isin(profile.value_attribute, numbers)]
            passes &= np.isin(lefts, having)
        if wanted.against:
            passes &= np.isin(lefts, self._against)
        return passes

    @cached_property
    def _against(self) -> Ids:
        """Left entities of which the votes turned what the evidence said of a pair."""
        hearing = self.run.hearing
        least = self.run.config.judge.match_probability
        turned = (hearing.prior >= least) != (hearing.probability >= least)
        found: Ids = self.verdicts.left[hearing.row[turned]]
        return found

    def choices(self) -> dict[str, list[str]]:
        """What a filter can name: ``types`` and ``properties`` of the left side, IRIs."""
        profile = self.left.profile
        types = {profile.types[each] for each in profile.entity_type[self.order.left].tolist() if each >= 0}
        return {
            "types": sorted(types),
            "properties": sorted({each.path[0] for each in profile.attributes if each.path[0] != "@iri"}),
        }

    # what the run says

    @property
    def has_votes(self) -> bool:
        """Whether a language model was asked."""
        return bool(self.run.hearing.judging)

    def explanation(self, left: str, right: str) -> PairExplanation:
        """The evidence on a pair that was judged."""
        return AlignmentResult(self.run).explain(left, right, side="left").pairs[0]

    def votes(self, left: str) -> list[VoteShown]:
        """The votes of a language model on an entity."""
        return votes_on(self.run, left, self.left, self.right)

    @cached_property
    def _search(self) -> Search:
        return Search(self.right.profile)

    def search(self, text: str) -> list[tuple[int, str, str]]:
        """Right entities by name or IRI, the most similar first: id, name, IRI."""
        return [(each, self.right.name(each), self.right.iri(each)) for each in self._search.find(text)]


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
