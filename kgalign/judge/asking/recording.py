"""What is kept of a question that was sent: the vote that goes on record."""

import datetime

from kgalign.llm.protocol import Reply, Sampling
from kgalign.records.votes import Answer, Judging, Question, Status, Vote


def recorded(
    key: str, judging: Judging, sampling: Sampling, question: Question, reply: Reply, answer: Answer
) -> Vote:
    """The vote on a question.

    :param key: of the question, as it was put to the model.
    :param judging: in which it counts, with the names of the model and its adapter.
    :param sampling: how the answer was drawn.
    :param reply: what came back.
    :param answer: what that was read as.
    """
    return Vote(
        key=key,
        judging=judging.name,
        model=judging.model,
        adapter=judging.adapter,
        question=question,
        answer=answer,
        sampling=sampling,
        reply=reply.text,
        finish=reply.finish,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        cached_tokens=reply.cached_tokens,
        seconds=reply.seconds,
        attempts=reply.attempts,
        asked_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        served=reply.served,
    )


def failed(reason: str, attempts: int) -> tuple[Reply, Answer]:
    """What is kept of a question that was not answered."""
    said = reason[:300]
    return Reply(text="", finish=said, attempts=attempts), Answer(Status.FAILED, None, 0, reason=said)
