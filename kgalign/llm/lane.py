"""What is under way at one server, what waits for it, and whether it can still be asked."""

import asyncio
import math
import time
from collections import deque
from dataclasses import dataclass, field

from kgalign.llm.http import Silent
from kgalign.llm.level import START, Level
from kgalign.llm.pace import Paced
from kgalign.llm.protocol import Backend, CallFailed, Request

LONGEST = 300.0
"""Seconds that a server may ask to wait; if it wants more, it is asked no further."""
_ROW = 10
"""Calls that fail one after the other until the server counts as gone, if that takes long enough."""
_QUESTIONS = 3
"""Different questions that these must be about."""
_REFUSED_ROW = 20
"""The same for calls that need not be tried again: then there is nothing to wait for."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a server is asked no further, and what to do."""

    message: str
    remedy: str


@dataclass(slots=True, eq=False)
class Wanted:
    """A request on its way to a server."""

    order: tuple["Lane", ...]
    """The servers, the one that has most likely read its beginning first."""
    failed: list["Lane"] = field(default_factory=list)
    """Those that it failed at, since it was last tried at all of them."""


@dataclass(slots=True, eq=False)
class Turn:
    """A request that waits until a server has room for it."""

    wanted: Wanted
    future: "asyncio.Future[Lane]"


class Lane:
    """The way to one server.

    :param backend: the server.
    :param most: most requests under way there.
    :param patience: seconds in which a server that fails every call may come back.
    """

    def __init__(self, backend: Backend, most: int, patience: float) -> None:
        self.backend = backend
        self.pace = backend.pace if isinstance(backend, Paced) else None
        self.level = Level(most, self.pace.start if self.pace else START)
        if self.pace:
            self.pace.when_late = self.level.late
        self.waiting: deque[Turn] = deque()
        self.in_flight = 0
        self.answered = 0
        """Requests that it answered."""
        self.hold = 0.0
        """When it may be asked again, by ``time.monotonic()``: it asked to be left alone until then."""
        self.out = ""
        """Why it is not asked for now, empty while it is; only one of several servers ever is."""
        self.lost = 0
        """How often that came."""
        self.looks = 0
        """How often it was looked whether it is back, since it answered last."""
        self.under_way: dict[object, float] = {}
        """When each call that is under way was sent, in that order."""
        self._patience = patience
        self._row = 0
        self._row_began = 0.0
        self._failing: set[int] = set()
        self._answered_at = time.time()
        self._last_answer = 0.0

    @property
    def queue(self) -> int:
        """Requests that are under way there or wait for it."""
        return self.in_flight + len(self.waiting)

    @property
    def has_room(self) -> bool:
        """Whether one more may be under way."""
        return self.in_flight < self.level.limit

    @property
    def rests(self) -> bool:
        """Whether it asked to be left alone for now."""
        return self.hold > time.monotonic()

    def note_answer(self) -> None:
        """Count an answer."""
        self.answered += 1
        self.looks = self._row = 0
        self._answered_at = time.time()
        self._last_answer = time.monotonic()

    def note_failure(self, request: Request, failure: CallFailed, began: float) -> Ending | None:
        """Obey what the server asks for, and tell where there is no hope.

        :param began: when the request was sent, by ``time.monotonic()``.
        """
        ending: Ending | None = None
        now = time.monotonic()
        if failure.after is not None:
            self.hold = max(self.hold, now + failure.after)
            if failure.after > LONGEST:
                ending = Ending(
                    f"The model {self.backend.name} can't be asked for {failure.after:,.0f} seconds: "
                    f"{failure.reason}",
                    "What it answered is kept: run the same command again then",
                )
        if began < self._last_answer:
            return ending  # it was answered since: this says nothing of how it is now
        if self._row == 0:
            self._row_began = now
            self._failing.clear()
        self._row += 1
        self._failing.add(id(request))
        if ending is None and self._is_lost(failure, began, now):
            since = time.strftime("%H:%M:%S", time.localtime(self._answered_at))
            ending = Ending(
                f"The model {self.backend.name} has not answered {self._row:,} calls in a row "
                f"since {since}: {failure.reason}",
                "What it answered is kept: look after the server, and run the same command again",
            )
        return ending

    def _is_lost(self, failure: CallFailed, began: float, now: float) -> bool:
        # Where something listens it may be the question's fault: the last ones of a run are often such.
        many = failure.gone or len(self._failing) >= _QUESTIONS
        # While an older call is under way it may be that answers take long and failures don't.
        oldest = next(iter(self.under_way.values()), math.inf)
        lost = self._row >= _ROW and many and now - self._row_began >= self._patience and began <= oldest
        if self.is_silent(failure):
            # Calls that were silent together may have been too many: one that was sent since, beside fewer
            # and with more time, tells.
            lost = many and began > self._row_began
        return lost or (self._row >= _REFUSED_ROW and not failure.again)

    def is_silent(self, failure: CallFailed) -> bool:
        """Whether no answer came in a time that was learned."""
        return isinstance(failure, Silent) and self.pace is not None and self.pace.learned

    def leave_out(self, reason: str) -> None:
        """Ask it nothing for now."""
        self.out = reason
        self.lost += 1

    def take_back(self) -> None:
        """Ask it again."""
        self.out = ""
        self.hold = 0.0
        self._row = 0
