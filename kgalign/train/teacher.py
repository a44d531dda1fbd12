"""What a teacher explained: the votes of a run whose reasons cite what their questions show."""

from collections import Counter
from dataclasses import dataclass

from kgalign.judge.asking.questions import NO, NO_OPTION
from kgalign.ledger import Ledger
from kgalign.records.votes import NONE, Direction, Question, QuestionKind, Status, Vote, known_partner
from kgalign.train.labels import Label
from kgalign.train.runs import Run
from kgalign.train.targets import answer_text, invents, read_back


@dataclass(frozen=True, slots=True)
class Told:
    """A teacher's answer to a question of its own."""

    question: Question
    answer: str
    """One of its labels."""
    text: str
    """The answer with its explanation, as it is to be learned."""


class Teacher:
    """The explained votes of one run.

    :param run: the run.
    :param counts: ``explanations``, and those of them that were dropped, are added.
    """

    def __init__(self, run: Run, counts: Counter[str]) -> None:
        self._told: dict[str, list[Told]] = {}
        if run.judging is None:
            return
        with Ledger.open(run.ledger, write=False) as ledger:
            for vote in ledger.votes(run.judging.name, status=[Status.OK, Status.INVENTED]):
                if not vote.answer.reason or known_partner(vote.question.case) is not None:
                    continue
                counts["explanations"] += 1
                told = _told(vote)
                if told is None:
                    counts["explanations_dropped"] += 1
                else:
                    self._told.setdefault(vote.question.case.split(" ")[0], []).append(told)

    def of(self, case: str) -> list[Told]:
        """What was told of an entity, in the order in which it was asked."""
        return self._told.get(case, [])


def _told(vote: Vote) -> Told | None:
    """A teacher's answer with its explanation; None where that cites what is not in the question."""
    question, answer = vote.question, vote.answer
    if answer.status is not Status.OK or answer.choice is None or invents(question, answer.reason):
        return None
    label = question.labels[-1] if answer.choice == NONE else question.labels[answer.place - 1]
    text = answer_text(label, [each.value for each in answer.citations], answer.reason)
    return Told(question, label, text) if read_back(question, text).status is Status.OK else None


def right_label(run: Run, label: Label, question: Question) -> str:
    """Which label of a question is right by what is known of its entity; empty where that is unknown."""
    case = run.iri(label.left)
    partners = {run.right_iri(each) for each in label.partners}
    wrong = {run.right_iri(each) for each in label.wrong}
    if question.direction is Direction.RIGHT_ASKS:
        if question.asker in partners and case in question.options:
            return question.labels[question.options.index(case)]
        known = label.closed or question.asker in wrong
        return NO if question.kind is QuestionKind.VERIFY and known else ""
    chosen = [name for iri, name in zip(question.options, question.labels, strict=False) if iri in partners]
    if chosen:
        return chosen[0] if len(chosen) == 1 else ""
    known = label.closed or set(question.options) <= wrong
    return (NO if question.kind is QuestionKind.VERIFY else NO_OPTION) if known else ""
