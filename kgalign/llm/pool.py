"""Many requests under way at once, as many as each server takes, tried again where that may help.

How many are under way adapts to a server by hill climbing on its throughput: from a few it doubles for as
long as that makes answers come faster, then it tries a little more now and then, and it goes back where
requests fail or are late. Failed requests wait with full jitter (Brooker, "Exponential Backoff And Jitter",
2015).

Of several servers :mod:`kgalign.llm.lanes` chooses one for each attempt.
"""

import asyncio
import concurrent.futures
import hashlib
import logging
import math
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from kgalign.config import LlmConfig
from kgalign.llm.lane import Wanted
from kgalign.llm.lanes import Lanes, Stats
from kgalign.llm.protocol import Backend, CallFailed, Reply, Request

log = logging.getLogger(__name__)
T = TypeVar("T")

_SILENT_TRIES = 3
"""How often a question is sent that a server never answers, where the time for it is learned."""
_PATIENCE = 5.0
"""Seconds in which a server may come back before that."""
_BASE, _CAP = 0.5, 30.0
"""Seconds that the first pause is at most, and that any is at most; while nothing listens, ``_CAP_GONE``."""
_CAP_GONE = 2.0


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
    :param config: most requests at once at each server, and how often one is tried again.
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
        self._retries = config.retries
        self._seed = seed
        self._pause = pause
        self._lanes = Lanes(backend, config, self.stats, patience, 2 * pause)
        self.most = config.concurrency * len(self._lanes)
        """Requests that may ever be under way at once."""

    @property
    def limit(self) -> int:
        """Requests that may be under way at once, as things are."""
        return self._lanes.limit

    async def ask(self, request: Request, allowance: Allowance | None = None) -> Reply:
        """Send a request, again if need be, once there is room for it.

        While nothing listens there, attempts do not count: either it comes back, or all calls end.

        :param allowance: what is asked before each attempt; None where there is no limit.
        :raises NotAllowed: the allowance is used up.
        :raises CallFailed: this request got no answer, and trying again is of no use.
        :raises RunError: the server is gone, and so no request gets an answer.
        """
        self.stats.asked += 1
        wanted = self._lanes.wanted(request)
        sent = counted = silent = 0
        while True:
            sent += 1
            try:
                reply = await self._send(request, allowance, wanted, urgent=sent > 1)
            except NotAllowed:
                self.stats.failed += 1
                raise
            except CallFailed as failed:
                failure = failed
            else:
                self._count(reply)
                return replace(reply, attempts=sent) if sent > 1 else reply
            self._lanes.see_end()
            counted += not failure.gone
            silent += wanted.failed[-1].is_silent(failure)
            again = self._lanes.may_help(failure)
            if not again or counted > self._retries or silent >= _SILENT_TRIES:
                self.stats.failed += 1
                tried = f", {sent} times" if sent > 1 else ""
                raise CallFailed(f"{failure.reason}{tried}", again=False, gone=failure.gone)
            self.stats.retried += 1
            log.debug("attempt %d failed: %s", sent, failure.reason)
            if self._lanes.another(wanted):
                continue
            wanted.failed.clear()
            cap = _CAP_GONE if failure.gone else _CAP
            await self._lanes.rest(
                _jitter(self._seed, request, sent) * min(cap, self._pause * 2.0 ** min(sent - 1, 60))
            )

    async def close(self) -> None:
        """End calls that wait; those under way are their callers' to cancel."""
        await self._lanes.close()

    def told(self) -> dict[str, str]:
        """What each of several servers did, in words; nothing where there is one."""
        return self._lanes.told()

    def _count(self, reply: Reply) -> None:
        self.stats.answered += 1
        self.stats.prompt_tokens += reply.prompt_tokens
        self.stats.completion_tokens += reply.completion_tokens
        self.stats.cached_tokens += reply.cached_tokens

    async def _send(
        self, request: Request, allowance: Allowance | None, wanted: Wanted, *, urgent: bool
    ) -> Reply:
        """Send a request once there is room, and learn from what becomes of it."""
        lane = await self._lanes.enter(wanted, urgent=urgent)
        answered: bool | None = None
        began = math.inf
        call = object()
        try:
            self._lanes.see_end()
            if allowance is not None and not allowance.take():
                raise NotAllowed
            began = time.monotonic()
            lane.under_way[call] = began
            reply = await lane.backend.ask(request)
            answered = True
        except NotAllowed:
            raise
        except CallFailed as failure:
            answered = False
            if failure.gone and allowance is not None:
                allowance.give_back()
            del lane.under_way[call]
            wanted.failed.append(lane)
            self._lanes.note_failure(lane, request, failure, began)
            raise
        finally:
            lane.under_way.pop(call, None)
            self._lanes.leave(lane)
            if answered is not None:
                lane.level.note(answered, began, crowded=bool(lane.waiting))
            self._lanes.let_in()
        lane.note_answer()
        return reply


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
