"""Who has which entity before them: it is not given to another for a while."""

from collections.abc import Callable
from dataclasses import dataclass

_LEASE = 600.0
"""Seconds in which an entity that lies before one person is not given to another."""


@dataclass(frozen=True, slots=True)
class _Lease:
    by: str
    since: float
    right: int


class Leases:
    """One left entity for each person, and the candidate that it is asked about: -1 for all of them.

    :param clock: seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._leases: dict[int, _Lease] = {}

    def of(self, by: str) -> dict[int, int]:
        """What lies before a person: entity → candidate."""
        return {left: each.right for left, each in self._leases.items() if each.by == by}

    def others(self, by: str) -> set[int]:
        """What lies before others just now."""
        now = self._clock()
        self._leases = {
            left: each for left, each in self._leases.items() if now - each.since < _LEASE or each.by == by
        }
        return {left for left, each in self._leases.items() if each.by != by}

    def give(self, by: str, left: int, right: int) -> None:
        """Lay an entity before a person in place of what was there, also where another has it."""
        self.take(by)
        self._leases[left] = _Lease(by, self._clock(), right)

    def take(self, by: str, left: int | None = None) -> None:
        """Take away what lies before a person, all or one entity."""
        for each in [left] if left is not None else list(self.of(by)):
            if each in self._leases and self._leases[each].by == by:
                del self._leases[each]

    def clear(self) -> None:
        """Nothing lies before anybody."""
        self._leases.clear()
