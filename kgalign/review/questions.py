"""What people are asked, and which of it they want to be asked."""

from dataclasses import dataclass
from enum import StrEnum

from kgalign.review.record import Row


class Queue(StrEnum):
    """What is asked, and in which order."""

    DOUBT = "doubt"
    """What an answer is worth most for, with a share that is drawn at random."""
    ESTIMATE = "estimate"
    """What :mod:`kgalign.estimate` wants to know: a sample, in its own order."""
    DISAGREEMENTS = "disagreements"
    """What people say different things of."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entities are asked about; all that pass all of it."""

    type: str = ""
    """IRI of the type of the left one; any if empty."""
    property: str = ""
    """IRI of a property that the left one has a value of; any if empty."""
    against: bool = False
    """Those alone of which the votes of a model say something else than the evidence."""
    queue: Queue = Queue.DOUBT


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
class Word:
    """What somebody else said of an entity."""

    by: str
    verdict: str
    right: str
    """Name of the right entity; empty where nothing corresponds."""
    iri: str
    """Its IRI."""
    why: str


@dataclass(frozen=True, slots=True)
class Question:
    """An entity, and what may be the same, in an order that tells nothing."""

    entity: int
    iri: str
    name: str
    type: str
    candidates: tuple[Candidate, ...]
    drawn: bool
    """Whether nobody doubts it: it was drawn at random."""
    words: tuple[Word, ...] = ()
    """What people said of it, where it is asked because they disagree."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What is before a person: a question, or none and why."""

    question: Question | None
    left: int
    """What is open in the queue and passes the filter."""
    answered: int
    """Entities that this person has answered."""
    skipped: int
    """Entities that this person put off; they are not asked about until they are wanted again."""
    waiting: int
    """Entities that lie before somebody else."""
