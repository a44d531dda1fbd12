"""Votes and decisions as rows of the ledger, and back.

Lists are stored as JSON in the spelling of :mod:`kgalign.ledger.keys`. A text that UTF-8 can't hold, since a
model's answer has a lone surrogate in it, is stored as a blob, and comes back as it was.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from kgalign.ledger.keys import canonical, digest, message_hash, sampling_fields
from kgalign.llm.protocol import Message, Reply, Sampling
from kgalign.votes import (
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

CALL_COLUMNS = (
    "key", "model", "adapter", "template", "template_hash", "messages", "labels", "sampling", "number",
    "answered", "reply", "finish", "probabilities", "prompt_tokens", "completion_tokens", "cached_tokens",
    "seconds", "attempts", "asked_at",
)  # fmt: skip
VOTE_COLUMNS = (
    "judging", "case_iri", "number", "kind", "direction", "view", "asker", "options", "shown", "shortened",
    "status", "choice", "place", "citations", "reason",
)  # fmt: skip
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

    Raises:
        ValueError: not as many probabilities as labels, or one that is no number.
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
    """The vote that these two rows are, by the order of the columns.

    Args:
        call: row of :data:`CALL_COLUMNS`.
        row: row of :data:`VOTE_COLUMNS`.
        message: gives the message of a hash.
    """
    (key, model, adapter, template, template_hash, messages, labels, sampling, _, _, reply, finish,
     probabilities, prompt_tokens, completion_tokens, cached_tokens, seconds, attempts,
     asked_at) = call  # fmt: skip
    (judging, case, number, kind, direction, view, asker, options, shown, shortened, status, choice, place,
     citations, reason) = row  # fmt: skip
    question = Question(
        case=text_of(case),
        number=number,
        kind=QuestionKind(kind),
        direction=Direction(direction),
        view=View(view),
        asker=text_of(asker),
        options=_texts(options),
        labels=_texts(labels),
        template=text_of(template),
        template_hash=template_hash,
        messages=tuple(message(each) for each in json.loads(messages)),
        values=_texts(shown),
        shortened=bool(shortened),
    )
    answer = Answer(
        status=Status(status),
        choice=None if choice is None else text_of(choice),
        place=place,
        citations=tuple(Citation(value, found) for value, found in _load(citations)),
        reason=text_of(reason),
        probabilities=None if probabilities is None else tuple(json.loads(probabilities)),
    )
    return Vote(
        key=key,
        judging=judging,
        model=text_of(model),
        adapter=text_of(adapter),
        question=question,
        answer=answer,
        sampling=Sampling(**json.loads(sampling)),
        reply=text_of(reply),
        finish=text_of(finish),
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cached_tokens=cached_tokens,
        seconds=seconds,
        attempts=attempts,
        asked_at=asked_at,
    )


def reply_of(call: Row) -> Reply:
    """The reply that a row of :data:`CALL_COLUMNS` is."""
    labels, probabilities = call[6], call[12]
    return Reply(
        text=text_of(call[10]),
        finish=text_of(call[11]),
        probabilities=None
        if probabilities is None
        else dict(zip(_texts(labels), json.loads(probabilities), strict=True)),
        prompt_tokens=call[13],
        completion_tokens=call[14],
        cached_tokens=call[15],
        seconds=call[16],
        attempts=call[17],
    )


def decision_of(row: Row) -> Decision:
    """The decision that a row of :data:`DECISION_COLUMNS` is."""
    return Decision(
        judging=row[0],
        case=text_of(row[1]),
        outcome=row[2],
        chosen=text_of(row[3]),
        probability=row[4],
        evidence_choice=text_of(row[5]),
        evidence_probability=row[6],
        options=_texts(row[7]),
        probabilities=tuple(json.loads(row[8])),
        asked=row[9],
        counted=row[10],
        most=row[11],
        stopped=row[12],
    )


def _json(value: object) -> str | bytes:
    return stored(canonical(value))


def _load(value: str | bytes) -> Any:  # noqa: ANN401 - JSON is anything
    return json.loads(text_of(value))


def _texts(value: str | bytes) -> tuple[str, ...]:
    return tuple(_load(value))
