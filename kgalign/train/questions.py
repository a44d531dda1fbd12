"""Questions to learn from, worded by the very class that words those of the judge.

A select question shows the nearest candidates, and the right one among them at a place that goes round, so
that no place is right more often than another; where the answer shall be "none", the right one is left out
and the next candidate stands in its place. Views, directions and phrasings vary as they do while a case is
heard, drawn by a hash of the entity and the seed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kgalign.judge.asking.next_question import VIEWS
from kgalign.judge.asking.questions import NO as NO_ANSWER
from kgalign.judge.asking.questions import NO_OPTION, YES, Questions
from kgalign.records.votes import Direction, Question, QuestionKind, View
from kgalign.train.data import Split
from kgalign.train.labels import Label
from kgalign.train.runs import Run
from kgalign.train.splitting import drawn

_SELECT, _VERIFY = QuestionKind.SELECT, QuestionKind.VERIFY
_LEFT, _RIGHT = Direction.LEFT_ASKS, Direction.RIGHT_ASKS
_TURNS = (0, 0, 0, 1, 1, 2)
"""Turns that are drawn from: most questions of the judge are the first of their form."""
_RIGHT_SELECTS = 4
"""One select question in so many is asked by the right side, where it can be."""
_FEWEST = 2
"""Options of a select question: the judge verifies a single one."""


@dataclass(frozen=True, slots=True)
class Posed:
    """A question with its answer."""

    question: Question
    answer: str
    """One of its labels."""
    label: Label
    about: tuple[int, int]
    """The pair that decides: left and right entity, chosen or the nearest of those that are not."""


class Poser:
    """Poses questions about the entities of one run.

    :param run: the run.
    :param splits: IRI → split; an entity that is not there may be shown in training alone.
    :param seed: draws views, directions and orders.
    :param counts: ``options`` that would be shown, and those of them that are in another split, are added.
    """

    def __init__(self, run: Run, splits: Mapping[str, Split], seed: int, counts: Counter[str]) -> None:
        self.run, self.splits, self.seed = run, splits, seed
        self.questions = run.questions()
        self._counts = counts
        self._places: Counter[tuple[Split, int]] = Counter()

    def split(self, iri: str) -> Split:
        """The split that an entity may be shown in."""
        return self.splits.get(iri, "train")

    def others(self, label: Label) -> list[int]:
        """Right entities of the split that are none of the partners, the nearest first."""
        run, split = self.run, self.split(self.run.iri(label.left))
        nearest = dict.fromkeys((*label.options, *run.candidates(label.left)))
        wrong = [
            each for each in nearest if each not in label.partners and (label.closed or each in label.wrong)
        ]
        found = [each for each in wrong if self.split(run.right_iri(each)) == split]
        first = wrong[: run.most_options - bool(label.partners)]
        self._counts["options"] += len(first)
        self._counts["options_of_other_splits"] += len(set(first) - set(found))
        return found

    def pose(self, kind: QuestionKind, label: Label, *, positive: bool) -> Posed | None:
        """A question on an entity; None where too little is near, or too little known, to ask one.

        :param positive: whether the partner is offered.
        """
        if positive and not label.partners:
            raise ValueError("there is no partner to offer")
        if kind is _VERIFY:
            return self._verify(label, positive=positive)
        if self.run.several_right or not label.closed:
            return None
        if label.partners and self._draw("right selects", label) % _RIGHT_SELECTS == 0:
            posed = self._select_right(label, positive=positive)
            if posed is not None:
                return posed
        return self._select(label, positive=positive)

    def with_copy(self, kind: QuestionKind, label: Label, copy: int, questions: Questions) -> Posed | None:
        """A question in which a changed copy of the partner stands in its place; None if it can't be asked.

        :param copy: its id, on the right side that ``questions`` knows.
        """
        partner = label.partners[0]
        if kind is _VERIFY:
            return self._pair(label, copy, yes=False, questions=questions, about=partner)
        rest = self._shuffled(self.others(label)[: self.run.most_options - 1], label)
        if self.run.several_right or not rest:
            return None
        place = self._draw("copy", label) % (len(rest) + 1)
        return self._among(label, [*rest[:place], copy, *rest[place:]], -1, questions, partner)

    def in_one_split(self, label: Label, iris: Sequence[str]) -> bool:
        """Whether all of some entities may be shown where a labelled one is."""
        split = self.split(self.run.iri(label.left))
        return all(self.split(iri) == split for iri in iris)

    def _among(
        self, label: Label, options: Sequence[int], answer: int, questions: Questions, about: int
    ) -> Posed:
        """The left entity selects among options in the order given; -1 as the answer for none of them."""
        turn = self._turn(_SELECT, label)
        question = self._question(questions, label, _SELECT, _LEFT, turn, label.left, options)
        chosen = question.labels[list(options).index(answer)] if answer >= 0 else NO_OPTION
        return Posed(question, chosen, label, (label.left, about))

    def _pair(self, label: Label, right: int, *, yes: bool, questions: Questions, about: int) -> Posed:
        """Either of a pair asks for the other."""
        direction = (_LEFT, _RIGHT)[self._draw("asks", label) % 2]
        asker, option = (label.left, right) if direction is _LEFT else (right, label.left)
        turn = self._turn(_VERIFY, label)
        question = self._question(questions, label, _VERIFY, direction, turn, asker, (option,))
        return Posed(question, YES if yes else NO_ANSWER, label, (label.left, about))

    def _verify(self, label: Label, *, positive: bool) -> Posed | None:
        if positive:
            # Of several partners it is not always the same one.
            right = label.partners[self._draw("partner", label) % len(label.partners)]
        else:
            others = self.others(label)
            if not others:
                return None
            right = others[0]
        return self._pair(label, right, yes=positive, questions=self.questions, about=right)

    def _select(self, label: Label, *, positive: bool) -> Posed | None:
        others, most = self.others(label), self.run.most_options
        if not positive:
            options = self._shuffled(others[:most], label)
            if len(options) < _FEWEST:
                return None
            return self._among(label, options, -1, self.questions, others[0])
        partner = label.partners[0]
        rest = self._shuffled(others[: most - 1], label)
        if not rest:
            return None
        place = self._place(label, len(rest) + 1)
        options = [*rest[:place], partner, *rest[place:]]
        return self._among(label, options, partner, self.questions, partner)

    def _select_right(self, label: Label, *, positive: bool) -> Posed | None:
        """The partner asks for the left entity among its rivals; they are others, where each has one."""
        run, partner = self.run, label.partners[0]
        if not run.one_to_one or run.most_options < _FEWEST:
            return None
        split = self.split(run.iri(label.left))
        rivals = [
            each for each in run.rivals(partner) if each != label.left and self.split(run.iri(each)) == split
        ][: run.most_options - positive]
        if len(rivals) + positive < _FEWEST:
            return None
        nearest = rivals[0]
        options = self._shuffled(rivals, label)
        if positive:
            place = self._place(label, len(options) + 1)
            options = [*options[:place], label.left, *options[place:]]
        turn = self._turn(_SELECT, label)
        question = self._question(self.questions, label, _SELECT, _RIGHT, turn, partner, options)
        chosen = question.labels[options.index(label.left)] if positive else NO_OPTION
        return Posed(question, chosen, label, (label.left if positive else nearest, partner))

    def _question(
        self,
        questions: Questions,
        label: Label,
        kind: QuestionKind,
        direction: Direction,
        turn: int,
        asker: int,
        options: Sequence[int],
    ) -> Question:
        views = VIEWS[kind, direction] if self._has_relations(label, asker, options, direction) else ()
        view = views[turn % len(views)] if views else View.ATTRIBUTES
        return questions.question(
            case=label.left,
            number=0,
            kind=kind,
            direction=direction,
            view=view if view in questions.views else questions.views[0],
            turn=turn,
            asker=asker,
            options=options,
        )

    def _has_relations(self, label: Label, asker: int, options: Sequence[int], direction: Direction) -> bool:
        left, right = self.run.related
        rights = options if direction is _LEFT else (asker,)
        # Copies that were made up come after the entities of the run; whom they are of stands in the label.
        known = [each if each < len(right) else label.partners[0] for each in rights]
        return bool(left[label.left]) and any(right[each] for each in known)

    def _place(self, label: Label, options: int) -> int:
        """Where the right option stands: each place in turn, in each split."""
        key = (self.split(self.run.iri(label.left)), options)
        self._places[key] += 1
        return (self._places[key] + drawn(self.seed, "place", *key)) % options

    def _shuffled(self, options: Sequence[int], label: Label) -> list[int]:
        return sorted(options, key=lambda each: (self._draw(f"order {each}", label), each))

    def _turn(self, kind: QuestionKind, label: Label) -> int:
        return _TURNS[self._draw(f"turn {kind}", label) % len(_TURNS)]

    def _draw(self, what: str, label: Label) -> int:
        return drawn(self.seed, what, self.run.iri(label.left))
