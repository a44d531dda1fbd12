"""How many requests may be under way: as many as make answers come faster, and fewer where they fail."""

import time
from collections.abc import Callable

START = 16
"""Requests under way in the beginning, where nothing is known of the server."""
_LEAST = 8
"""Requests in a round at least."""
_GAIN = 1.05
"""Throughput that a higher level must reach, as a multiple of that of the level before, to be kept."""
_TOO_MANY_FAIL = 0.4
_REST = 4
"""Rounds at one level before a higher one is tried again; doubled each time that it was no better."""
_LONGEST_REST = 64


class Level:
    """How many requests may be under way, found by hill climbing on the throughput.

    A level is judged by a round of requests that began at it, about as many as may be under way: the share
    that was answered, over the mean time that they took, times the level (Little's law; counting answers per
    second would measure how they happen to bunch). Rounds in which none had to wait for room say nothing.

    :param most: the highest level.
    :param start: the first level.
    :param clock: what tells the time in seconds.
    """

    def __init__(self, most: int, start: int = START, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._level = float(min(start, most))
        self._rate = 0.0
        """Throughput of this level, 0 where it is not known."""
        self._below: tuple[float, float] | None = None
        """Level and throughput before the last rise, while that is on trial."""
        self._doubling = True
        self._slow = 0
        """Rounds on trial that were no better."""
        self._rest = 0
        self._next_rest = _REST
        self._began = clock()
        self._done = 0
        self._answered = 0
        self._seconds = 0.0
        self._crowded = False

    @property
    def limit(self) -> int:
        """Requests that may be under way."""
        return max(1, int(self._level))

    def note(self, answered: bool, began: float, *, crowded: bool) -> None:
        """Count a request that has ended.

        :param answered: whether it was answered.
        :param began: when it was sent, by the clock.
        :param crowded: whether others wait for room.
        """
        self._crowded = self._crowded or crowded
        if began < self._began:
            return
        self._done += 1
        self._answered += answered
        self._seconds += self._clock() - began
        if self._done >= max(_LEAST, self.limit // 2 if self._doubling else self.limit):
            self._adapt(self._answered * self.limit / max(self._seconds, 1e-9))
            self._restart()

    def late(self, began: float) -> None:
        """Count a request that is late: half as many may be under way, once for all that began before that.

        :param began: when it was sent, by the clock.
        """
        if began >= self._began:
            self._settle(max(1.0, self._level / 2), 0.0)
            self._restart()

    def _restart(self) -> None:
        """Begin a round."""
        self._began = self._clock()
        self._done = self._answered = 0
        self._seconds = 0.0
        self._crowded = False

    def _adapt(self, rate: float) -> None:
        if self._answered < (1 - _TOO_MANY_FAIL) * self._done:
            self._settle(max(1.0, self._level * 0.7), 0.0)
        elif not self._crowded:
            return
        elif self._below is None:
            self._rate = (self._rate + rate) / 2 if self._rate else rate
            self._rest -= 1
            if self._rest < 0:
                self._rise(self._rate)
        elif rate >= _GAIN * self._below[1]:
            self._next_rest = _REST
            self._rise(rate)
        elif self._slow == 0:
            self._slow = 1  # one slow round may be chance
        elif self._doubling and rate >= self._below[1] / _GAIN:
            self._settle((self._level + self._below[0]) / 2, rate)
        else:
            self._settle(*self._below)

    def _rise(self, rate: float) -> None:
        step = self._level if self._doubling else max(1.0, self._level / 4)
        higher = min(float(self._most), self._level + step)
        self._below = (self._level, rate) if higher > self._level else None
        self._level, self._rate, self._slow = higher, rate, 0

    def _settle(self, level: float, rate: float) -> None:
        self._level, self._rate = level, rate
        self._below, self._doubling = None, False
        self._rest = self._next_rest
        self._next_rest = min(2 * self._next_rest, _LONGEST_REST)
