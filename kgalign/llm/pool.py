"""Many requests under way at once, as many as the server takes, tried again where that may help.

How many are under way adapts to the server by hill climbing on its throughput: from a few it doubles for as
long as that makes answers come faster, then it tries a little more now and then, and it goes back where
requests fail or are late. Failed requests wait with full jitter (Brooker, "Exponential Backoff And Jitter",
2015).
"""

import asyncio
import concurrent.futures
import hashlib
import logging
import math
import time
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from kgalign.config import LlmConfig
from kgalign.errors import RunError
from kgalign.llm.http import Silent
from kgalign.llm.level import START, Level
from kgalign.llm.pace import Paced
from kgalign.llm.protocol import Backend, CallFailed, Reply, Request

log = logging.getLogger(__name__)
T = TypeVar("T")

_ROW = 10
"""Calls that fail one after the other until the server counts as gone, if that takes long enough."""
_QUESTIONS = 3
"""Different questions that these must be about."""
_REFUSED_ROW = 20
"""The same for calls that need not be tried again: then there is nothing to wait for."""
_SILENT_TRIES = 3
"""How often a question is sent that a server never answers, where the time for it is learned."""
_PATIENCE = 5.0
"""Seconds in which a server may come back before that."""
_BASE, _CAP = 0.5, 30.0
"""Seconds that the first pause is at most, and that any is at most; while nothing listens, ``_CAP_GONE``."""
_CAP_GONE = 2.0
_LONGEST = 300.0
"""Seconds that a server may ask to wait; if it wants more, the run stops and can go on later."""


@dataclass(slots=True)
class Stats:
    """What was asked and answered so far."""

    asked: int = 0
    answered: int = 0
    failed: int = 0
    """Requests that were given up."""
    retried: int = 0
    """Attempts that failed and were made again."""
    in_flight: int = 0
    waiting: int = 0
    """Requests that wait for others to end."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    started: float = field(default_factory=time.monotonic)
    """``time.monotonic()`` when the pool was made."""


class Allowance(Protocol):
    """What says whether a request may be sent, before each attempt."""

    def take(self) -> bool:
        """Count an attempt that is about to be made; False where it may not be."""

    def give_back(self) -> None:
        """Take back the last attempt: nothing listened there."""


class NotAllowed(CallFailed):
    """A limit does not allow for a request."""

    def __init__(self) -> None:
        super().__init__("a limit does not allow for a further request", again=False)


class Pool:
    """Sends requests to a backend; to be used in one event loop. The backend stays its owner's to close.

    :param backend: where requests go.
    :param config: most requests at once, and how often one is tried again.
    :param seed: of the pauses between attempts.
    :param patience: seconds in which a server that fails every call may come back.
    :param pause: seconds that the first pause between attempts is at most.
    """

    def __init__(
        self,
        backend: Backend,
        config: LlmConfig,
        *,
        seed: int = 0,
        patience: float = _PATIENCE,
        pause: float = _BASE,
    ) -> None:
        self.stats = Stats()
        self._backend = backend
        self._retries = config.retries
        self._seed = seed
        self._patience = patience
        self._pause = pause
        self._pace = backend.pace if isinstance(backend, Paced) else None
        self._level = Level(config.concurrency, self._pace.start if self._pace else START)
        if self._pace:
            self._pace.when_late = self._level.late
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._ended = asyncio.Event()
        self._end: tuple[str, str] | None = None
        self._hold = 0.0
        self._row = 0
        self._row_began = 0.0
        self._failing: set[int] = set()
        self._answered_at = time.time()
        self._last_answer = 0.0
        self._under_way: dict[object, float] = {}
        """When each call that is under way was sent, in that order."""

    @property
    def limit(self) -> int:
        """Requests that may be under way at once, as things are."""
        return self._level.limit

    async def ask(self, request: Request, allowance: Allowance | None = None) -> Reply:
        """Send a request, again if need be, once there is room for it.

        While nothing listens there, attempts do not count: either it comes back, or all calls end.

        :param allowance: what is asked before each attempt; None where there is no limit.
        :raises NotAllowed: the allowance is used up.
        :raises CallFailed: this request got no answer, and trying again is of no use.
        :raises RunError: the server is gone, and so no request gets an answer.
        """
        self.stats.asked += 1
        sent = counted = silent = 0
        while True:
            sent += 1
            try:
                reply = await self._send(request, allowance, urgent=sent > 1)
            except NotAllowed:
                self.stats.failed += 1
                raise
            except CallFailed as failed:
                failure = failed
            else:
                self.stats.answered += 1
                self.stats.prompt_tokens += reply.prompt_tokens
                self.stats.completion_tokens += reply.completion_tokens
                self.stats.cached_tokens += reply.cached_tokens
                return replace(reply, attempts=sent) if sent > 1 else reply
            self._see_end()
            counted += not failure.gone
            silent += self._is_silent(failure)
            if not failure.again or counted > self._retries or silent >= _SILENT_TRIES:
                self.stats.failed += 1
                tried = f", {sent} times" if sent > 1 else ""
                raise CallFailed(f"{failure.reason}{tried}", again=False, gone=failure.gone)
            self.stats.retried += 1
            log.debug("attempt %d failed: %s", sent, failure.reason)
            cap = _CAP_GONE if failure.gone else _CAP
            await self._rest(
                _jitter(self._seed, request, sent) * min(cap, self._pause * 2.0 ** min(sent - 1, 60))
            )

    async def close(self) -> None:
        """End calls that wait; those under way are their callers' to cancel."""
        if self._end is None:
            self._stop("The model is asked no more", "Run the same command again to go on")

    async def _send(self, request: Request, allowance: Allowance | None, *, urgent: bool) -> Reply:
        """Send a request once there is room, and learn from what becomes of it."""
        await self._enter(urgent)
        answered: bool | None = None
        began = math.inf
        call = object()
        try:
            while (wait := self._hold - time.monotonic()) > 0:
                await self._rest(wait)
            self._see_end()
            if allowance is not None and not allowance.take():
                raise NotAllowed
            began = time.monotonic()
            self._under_way[call] = began
            reply = await self._backend.ask(request)
            answered = True
        except NotAllowed:
            raise
        except CallFailed as failure:
            answered = False
            if failure.gone and allowance is not None:
                allowance.give_back()
            del self._under_way[call]
            self._count(request, failure, began)
            raise
        finally:
            self._under_way.pop(call, None)
            self.stats.in_flight -= 1
            if answered is not None:
                self._level.note(answered, began, crowded=bool(self._waiting))
            self._let_in()
        self._row = 0
        self._answered_at = time.time()
        self._last_answer = time.monotonic()
        return reply

    async def _enter(self, urgent: bool) -> None:
        """Wait for room; who was sent before goes first. Whoever gets through counts as in flight."""
        self._see_end()
        if self.stats.in_flight < self._level.limit and not self._waiting:
            self.stats.in_flight += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if urgent:
            self._waiting.appendleft(turn)
        else:
            self._waiting.append(turn)
        self.stats.waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # let in and cancelled at the same moment
                self.stats.in_flight -= 1
                self._let_in()
            raise
        finally:
            self.stats.waiting -= 1

    def _let_in(self) -> None:
        while self._waiting and (self.stats.in_flight < self._level.limit or self._end):
            turn = self._waiting.popleft()
            if not turn.done():
                self.stats.in_flight += 1
                turn.set_result(None)

    async def _rest(self, seconds: float) -> None:
        """Wait, but no longer than until the pool ends."""
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            return
        self._see_end()

    def _count(self, request: Request, failure: CallFailed, began: float) -> None:
        """Obey what the server asks for, and stop where there is no hope."""
        now = time.monotonic()
        if failure.after is not None:
            self._hold = max(self._hold, now + failure.after)
            if failure.after > _LONGEST:
                self._stop(
                    f"The model {self._backend.name} can't be asked for {failure.after:,.0f} seconds: "
                    f"{failure.reason}",
                    "What it answered is kept: run the same command again then",
                )
        if began < self._last_answer:
            return  # it was answered since: this says nothing of how it is now
        if self._row == 0:
            self._row_began = now
            self._failing.clear()
        self._row += 1
        self._failing.add(id(request))
        # Where something listens it may be the question's fault: the last ones of a run are often such.
        many = failure.gone or len(self._failing) >= _QUESTIONS
        # While an older call is under way it may be that answers take long and failures don't.
        oldest = next(iter(self._under_way.values()), math.inf)
        lost = self._row >= _ROW and many and now - self._row_began >= self._patience and began <= oldest
        if self._is_silent(failure):
            # Calls that were silent together may have been too many: one that was sent since, beside fewer
            # and with more time, tells.
            lost = many and began > self._row_began
        if lost or (self._row >= _REFUSED_ROW and not failure.again):
            since = time.strftime("%H:%M:%S", time.localtime(self._answered_at))
            self._stop(
                f"The model {self._backend.name} has not answered {self._row:,} calls in a row "
                f"since {since}: {failure.reason}",
                "What it answered is kept: look after the server, and run the same command again",
            )

    def _is_silent(self, failure: CallFailed) -> bool:
        """Whether no answer came in a time that was learned."""
        return isinstance(failure, Silent) and self._pace is not None and self._pace.learned

    def _stop(self, message: str, remedy: str) -> None:
        if self._end is None:
            self._end = (message, remedy)
            self._ended.set()
            self._let_in()

    def _see_end(self) -> None:
        if self._end is not None:
            raise RunError(*self._end)


def _jitter(seed: int, request: Request, attempt: int) -> float:
    """A number from 0 to 1 that depends on the request and the attempt alone."""
    digest = hashlib.sha256(f"{seed}\0{request.number}\0{attempt}".encode())
    for message in request.messages:
        digest.update(b"\0" + message.content.encode("utf8", "replace"))
    return int.from_bytes(digest.digest()[:8]) / 2**64


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, in a thread of its own where this one has an event loop already, as notebooks do."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
