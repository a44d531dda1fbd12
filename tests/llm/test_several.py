"""A pool over several servers that do what they are told: what fails at one is tried at another."""

import asyncio
from collections.abc import Iterator

import pytest

from kgalign.config import LlmConfig
from kgalign.errors import RunError
from kgalign.llm.pool import Pool
from kgalign.llm.protocol import Message, Reply, Request
from kgalign.llm.server import OpenAIBackend
from kgalign.llm.servers import Servers
from tests.llm import servers
from tests.llm.servers import ModelServer, serving

COUNT = 40
LABELS = ("A", "none")


@pytest.fixture
def two() -> Iterator[tuple[ModelServer, ModelServer]]:
    with serving() as one, serving() as other:
        yield one, other


class _Purse:
    """Counts what it allows for."""

    taken = 0

    def take(self) -> bool:
        self.taken += 1
        return True

    def give_back(self) -> None:
        self.taken -= 1


def ask_all(
    found: tuple[ModelServer, ...], *, retries: int = 5, pause: float = 0.01
) -> tuple[list[Reply | BaseException], dict[str, str], int]:
    """Ask many questions at once of servers that are there: the outcomes, what is told, what was allowed."""
    purse = _Purse()

    async def work() -> tuple[list[Reply | BaseException], dict[str, str]]:
        each = [OpenAIBackend(server.url, "small", timeout=10) for server in found]
        pool = Pool(Servers(each), LlmConfig(concurrency=8, retries=retries), pause=pause, patience=0.3)
        requests = [
            Request((Message("user", f"question {n}"),), ("A", "none"), number=n) for n in range(COUNT)
        ]
        try:
            asked = (pool.ask(each, purse) for each in requests)
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
        finally:
            await pool.close()
            await pool.close()  # a second time is no harm
            for backend in each:
                await backend.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert (pool.stats.in_flight, pool.stats.waiting) == (0, 0)
        return outcomes, pool.told()

    return *asyncio.run(work()), purse.taken


def test_what_fails_at_one_is_tried_at_another_without_a_pause(two: tuple[ModelServer, ModelServer]) -> None:
    two[1].unlucky = lambda _text, _attempt: servers.status(500)
    found, _, taken = ask_all(two, retries=1, pause=1000)
    assert all(isinstance(each, Reply) for each in found)
    assert len(two[0].asked) == COUNT
    assert taken == COUNT + len(two[1].asked)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_one_that_refuses_what_the_others_take_is_left_out(
    two: tuple[ModelServer, ModelServer], status: int
) -> None:
    two[1].unlucky = lambda _text, _attempt: servers.status(status)
    found, told, _ = ask_all(two, pause=1000)
    assert all(isinstance(each, Reply) for each in found)
    assert f"status {status}" in told["servers left out"]
    assert told["answers of servers"] == f"{two[0].url} {COUNT}, {two[1].url} 0"


def test_what_no_server_takes_fails_alone(two: tuple[ModelServer, ModelServer]) -> None:
    for each in two:
        each.unlucky = lambda text, _: servers.status(400) if text == "question 3" else None
    found, told, _ = ask_all(two)
    failed = [number for number, each in enumerate(found) if not isinstance(each, Reply)]
    assert failed == [3]
    assert "servers left out" not in told


def test_where_all_refuse_it_ends(two: tuple[ModelServer, ModelServer]) -> None:
    for each in two:
        each.unlucky = lambda _text, _attempt: servers.status(401)
    found, *_ = ask_all(two, pause=1000)
    assert all(isinstance(each, RunError) for each in found)
    assert "None of the 2 servers answers any more" in str(found[0])


def test_a_server_that_asks_to_be_left_alone_is(two: tuple[ModelServer, ModelServer]) -> None:
    two[1].unlucky = lambda _text, _attempt: servers.status(429, Retry_After="3600")
    found, told, _ = ask_all(two, pause=1000)
    assert all(isinstance(each, Reply) for each in found)
    assert "can't be asked" not in told["servers left out"]
    assert "status 429" in told["servers left out"]


def test_who_waits_for_a_server_that_rests_goes_to_the_first_that_can_be_asked(
    two: tuple[ModelServer, ModelServer],
) -> None:
    """One rests for longer than this test may take, the other for half a second."""
    for server, seconds in zip(two, ("0.5", "250"), strict=True):
        first = servers.status(429, Retry_After=seconds)
        server.faults = [first] * 8
    found, told, _ = ask_all(two)
    assert all(isinstance(each, Reply) for each in found)
    assert "servers left out" not in told
    assert len(two[1].asked) <= 8
