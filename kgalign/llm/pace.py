"""How long an answer of a server may take: learned from the answers that came.

A fixed time is wrong for most servers: a model on a CPU answers in minutes what one on a GPU answers in a
second, and a server drops its work on a question when nobody waits for it any more. So a call is late when it
takes several times as long as others did. One that is late is still waited for, with fewer others beside it,
unless it was overtaken by one that was sent long after it: then it was lost on the way. Only when it has
taken twice that time is it given up, and then all others get twice as long.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, runtime_checkable

LEAST = 30.0
"""Seconds until a call is late, at least; twice as many while none was answered."""
MOST = 1800.0
"""And at most, whatever was measured."""
_TIMES = 4.0
"""How many times as long as the slowest of the last answers a call may take until it is late."""
_SHORT_TIMES = 60.0
"""The same for the calls of the probe: their questions and answers are a few words."""
_FADES = 0.98
"""What is left, with each answer, of the slowest one."""
_STARTS = ((0.4, 16), (2.0, 4))
"""Seconds that a short call takes at most, and how many calls are then sent at once in the beginning."""
_SLOW_START = 2
_MOST_STRAIN = 4.0
_LOOKS = 4
"""How often, in the time until a call is late, it is looked at whether it is lost."""


class Pace:
    """The pace of one server; to be used in one event loop.

    :param timeout: seconds after which a call is given up, whatever others took; None to learn it.
    :param least: seconds until a call is late at least, where that is learned.
    """

    def __init__(self, timeout: float | None = None, *, least: float = LEAST) -> None:
        self.timeout = timeout
        self.when_late: Callable[[float], object] = lambda began: None
        """Called where a call is late, with when it was sent by ``time.monotonic()``."""
        self._least = least
        self._short: list[float] = []
        self._slowest = 0.0
        self._strain = 1.0
        self._strained = 0.0
        """When the strain was raised last."""
        self._last_sent = 0.0
        """When the latest of those calls had been sent that were answered."""

    @property
    def learned(self) -> bool:
        """Whether the time that a call may take follows from the pace of the server."""
        return self.timeout is None

    @property
    def limit(self) -> float:
        """Seconds after which a call is late."""
        if self.timeout is not None:
            return self.timeout
        if self._slowest:
            seconds = max(self._least, _TIMES * self._slowest)
        else:
            seconds = max(2 * self._least, _SHORT_TIMES * self.short)
        return min(MOST, seconds * self._strain)

    @property
    def short(self) -> float:
        """Seconds of a short call, as the probe measured them: the median, 0 where it did not."""
        return sorted(self._short)[len(self._short) // 2] if self._short else 0.0

    @property
    def start(self) -> int:
        """Calls that may be under way in the beginning."""
        return next((most for seconds, most in _STARTS if self.short <= seconds), _SLOW_START)

    def note_short(self, seconds: float) -> None:
        """Take into account how many seconds a call of the probe took."""
        self._short.append(seconds)

    def note(self, began: float) -> None:
        """Take into account that an answer came, now, to what was asked at a time of ``time.monotonic()``."""
        self._slowest = max(time.monotonic() - began, self._slowest * _FADES)
        self._strain = 1.0
        self._last_sent = max(self._last_sent, began)

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """What is done in this block waits for an answer, for as long as that is of use.

        :raises TimeoutError: the answer did not come in that time.
        """
        if self.timeout is not None:
            async with asyncio.timeout(self.timeout):
                yield
            return
        async with asyncio.timeout(None) as patience:
            watch = _Watch(self, patience)
            try:
                yield
            finally:
                watch.timer.cancel()

    def is_lost(self, began: float) -> bool:
        """Whether a call was overtaken: one that was sent so much later that it is no chance was answered."""
        return began + self.limit / 2 < self._last_sent

    def give_up(self, began: float) -> None:
        """Give all other calls more time, if it may be that they need it: none has overtaken this one."""
        if not self.is_lost(began) and began >= self._strained:
            self._strain = min(_MOST_STRAIN, 2 * self._strain)
            self._strained = time.monotonic()


class _Watch:
    """Looks now and then whether one call is late, or to be given up."""

    def __init__(self, pace: Pace, patience: asyncio.Timeout) -> None:
        self._pace, self._patience = pace, patience
        self._began = time.monotonic()
        self._told = False
        self._loop = asyncio.get_running_loop()
        self.timer = self._loop.call_later(pace.limit, self._look)

    def _look(self) -> None:
        pace, limit = self._pace, self._pace.limit
        waited = time.monotonic() - self._began
        late = waited >= limit * 0.999  # clocks are not exact
        if late and (pace.is_lost(self._began) or waited >= 2 * limit * 0.999):
            pace.give_up(self._began)
            self._patience.reschedule(self._loop.time())
            return
        if late and not self._told:
            self._told = True
            pace.when_late(self._began)
        self.timer = self._loop.call_later(limit / _LOOKS if late else limit - waited, self._look)


@runtime_checkable
class Paced(Protocol):
    """What has a pace."""

    pace: Pace
