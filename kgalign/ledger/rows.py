"""Votes and decisions as rows of the ledger, and back.

Lists are stored as JSON in the spelling of :mod:`kgalign.ledger.keys`. A text that UTF-8 can't hold, since a
model's answer has a lone surrogate in it, is stored as a blob, and comes back as it was.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from kgalign.ledger.keys import canonical, digest, message_hash, sampling_fields
from kgalign.llm.protocol import Message, Reply, Sampling
from kgalign.records.votes import (
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

Row = tuple[Any, ...]
"""Values as SQLite takes and gives them: typed by the columns, which the type checker can't see."""
_Named = dict[str, Any]
"""The same by the names of the columns."""

CALL_COLUMNS = (
    "key", "model", "adapter", "template", "template_hash", "messages", "labels", "sampling", "number",
    "answered", "reply", "finish", "probabilities", "prompt_tokens", "completion_tokens", "cached_tokens",
    "seconds", "attempts", "asked_at",
)  # fmt: skip
VOTE_COLUMNS = (
    "judging", "case_iri", "number", "kind", "direction", "view", "asker", "options", "shown", "shortened",
    "status", "choice", "place", "citations", "reason",
)  # fmt: skip
BESIDE_COLUMNS = ("again", "served")
"""Of a call, which have a digest of their own: how often its answer was lost before, and who gave it."""
JUDGING_COLUMNS = ("name", "begun_at")
"""Of a judging: its name is a digest of the others."""
BEGUN_COLUMNS = ("judging", "begun_at")
DECISION_COLUMNS = (
    "judging", "case_iri", "outcome", "chosen", "probability", "evidence_choice", "evidence_probability",
    "options", "probabilities", "asked", "counted", "most", "stopped",
)  # fmt: skip


def stored(text: str) -> str | bytes:
    """A text as SQLite can hold it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def text_of(value: str | bytes) -> str:
    """The text that :func:`stored` was given."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogatepass")


def call_row(vote: Vote) -> Row:
    """The request and its answer, in the order of :data:`CALL_COLUMNS`.

    :raises ValueError: not as many probabilities as labels, or one that is no number.
    """
    question, probabilities = vote.question, vote.answer.probabilities
    if probabilities is not None and len(probabilities) != len(question.labels):
        raise ValueError(f"{len(probabilities)} probabilities for {len(question.labels)} labels")
    return (
        vote.key,
        stored(vote.model),
        stored(vote.adapter),
        stored(question.template),
        question.template_hash,
        canonical([message_hash(message) for message in question.messages]),
        _json(question.labels),
        canonical(sampling_fields(vote.sampling)),
        question.number,
        int(vote.answer.status is not Status.FAILED),
        stored(vote.reply),
        stored(vote.finish),
        None if probabilities is None else canonical([float(each) for each in probabilities]),
        vote.prompt_tokens,
        vote.completion_tokens,
        vote.cached_tokens,
        float(vote.seconds),
        vote.attempts,
        vote.asked_at,
    )


def vote_row(vote: Vote) -> Row:
    """What was asked and what the answer was read as, in the order of :data:`VOTE_COLUMNS`."""
    question, answer = vote.question, vote.answer
    return (
        vote.judging,
        stored(question.case),
        question.number,
        question.kind.value,
        question.direction.value,
        question.view.value,
        stored(question.asker),
        _json(question.options),
        _json(question.values),
        int(question.shortened),
        answer.status.value,
        None if answer.choice is None else stored(answer.choice),
        answer.place,
        _json([[citation.value, citation.found] for citation in answer.citations]),
        stored(answer.reason),
    )


def decision_row(decision: Decision) -> Row:
    """A decision in the order of :data:`DECISION_COLUMNS`."""
    return (
        decision.judging,
        stored(decision.case),
        decision.outcome,
        stored(decision.chosen),
        float(decision.probability),
        stored(decision.evidence_choice),
        float(decision.evidence_probability),
        _json(decision.options),
        canonical([float(each) for each in decision.probabilities]),
        decision.asked,
        decision.counted,
        decision.most,
        decision.stopped,
    )


def row_digest(row: Sequence[Any], *more: str) -> str:
    """What tells whether a row was changed: SHA-256 over its values, and over what it refers to."""
    return digest([text_of(value) if isinstance(value, bytes) else value for value in (*row, *more)])


def vote_of(call: Row, row: Row, message: Callable[[str], Message]) -> Vote:
    """The vote that these two rows are.

    :param call: row of :data:`CALL_COLUMNS`.
    :param row: row of :data:`VOTE_COLUMNS`.
    :param message: gives the message of a hash.
    """
    called, voted = _named(CALL_COLUMNS, call), _named(VOTE_COLUMNS, row)
    question, answer = _question(called, voted, message), _answer(called, voted)
    return Vote(
        key=called["key"],
        judging=voted["judging"],
        model=text_of(called["model"]),
        adapter=text_of(called["adapter"]),
        question=question,
        answer=answer,
        sampling=Sampling(**json.loads(called["sampling"])),
        reply=text_of(called["reply"]),
        finish=text_of(called["finish"]),
        prompt_tokens=called["prompt_tokens"],
        completion_tokens=called["completion_tokens"],
        cached_tokens=called["cached_tokens"],
        seconds=called["seconds"],
        attempts=called["attempts"],
        asked_at=called["asked_at"],
    )


def _question(called: _Named, voted: _Named, message: Callable[[str], Message]) -> Question:
    return Question(
        case=text_of(voted["case_iri"]),
        number=voted["number"],
        kind=QuestionKind(voted["kind"]),
        direction=Direction(voted["direction"]),
        view=View(voted["view"]),
        asker=text_of(voted["asker"]),
        options=_texts(voted["options"]),
        labels=_texts(called["labels"]),
        template=text_of(called["template"]),
        template_hash=called["template_hash"],
        messages=tuple(message(each) for each in json.loads(called["messages"])),
        values=_texts(voted["shown"]),
        shortened=bool(voted["shortened"]),
    )


def _answer(called: _Named, voted: _Named) -> Answer:
    choice, probabilities = voted["choice"], called["probabilities"]
    return Answer(
        status=Status(voted["status"]),
        choice=None if choice is None else text_of(choice),
        place=voted["place"],
        citations=tuple(Citation(value, found) for value, found in _load(voted["citations"])),
        reason=text_of(voted["reason"]),
        probabilities=None if probabilities is None else tuple(json.loads(probabilities)),
    )


def reply_of(row: Row) -> Reply:
    """The reply that a row of :data:`CALL_COLUMNS` is."""
    call = _named(CALL_COLUMNS, row)
    labels, probabilities = call["labels"], call["probabilities"]
    return Reply(
        text=text_of(call["reply"]),
        finish=text_of(call["finish"]),
        probabilities=None
        if probabilities is None
        else dict(zip(_texts(labels), json.loads(probabilities), strict=True)),
        prompt_tokens=call["prompt_tokens"],
        completion_tokens=call["completion_tokens"],
        cached_tokens=call["cached_tokens"],
        seconds=call["seconds"],
        attempts=call["attempts"],
    )


def decision_of(row: Row) -> Decision:
    """The decision that a row of :data:`DECISION_COLUMNS` is."""
    said = _named(DECISION_COLUMNS, row)
    return Decision(
        judging=said["judging"],
        case=text_of(said["case_iri"]),
        outcome=said["outcome"],
        chosen=text_of(said["chosen"]),
        probability=said["probability"],
        evidence_choice=text_of(said["evidence_choice"]),
        evidence_probability=said["evidence_probability"],
        options=_texts(said["options"]),
        probabilities=tuple(json.loads(said["probabilities"])),
        asked=said["asked"],
        counted=said["counted"],
        most=said["most"],
        stopped=said["stopped"],
    )


def _named(columns: Sequence[str], row: Row) -> _Named:
    return dict(zip(columns, row, strict=True))


def _json(value: object) -> str | bytes:
    return stored(canonical(value))


def _load(value: str | bytes) -> Any:  # noqa: ANN401 - JSON is anything
    return json.loads(text_of(value))


def _texts(value: str | bytes) -> tuple[str, ...]:
    return tuple(_load(value))
