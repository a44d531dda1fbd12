"""Slow servers, loaded ones and dead ones: who is waited for, and for how long."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from kgalign.config import LlmConfig
from kgalign.errors import RunError
from kgalign.llm.level import Level
from kgalign.llm.pace import Pace
from kgalign.llm.pool import Pool
from kgalign.llm.protocol import CallFailed, Message, Reply, Request
from kgalign.llm.server import OpenAIBackend
from tests.llm import servers
from tests.llm.servers import ModelServer, serving

Outcome = Reply | BaseException


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KGALIGN_LLM_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving() as served:
        yield served


def ask_all(url: str, count: int, pace: Pace) -> tuple[list[Outcome], Pool]:
    async def work() -> tuple[list[Outcome], Pool]:
        backend = OpenAIBackend(url, "small", pace=pace)
        pool = Pool(backend, LlmConfig(), pause=0.01)
        try:
            asks = (
                pool.ask(Request((Message("user", f"question {number}"),), ("A", "none"), number=number))
                for number in range(count)
            )
            return await asyncio.gather(*asks, return_exceptions=True), pool
        finally:
            await pool.close()
            await backend.close()

    return asyncio.run(work())


def test_what_comes_late_is_taken_and_not_asked_anew(server: ModelServer) -> None:
    """The first ones are late after 1 s and would be given up after 2 s."""
    server.seconds = 1.4
    found, pool = ask_all(server.url, 20, Pace(least=0.5))
    assert all(isinstance(each, Reply) for each in found), found
    assert (pool.stats.retried, len(server.asked)) == (0, 20)
    assert pool.limit < 16


def test_what_takes_longer_than_anybody_waits_is_asked_again_with_more_time(server: ModelServer) -> None:
    """All take 1 s, and the first one is given up after 0.8 s."""
    server.seconds = 1.0
    found, pool = ask_all(server.url, 6, Pace(least=0.2))
    assert all(isinstance(each, Reply) for each in found), found
    assert pool.stats.retried >= 1
    assert pool.stats.failed == 0


def test_a_call_that_was_lost_is_asked_again_while_others_are_answered(server: ModelServer) -> None:
    server.seconds = 0.05
    server.unlucky = lambda text, attempt: (
        servers.silence if attempt == 1 and int(text[9:]) % 5 == 0 else None
    )
    found, pool = ask_all(server.url, 40, Pace(least=0.5))
    assert all(isinstance(each, Reply) for each in found), found
    assert pool.stats.retried == 8


def test_a_server_that_hangs_is_found_out(server: ModelServer) -> None:
    server.unlucky = lambda text, _: servers.silence if int(text[9:]) >= 20 else None
    found, pool = ask_all(server.url, 60, Pace(least=0.2))
    assert all(isinstance(each, Reply) for each in found[:20])
    assert all(isinstance(each, RunError) for each in found[20:])
    text = str(found[-1])
    assert text.startswith("The model small has not answered ")
    assert "calls in a row since" in text
    assert "What it answered is kept: look after the server, and run the same command again." in text
    assert pool.limit < 16


def test_one_question_that_is_never_answered_fails_alone(server: ModelServer) -> None:
    server.unlucky = lambda text, _: servers.silence if text == "question 3" else None
    found, pool = ask_all(server.url, 12, Pace(least=0.2))
    failed = found.pop(3)
    assert isinstance(failed, CallFailed)
    assert failed.reason.endswith("seconds, 3 times")
    assert all(isinstance(each, Reply) for each in found)
    assert (pool.stats.failed, pool.stats.answered) == (1, 11)


def test_the_time_that_a_call_may_take_follows_from_what_others_took() -> None:
    pace = Pace()
    assert (pace.limit, pace.start) == (60, 16)
    for seconds in (0.1, 9.0, 3.0):
        pace.note_short(seconds)
    assert (pace.short, pace.start) == (3.0, 2)
    assert pace.limit == 180, "a question is longer than one of the probe"
    pace.note(time.monotonic() - 30)
    assert pace.limit == pytest.approx(120, abs=1)
    for _ in range(200):
        pace.note(time.monotonic())
    assert pace.limit == 30, "what was slow once is forgotten"


def test_a_time_that_was_set_holds() -> None:
    pace = Pace(7.0)
    pace.note_short(30.0)
    pace.note(time.monotonic() - 100)
    assert (pace.limit, pace.learned) == (7.0, False)


@pytest.mark.parametrize(("seconds", "most"), [(0.05, 16), (0.4, 16), (0.7, 4), (2.0, 4), (8.0, 2)])
def test_fewer_are_sent_at_once_where_calls_are_slow(seconds: float, most: int) -> None:
    pace = Pace()
    pace.note_short(seconds)
    assert pace.start == most


def test_a_wave_that_is_late_lowers_the_level_once() -> None:
    now = 0.0
    level = Level(64, 16, clock=lambda: now)
    now = 60.0
    for _ in range(16):
        level.late(0.0)
    assert level.limit == 8
    now = 130.0
    level.late(61.0)
    assert level.limit == 4
