"""A review of a run: what comes next for each person, what is shown of it, and what is answered."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import numpy as np

from kgalign import pipeline
from kgalign.api import AlignmentResult
from kgalign.arrays import Flags
from kgalign.decisions import FILE, Decision, Relation, Verdict
from kgalign.errors import InputError
from kgalign.explain import PairExplanation
from kgalign.links.pairs import PairIndex
from kgalign.rdf.graph import Ids
from kgalign.review.answers import SOURCE, Answers, is_settled
from kgalign.review.order import in_order
from kgalign.review.record import Beside, Row, Side
from kgalign.review.search import Search
from kgalign.review.votes import VoteShown, votes_on
from kgalign.run.finished import Finished

CANDIDATES = 5
"""The best candidates of an entity that are shown."""
_LEASE = 600.0
"""Seconds in which an entity that lies before one person is not given to another."""
_LONGEST_TEXT = 10_000
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entities are asked about; all that pass all of it."""

    type: str = ""
    """IRI of the type of the left one; any if empty."""
    property: str = ""
    """IRI of a property that the left one has a value of; any if empty."""
    against: bool = False
    """Those alone of which the votes of a model say something else than the evidence."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may be the same."""

    entity: int
    iri: str
    name: str
    type: str
    said: str
    """What this person said of the pair already; empty for nothing."""
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """An entity, and what may be the same."""

    entity: int
    iri: str
    name: str
    type: str
    candidates: tuple[Candidate, ...]
    drawn: bool
    """Whether nobody doubts it: it was drawn at random."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What is before a person: a question, or none and why."""

    question: Question | None
    left: int
    """Entities that nobody has answered yet, and that pass the filter."""
    answered: int
    """Entities that this person has answered."""
    skipped: int
    """Entities that this person put off; they are not asked about until they are wanted again."""
    waiting: int
    """Entities that lie before somebody else."""


@dataclass
class _Person:
    answered: Flags
    skipped: list[int] = field(default_factory=list)
    seen: set[tuple[int, str]] = field(default_factory=set)
    """Entity, and ``evidence`` or ``votes``."""
    trail: list[int | None] = field(default_factory=list)
    """What was done, in order: the place of an entity that was put off, None for a decision."""


class Review:
    """The queue of a finished run, and the answers of everybody.

    It is no more than what stands in the store and who has what before them: killed at any moment, it goes
    on from there.

    :param run: the run folder.
    :param share: how many of the questions are about entities that nobody doubts.
    :param overlap: of the entities, how many are asked of two people, 0 to 1.
    :param clock: seconds, for how long an entity lies before somebody.
    :raises RunError: there is no run, it isn't finished, or what is read of it is damaged.
    """

    def __init__(
        self,
        run: Path,
        *,
        share: float = 0.1,
        overlap: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = run
        finished = Finished(run)
        self._finished, self._clock = finished, clock
        self.left = Side(finished.get(pipeline.READ_LEFT), finished.left)
        self.right = Side(finished.get(pipeline.READ_RIGHT), finished.right)
        self._verdicts = finished.verdicts
        self._beside = Beside(self.left, self.right, finished.alignment, finished.vocabularies())
        self._pairs = PairIndex(self._verdicts.left, self._verdicts.right)
        self._best = np.lexsort((self._verdicts.right, -self._verdicts.probability, self._verdicts.left))
        self._lefts = self._verdicts.left[self._best]
        worklist = finished.get(pipeline.WORKLIST)
        self.order = in_order(worklist, self._verdicts, finished.left, share=share, seed=finished.config.seed)
        self._place = np.full(len(finished.left), -1, dtype=np.int64)
        self._place[self.order.left] = np.arange(len(self.order))
        self._wanted = np.array([1 + self._is_double(left, overlap) for left in self.order.left.tolist()])
        self._times = np.zeros(len(self.order), dtype=np.int64)
        self._people: dict[str, _Person] = {}
        self._leases: dict[int, tuple[str, float]] = {}
        self.answers = Answers(finished.folder.file(FILE))
        self._count()

    def _is_double(self, left: int, overlap: float) -> bool:
        """Whether two people are asked about an entity: always the same ones, whoever comes first."""
        digest = blake2b(self.left.iri(left).encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "big") < overlap * 2**64

    def _count(self) -> None:
        """Find out from the answers who has answered what."""
        self._times[:] = 0
        for person in self._people.values():
            person.answered[:] = False
        lefts = self.answers.lefts
        for iri in lefts:
            left = self.left.number(iri)
            if left >= 0 and self._place[left] >= 0:
                self._settle(iri, left)

    def _settle(self, iri: str, left: int) -> None:
        """Count who has answered one entity."""
        place = int(self._place[left])
        if place < 0:
            return
        shown = [self.right.iri(each) for each in self._candidates(left)]
        settled = {by for by, own in self.answers.said(iri).items() if is_settled(own, shown)}
        self._times[place] = len(settled)
        for by in settled:
            self._person(by)
        for by, person in self._people.items():
            person.answered[place] = by in settled

    def _person(self, by: str) -> _Person:
        if by not in self._people:
            self._people[by] = _Person(np.zeros(len(self.order), dtype=bool))
        return self._people[by]

    def _candidates(self, left: int) -> list[int]:
        """The best candidates of a left entity, the likeliest first."""
        start, end = np.searchsorted(self._lefts, [left, left + 1])
        rows = self._best[start : min(end, start + CANDIDATES)]
        found: list[int] = self._verdicts.right[rows].tolist()
        return found

    # what comes next

    def turn(self, by: str, wanted: Filter | None = None) -> Turn:
        """What comes next for a person; the same again until it is answered or put off.

        :param by: who asks; anybody of no name is one person.
        :raises InputError: the filter names what is not there, or the name is none.
        :raises RunError: the store can't be read.
        """
        if self.answers.refresh():
            self._count()
        person = self._person(_name(by))
        passes = self._passing(wanted or Filter())
        free = passes & (self._times < self._wanted) & ~person.answered
        count = int(np.count_nonzero(free))
        free[person.skipped] = False
        waiting = self._lying_before_others(by, free)
        own = [place for place, (who, _) in self._leases.items() if who == by and free[place]]
        self._leases = {place: each for place, each in self._leases.items() if each[0] != by}
        place = own[0] if own else int(np.argmax(free)) if free.any() else -1
        if place >= 0:
            self._leases[place] = (by, self._clock())
        question = self.question(by, int(self.order.left[place])) if place >= 0 else None
        answered = int(np.count_nonzero(person.answered))
        return Turn(question, count, answered, len(person.skipped), waiting)

    def _lying_before_others(self, by: str, free: Flags) -> int:
        """Take what lies before others out of what is free; how much that is."""
        now = self._clock()
        self._leases = {
            place: each for place, each in self._leases.items() if now - each[1] < _LEASE or each[0] == by
        }
        held = [
            place
            for place, (who, _) in self._leases.items()
            if who != by and free[place] and self._wanted[place] == 1
        ]
        free[held] = False
        return len(held)

    def _passing(self, wanted: Filter) -> Flags:
        """(q,) the places that pass a filter."""
        profile, lefts = self.left.profile, self.order.left
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
        hearing = self._finished.hearing
        least = self._finished.config.judge.match_probability
        turned = (hearing.prior >= least) != (hearing.probability >= least)
        found: Ids = self._verdicts.left[hearing.row[turned]]
        return found

    def choices(self) -> dict[str, list[str]]:
        """What a filter can name: ``types`` and ``properties`` of the left side, IRIs."""
        profile = self.left.profile
        types = {profile.types[each] for each in profile.entity_type[self.order.left].tolist() if each >= 0}
        return {
            "types": sorted(types),
            "properties": sorted({each.path[0] for each in profile.attributes if each.path[0] != "@iri"}),
        }

    @property
    def has_votes(self) -> bool:
        """Whether a language model was asked."""
        return bool(self._finished.hearing.judging)

    # what is shown

    def question(self, by: str, left: int, also: int = -1) -> Question:
        """An entity and its candidates.

        :param also: a right entity that is shown behind them, -1 for none.
        """
        iri = self.left.iri(left)
        said = self.answers.said(iri).get(by, {})
        rights = self._candidates(left)
        more = [self.right.number(right) for right in said if right]
        rights += [each for each in dict.fromkeys([*more, also]) if each >= 0 and each not in rights]
        shown = tuple(self._candidate(left, right, said) for right in rights)
        place = int(self._place[left])
        drawn = bool(self.order.drawn[place]) if place >= 0 else False
        return Question(left, iri, self.left.name(left), self.left.type(left), shown, drawn)

    def _candidate(self, left: int, right: int, said: dict[str, Decision]) -> Candidate:
        iri = self.right.iri(right)
        told = str(said[iri].verdict) if iri in said else ""
        rows = tuple(self._beside.rows(left, right))
        return Candidate(right, iri, self.right.name(right), self.right.type(right), told, rows)

    def see(self, by: str, left: str, right: str) -> PairExplanation | None:
        """The evidence on a pair, and that this person has seen it; None where it was not judged.

        :raises InputError: there are no such entities.
        """
        one, other = self._ends(left, right)
        self._person(by).seen.add((one, "evidence"))
        if self._pairs.row(one, other) < 0:
            return None
        return AlignmentResult(self._finished).explain(left, right, side="left").pairs[0]

    def see_votes(self, by: str, left: str) -> list[VoteShown]:
        """The votes of a language model on an entity, and that this person has seen them.

        :raises InputError: there is no such entity.
        """
        one, _ = self._ends(left, "")
        self._person(by).seen.add((one, "votes"))
        return votes_on(self._finished, left, self.left, self.right)

    @cached_property
    def _search(self) -> Search:
        return Search(self.right.profile)

    def search(self, text: str) -> list[tuple[int, str, str]]:
        """Right entities by name or IRI, the most similar first: id, name, IRI."""
        return [(each, self.right.name(each), self.right.iri(each)) for each in self._search.find(text)]

    def beside(self, by: str, left: str, right: str) -> Question:
        """A left entity with its candidates, and with one more that somebody searched for.

        :raises InputError: there are no such entities.
        """
        one, other = self._ends(left, right)
        return self.question(by, one, other)

    # what is answered

    def answer(
        self, by: str, left: str, right: str, verdict: Verdict, *, relation: Relation, why: str
    ) -> tuple[Decision, bool]:
        """Keep an answer; it is on the disk when this comes back.

        :param right: empty where nothing corresponds.
        :returns: the decision, and whether the entity is answered with it.
        :raises InputError: there are no such entities, or a text is too long.
        :raises RunError: it can't be written.
        """
        by = _name(by)
        if (verdict is Verdict.NOTHING) == bool(right):
            raise InputError("An answer names two entities, or one to which nothing corresponds")
        if len(why) > _LONGEST_TEXT:
            raise InputError(f"The comment is longer than {_LONGEST_TEXT:,} characters", "Shorten it")
        one, other = self._ends(left, right)
        seen = {what for entity, what in self._person(by).seen if entity == one}
        row = self._pairs.row(one, other) if right else -1
        decision = Decision(
            left,
            right,
            verdict,
            relation if verdict is Verdict.SAME else Relation.EXACT,
            by=by,
            why=why.strip(),
            probability=round(float(self._verdicts.probability[row]), 6) if row >= 0 else None,
            blind=not seen,
            source=", ".join([SOURCE, *(f"{each} seen" for each in sorted(seen))]),
        )
        made = self.answers.add(decision)
        self._person(by).trail.append(None)
        self._settle(left, one)
        place = int(self._place[one])
        done = bool(self._person(by).answered[place]) if place >= 0 else True
        return made, done

    def skip(self, by: str, left: str) -> None:
        """Put an entity off for a person.

        :raises InputError: there is no such entity.
        """
        place = int(self._place[self._ends(left, "")[0]])
        person = self._person(_name(by))
        if place >= 0 and place not in person.skipped:
            person.skipped.append(place)
            person.trail.append(place)
            self._leases.pop(place, None)

    def ask_again(self, by: str) -> None:
        """Ask a person again what was put off."""
        person = self._person(_name(by))
        person.skipped.clear()
        person.trail = [each for each in person.trail if each is None]

    def undo(self, by: str) -> str:
        """Take back the last thing that a person did, as often as there is one, also of earlier days.

        :returns: IRI of the entity that it was about, which comes next; empty where nothing is left.
        :raises RunError: it can't be written.
        """
        person = self._person(_name(by))
        last = person.trail.pop() if person.trail else None
        if last is not None:
            person.skipped.remove(last)
            return self._bring_back(by, int(self.order.left[last]))
        undone = self.answers.undo(by)
        if undone is None:
            return ""
        left = self.left.number(undone.left)
        self._settle(undone.left, left)
        return self._bring_back(by, left)

    def _bring_back(self, by: str, left: int) -> str:
        """Let an entity be the next that a person is asked about."""
        place = int(self._place[left])
        if place >= 0:
            self._leases = {at: each for at, each in self._leases.items() if each[0] != by and at != place}
            self._leases[place] = (by, self._clock())
        return self.left.iri(left)

    def _ends(self, left: str, right: str) -> tuple[int, int]:
        found = []
        for side, iri in ((self.left, left), (self.right, right)):
            entity = side.number(iri) if iri else -1
            if iri and entity < 0:
                raise InputError(f"There is no entity {iri!r}", "Load the page again")
            found.append(entity)
        if found[0] < 0:
            raise InputError("An answer names a left entity", "Load the page again")
        return found[0], found[1]


def _name(by: str) -> str:
    """A person's name as it is kept.

    :raises InputError: it is too long, or not printable.
    """
    if len(by) > _LONGEST_NAME or not by.isprintable():
        raise InputError("A name has 200 printable characters at most", "Give another one")
    return by
