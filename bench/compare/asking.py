"""Language models are asked the questions of a test, and their answers read as the judge reads them.

Each question is put once, word by word as the example has it. An answer that the judge would not count (cut
off, unreadable, not offered, made up) is none. What was answered is kept line by line: a comparison that is
stopped goes on, and a judge that was asked is not asked again.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.compare.answers import UNUSABLE, Answers, Asked, Kept, Log
from bench.compare.sets import DataSet
from kgalign.base.progress import Progress
from kgalign.config import Config
from kgalign.errors import KgalignError
from kgalign.judge.asking.answers import read_answer
from kgalign.llm.backends import open_backend
from kgalign.llm.pool import Pool, run_to_end
from kgalign.llm.protocol import CallFailed, Request, Sampling
from kgalign.llm.weights import files_digest
from kgalign.records.votes import Answer, Status
from kgalign.train.adapters import WEIGHTS
from kgalign.train.answering import question_of
from kgalign.train.data import Example


@dataclass(frozen=True, slots=True)
class Judge:
    """A language model, as it is asked."""

    name: str
    """The model, and the adapter on it."""
    adapter: str
    answers: Mapping[str, Answers]
    """Data set → what it said."""
    failed: int
    """Questions to which no answer came; they are asked again the next time."""
    structure: str
    """How far its server holds answers to a form."""


def ask_judge(judge: str, config: Config, sets: Sequence[DataSet], kept: Kept, progress: Progress) -> Judge:
    """Ask a language model the tests of all data sets.

    :param judge: as ``judge.judge`` has it.
    :param config: where it is, and how it may be asked.
    :raises KgalignError: it is not there or can't be asked, or its server has gone.
    """
    return run_to_end(_ask(judge, config, sets, kept, progress))


async def _ask(judge: str, config: Config, sets: Sequence[DataSet], kept: Kept, progress: Progress) -> Judge:
    llm = config.llm
    backend = open_backend(judge, llm)
    try:
        found = await backend.probe()
        sampling = Sampling(llm.temperature, llm.top_p, llm.answer_tokens, config.seed, logprobs=0)
        name = f"{backend.name} with {backend.adapter}" if backend.adapter else backend.name
        where = ", ".join(llm.urls) if judge == "llm" else ""
        log = kept.log(name, where, backend.name, backend.adapter, _mark(llm.adapter), asdict(sampling))
        answers: dict[str, Answers] = {}
        failed = 0
        for data in sets:
            pool = Pool(backend, llm, seed=config.seed)
            try:
                failed += await _side_by_side(data, pool, sampling, log, f"ask {name}", progress)
            finally:
                await pool.close()
            answers[data.name] = log.answers(each.id for each in data.test)
        if failed and not any(each.calls for each in answers.values()):
            raise KgalignError(
                f"{name} answered none of {failed:,} questions", "See whether they fit into its context"
            )
        return Judge(name, backend.adapter, answers, failed, found.structure)
    finally:
        await backend.close()


def _mark(adapter: str | None) -> str:
    """What an adapter's weights are known by where its folder is here: trained again it has the same name."""
    path = Path(adapter) / WEIGHTS if adapter else None
    return files_digest([path]) if path is not None and path.is_file() else ""


async def _side_by_side(
    data: DataSet, pool: Pool, sampling: Sampling, log: Log, name: str, progress: Progress
) -> int:
    """Put the questions of a test that have no answer yet; how many failed."""
    rest = {each.id: each for each in data.test if each.id not in log.asked}
    log.round += bool(rest)
    begun = time.perf_counter()

    async def one(example: Example) -> bool:
        question = question_of(example)
        try:
            reply = await pool.ask(Request(question.messages, question.labels, sampling))
        except CallFailed:
            return False
        at = round(time.perf_counter() - begun, 3)
        choice = choice_of(read_answer(question, reply))
        log.add(Asked(example.id, choice, reply.prompt_tokens, reply.completion_tokens, log.round, at))
        return True

    with progress.task(f"{name} about {data.name}", len(data.test), "questions") as task:
        task.advance(len(data.test) - len(rest))
        under_way = [asyncio.create_task(one(each)) for each in rest.values()]
        try:
            failed = 0
            for each in asyncio.as_completed(under_way):
                failed += not await each
                task.advance()
            return failed
        finally:
            for waiting in under_way:
                waiting.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)


def choice_of(answer: Answer) -> int:
    """What an answer chose, where the judge would count it."""
    return answer.place if answer.status is Status.OK and answer.choice is not None else UNUSABLE
