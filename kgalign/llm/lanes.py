"""Who is sent to which server next, and which servers are left out for now.

A request goes where :mod:`kgalign.llm.routing` says. One that waits at a server moves to another that has
much less to do. A server that is gone is left out, and looked after now and then until it answers again.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field

from kgalign.config import LlmConfig
from kgalign.errors import KgalignError, RunError
from kgalign.llm.http import HttpFailed, ServerDown
from kgalign.llm.lane import Lane, Turn, Wanted
from kgalign.llm.protocol import Backend, CallFailed, Request
from kgalign.llm.routing import beginning, bound_of, choose, ranking
from kgalign.llm.server import OpenAIBackend
from kgalign.llm.servers import Servers

log = logging.getLogger(__name__)

_LOOK_CAP = 60.0
"""Seconds between two looks at a server that is left out, at most."""
_NAP = 1.0
"""Seconds after which a request that waits for a server looks whether another can be asked by now."""
_OF_SERVER = frozenset({401, 403, 404, 405})
"""Statuses by which a server refuses a request for what the server is; another may take it."""


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


class Lanes:
    """The ways to one server or to several; to be used in one event loop.

    :param backend: the server, or all of them.
    :param config: most requests at once at each.
    :param stats: where requests that are under way or wait are counted.
    :param patience: seconds in which a server that fails every call may come back.
    :param pause: seconds until it is looked whether one of several is back, about; then twice as many.
    """

    def __init__(
        self, backend: Backend, config: LlmConfig, stats: Stats, patience: float, pause: float
    ) -> None:
        self._stats, self._patience, self._pause = stats, patience, pause
        self._servers = backend if isinstance(backend, Servers) else None
        each: tuple[Backend, ...] = self._servers.servers if self._servers else (backend,)
        self._urls = [server.url for server in self._servers.servers] if self._servers else []
        self._bound = bound_of(config.concurrency)
        self._each = tuple(Lane(server, config.concurrency, patience) for server in each)
        self._ended = asyncio.Event()
        self._end: tuple[str, str] | None = None
        self._looking: set[asyncio.Task[None]] = set()
        """What looks after servers that are left out."""
        self._all_out: asyncio.TimerHandle | None = None
        """What ends it all when no server has come back for too long."""
        for url, lane in zip(self._urls, self._each, strict=False):
            if self._servers and url in self._servers.down:
                self._leave_out(lane, self._servers.down[url])

    def __len__(self) -> int:
        return len(self._each)

    @property
    def limit(self) -> int:
        """Requests that may be under way at once, as things are."""
        return sum(lane.level.limit for lane in self._each)

    def wanted(self, request: Request) -> Wanted:
        """A request with the servers in the order in which they have most likely read its beginning."""
        if self._servers is None:
            return Wanted(self._each)
        return Wanted(tuple(self._each[place] for place in ranking(beginning(request), self._urls)))

    def another(self, wanted: Wanted) -> bool:
        """Whether a request that failed can be tried at once, at a server where it has not."""
        return self._servers is not None and any(
            not each.out and not each.rests and each not in wanted.failed for each in self._each
        )

    def may_help(self, failure: CallFailed) -> bool:
        """Whether a request that failed may succeed later, or at another server."""
        return failure.again or self._is_of_server(failure)

    async def enter(self, wanted: Wanted, *, urgent: bool) -> Lane:
        """Wait for room, and until the server wants to be asked; whoever gets through counts as under way.

        :param urgent: whether it was sent before, and so goes first.
        :raises RunError: nothing is asked any more.
        """
        lane = await self._enter(wanted, urgent=urgent)
        while (wait := lane.hold - time.monotonic()) > 0:
            other = self._lane_for(wanted)
            if other is not lane and not other.out and not other.rests:
                self.leave(lane)
                lane = await self._enter(wanted, urgent=True)
                continue
            try:
                await self.rest(min(wait, _NAP))
            except BaseException:
                self.leave(lane)
                self.let_in()
                raise
        return lane

    async def _enter(self, wanted: Wanted, *, urgent: bool) -> Lane:
        self.see_end()
        lane = self._lane_for(wanted)
        if not lane.out and lane.has_room and not lane.waiting:
            return self._let(lane)
        turn = Turn(wanted, asyncio.get_running_loop().create_future())
        if urgent:
            lane.waiting.appendleft(turn)
        else:
            lane.waiting.append(turn)
        self._stats.waiting += 1
        try:
            return await turn.future
        except asyncio.CancelledError:
            if turn.future.done() and not turn.future.cancelled():  # let in and cancelled at the same moment
                self.leave(turn.future.result())
                self.let_in()
            raise
        finally:
            self._stats.waiting -= 1

    def leave(self, lane: Lane) -> None:
        """Count one less that is under way."""
        lane.in_flight -= 1
        self._stats.in_flight -= 1

    def let_in(self) -> None:
        """Send who waits, as far as there is room."""
        for lane in self._each:
            while ((lane.has_room and not lane.out) or self._end) and (turn := self._next(lane)):
                turn.future.set_result(self._let(lane))

    async def rest(self, seconds: float) -> None:
        """Wait, but no longer than until the end.

        :raises RunError: nothing is asked any more.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            return
        self.see_end()

    def note_failure(self, lane: Lane, request: Request, failure: CallFailed, began: float) -> None:
        """Learn from a failure, and stop where there is no hope.

        :param began: when the request was sent, by ``time.monotonic()``.
        """
        ending = lane.note_failure(request, failure, began)
        if self._servers is None:
            if ending:
                self.stop(ending.message, ending.remedy)
        elif (ending or failure.gone or self._is_of_server(failure)) and not lane.out:
            log.warning("%s: it is left out until it answers again", failure.reason)
            self._leave_out(lane, failure.reason)
        elif failure.after and not lane.out:
            self._send_on(lane)

    def told(self) -> dict[str, str]:
        """What each of several servers did, in words; nothing where there is one."""
        pairs = list(zip(self._urls, self._each, strict=False))
        if not pairs:
            return {}
        notes = {"answers of servers": ", ".join(f"{url} {lane.answered:,}" for url, lane in pairs)}
        lost = [_told_of(url, lane) for url, lane in pairs if lane.lost]
        return notes | ({"servers left out": "; ".join(lost)} if lost else {})

    def stop(self, message: str, remedy: str) -> None:
        """End all calls that wait; nothing is asked any more."""
        if self._end is None:
            self._end = (message, remedy)
            self._ended.set()
            self.let_in()

    def see_end(self) -> None:
        """See whether something may still be asked.

        :raises RunError: it may not.
        """
        if self._end is not None:
            raise RunError(*self._end)

    async def close(self) -> None:
        """Look after no server any more, and end calls that wait."""
        if self._all_out:
            self._all_out.cancel()
        for each in self._looking:
            each.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)
        self.stop("The model is asked no more", "Run the same command again to go on")

    def _lane_for(self, wanted: Wanted) -> Lane:
        """Where a request goes, or waits: one that is left out only where all are."""
        if self._servers is None:
            return self._each[0]
        there = [each for each in wanted.order if not each.out]
        there = [each for each in there if not each.rests] or there
        lanes = [each for each in there if each not in wanted.failed] or there
        return lanes[choose([each.queue for each in lanes], self._bound)] if lanes else wanted.order[0]

    def _let(self, lane: Lane) -> Lane:
        """Count one more that is under way."""
        lane.in_flight += 1
        self._stats.in_flight += 1
        return lane

    def _next(self, lane: Lane) -> Turn | None:
        """Who is sent to a server next: who waits there, else who waits where there is much more to do."""
        while lane.waiting:
            turn = lane.waiting.popleft()
            if not turn.future.done():
                return turn
        if self._servers is None or lane.rests:
            return None
        longest = max(self._each, key=lambda each: each.queue)
        while longest.waiting and longest.queue > lane.queue + self._bound:
            turn = longest.waiting.popleft()
            if turn.future.done():
                continue
            if lane not in turn.wanted.failed:
                return turn
            longest.waiting.appendleft(turn)
            break
        return None

    def _is_of_server(self, failure: CallFailed) -> bool:
        """Whether one of several servers refused a request for what the server is."""
        return self._servers is not None and isinstance(failure, HttpFailed) and failure.status in _OF_SERVER

    def _leave_out(self, lane: Lane, reason: str) -> None:
        """Ask one of several servers nothing until it answers again; what waits for it goes to others."""
        lane.leave_out(reason)
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._look_after(lane))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)
        if all(each.out for each in self._each):
            self._all_out = self._all_out or loop.call_later(self._patience, self._none_left)
        else:
            self._send_on(lane)

    def _send_on(self, lane: Lane) -> None:
        """Let what waits for a server wait where it would be sent now."""
        turns = list(lane.waiting)
        lane.waiting.clear()
        for turn in turns:
            self._lane_for(turn.wanted).waiting.append(turn)
        self.let_in()

    async def _look_after(self, lane: Lane) -> None:
        """Look now and then whether a server that is left out answers again, and take it back then."""
        servers, server = self._servers, lane.backend
        assert servers is not None
        assert isinstance(server, OpenAIBackend)
        while True:
            await asyncio.sleep(min(_LOOK_CAP, 2 * self._pause * 2.0 ** min(lane.looks, 60)))
            lane.looks += 1
            try:
                await servers.admit(server)
            except (ServerDown, CallFailed):
                continue
            except KgalignError as error:
                log.warning("%s: it stays left out", error.message)
                lane.out = error.message
                return
            break
        log.warning("%s answers again, and is asked again", server.url)
        lane.take_back()
        if self._all_out:
            self._all_out.cancel()
            self._all_out = None
        for each in self._each:
            if each.out:
                self._send_on(each)
        self.let_in()

    def _none_left(self) -> None:
        """End all calls: none of several servers has come back."""
        why = "; ".join(lane.out for lane in self._each)
        self.stop(
            f"None of the {len(self)} servers answers any more: {why}",
            "What they answered is kept: look after them, and run the same command again",
        )


def _told_of(url: str, lane: Lane) -> str:
    """How often a server was left out, and whether it still was in the end."""
    times = "once" if lane.lost == 1 else f"{lane.lost:,} times"
    return f"{url} {times}, {f'to the end: {lane.out}' if lane.out else 'and came back'}"
