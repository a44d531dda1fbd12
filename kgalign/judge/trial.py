"""Ten questions to a model before a plan is made: how fast it answers, how much it reads and writes, and how
often it is right on what is known.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from kgalign.config import Config
from kgalign.errors import KgalignError
from kgalign.judge.asking.answers import read_answer
from kgalign.judge.asking.budget import Estimates
from kgalign.judge.asking.cases import Case
from kgalign.judge.asking.next_question import Ask
from kgalign.judge.asking.questions import question_tokens
from kgalign.judge.terms import models_of
from kgalign.llm.backends import open_backend
from kgalign.llm.pool import Pool
from kgalign.llm.protocol import CallFailed, Reply, Request, Sampling
from kgalign.records.votes import NONE, Answer, Direction, Question, QuestionKind, Status

_WEIGHT = 10.0
"""Weight, in answers, of what is believed of models before any was asked."""

Asked = tuple[Case, Ask, Question]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a model was found to do."""

    calls: int
    """Questions that were answered."""
    rate: float | None
    """Votes per second; None where nobody was asked."""
    tokens: float
    """Tokens that the model reads for each that is counted before."""
    answer_tokens: float
    """Tokens of an answer, the mean."""
    usable: float
    """Share of the answers that can be used."""
    accuracy: float
    """Share of what is known that it is right on."""
    sure: tuple[float, ...] = ()
    """Probabilities that it gave its choices; empty where it gives none."""


async def try_out(asked: Sequence[Asked], config: Config, accuracy: float) -> Trial:
    """Ask a model some questions side by side, and forget its answers.

    :param asked: questions about what is known, whose answers the priors of their cases say.
    :param accuracy: what is believed of models before any was asked.
    :raises KgalignError: there is no server, or no such model, or it answers nothing.
    """
    backend = open_backend(config.judge.judge, models_of(config)[0])
    try:
        found = await backend.probe()
        sampling = Sampling(
            temperature=config.llm.temperature,
            top_p=config.llm.top_p,
            max_tokens=config.llm.answer_tokens,
            seed=config.seed,
            logprobs=min(found.logprobs, 2 * (config.votes.options + 1)),
        )
        pool = Pool(backend, config.llm, seed=config.seed)
        began = time.monotonic()
        try:
            replies = await asyncio.gather(
                *(pool.ask(_request(question, sampling)) for _, _, question in asked), return_exceptions=True
            )
        finally:
            await pool.close()
        seconds = time.monotonic() - began
    finally:
        await backend.close()
    for each in replies:
        if isinstance(each, BaseException) and not isinstance(each, CallFailed):
            raise each
    estimates = Estimates()
    answered = [
        (*one, estimates.complete(each, one[2]))
        for one, each in zip(asked, replies, strict=True)
        if isinstance(each, Reply)
    ]
    return _measured(answered, seconds, accuracy)


def _request(question: Question, sampling: Sampling) -> Request:
    return Request(question.messages, question.labels, sampling, question.number)


def _measured(
    answered: Sequence[tuple[Case, Ask, Question, Reply]], seconds: float, accuracy: float
) -> Trial:
    if not answered:
        raise KgalignError(
            "The model answered none of the questions that it was tried out with",
            "Look at the log of its server, or give --no-probe",
        )
    read = [(case, step, question, read_answer(question, reply)) for case, step, question, reply in answered]
    usable = [each for each in read if each[3].status is Status.OK and each[3].choice is not None]
    counted = sum(question_tokens(question) for _, _, question, _ in answered)
    told = sum(reply.prompt_tokens for *_, reply in answered)
    return Trial(
        calls=len(answered),
        rate=len(answered) / max(seconds, 1e-6),
        tokens=told / counted if told else 1.0,
        answer_tokens=sum(reply.completion_tokens for *_, reply in answered) / len(answered),
        usable=(len(usable) + 0.95 * _WEIGHT) / (len(answered) + _WEIGHT),
        accuracy=_accuracy(usable, accuracy),
        sure=tuple(max(answer.probabilities) for *_, answer in usable if answer.probabilities),
    )


def _accuracy(usable: Sequence[tuple[Case, Ask, Question, Answer]], believed: float) -> float:
    """Share of what is known that a model is right on: the mean of the posterior.

    The prior is a beta distribution with the mean ``believed``.
    """
    right = 0
    for case, step, _, answer in usable:
        truth = int(case.prior.argmax())
        right += (truth if truth in step.offered else 0) == _choice(case, step, answer)
    return (right + believed * _WEIGHT) / (len(usable) + _WEIGHT)


def _choice(case: Case, step: Ask, answer: Answer) -> int:
    """The number of the option that an answer chooses, 0 for none of them."""
    if step.kind is QuestionKind.SELECT and step.direction is Direction.RIGHT_ASKS:
        return step.offered[0] if answer.choice == case.left_iri else 0
    return step.offered[answer.place - 1] if answer.choice != NONE and answer.place else 0
