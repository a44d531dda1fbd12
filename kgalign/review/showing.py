"""What is shown of an entity that people are asked about."""

from kgalign.decisions import Decision, Verdict
from kgalign.estimate import Answers as Known
from kgalign.review.answers import Answers, Said
from kgalign.review.disagreements import disputes
from kgalign.review.opened import CANDIDATES, Opened
from kgalign.review.questions import Candidate, Question, Queue, Word


class Showing:
    """Entities with their candidates, as each queue shows them, and what was said of them already."""

    def __init__(self, opened: Opened, answers: Answers) -> None:
        self._opened, self._answers = opened, answers
        self._known: tuple[int, Known] | None = None

    def looked(self) -> Known:
        """What is known of the cases of the sample."""
        if self._known is None or self._known[0] != self._answers.version:
            self._known = self._answers.version, self._opened.looks.answers(self._answers.everything())
        return self._known[1]

    def question(self, by: str, left: int, also: int = -1, queue: Queue = Queue.DOUBT) -> Question:
        """An entity and its candidates.

        :param also: a right entity that is shown behind them, -1 for none.
        :param queue: from which it comes.
        """
        iri = self._opened.left.iri(left)
        said = self._answers.said(iri).get(by, {})
        rights = self._of_look(left, also) if queue is Queue.ESTIMATE else self._opened.candidates(left)
        words: tuple[Word, ...] = ()
        more = [self._opened.right.number(right) for right in said if right]
        if queue is Queue.DISAGREEMENTS:
            words, disputed = self._words(iri)
            more += disputed
        rights += [each for each in dict.fromkeys([*more, also]) if each >= 0 and each not in rights]
        shown = tuple(self._candidate(left, right, said) for right in rights)
        place = int(self._opened.place[left])
        drawn = bool(self._opened.order.drawn[place]) if place >= 0 else False
        return Question(
            left, iri, self._opened.left.name(left), self._opened.left.type(left), shown, drawn, words
        )

    def _candidate(self, left: int, right: int, said: dict[str, Decision]) -> Candidate:
        iri = self._opened.right.iri(right)
        told = str(said[iri].verdict) if iri in said else ""
        rows = tuple(self._opened.beside.rows(left, right))
        return Candidate(
            right, iri, self._opened.right.name(right), self._opened.right.type(right), told, rows
        )

    def _of_look(self, left: int, right: int) -> list[int]:
        """The candidates of a case of the sample: so many that one of them, at least, is still open.

        :param right: of a case that is about one pair the one that is asked about.
        """
        opened = self._opened
        if opened.looks.of_pairs:
            return [right] if right >= 0 else []
        first = [each.right for each in opened.looks.of(self.looked(), left)]
        ranked = first + [each for each in opened.ranked(left) if each not in first]
        refused = _refused(self._answers.said(opened.left.iri(left)))
        shown: list[int] = []
        while ranked and all(opened.right.iri(each) in refused for each in shown):
            shown += opened.shuffled(left, ranked[:CANDIDATES])
            ranked = ranked[CANDIDATES:]
        return shown

    def _words(self, left: str) -> tuple[tuple[Word, ...], list[int]]:
        """What people disagree on of an entity, and the right entities that they name."""
        found = next((each for each in disputes(self._answers.everything()) if each.left == left), None)
        words = found.words if found else ()
        rights = [self._opened.right.number(each.right) if each.right else -1 for each in words]
        names = [self._opened.right.name(each) if each >= 0 else "" for each in rights]
        told = zip(words, names, strict=True)
        return tuple(
            Word(each.by, str(each.verdict), name, each.right, each.why) for each, name in told
        ), rights


def _refused(said: Said) -> set[str]:
    """Right entities of which somebody says that they are different."""
    every = (each for own in said.values() for each in own.values())
    return {each.right for each in every if each.verdict is Verdict.DIFFERENT}
