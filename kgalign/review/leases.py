"""Who has which entity before them: it is not given to another for a while."""

from collections.abc import Callable
from dataclasses import dataclass

from kgalign.review.questions import Queue

_LEASE = 600.0
"""Seconds in which an entity that lies before one person is not given to another."""


@dataclass(frozen=True, slots=True)
class _Lease:
    by: str
    since: float
    right: int
    queue: Queue | None


class Leases:
    """One left entity for each person, and the candidate that it is asked about: -1 for all of them.

    :param clock: seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._leases: dict[int, _Lease] = {}

    def of(self, by: str, queue: Queue) -> dict[int, int]:
        """What lies before a person from a queue, or from any: entity → candidate."""
        return {
            left: each.right
            for left, each in self._leases.items()
            if each.by == by and each.queue in (queue, None)
        }

    def others(self, by: str) -> set[int]:
        """What lies before others just now."""
        now = self._clock()
        self._leases = {
            left: each for left, each in self._leases.items() if now - each.since < _LEASE or each.by == by
        }
        return {left for left, each in self._leases.items() if each.by != by}

    def give(self, by: str, left: int, right: int, queue: Queue | None) -> None:
        """Lay an entity before a person in place of what was there, also where another has it.

        :param queue: from which it comes: in another one it does not come first; None for all of them.
        """
        self.take(by)
        self._leases[left] = _Lease(by, self._clock(), right, queue)

    def take(self, by: str, left: int | None = None) -> None:
        """Take away what lies before a person, all or one entity."""
        self._leases = {
            at: each
            for at, each in self._leases.items()
            if each.by != by or (left is not None and at != left)
        }

    def clear(self) -> None:
        """Nothing lies before anybody."""
        self._leases.clear()
