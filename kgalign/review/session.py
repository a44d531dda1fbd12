"""A review of a run: what comes next for each person, what is shown of it, and what is answered."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kgalign.arrays import Flags
from kgalign.decisions import FILE, Decision, Relation, Verdict
from kgalign.errors import InputError
from kgalign.estimate import Estimate
from kgalign.explain import PairExplanation
from kgalign.review.answers import SOURCE, Answers, is_settled
from kgalign.review.disagreements import disputes
from kgalign.review.groups import Group, group_of
from kgalign.review.learning import Learning, State
from kgalign.review.leases import Leases
from kgalign.review.looks import Look
from kgalign.review.opened import Opened
from kgalign.review.order import Order
from kgalign.review.questions import Filter, Question, Queue, Turn
from kgalign.review.record import Side
from kgalign.review.showing import Showing
from kgalign.review.votes import VoteShown

_LONGEST_TEXT = 10_000
_LONGEST_NAME = 200


@dataclass
class _Person:
    skipped: list[int] = field(default_factory=list)
    """Entities that were put off."""
    seen: set[tuple[int, str]] = field(default_factory=set)
    """Entity, and ``evidence``, ``votes``, ``group`` or ``words``."""
    trail: list[int | None] = field(default_factory=list)
    """What was done, in order: an entity that was put off, None for a decision."""


@dataclass(frozen=True, slots=True)
class _Open:
    """What is open in a queue for a person."""

    count: int
    free: dict[int, int]
    """Left entities that can be asked about now, in order, each with the candidate, as in :class:`Leases`."""
    waiting: int
    """Those that lie before others."""


class Review:
    """The queues of a finished run, and the answers of everybody.

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
        self.path, self._overlap = run, overlap
        self._people: dict[str, _Person] = {}
        self._leases = Leases(clock)
        self._learning = Learning()
        self.opened = Opened(run, share)
        self.answers = Answers(self.opened.run.folder.file(FILE))
        self.renew(self.opened)

    def renew(self, opened: Opened) -> None:
        """Go on with the run as it is after it learned: who has what before them, and what was skipped or
        seen stays, as long as the entities are the same.
        """
        if self._people and opened.left is not self.opened.left:
            self._people.clear()
            self._leases.clear()
        self.opened, self._showing = opened, Showing(opened, self.answers)
        self._wanted = np.array(
            [1 + opened.is_double(left, self._overlap) for left in opened.order.left.tolist()]
        )
        self._count()

    def learn(self) -> None:
        """Let the run learn from the answers, aside; :meth:`catch_up` takes what comes of it.

        :raises InputError: it is learning already.
        """
        self._learning.start(self.opened)

    def catch_up(self) -> State:
        """Go on with what the run has learned, if it has.

        :returns: how the last learning stands.
        """
        opened = self._learning.take()
        if opened is not None:
            self.renew(opened)
        return self._learning.state

    @property
    def order(self) -> Order:
        """What is in doubt, first things first."""
        return self.opened.order

    @property
    def left(self) -> Side:
        """The side of the entities that are asked about."""
        return self.opened.left

    @property
    def right(self) -> Side:
        """The side of their candidates."""
        return self.opened.right

    def _count(self) -> None:
        """Find out from the answers who has answered what."""
        self._answered: dict[str, Flags] = {}
        self._settled: dict[str, set[int]] = {}
        self._times = np.zeros(len(self.order), dtype=np.int64)
        for iri in self.answers.lefts:
            self._settle(iri, self.left.number(iri))

    def _settle(self, iri: str, left: int) -> None:
        """Count who has answered one entity."""
        if left < 0:
            return
        shown = [self.right.iri(each) for each in self.opened.candidates(left)]
        settled = {by for by, own in self.answers.said(iri).items() if is_settled(own, shown)}
        for by, entities in self._settled.items():
            if by not in settled:
                entities.discard(left)
        for by in settled:
            self._settled.setdefault(by, set()).add(left)
        place = int(self.opened.place[left])
        if place < 0:
            return
        self._times[place] = len(settled)
        for by in sorted(settled | self._answered.keys()):
            self._by(by)[place] = by in settled

    def _by(self, by: str) -> Flags:
        """(q,) what a person has answered."""
        return self._answered.setdefault(by, np.zeros(len(self.order), dtype=bool))

    def _person(self, by: str) -> _Person:
        return self._people.setdefault(by, _Person())

    # what comes next

    def turn(self, by: str, wanted: Filter | None = None) -> Turn:
        """What comes next for a person; the same again until it is answered or put off.

        :param by: who asks; anybody of no name is one person.
        :raises InputError: the filter names what is not there, or the name is none.
        :raises RunError: the store can't be read.
        """
        if self.answers.refresh():
            self._count()
        wanted = wanted or Filter()
        person = self._person(_name(by))
        found = self._open(by, wanted, person, self._leases.others(by))
        own = self._leases.of(by, wanted.queue)
        entity = next((left for left in own if left in found.free), next(iter(found.free), -1))
        self._leases.take(by)
        question = None
        if entity >= 0:
            self._leases.give(by, entity, found.free[entity], wanted.queue)
            question = self.question(by, entity, found.free[entity], queue=wanted.queue)
        answered = len(self._settled.get(by, ()))
        return Turn(question, found.count, answered, len(person.skipped), found.waiting)

    def _open(self, by: str, wanted: Filter, person: _Person, held: set[int]) -> _Open:
        if wanted.queue is Queue.DOUBT:
            return self._in_doubt(by, wanted, person, held)
        if wanted.queue is Queue.ESTIMATE:
            if wanted != Filter(queue=Queue.ESTIMATE):
                raise InputError("The estimate has its own order", "Take the filter away, or choose a queue")
            return self._to_look_at(by, person, held)
        lefts = [
            self.left.number(each.left) for each in disputes(self.answers.everything()) if each.is_for(by)
        ]
        ids = np.array([each for each in lefts if each >= 0], dtype=np.int32)
        lefts = ids[self.opened.passing(wanted, ids)].tolist()
        return _Open(len(lefts), {each: -1 for each in lefts if each not in person.skipped}, 0)

    def _in_doubt(self, by: str, wanted: Filter, person: _Person, held: set[int]) -> _Open:
        lefts = self.order.left
        free = self.opened.passing(wanted, lefts) & (self._times < self._wanted) & ~self._by(by)
        count = int(np.count_nonzero(free))
        free &= ~np.isin(lefts, person.skipped)
        before = free & (self._wanted == 1) & np.isin(lefts, sorted(held))
        return _Open(count, dict.fromkeys(lefts[free & ~before].tolist(), -1), int(before.sum()))

    def _to_look_at(self, by: str, person: _Person, held: set[int]) -> _Open:
        """The cases of the sample; first what lies before this person already."""
        looks, known = self.opened.looks, self._showing.looked()
        own = [Look(*each) for each in self._leases.of(by, Queue.ESTIMATE).items()]
        asked = [each for each in own if self._is_open(each)]
        number, passed = 1, held | set(person.skipped)
        while not any(each.left not in passed for each in asked):
            number = 2 * number + len(passed)  # several cases may be of one entity
            asked = looks.next(known, number)
            if len(asked) < number:
                break
        free: dict[int, int] = {}
        for each in asked:
            if each.left not in passed:
                free.setdefault(each.left, each.right if looks.of_pairs else -1)
        return _Open(looks.open(known), free, 0 if free else sum(each.left in held for each in asked))

    def _is_open(self, look: Look) -> bool:
        """Whether a case of the sample is open."""
        found = self.opened.looks.of(self._showing.looked(), look.left)
        return look in found if self.opened.looks.of_pairs else bool(found)

    def estimate(self, *, ahead: bool = True) -> Estimate:
        """How good the run is, by what was looked at so far.

        :param ahead: whether to compute how many further looks would certify it.
        :raises RunError: the store can't be read.
        """
        if self.answers.refresh():
            self._count()
        return self.opened.looks.estimate(self._showing.looked(), ahead=ahead)

    # what is shown

    def question(self, by: str, left: int, also: int = -1, queue: Queue = Queue.DOUBT) -> Question:
        """An entity and its candidates.

        :param also: a right entity that is shown behind them, -1 for none.
        :param queue: from which it comes. Where people disagree their words stand with it, and it is
            remembered that this person has seen them.
        """
        if queue is Queue.DISAGREEMENTS:
            self._person(by).seen.add((left, "words"))
        return self._showing.question(by, left, also, queue)

    def see(self, by: str, left: str, right: str) -> PairExplanation | None:
        """The evidence on a pair, and that this person has seen it; None where it was not judged.

        :raises InputError: there are no such entities.
        """
        one, other = self.opened.ends(left, right)
        self._person(by).seen.add((one, "evidence"))
        return None if self.opened.pairs.row(one, other) < 0 else self.opened.explanation(left, right)

    def see_votes(self, by: str, left: str) -> list[VoteShown]:
        """The votes of a language model on an entity, and that this person has seen them.

        :raises InputError: there is no such entity.
        """
        one, _ = self.opened.ends(left, "")
        self._person(by).seen.add((one, "votes"))
        return self.opened.votes(left)

    def see_group(self, by: str, left: str) -> Group | None:
        """What the run links with an entity, directly or through others, and that this person has seen it;
        None where these are two at most.

        :raises InputError: there is no such entity.
        """
        one, _ = self.opened.ends(left, "")
        found = group_of(self.opened.run.alignment, one)
        self._person(by).seen |= {(each, "group") for each in (found.left if found else (one,))}
        return found

    def search(self, text: str) -> list[tuple[int, str, str]]:
        """Right entities by name or IRI, the most similar first: id, name, IRI."""
        return self.opened.search(text)

    def beside(self, by: str, left: str, right: str, queue: Queue = Queue.DOUBT) -> Question:
        """A left entity with its candidates, and with one more that somebody searched for.

        :raises InputError: there are no such entities.
        """
        one, other = self.opened.ends(left, right)
        return self.question(by, one, other, queue)

    # what is answered

    def answer(
        self,
        by: str,
        left: str,
        right: str,
        verdict: Verdict,
        *,
        relation: Relation,
        why: str,
        queue: Queue = Queue.DOUBT,
    ) -> tuple[Decision, bool]:
        """Keep an answer; it is on the disk when this comes back.

        :param right: empty where nothing corresponds.
        :param queue: for which it is. Who can't tell of a case of the sample can't tell of any candidate.
        :returns: the decision, and whether the entity is answered with it.
        :raises InputError: there are no such entities, or a text is too long.
        :raises RunError: it can't be written.
        """
        by = _name(by)
        if (verdict is Verdict.NOTHING) == bool(right):
            raise InputError("An answer names two entities, or one to which nothing corresponds")
        if len(why) > _LONGEST_TEXT:
            raise InputError(f"The comment is longer than {_LONGEST_TEXT:,} characters", "Shorten it")
        one, other = self.opened.ends(left, right)
        made = self._decision(by, one, other, verdict, relation=relation, why=why)
        also = self._untold(by, one, other) if queue is Queue.ESTIMATE and verdict is Verdict.UNSURE else []
        more = [self._decision(by, one, each, verdict, relation=relation, why="") for each in also]
        kept = self.answers.add(*more, made)[-1]
        self._person(by).trail.append(None)
        self._settle(left, one)
        done = self._is_done(by, Look(one, other), queue)
        if done:
            self._leases.take(by, one)
        return kept, done

    def _decision(
        self, by: str, left: int, right: int, verdict: Verdict, *, relation: Relation, why: str
    ) -> Decision:
        seen = {what for entity, what in self._person(by).seen if entity == left}
        return Decision(
            self.left.iri(left),
            self.right.iri(right) if right >= 0 else "",
            verdict,
            relation if verdict is Verdict.SAME else Relation.EXACT,
            by=by,
            why=why.strip(),
            probability=self.opened.probability(left, right) if right >= 0 else None,
            blind=not seen,
            source=", ".join([SOURCE, *(f"{each} seen" for each in sorted(seen))]),
        )

    def _untold(self, by: str, left: int, right: int) -> list[int]:
        """The other candidates of a case of which this person has said nothing."""
        if self.opened.looks.of_pairs:
            return []
        said = self.answers.said(self.left.iri(left)).get(by, {})
        others = (each for each in self.opened.ranked(left) if each != right)
        return [each for each in others if self.right.iri(each) not in said]

    def _is_done(self, by: str, look: Look, queue: Queue) -> bool:
        """Whether something is answered, so that another question comes next."""
        if queue is Queue.ESTIMATE:
            return not self._is_open(look)
        place = int(self.opened.place[look.left])
        return bool(self._by(by)[place]) if place >= 0 else True

    def skip(self, by: str, left: str) -> None:
        """Put an entity off for a person.

        :raises InputError: there is no such entity.
        """
        entity = self.opened.ends(left, "")[0]
        person = self._person(_name(by))
        if entity not in person.skipped:
            person.skipped.append(entity)
            person.trail.append(entity)
            self._leases.take(by, entity)

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
            return self._bring_back(by, last, -1)
        undone = self.answers.undo(by)
        if undone is None:
            return ""
        left = self.left.number(undone.left)
        self._settle(undone.left, left)
        return self._bring_back(by, left, self.right.number(undone.right) if undone.right else -1)

    def _bring_back(self, by: str, left: int, right: int) -> str:
        """Let an entity be the next that a person is asked about."""
        self._leases.give(by, left, right, None)
        return self.left.iri(left)


def _name(by: str) -> str:
    """A person's name as it is kept.

    :raises InputError: it is too long, or not printable.
    """
    if len(by) > _LONGEST_NAME or not by.isprintable():
        raise InputError("A name has 200 printable characters at most", "Give another one")
    return by
