"""What is asked about a pair, what is answered, and what is kept of it.

The judge makes questions and votes, the ledger keeps them, reports and exports read them: they meet
here. All of them are known by IRIs, never by ids of a run, so that a ledger can be read on its own.
"""

from dataclasses import dataclass
from enum import StrEnum

from kgalign.llm.protocol import Message, Sampling


class QuestionKind(StrEnum):
    """The two forms of a question."""

    SELECT = "select"
    """Which of these is it, or none of them?"""
    VERIFY = "verify"
    """Are these two the same?"""


class Direction(StrEnum):
    """Whose entity stands above the options."""

    LEFT_ASKS = "left-asks"
    RIGHT_ASKS = "right-asks"


class View(StrEnum):
    """What is shown of the entities."""

    ATTRIBUTES = "attributes"
    RELATIONS = "relations"
    BOTH = "both"


class Status(StrEnum):
    """What became of one question. Only ``OK`` is counted as a vote."""

    OK = "ok"
    NOT_OFFERED = "not-offered"
    """It chose something that was not among the options."""
    INVENTED = "invented"
    """It relies on a value that is not in the question."""
    CUT_OFF = "cut-off"
    """The answer was at its longest before it was complete."""
    UNREADABLE = "unreadable"
    """The answer is not of the form that was asked for."""
    FAILED = "failed"
    """No answer came, however often it was tried. It is asked again in the next run."""


CUT_SHORT = "length"
"""How servers say that an answer was at its longest before it was complete."""
NONE = ""
"""What stands for "none of them" where the IRI of the chosen option stands otherwise."""


_CONTROL = " control "


def control_name(left: str, partner: str) -> str:
    """What a control is known by as a case: IRIs hold no space, so what is known of it can be read from it.

    :param left: IRI of the left entity.
    :param partner: IRI of its partner, :data:`NONE` where that was taken away.
    """
    return f"{left}{_CONTROL}{partner}"


def known_partner(case: str) -> str | None:
    """The partner that a control is known to have, :data:`NONE` for none; None if the case is no control."""
    _, mark, partner = case.partition(_CONTROL)
    return partner if mark else None


@dataclass(frozen=True, slots=True)
class Question:
    """One question, put in words."""

    case: str
    """IRI of the left entity whose partner is sought: all votes on it belong together. Where entities may
    have several partners each pair is a case, and the IRI of the right one follows after a space."""
    number: int
    """0-based number of the question within its case; the vote number of its key."""
    kind: QuestionKind
    direction: Direction
    view: View
    asker: str
    """IRI of the entity that stands above the options; in a verify question the first of the two."""
    options: tuple[str, ...]
    """IRIs of the options in the order shown, one in a verify question; "none" is not among them."""
    labels: tuple[str, ...]
    """The word for each option in the same order, and last the word for none of them."""
    template: str
    """Name and version of the prompt, such as ``select-1@1``; its phrasing is part of the name."""
    template_hash: str
    """SHA-256 of the template's text."""
    messages: tuple[Message, ...]
    values: tuple[str, ...]
    """Everything that was shown of the entities, value by value: what an answer may cite."""
    shortened: bool = False
    """Whether values were left out or cut so that it fits."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A value that an answer relies on."""

    value: str
    found: bool
    """Whether it stands in the question."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, read and checked against its question."""

    status: Status
    choice: str | None
    """IRI of the chosen option, :data:`NONE` for none of them, None where it can't be told."""
    place: int
    """1-based place at which the choice stood, 0 for none of them and where it can't be told."""
    citations: tuple[Citation, ...] = ()
    reason: str = ""
    probabilities: tuple[float, ...] | None = None
    """Of each option in the order shown and, last, of none of them, as the model gave them: they sum to 1."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One row of the ledger: what was asked, what came back, and what it was read as."""

    key: str
    """SHA-256 of model, adapter, template, messages, labels, sampling and vote number."""
    judging: str
    """Which judging it was counted in, see :class:`Judging`."""
    model: str
    adapter: str
    question: Question
    answer: Answer
    sampling: Sampling
    reply: str
    """The text that came back, as it came."""
    finish: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    seconds: float
    attempts: int
    asked_at: str
    """ISO 8601, UTC, when the answer came."""
    served: str = ""
    """The name that the server gave to what answered; empty where it was the one that was asked."""

    @property
    def cut_short(self) -> bool:
        """Whether it counts though the answer was cut off: its choice had been made by then."""
        return self.finish == CUT_SHORT and self.answer.status is Status.OK


@dataclass(frozen=True, slots=True)
class Decision:
    """What the votes on one case came to."""

    judging: str
    case: str
    outcome: str
    """Name of the :class:`~kgalign.records.Outcome` in lower case: ``match`` or ``no_match`` for the chosen
    option, ``undecided``, ``not_asked``, ``failed``."""
    chosen: str
    """IRI of the leading option, :data:`NONE` for none of them."""
    probability: float
    """Of the leading option, after the votes."""
    evidence_choice: str
    """IRI of the option that led before anybody was asked, :data:`NONE` for none of them."""
    evidence_probability: float
    """Of ``evidence_choice``, before the votes."""
    options: tuple[str, ...]
    """IRIs of all options of the case, best first by the evidence."""
    probabilities: tuple[float, ...]
    """After the votes: of none of them first, then of each option."""
    asked: int
    """Questions asked."""
    counted: int
    """Votes counted."""
    most: int
    """Questions that would have been asked without stopping early."""
    stopped: str
    """Why no more was asked: ``sure``, ``most``, ``limit``, ``failed``, ``not-asked``."""


@dataclass(frozen=True, slots=True)
class Judging:
    """One pass over the doubtful cases under one set of settings."""

    name: str
    """SHA-256 of the settings, shortened to 16 characters."""
    model: str
    adapter: str
    settings: str
    """JSON of everything that decides what is asked and how it is counted, for a replay."""
    begun_at: str
