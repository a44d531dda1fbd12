"""Runs steps in order, keeps what they give in a run folder, and does only what changed.

This module knows nothing of RDF or of alignment: what the steps are and in which order they come
says :mod:`kgalign.pipeline`.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from kgalign.base import cores, scratch, store
from kgalign.base.files import partial_of
from kgalign.base.memory import give_back, limited
from kgalign.base.progress import NoProgress, Progress
from kgalign.base.version import __version__
from kgalign.config import Config
from kgalign.run.digests import digests_of
from kgalign.run.folder import RunFolder, RunRecord, Source, StepRecord, writing
from kgalign.run.measure import Measure
from kgalign.run.room import OVER, Room, check_room
from kgalign.run.taking import take_step

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a run is made from; with the version of kgalign it decides every fingerprint."""

    config: Config
    files: Mapping[str, tuple[Source, ...]]
    """``left``, ``right``, ``known``, ``gold``, ``shapes``, ``decisions`` → their files;
    ``left-metadata``, ``right-metadata`` → what describes their tables; ``embedder`` → the folder of its
    model; ``from`` → the finished run that this one grows from.
    """

    def digests(self, side: str) -> list[list[str]]:
        """Contents of a side's files, whatever their order and place; the ending says the format."""
        return sorted(
            ["".join(Path(each.path).suffixes[-2:]).lower(), each.sha256] for each in self.files.get(side, ())
        )

    def paths(self, side: str) -> tuple[Path, ...]:
        """Where a side's files are."""
        return tuple(Path(each.path) for each in self.files.get(side, ()))


@dataclass(frozen=True, slots=True)
class Report:
    """What a step says of its work, for ``run.json`` and the closing table."""

    counts: dict[str, int] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    incomplete: bool = False
    """Whether the step could not do all that it should: the next run takes it up again, and with it all
    that was made from it."""


@dataclass(frozen=True, slots=True)
class Step(Generic[T]):
    """A step whose output is a record, kept in ``stages/NAME``."""

    name: str
    stage: str
    """The stage that it is part of, for the closing table."""
    record: type[T]
    needs: tuple["AnyStep", ...]
    settings: Callable[[Inputs], object]
    """What the output depends on besides ``needs``, as JSON."""
    run: Callable[["Work"], T]
    report: Callable[[T], Report] = lambda _: Report()
    about_before: bool = False
    """Whether it tells of the run that this one grows from: what that run told of its own is not the same."""
    room: Callable[["Work"], Room] | None = None
    """What memory and disk it and all after it take; None where that need not be known beforehand."""


@dataclass(frozen=True, slots=True)
class Output:
    """A step that writes files for people into the run folder."""

    name: str
    stage: str
    needs: tuple["AnyStep", ...]
    settings: Callable[[Inputs], object]
    files: tuple[str, ...]
    write: Callable[["Work", tuple[Path, ...]], Report]
    """Writes each of ``files`` to the path given for it."""
    about_before: bool = False
    """As in :class:`Step`."""


AnyStep = Step[Any] | Output


def one_file(
    name: str,
    stage: str,
    needs: tuple[AnyStep, ...],
    write: Callable[["Work", Path], Report],
    settings: Callable[[Inputs], object] = lambda _: None,
) -> Output:
    """A step that writes one file, which it is named after."""
    return Output(name, stage, needs, settings, (name,), lambda work, paths: write(work, paths[0]))


class Work:
    """What a step sees: the inputs, and the outputs of the steps it needs."""

    def __init__(
        self,
        inputs: Inputs,
        progress: Progress | None = None,
        folder: RunFolder | None = None,
        ledger: Path | None = None,
        before: "Work | None" = None,
    ) -> None:
        self.inputs = inputs
        self.config = inputs.config
        self.progress: Progress = progress or NoProgress()
        self.folder = folder
        self.ledger = ledger
        """Where votes are kept if not in the run folder."""
        self.before = before
        """The finished run that this one grows from, with everything that it holds."""
        self._results: dict[str, Any] = {}
        self._made: dict[Callable[[Work], Any], tuple[set[str], Any]] = {}

    @property
    def cache(self) -> Path | None:
        """Folder for what is worth keeping between runs; None where nothing is written."""
        return self.folder.cache if self.folder else None

    def get(self, step: Step[T]) -> T:
        """Output of a step: from memory, from the run folder, or, where there is none, computed now."""
        if step.name not in self._results:
            if self.folder is None:
                with self.progress.task(step.name):
                    self._results[step.name] = step.run(self)
            else:
                self._results[step.name] = self.folder.load(step.name, step.record)
        result: T = self._results[step.name]
        return result

    def has(self, step: Step[Any]) -> bool:
        """Whether the output of a step is in memory."""
        return step.name in self._results

    def offers(self, step: AnyStep) -> bool:
        """Whether there is an output of a step, or it would be computed."""
        return True

    def put(self, step: Step[T], result: T) -> None:
        """Set the output of a step."""
        self._results[step.name] = result
        self._made = {make: each for make, each in self._made.items() if step.name not in each[0]}

    def made(self, make: Callable[["Work"], T], *of: Step[Any]) -> T:
        """What several steps make of the outputs of others: made once, and kept as long as these are."""
        if make not in self._made:
            self._made[make] = {step.name for step in of}, make(self)
        result: T = self._made[make][1]
        return result

    def keep_only(self, names: set[str]) -> None:
        """Let go of all outputs but these, to free their memory."""
        self._results = {name: result for name, result in self._results.items() if name in names}
        self._made = {make: each for make, each in self._made.items() if each[0] <= names}
        give_back()
        scratch.release_all()


def fingerprints(
    steps: Sequence[AnyStep], inputs: Inputs, standing: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Hash of all that each step's output depends on; ``steps`` come after those they need.

    :param standing: the hashes of other steps, which are taken as they are.
    """
    prints = dict(standing or {})
    for step in steps:
        content = {
            "kgalign": __version__,
            "layout": store.FORMAT,
            "step": step.name,
            "settings": step.settings(inputs),
            "needs": [prints[need.name] for need in step.needs],
        }
        prints[step.name] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return prints


@dataclass(frozen=True, slots=True)
class Execution:
    """What a call of :func:`execute` did."""

    record: RunRecord
    done: tuple[str, ...]
    """Steps that were computed now."""
    kept: tuple[str, ...]
    """Steps whose output was still right."""


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
    :raises RunError: the folder can't be written, or one of ``standing`` is damaged.
    :raises KgalignError: what a step says against its input.
    """
    taken = {step.name: record.steps[step.name].fingerprint for step in standing}
    prints = fingerprints(steps, work.inputs, taken)
    before_this = right_before(steps, work, taken)
    todo = [step for step in steps if not _is_done(step, prints, folder, record)]
    todo = _with_damaged(todo, steps, folder, record, check=check)
    names = {*prints, *(step.name for step in later)}
    for name in record.steps.keys() - names:
        # A file that this call no longer makes would be taken for one of its results.
        for file in record.steps[name].files:
            folder.file(file).unlink(missing_ok=True)
    record = replace(record, steps={name: each for name, each in record.steps.items() if name in names})
    _record(folder, record)
    before(todo)
    with limited(work.config.limits.memory) as most, scratch.under(folder.path):
        for position, step in enumerate(todo):
            log.info("%s: begins", step.name)
            made_from = _made_from(step, (*steps, *later))
            source = before_this.get(step.name)
            record = _do(step, prints[step.name], work, folder, record, made_from, source)
            log.info("%s: done in %.1f s", step.name, record.steps[step.name].seconds)
            finished()
            if work.config.limits.memory is not None:
                _warn_of_memory(step.name, record.steps[step.name].peak_bytes, most)
            work.keep_only({need.name for later in todo[position + 1 :] for need in later.needs})
    done = tuple(step.name for step in todo)
    return Execution(record, done, tuple(step.name for step in steps if step.name not in done))


def _see_room(step: AnyStep, work: Work, folder: Path) -> dict[str, str]:
    """What the step and all after it take, where that should be known, as a note; see that there is room."""
    if not isinstance(step, Step) or step.room is None:
        return {}
    room = step.room(work)
    check_room(room, folder, work.config.limits.memory)
    log.info("%s and all after it take %s", step.name, room)
    return {"room": str(room)}


def _warn_of_memory(step: str, peak: int, most: int) -> None:
    if peak > OVER * most:
        told = "%s: held %.1f GB, more than the %.1f GB of --memory: give it that much"
        log.warning(told, step, peak / 1e9, most / 1e9)


def right_before(
    steps: Sequence[AnyStep], work: Work, standing: Mapping[str, str] | None = None
) -> dict[str, StepRecord]:
    """Steps of the run that this one grows from whose output would be the same here, by their names.

    :param standing: the fingerprints of other steps here.
    """
    if work.before is None or work.before.folder is None:
        return {}
    record = work.before.folder.read()
    files = {**work.inputs.files, "from": record.inputs.get("from", ())}
    prints = fingerprints(steps, replace(work.inputs, files=files), standing)
    told = {step.name for step in steps if step.about_before}
    return {
        name: each
        for name, each in record.steps.items()
        if each.fingerprint == prints.get(name) and not each.incomplete and each.digests and name not in told
    }


def _is_done(step: AnyStep, prints: Mapping[str, str], folder: RunFolder, record: RunRecord) -> bool:
    finished = record.steps.get(step.name)
    return (
        finished is not None
        and finished.fingerprint == prints[step.name]
        and not finished.incomplete
        and folder.holds(step.name, finished)
    )


def _with_damaged(
    todo: Sequence[AnyStep], steps: Sequence[AnyStep], folder: RunFolder, record: RunRecord, *, check: bool
) -> list[AnyStep]:
    """The steps to do, and those that are damaged and of which the former, or each other, are made.

    :param check: whether to add every step that is damaged.
    :raises RunError: a step is damaged that is none of ``steps``, and so can't be made again here.
    """
    again = {step.name for step in todo}
    seen: set[str] = set()
    while True:
        needed = {need.name: need for step in steps if step.name in again for need in step.needs}
        wanted = needed | ({step.name: step for step in steps} if check else {})
        unseen = [name for name in wanted if name not in seen | again and name in record.steps]
        if not unseen:
            return [step for step in steps if step.name in again]
        for name in unseen:
            seen.add(name)
            files = folder.damaged(name, record.steps[name])
            if files and wanted[name] not in steps:
                folder.check(name, record.steps[name])
            if files:
                more = f" and {len(files) - 1} more" if len(files) > 1 else ""
                log.warning("%s%s is damaged: '%s' is made again", folder.file(files[0]), more, name)
                again.add(name)


def _made_from(step: AnyStep, steps: Sequence[AnyStep]) -> set[str]:
    """Names of the steps whose records are made from this one's, themselves or through others."""
    found = {step.name}
    for each in steps:
        if isinstance(each, Step) and any(need.name in found for need in each.needs):
            found.add(each.name)
    return found - {step.name}


def _do(
    step: AnyStep,
    fingerprint: str,
    work: Work,
    folder: RunFolder,
    record: RunRecord,
    made_from: set[str],
    source: StepRecord | None = None,
) -> RunRecord:
    """Compute the step's output, forget the old one, put the new one in its place, then record it.

    :param made_from: steps whose records are made from this one's: where it is another now, theirs are
        forgotten with the old one, so that nothing ever reads the one beside the other.
    :param source: what the run before recorded of the step, where its output is right here too.
    """
    before = record.steps.get(step.name)
    old = {step.name} | (made_from if before and before.fingerprint != fingerprint else set())
    others = replace(record, steps={name: each for name, each in record.steps.items() if name not in old})

    def forget() -> None:
        if step.name in record.steps:
            _record(folder, others)

    room = _see_room(step, work, folder.path)
    with work.progress.task(step.name) as task, Measure() as measure:
        for each in room.values():
            task.note(each)
        if source is not None and work.before is not None and work.before.folder is not None:
            sizes, digests = source.files, source.digests
            report = Report(source.counts, source.figures, source.notes)
            take_step(step.name, source, work.before.folder, folder, forget)
        elif isinstance(step, Step):
            report = _keep_record(step, work, folder, forget)
            sizes = {}
            digests = digests_of(folder.path, [folder.stage(step.name)])
        else:
            report, sizes = _write_files(step, work, folder, forget)
            digests = digests_of(folder.path, [folder.file(name) for name in sizes])
    finished = StepRecord(
        fingerprint=fingerprint,
        seconds=round(measure.seconds, 3),
        peak_bytes=measure.peak_bytes,
        counts=report.counts,
        figures=report.figures,
        notes=report.notes | cores.told() | room,
        incomplete=report.incomplete or any(record.steps[need.name].incomplete for need in step.needs),
        files=sizes,
        digests=digests,
    )
    folder.took(step.name, finished)
    return _record(folder, replace(others, steps={**others.steps, step.name: finished}))


def _record(folder: RunFolder, record: RunRecord) -> RunRecord:
    with writing(folder.path):
        folder.write(record)
    return record


def _keep_record(step: Step[Any], work: Work, folder: RunFolder, forget: Callable[[], None]) -> Report:
    result = step.run(work)
    report = step.report(result)
    forget()
    with writing(folder.path):
        store.save(folder.stage(step.name), result)
        del result
        # What is large is mapped from now on, and no longer held.
        work.put(step, store.load(folder.stage(step.name), step.record))
    return report


def _write_files(
    step: Output, work: Work, folder: RunFolder, forget: Callable[[], None]
) -> tuple[Report, dict[str, int]]:
    partial = tuple(partial_of(folder.file(name)) for name in step.files)
    for need in step.needs:
        if isinstance(need, Step):
            work.get(need)
    with writing(folder.path):
        report = step.write(work, partial)
        sizes = {name: path.stat().st_size for name, path in zip(step.files, partial, strict=True)}
        forget()
        for name, path in zip(step.files, partial, strict=True):
            path.replace(folder.file(name))
    return report, sizes
