import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.config import LlmConfig
from kgalign.errors import RunError
from kgalign.llm.pool import Pool
from kgalign.llm.protocol import CallFailed, Capabilities, Message, Reply, Request
from kgalign.llm.server import OpenAIBackend
from tests.llm import servers
from tests.llm.servers import Fault, ModelServer, free_port, serving

LABELS = ("A", "none")
Outcome = Reply | BaseException


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KGALIGN_LLM_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving() as served:
        yield served


def question(number: int) -> Request:
    return Request((Message("user", f"question {number}"),), LABELS, number=number)


def ask_all(
    url: str,
    count: int,
    *,
    concurrency: int = 32,
    retries: int = 5,
    timeout: float = 10.0,
    patience: float = 5.0,
    pause: float = 0.01,
    before: Callable[[Pool], object] = lambda _: None,
) -> tuple[list[Outcome], Pool]:
    """Ask that many questions at once."""

    async def work() -> tuple[list[Outcome], Pool]:
        config = LlmConfig(concurrency=concurrency, retries=retries)
        backend = OpenAIBackend(url, "small", timeout=timeout)
        pool = Pool(backend, config, patience=patience, pause=pause)
        before(pool)
        try:
            asks = (pool.ask(question(number)) for number in range(count))
            found = await asyncio.gather(*asks, return_exceptions=True)
        finally:
            await pool.close()
            await backend.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert (pool.stats.in_flight, pool.stats.waiting) == (0, 0)
        return found, pool

    return asyncio.run(work())


def replies(found: list[Outcome]) -> list[Reply]:
    """The outcomes, all of which are answers."""
    for each in found:
        if isinstance(each, BaseException):
            raise each
    return [each for each in found if isinstance(each, Reply)]


def test_every_question_is_answered_once(server: ModelServer) -> None:
    found, pool = ask_all(server.url, 200)
    assert len(replies(found)) == 200
    assert all(each.attempts == 1 for each in replies(found))
    assert sorted(server.questions) == sorted(f"question {number}" for number in range(200))
    stats = pool.stats
    assert (stats.asked, stats.answered, stats.failed, stats.retried) == (200, 200, 0, 0)
    assert stats.prompt_tokens == 200 * 100
    assert stats.completion_tokens == sum(each.completion_tokens for each in replies(found)) > 0
    assert stats.started <= time.monotonic()


@pytest.mark.parametrize("most", [1, 3, 40])
def test_never_more_are_under_way_than_the_most(server: ModelServer, most: int) -> None:
    server.seconds = 0.02
    found, _ = ask_all(server.url, most * 12, concurrency=most)
    replies(found)
    assert server.most_at_once <= most


def test_fewer_are_under_way_where_the_server_has_room_for_few(server: ModelServer) -> None:
    server.seconds = 0.02
    server.room = 4
    found, pool = ask_all(server.url, 150, concurrency=64, retries=100, pause=0.02)
    replies(found)
    assert pool.limit < 16
    assert server.most_at_once <= 20


FAULTS: dict[str, Fault] = {
    "429": servers.status(429),
    "500": servers.status(500),
    "503": servers.status(503),
    "half": servers.half,
    "garbled": servers.garbled,
    "empty": servers.text(""),
    "language": servers.text("Je ne sais pas."),
    "silence": servers.silence,
    "hang up": servers.hang_up,
    "reset": servers.reset,
}


def _unlucky(kinds: list[str], share: float) -> Callable[[str, int], Fault | None]:
    """A share of all attempts goes wrong, in turn in one of these ways; which, the question decides."""

    def fault(text: str, attempt: int) -> Fault | None:
        draw = zlib.crc32(f"{text} {attempt}".encode())
        return FAULTS[kinds[draw % 1009 % len(kinds)]] if draw % 1000 < share * 1000 else None

    return fault


@pytest.mark.parametrize("kind", [*FAULTS, "all"])
def test_a_fifth_of_faults_loses_nothing(server: ModelServer, kind: str) -> None:
    unlucky = _unlucky([*FAULTS] if kind == "all" else [kind], 0.2)
    server.unlucky = unlucky
    timeout = 1.0 if kind in ("silence", "all") else 10.0
    found, pool = ask_all(server.url, 100, timeout=timeout, retries=20, patience=timeout)
    first = sum(unlucky(f"question {number}", 1) is not None for number in range(100))
    assert 15 < first < 25
    odd = sum(each.text in ("", "Je ne sais pas.") for each in replies(found))
    assert pool.stats.answered == 100
    if kind in ("empty", "language"):  # what makes no sense is an answer all the same: it is judged later
        assert (odd, pool.stats.retried) == (first, 0)
    elif kind == "all":
        assert odd
        assert pool.stats.retried >= 10
    else:
        assert not odd
        assert pool.stats.retried >= first
        assert max(each.attempts for each in replies(found)) > 1


def test_one_question_that_fails_for_good_leaves_the_others_alone(server: ModelServer) -> None:
    server.unlucky = lambda text, _: servers.status(500) if text == "question 3" else None
    found, pool = ask_all(server.url, 30, retries=2)
    failed = found.pop(3)
    assert isinstance(failed, CallFailed)
    assert failed.reason == f"{server.url} answers with status 500 (out of order), 3 times"
    assert (failed.again, failed.gone) == (False, False)
    assert len(replies(found)) == 29
    assert (pool.stats.failed, pool.stats.retried) == (1, 2)


def test_few_questions_that_always_fail_are_no_reason_to_end_it(server: ModelServer) -> None:
    server.unlucky = lambda text, _: servers.status(500) if text in ("question 3", "question 7") else None
    found, pool = ask_all(server.url, 10, retries=7, patience=0)
    assert [isinstance(each, Reply) for each in found] == [number not in (3, 7) for number in range(10)]
    assert (pool.stats.failed, pool.stats.retried) == (2, 14)


def test_failures_that_are_quick_while_answers_are_slow_do_not_end_it(server: ModelServer) -> None:
    server.seconds = 0.5
    server.unlucky = lambda text, attempt: servers.hang_up if attempt < 3 and int(text[9:]) > 5 else None
    found, pool = ask_all(server.url, 26, retries=5, patience=0)
    replies(found)
    assert pool.stats.retried >= 30


def test_calls_that_were_silent_for_long_say_nothing_of_now(server: ModelServer) -> None:
    server.seconds = 0.3
    server.unlucky = lambda text, attempt: servers.silence if attempt == 1 and int(text[9:]) < 12 else None
    found, pool = ask_all(server.url, 16, timeout=2.0, patience=0)
    replies(found)
    assert pool.stats.retried == 12


def test_what_is_of_no_use_is_not_tried_again(server: ModelServer) -> None:
    server.unlucky = lambda text, _: servers.status(400) if text == "question 3" else None
    found, pool = ask_all(server.url, 10)
    failed = found.pop(3)
    assert isinstance(failed, CallFailed)
    assert failed.reason.endswith("status 400 (out of order)")
    assert len(replies(found)) == 9
    assert pool.stats.retried == 0


def test_a_server_that_refuses_everything_ends_it(server: ModelServer) -> None:
    server.unlucky = lambda _text, _attempt: servers.status(404)
    found, _ = ask_all(server.url, 100, concurrency=4)
    ended = [each for each in found if isinstance(each, RunError)]
    assert len(ended) + sum(isinstance(each, CallFailed) for each in found) == 100
    assert len(ended) >= 75
    assert len(server.asked) <= 25
    assert "has not answered 20 calls in a row since" in str(ended[-1])
    assert "status 404" in str(ended[-1])


def test_a_server_that_is_gone_ends_every_call() -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    begun = time.monotonic()
    found, pool = ask_all(url, 50, patience=0.3)
    assert time.monotonic() - begun < 10
    assert all(isinstance(each, RunError) for each in found)
    text = str(found[0])
    assert text.startswith("The model small has not answered ")
    assert f"{url} can't be reached: " in text
    assert "What it answered is kept: look after the server, and run the same command again." in text
    assert pool.stats.answered == pool.stats.failed == 0


def test_a_server_that_dies_under_way_keeps_what_it_answered() -> None:
    with serving() as server:

        def die(text: str, _: int) -> Fault | None:
            return servers.reset if int(text.split()[1]) >= 40 else None

        server.unlucky = die
        found, pool = ask_all(server.url, 80, patience=0.2, retries=50)
    assert all(isinstance(each, Reply) for each in found[:40])
    assert all(isinstance(each, RunError) for each in found[40:])
    assert pool.stats.answered == 40


def test_a_server_that_comes_back_in_time_is_waited_for() -> None:
    port = free_port()

    async def work() -> Reply:
        backend = OpenAIBackend(f"http://127.0.0.1:{port}/v1", "small")
        pool = Pool(backend, LlmConfig(retries=0), pause=0.05)
        waiting = asyncio.create_task(pool.ask(question(1)))
        while not pool.stats.retried:
            await asyncio.sleep(0.01)
        with serving(port=port):
            reply = await waiting
            await backend.close()
        return reply

    assert asyncio.run(work()).attempts > 1


def test_the_whole_pool_waits_as_long_as_the_server_asks_for(server: ModelServer) -> None:
    times: list[float] = []

    def fault(text: str, attempt: int) -> Fault | None:
        times.append(time.monotonic())
        return servers.status(429, Retry_After="0.5") if len(times) == 1 else None

    server.unlucky = fault
    found, _ = ask_all(server.url, 20, concurrency=1, pause=0.0)
    replies(found)
    assert len(times) == 21
    assert times[1] - times[0] >= 0.49
    assert times[-1] - times[1] < 5


def test_a_server_that_wants_to_be_left_alone_for_long_ends_it(server: ModelServer) -> None:
    server.unlucky = lambda _text, _attempt: servers.status(429, Retry_After="3600")
    begun = time.monotonic()
    found, _ = ask_all(server.url, 20, concurrency=2)
    assert time.monotonic() - begun < 10
    assert all(isinstance(each, RunError) for each in found)
    assert "can't be asked for 3,600 seconds" in str(found[0])
    assert len(server.asked) <= 2


class _Slow:
    """A backend that answers when told to."""

    name, adapter = "slow", ""

    def __init__(self) -> None:
        self.order: list[int] = []
        self.go = asyncio.Event()

    async def probe(self) -> Capabilities:
        return Capabilities("slow", "none", 0, 0)

    async def ask(self, request: Request) -> Reply:
        self.order.append(request.number)
        await self.go.wait()
        return Reply("A", "stop")

    async def close(self) -> None:
        pass


class _Wide(_Slow):
    """A backend that answers any number of requests in the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.at_once = self.most_at_once = 0

    async def ask(self, request: Request) -> Reply:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await asyncio.sleep(0.05)
        self.at_once -= 1
        return Reply("A", "stop")


def test_more_are_under_way_as_long_as_that_is_faster() -> None:
    async def work() -> None:
        backend = _Wide()
        pool = Pool(backend, LlmConfig(concurrency=64))
        await asyncio.gather(*(pool.ask(question(number)) for number in range(800)))
        assert backend.most_at_once > 16
        assert 16 < pool.limit <= 64

    asyncio.run(work())


def test_calls_wait_in_their_order_and_can_be_cancelled() -> None:
    async def work() -> None:
        backend = _Slow()
        pool = Pool(backend, LlmConfig(concurrency=2))
        tasks = [asyncio.create_task(pool.ask(question(number))) for number in range(8)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (pool.stats.in_flight, pool.stats.waiting) == (2, 6)
        tasks[0].cancel()  # under way
        tasks[3].cancel()  # waits
        await asyncio.wait(tasks[:1])
        backend.go.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(each, Reply) for each in done] == [n not in (0, 3) for n in range(8)]
        assert backend.order == [0, 1, 2, 4, 5, 6, 7]
        assert (pool.stats.in_flight, pool.stats.waiting) == (0, 0)

    asyncio.run(work())


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 3)), max_size=8), st.integers(1, 4))
def test_whenever_calls_are_cancelled_no_room_is_lost(cancels: list[tuple[int, int]], most: int) -> None:
    async def work() -> None:
        backend = _Slow()
        pool = Pool(backend, LlmConfig(concurrency=most))
        tasks = [asyncio.create_task(pool.ask(question(number))) for number in range(12)]
        for number, ticks in cancels:
            for _ in range(ticks):
                await asyncio.sleep(0)
            tasks[number].cancel()
            if ticks == 3:
                backend.go.set()
        backend.go.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(each, Reply | asyncio.CancelledError) for each in done)
        assert (pool.stats.in_flight, pool.stats.waiting) == (0, 0)
        again = await asyncio.gather(*(pool.ask(question(number)) for number in range(12)))
        assert len(again) == 12

    asyncio.run(work())


def test_closing_ends_what_waits() -> None:
    async def work() -> None:
        backend = _Slow()
        pool = Pool(backend, LlmConfig(concurrency=1))
        tasks = [asyncio.create_task(pool.ask(question(number))) for number in range(3)]
        await asyncio.sleep(0)
        await pool.close()
        backend.go.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(done[0], Reply)
        assert all(isinstance(each, RunError) for each in done[1:])
        with pytest.raises(RunError, match="asked no more"):
            await pool.ask(question(9))

    asyncio.run(work())


def test_pauses_are_the_same_each_time() -> None:
    from kgalign.llm.pool import _jitter

    drawn = [_jitter(1, question(number), attempt) for number in range(50) for attempt in range(1, 5)]
    assert drawn == [_jitter(1, question(number), attempt) for number in range(50) for attempt in range(1, 5)]
    assert len(set(drawn)) == len(drawn)
    assert all(0 <= each < 1 for each in drawn)
    assert 0.4 < sum(drawn) / len(drawn) < 0.6
    assert _jitter(2, question(0), 1) != drawn[0]


INTERRUPTED = """
import asyncio, sys
from kgalign.config import LlmConfig
from kgalign.llm.pool import Pool
from kgalign.llm.protocol import Message, Request
from kgalign.llm.server import OpenAIBackend

async def main():
    backend = OpenAIBackend(sys.argv[1], "small")
    pool = Pool(backend, LlmConfig())
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(100):
                group.create_task(pool.ask(Request((Message("user", "?"),), ("A", "none"), number=number)))
    finally:
        await pool.close()
        await backend.close()

try:
    asyncio.run(main())
except KeyboardInterrupt:
    sys.exit(3)
"""


def test_an_interrupt_leaves_nothing_open(server: ModelServer, tmp_path: Path) -> None:
    server.faults = [servers.silence] * 100
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED, encoding="utf8")
    command = [sys.executable, "-W", "error", str(script), server.url]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        while len(server.asked) < 8 and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 3
    assert said == ""


def test_nothing_is_left_to_collect(server: ModelServer) -> None:
    ask_all(server.url, 20)
    gc.collect()  # a socket that was left open would warn here, and warnings are errors
