"""Two lanes: what this process does of a run, and what a second one makes meanwhile.

What may be handed over says each step; when it is handed over is decided here alone. What comes out is the
same whoever made it.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType

from kgalign.base.memory import limit
from kgalign.base.processes import can_start
from kgalign.base.progress import Progress
from kgalign.errors import KgalignError
from kgalign.run.apart import Setup, Task
from kgalign.run.early import dismiss, is_worth_it
from kgalign.run.folder import RunFolder, StepRecord
from kgalign.run.making import Made
from kgalign.run.measure import high_water
from kgalign.run.room import OVER, Room
from kgalign.run.second import Answer, Second
from kgalign.run.steps import AnyStep, Step, Work
from kgalign.run.telling import Failed, Given, Ready, Refused, Shared

log = logging.getLogger(__name__)

Find = Callable[[str], AnyStep]
BASE = 230_000_000
"""Bytes that a process holds with its libraries, and before it does anything."""
SHARE = 0.2
"""Of the memory that the whole run takes, what writing a file for people takes besides."""


def pays(work: Work, todo: Sequence[AnyStep]) -> bool:
    """Whether a second process is worth starting for these steps."""
    given = work.config.limits.processes
    if given is not None:
        return given > 1 and can_start()
    size = sum(each.unpacked for side in ("left", "right") for each in work.inputs.files.get(side, ()))
    return is_worth_it(size) and sum(step.beside for step in todo) > 1


class Lanes:
    """Says which step is next here, and hands others to a second process.

    :param todo: all that is to be done, each step after those that it needs.
    :param apart: those that this process has to do itself, by their names.
    :param records: of the steps that are finished.
    :param find: gives a step by its name in another process; None where there is no other.
    """

    def __init__(
        self,
        todo: Sequence[AnyStep],
        apart: set[str],
        work: Work,
        folder: RunFolder,
        records: dict[str, StepRecord],
        find: Find | None,
    ) -> None:
        self._todo, self._work, self._folder = list(todo), work, folder
        self._own, self._records = apart, dict(records)
        self._find = find if find is not None and pays(work, todo) else None
        self._waiting = list(todo)
        self._undone = {step.name for step in todo}
        self._handed: AnyStep | None = None
        self._made: list[tuple[AnyStep, Made]] = []
        self._elsewhere: set[str] = set()
        """Steps of which the second process holds what it made, and the run folder may not yet."""
        self._refused: tuple[AnyStep, KgalignError] | None = None
        self._fault: BaseException | None = None
        self._second: Second | None = None
        self._ready, self._asked = False, work.config.limits.processes == 2
        """Whether it can begin: what waits for it until then is done here, but where two were asked for."""
        self._room: Room | None = None
        self._change = threading.Condition()
        self._progress: Progress = work.progress

    def __enter__(self) -> "Lanes":
        if self._find is not None:
            self._work.progress = Shared(self._progress)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._work.progress = self._progress
        self._end()

    def next(self) -> AnyStep | None:
        """The step that this process does now; None where it has to wait for the other one.

        :raises KgalignError: what the other one could not do, once all before it is done.
        """
        self._learn_room()
        with self._change:
            self._raise()
            if len(self._waiting) > 1:
                self._hand_over()
            idle = self._handed is None and not any(map(self._goes_beside, self._waiting))
            step = self._choose()
            if step is not None:
                self._waiting.remove(step)
        if idle:
            self._end()
        return step

    def left(self) -> bool:
        """Whether anything is left to do, or to take in."""
        with self._change:
            return bool(self._undone)

    def wait(self) -> None:
        """Wait until the second process has made something, or is gone."""
        with self._change:
            while self._handed is not None and not self._made and self._fault is None:
                self._change.wait()

    def made(self) -> Iterator[tuple[AnyStep, Made]]:
        """What the second process made since it was last asked, to be put in its place."""
        while True:
            with self._change:
                if not self._made:
                    return
                found = self._made.pop(0)
            yield found

    def finished(self, step: AnyStep, record: StepRecord) -> None:
        """Take note that a step is recorded."""
        with self._change:
            self._undone.discard(step.name)
            self._records[step.name] = record

    def needed(self) -> set[str]:
        """Names of the steps whose outputs this process may still need."""
        with self._change:
            others = [self._handed] if self._handed is not None else []
            return {need.name for step in (*self._waiting, *others) for need in step.needs}

    # --- Here

    def _choose(self) -> AnyStep | None:
        """The first step of those that the other process does not get, else of all that can be done now."""
        for step in self._waiting:
            if not self._goes_beside(step):
                if self._is_ready(step, set()):
                    return step
                break
        return next((step for step in self._waiting if self._is_ready(step, set())), None)

    def _is_ready(self, step: AnyStep, besides: set[str]) -> bool:
        return all(need.name not in self._undone or need.name in besides for need in step.needs)

    def _raise(self) -> None:
        """Tell of what went wrong in the other process, where it would have been met by now."""
        if self._fault is not None:
            raise self._fault
        if self._refused is not None:
            step, error = self._refused
            if not any(each.name in self._undone for each in self._todo[: self._todo.index(step)]):
                raise error

    def _learn_room(self) -> None:
        """Find what the whole run will hold, as soon as that can be told."""
        if self._find is None or self._room is not None:
            return
        for step in self._all():
            if isinstance(step, Step) and step.room is not None and self._is_ready(step, set()):
                try:
                    self._room = step.room(self._work)
                except KgalignError:  # it is told where what is damaged is needed
                    self._find = None

    def _all(self) -> list[AnyStep]:
        """The steps to do, and those that they are made from."""
        found = {step.name: step for step in self._todo}
        for step in self._todo:
            found.update((need.name, need) for need in step.needs if need.name not in found)
        return list(found.values())

    # --- There

    def _goes_beside(self, step: AnyStep) -> bool:
        """Whether the second process may make a step: it is such, and both together do not hold too much."""
        return (
            self._find is not None
            and step.beside
            and step.name not in self._own
            and self._taken(step) <= OVER * limit()
        )

    def _taken(self, step: AnyStep) -> int:
        """Bytes that both processes hold while the second one makes a step."""
        whole = self._room.memory if self._room is not None else 0
        if isinstance(step, Step) and step.holds is not None:
            its = step.holds(self._work.inputs)
        else:
            its = BASE + int(SHARE * whole)
        here = [
            each.holds(self._work.inputs)
            for each in self._todo
            if isinstance(each, Step) and each.holds and each.name in self._undone and not each.beside
        ]
        return its + max(whole, BASE, *here)

    def _hand_over(self) -> None:
        """Give the second process its next step, where there is one."""
        if self._find is None or self._handed is not None or self._refused is not None:
            return
        step = next(
            (
                each
                for each in self._waiting
                if self._goes_beside(each) and self._is_ready(each, self._elsewhere)
            ),
            None,
        )
        second = self._started() if step is not None else None
        if step is None or second is None or not (self._ready or self._asked):
            return
        self._waiting.remove(step)
        self._handed = step
        log.info("%s: begins in a second process", step.name)
        second.begin(self._task(step))

    def _task(self, step: AnyStep) -> Task:
        needs = {need.name: self._records[need.name] for need in step.needs if need.name in self._records}
        later = [each for each in self._waiting if each.beside]
        return Task(
            step.name, needs, frozenset(need.name for each in later for need in each.needs), high_water()
        )

    def _started(self) -> Second | None:
        """The second process, which is started now at the latest; None where there can't be one."""
        if self._second is None and self._find is not None:
            work = self._work
            level = logging.getLogger("kgalign").getEffectiveLevel()
            setup = Setup(work.inputs, self._folder.path.absolute(), work.ledger, self._find, limit(), level)
            try:
                self._second = Second(setup, self._folder.held, work.progress, self._answered)
            except OSError as error:
                log.info("no second process can be started: %s", error)
                self._find = None
        return self._second

    def _answered(self, second: Second, answer: Answer | None) -> None:
        """Take what the second process says of the step that it was given; called in another thread."""
        with self._change:
            if isinstance(answer, Ready):
                self._ready = True
                self._hand_over()
                return
            step, self._handed = self._handed, None
            if isinstance(answer, Given) and step is not None:
                self._made.append((step, answer.made))
                self._elsewhere.add(step.name)
                self._hand_over()
            elif isinstance(answer, Refused) and step is not None:
                self._refused = step, answer.error()
            else:
                self._give_up(second, step, answer)
            self._change.notify_all()

    def _give_up(self, second: Second, step: AnyStep | None, answer: Answer | None) -> None:
        """Do all that is left in this process: the other one is gone, or can't do its work."""
        self._find, self._fault = None, second.fault
        rest = "all else is" if step is None else f"'{step.name}' and all else are"
        if step is not None:
            names = {each.name for each in (*self._waiting, step)}
            self._waiting = [each for each in self._todo if each.name in names]
        if second.full:
            log.info("both processes together held too much: all else is made in one")
        elif isinstance(answer, Failed):
            log.warning("a second process failed (%s): %s made here", answer.why, rest)
            log.debug("%s", answer.trace)
            second.end()
        elif second.fault is None:
            # Where it was not at work nothing is lost: it may not have been able to start.
            level = logging.INFO if step is None else logging.WARNING
            log.log(level, "a second process is gone (%s): %s made here", second.why(), rest)

    def _end(self) -> None:
        """End the second process, which holds memory as long as it is there."""
        with self._change:
            second, self._second, self._ready = self._second, None, False
        dismiss()
        if second is not None:
            second.end()
