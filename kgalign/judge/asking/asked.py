"""What was asked about a case or a control, and what came of it."""

from dataclasses import dataclass, replace
from typing import Literal

from kgalign.judge.asking.cases import Case
from kgalign.judge.asking.controls import Control
from kgalign.judge.asking.next_question import Ask
from kgalign.judge.votes.ballots import Ballot
from kgalign.judge.votes.scores import Reading, probabilities_of
from kgalign.ledger.stance import right_place
from kgalign.records.votes import Vote

Stopped = Literal["sure", "most", "limit", "failed", "not-asked"]


@dataclass(frozen=True, slots=True)
class AskedCase:
    """What was asked about one case, and what came of each question."""

    case: Case
    asked: tuple[Ask, ...]
    votes: tuple[Vote, ...]
    ballots: tuple[Ballot, ...]
    """Of the votes that count, in their order; ``ballot_numbers`` are their numbers."""
    ballot_numbers: tuple[int, ...]
    stopped: Stopped

    @property
    def complete(self) -> bool:
        """Whether the case was asked to its end."""
        return self.stopped in ("sure", "most")

    @property
    def next_number(self) -> int:
        """Number of the next question."""
        return 1 + max((vote.question.number for vote in self.votes), default=-1)

    def and_then(self, more: "AskedCase") -> "AskedCase":
        """With what a further voter said; where that one came to no end what was said before still counts."""
        return AskedCase(
            self.case,
            self.asked + more.asked,
            self.votes + more.votes,
            self.ballots + more.ballots,
            self.ballot_numbers + more.ballot_numbers,
            more.stopped if more.complete or not self.complete else self.stopped,
        )


@dataclass(frozen=True, slots=True)
class AskedControl:
    """What was asked about a control, and the votes that count."""

    control: Control
    votes: tuple[Vote, ...]
    ballots: tuple[Ballot, ...]
    reading: Reading | None = None
    """How its scores were read: by what all other controls tell. None where answers are no scores."""

    @property
    def votes_as_read(self) -> list[Vote]:
        """The votes with probabilities as they were read."""
        reading = self.reading
        if reading is None:
            return list(self.votes)
        return [
            vote
            if (given := vote.answer.probabilities) is None
            else replace(vote, answer=replace(vote.answer, probabilities=probabilities_of(given, reading)))
            for vote in self.votes
        ]


def known_scores(asked: AskedControl) -> list[tuple[tuple[float, ...], int]]:
    """What was given to the options of each control, last to none of them, and the place of what is right."""
    return [
        (given, (place or len(given)) - 1)
        for vote in asked.votes
        if (given := vote.answer.probabilities) is not None and (place := right_place(vote)) is not None
    ]
