"""Votes and decisions to fill ledgers with."""

from collections.abc import Sequence
from typing import Any

from kgalign.ledger import key_of
from kgalign.llm.protocol import Message, Sampling
from kgalign.records.votes import (
    NONE,
    Answer,
    Citation,
    Decision,
    Direction,
    Question,
    QuestionKind,
    Status,
    View,
    Vote,
)

SYSTEM = Message("system", "Which of these is the same as the one above?")
OPTIONS = tuple(f"http://right.example/{name}" for name in ("Vienna", "Graz", "Linz"))
LABELS = ("A", "B", "C", "none")
SETTINGS = {"votes": {"reducer": "adaptive"}, "seed": 0}


def left(name: object) -> str:
    return f"http://left.example/{name}"


def a_question(case: object = "Wien", number: int = 0, **changes: Any) -> Question:  # noqa: ANN401
    options: Sequence[str] = changes.pop("options", OPTIONS)
    labels = (*LABELS[: len(options)], "none") if len(options) < len(LABELS) else None
    shown = "; ".join(options)
    fields: dict[str, Any] = {
        "case": left(case),
        "number": number,
        "kind": QuestionKind.SELECT,
        "direction": Direction.LEFT_ASKS,
        "view": View.ATTRIBUTES,
        "asker": left(case),
        "options": tuple(options),
        "labels": labels or (*(f"o{place}" for place in range(len(options))), "none"),
        "template": "select-1",
        "template_hash": "ab" * 32,
        "messages": (SYSTEM, Message("user", f"{left(case)}, question {number}: {shown}")),
        "values": ("Wien", "1.9 million"),
    }
    return Question(**(fields | changes))


def a_vote(
    judging: str,
    case: object = "Wien",
    number: int = 0,
    *,
    chosen: str | None = OPTIONS[0],
    status: Status = Status.OK,
    model: str = "judge-1b",
    reply: str = '{"choice": "A"}',
    tokens: tuple[int, int] = (600, 40),
    **changes: Any,  # noqa: ANN401
) -> Vote:
    """A vote; ``changes`` are those of its question."""
    question = a_question(case, number, **changes)
    failed = status is Status.FAILED
    place = question.options.index(chosen) + 1 if chosen in question.options and not failed else 0
    answer = Answer(
        status=status,
        choice=None if failed else chosen,
        place=place,
        citations=() if failed else (Citation("Wien", True),),
        reason="no answer for 60 s" if failed else "the names agree",
    )
    return Vote(
        key=key_of(question, model, "", Sampling()),
        judging=judging,
        model=model,
        adapter="",
        question=question,
        answer=answer,
        sampling=Sampling(),
        reply="" if failed else reply,
        finish="" if failed else "stop",
        prompt_tokens=0 if failed else tokens[0],
        completion_tokens=0 if failed else tokens[1],
        cached_tokens=0,
        seconds=0.25,
        attempts=5 if failed else 1,
        asked_at="2026-03-01T12:00:00Z",
    )


def a_decision(judging: str, case: object = "Wien", **changes: Any) -> Decision:  # noqa: ANN401
    fields: dict[str, Any] = {
        "judging": judging,
        "case": left(case),
        "outcome": "match",
        "chosen": OPTIONS[0],
        "probability": 0.97,
        "evidence_choice": OPTIONS[0],
        "evidence_probability": 0.6,
        "options": OPTIONS,
        "probabilities": (0.01, 0.97, 0.01, 0.01),
        "asked": 2,
        "counted": 2,
        "most": 7,
        "stopped": "sure",
    }
    fields |= changes
    if fields["outcome"] == "no_match":
        fields["chosen"] = NONE
    return Decision(**fields)
