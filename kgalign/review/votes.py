"""What a language model said of an entity, for people to read."""

from dataclasses import dataclass

from kgalign import pipeline
from kgalign.ledger import Ledger
from kgalign.records.votes import NONE, Vote
from kgalign.review.record import Side
from kgalign.run.finished import Finished


@dataclass(frozen=True, slots=True)
class VoteShown:
    """One vote."""

    number: int
    """From 1."""
    model: str
    asked: str
    choice: str
    """Name of what was chosen, or what became of the question."""
    reason: str
    cited: tuple[tuple[str, bool], ...]
    """Values that the answer relies on, each with whether it stands in the question."""


def votes_on(finished: Finished, left: str, one: Side, other: Side) -> list[VoteShown]:
    """All votes on a left entity, case by case; none where nobody was asked.

    :raises RunError: the ledger can't be read.
    """
    hearing = finished.hearing
    path = pipeline.ledger_of(finished)
    if not hearing.judging or path is None or not path.is_file():
        return []
    entity = one.number(left)
    mine = finished.verdicts.left[hearing.row] == entity
    cases = sorted({str(hearing.case[row].as_py()) for row in mine.nonzero()[0].tolist()})
    if not cases:
        return []
    with Ledger.open(path, write=False) as ledger:
        return [_shown(vote, (one, other)) for vote in ledger.votes(hearing.judging, cases=cases)]


def _shown(vote: Vote, sides: tuple[Side, Side]) -> VoteShown:
    question, answer = vote.question, vote.answer
    if answer.choice is None:
        choice = str(answer.status)
    elif answer.choice == NONE:
        choice = "none of them"
    else:
        choice = _name(answer.choice, sides)
    return VoteShown(
        question.number + 1,
        vote.model,
        f"{question.kind}, {question.direction.replace('-', ' ')}, {question.view}",
        choice,
        answer.reason,
        tuple((each.value, each.found) for each in answer.citations),
    )


def _name(iri: str, sides: tuple[Side, Side]) -> str:
    for side in sides:
        found = side.number(iri)
        if found >= 0:
            return side.name(found)
    return iri
