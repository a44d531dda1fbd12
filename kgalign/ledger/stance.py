"""What a vote says of the pair it was asked about, whichever side was asked and in whatever form."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from kgalign.records.votes import NONE, Decision, Direction, Question, Status, Vote, known_partner

Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Stance:
    """The right entities that a counted vote speaks for and against."""

    speaks_for: str
    """IRI of the right entity that it takes for the partner, :data:`~kgalign.records.votes.NONE` for none of
    those offered."""
    speaks_against: tuple[str, ...]
    """IRIs of the right entities that it could have taken and did not, in the order shown."""


def left_of(case: str) -> str:
    """IRI of the left entity of a case; where each pair is a case, the right one follows after a space."""
    return case.partition(" ")[0]


def sides(question: Question) -> tuple[Side, Side]:
    """On which side the asker of a question stands, and on which its options."""
    return ("right", "left") if question.direction is Direction.RIGHT_ASKS else ("left", "right")


def partners(question: Question) -> tuple[str, ...]:
    """IRIs of the right entities that a question lets be chosen, in the order shown."""
    return (question.asker,) if question.direction is Direction.RIGHT_ASKS else question.options


def stance(vote: Vote) -> Stance | None:
    """What a vote says, None where it isn't counted.

    Where a right entity asks for its partner, the answer speaks for it only by choosing the case's own.
    """
    question, answer = vote.question, vote.answer
    if answer.status is not Status.OK or answer.choice is None:
        return None
    chosen = answer.choice
    if question.direction is Direction.RIGHT_ASKS:
        chosen = question.asker if chosen == left_of(question.case) else NONE
    return Stance(chosen, tuple(each for each in partners(question) if each != chosen))


def disagree(stances: Iterable[Stance]) -> bool:
    """Whether the votes on a case contradict each other: one speaks for what another speaks against.

    Votes that were offered different entities don't contradict each other by choosing none of them.
    """
    known = list(stances)
    against = {each for stance in known for each in stance.speaks_against}
    return any(stance.speaks_for in against for stance in known if stance.speaks_for != NONE)


def opposes(vote: Vote, decision: Decision) -> bool:
    """Whether a vote speaks against what the evidence chose before anybody was asked."""
    said = stance(vote)
    if said is None:
        return False
    if decision.evidence_choice == NONE:
        return said.speaks_for != NONE
    return decision.evidence_choice in said.speaks_against


def is_right(vote: Vote) -> bool | None:
    """Whether a control was answered as it should be; None where it was not answered, or is no control."""
    right = right_place(vote)
    if right is None or vote.answer.status is not Status.OK or vote.answer.choice is None:
        return None
    return (vote.answer.place if vote.answer.choice != NONE else 0) == right


def right_place(vote: Vote) -> int | None:
    """The place of the right answer to a control, 0 for none of them; None if it is no control."""
    question = vote.question
    partner = known_partner(question.case)
    if partner is None:
        return None
    shown = (*question.options, question.asker)
    if partner == NONE or partner not in shown:
        return 0
    # Where the partner asks, the right answer is the entity itself: in a pair, the only option.
    return question.options.index(partner) + 1 if partner in question.options else 1
