"""Runs steps, keeps what they give in a run folder, and does only what changed.

This process goes through the steps in order and hands some of them to a second one
(:mod:`kgalign.run.lanes`); it alone puts what was made in its place and says so in ``run.json``.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from kgalign.base import cores, scratch
from kgalign.base.memory import limited
from kgalign.errors import KgalignError
from kgalign.run.folder import RunFolder, RunRecord, StepRecord, writing
from kgalign.run.lanes import Find, Lanes
from kgalign.run.making import Made, make, place
from kgalign.run.measure import Measure
from kgalign.run.room import OVER, check_room
from kgalign.run.steps import AnyStep, Report, Step, Work, fingerprints
from kgalign.run.taking import take_step
from kgalign.run.todo import is_done, made_from, right_before, with_damaged

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Execution:
    """What a call of :func:`execute` did."""

    record: RunRecord
    done: tuple[str, ...]
    """Steps that were computed now."""
    kept: tuple[str, ...]
    """Steps whose output was still right."""
    seconds: float = 0.0
    """What all of that took; steps that were made side by side take more together."""


def execute(
    steps: Sequence[AnyStep],
    work: Work,
    folder: RunFolder,
    record: RunRecord,
    before: Callable[[Sequence[AnyStep]], None] = lambda todo: None,
    later: Sequence[AnyStep] = (),
    standing: Sequence[AnyStep] = (),
    check: bool = False,
    finished: Callable[[], None] = lambda: None,
    find: Find | None = None,
) -> Execution:
    """Bring a locked run folder up to date: do the steps whose fingerprint changed, in order.

    What they are made from is first held against its digests; what is damaged is made again, too.

    :param steps: in an order in which each comes after those it needs.
    :param work: holds the inputs.
    :param folder: where outputs are kept; the caller holds its lock.
    :param record: what is finished there so far, with the inputs and the configuration of this call.
    :param before: is called with the steps to do before the first of them begins.
    :param later: steps that are left as they are; whether they are still right is for the next call to see.
    :param standing: finished steps before ``steps`` that are taken as they are, whatever they were made from.
    :param check: whether to look for damage in everything that is finished, not only in what is read now.
    :param finished: is called whenever a step is finished and recorded.
    :param find: gives a step by its name, a function of a module: with it a second process can make some of
        them; all are made here if None.
    :raises RunError: the folder can't be written, or one of ``standing`` is damaged.
    :raises KgalignError: what a step says against its input.
    """
    begun = time.perf_counter()
    taken = {step.name: record.steps[step.name].fingerprint for step in standing}
    prints = fingerprints(steps, work.inputs, taken)
    before_this = right_before(steps, work, taken)
    todo = [step for step in steps if not is_done(step, prints, folder, record)]
    todo = with_damaged(todo, steps, folder, record, check=check)
    names = {*prints, *(step.name for step in later)}
    for name in record.steps.keys() - names:
        # A file that this call no longer makes would be taken for one of its results.
        for file in record.steps[name].files:
            folder.file(file).unlink(missing_ok=True)
    record = replace(record, steps={name: each for name, each in record.steps.items() if name in names})
    run = _Run((*standing, *steps, *later), prints, work, folder, record, finished)
    run.write(record)
    before(todo)
    with (
        limited(work.config.limits.memory),
        scratch.under(folder.path),
        Lanes(todo, set(before_this), work, folder, record.steps, find) as lanes,
    ):
        run.go(lanes, before_this)
    done = tuple(step.name for step in todo)
    kept = tuple(step.name for step in steps if step.name not in done)
    return Execution(run.record, done, kept, time.perf_counter() - begun)


class _Run:
    """Steps that are done in a run folder, and what is recorded of them."""

    def __init__(
        self,
        steps: Sequence[AnyStep],
        prints: Mapping[str, str],
        work: Work,
        folder: RunFolder,
        record: RunRecord,
        finished: Callable[[], None],
    ) -> None:
        self._steps, self._prints, self._work, self._folder = steps, prints, work, folder
        self.record = record
        self._finished = finished

    def write(self, record: RunRecord) -> None:
        """Say what is finished, in the order of the steps, whichever was finished first."""
        order = {step.name: position for position, step in enumerate(self._steps)}
        named = sorted(record.steps, key=order.__getitem__)
        self.record = replace(record, steps={name: record.steps[name] for name in named})
        with writing(self._folder.path):
            self._folder.write(self.record)

    def go(self, lanes: Lanes, before_this: Mapping[str, StepRecord]) -> None:
        """Do all that is to be done.

        :param before_this: what the run before recorded of steps whose output is right here too.
        """
        try:
            while lanes.left():
                self._take_in(lanes)
                step = lanes.next()
                if step is None:
                    lanes.wait()
                elif step.name in before_this:
                    self._take_over(step, before_this[step.name], lanes)
                else:
                    self._make(step, lanes)
                self._work.keep_only(lanes.needed())
        except KgalignError:
            with suppress(KgalignError):
                self._take_in(lanes)
            raise

    def _take_in(self, lanes: Lanes) -> None:
        """Put what the other process made in its place."""
        for step, made in lanes.made():
            place(step, self._folder, partial(self._forget, step))
            self._keep(step, made, {}, lanes)

    def _make(self, step: AnyStep, lanes: Lanes) -> None:
        log.info("%s: begins", step.name)
        room = self._see_room(step)
        with self._work.progress.task(step.name) as task:
            for each in room.values():
                task.note(each)
            made = make(step, self._work, self._folder)
            place(step, self._folder, partial(self._forget, step))
        self._keep(step, made, cores.told() | room, lanes)

    def _take_over(self, step: AnyStep, source: StepRecord, lanes: Lanes) -> None:
        """Take a step from the run before, where it is right here too."""
        log.info("%s: begins", step.name)
        before = self._work.before
        room = self._see_room(step)
        with self._work.progress.task(step.name), Measure() as measure:
            if before is not None and before.folder is not None:
                take_step(step.name, source, before.folder, self._folder, partial(self._forget, step))
        report = Report(source.counts, source.figures, source.notes)
        seconds = round(measure.seconds, 3)
        made = Made(report, seconds, measure.peak_bytes, source.files, source.digests)
        self._keep(step, made, room, lanes)

    def _forget(self, step: AnyStep) -> None:
        """Before the step's old output is replaced: it is not finished any more.

        Where what it makes is another thing now, so are all records that are made from it: they are forgotten
        with the old one, so that nothing ever reads the one beside the other.
        """
        before = self.record.steps.get(step.name)
        if before is not None:
            changed = before.fingerprint != self._prints[step.name]
            old = {step.name} | (made_from(step, self._steps) if changed else set())
            kept = {name: each for name, each in self.record.steps.items() if name not in old}
            self.write(replace(self.record, steps=kept))

    def _keep(self, step: AnyStep, made: Made, notes: Mapping[str, str], lanes: Lanes) -> None:
        """Record what was made and lies in its place."""
        report, steps = made.report, self.record.steps
        found = StepRecord(
            fingerprint=self._prints[step.name],
            seconds=made.seconds,
            peak_bytes=made.peak_bytes,
            counts=report.counts,
            figures=report.figures,
            notes={**report.notes, **notes},
            incomplete=report.incomplete or any(steps[need.name].incomplete for need in step.needs),
            files=made.sizes,
            digests=made.digests,
        )
        self._folder.took(step.name, found)
        self.write(replace(self.record, steps={**steps, step.name: found}))
        lanes.finished(step, found)
        log.info("%s: done in %.1f s", step.name, found.seconds)
        self._finished()
        _warn_of_memory(step.name, found.peak_bytes, self._work.config.limits.memory)

    def _see_room(self, step: AnyStep) -> dict[str, str]:
        """What the step and all after it take, where that should be known; see that there is room."""
        if not isinstance(step, Step) or step.room is None:
            return {}
        room = step.room(self._work)
        check_room(room, self._folder.path, self._work.config.limits.memory)
        log.info("%s and all after it take %s", step.name, room)
        return {"room": str(room)}


def _warn_of_memory(step: str, peak: int, most: int | None) -> None:
    if most is not None and peak > OVER * most:
        told = "%s: held %.0f MB, more than the %.0f MB of --memory: give it that much"
        log.warning(told, step, peak / 1e6, most / 1e6)
