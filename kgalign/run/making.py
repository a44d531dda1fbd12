"""What a step makes: first beside its place, by this process or by another, then in its place."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgalign.base import store
from kgalign.base.files import partial_of, put_in_place
from kgalign.run.digests import digests_of
from kgalign.run.folder import RunFolder, writing
from kgalign.run.measure import Measure
from kgalign.run.steps import AnyStep, Output, Report, Step, Work


@dataclass(frozen=True, slots=True)
class Made:
    """What lies beside its place, and what there is to record of it."""

    report: Report
    seconds: float
    peak_bytes: int
    sizes: dict[str, int]
    """Bytes of the files for people, by their names."""
    digests: dict[str, str]
    """Of all files, by the paths that they will have in the run folder."""


def make(step: AnyStep, work: Work, folder: RunFolder) -> Made:
    """Compute a step's output and write it beside its place.

    :raises RunError: it can't be written.
    :raises KgalignError: what the step says against its input.
    """
    with Measure() as measure:
        report, files = _record(step, work, folder) if isinstance(step, Step) else _files(step, work, folder)
        sizes = {} if isinstance(step, Step) else {name: path.stat().st_size for name, path in files.items()}
        digests = digests_of(files)
    return Made(report, round(measure.seconds, 3), measure.peak_bytes, sizes, digests)


def place(step: AnyStep, folder: RunFolder, forget: Callable[[], None]) -> None:
    """Put what was made in its place.

    :param forget: is called before anything is replaced.
    :raises RunError: the folder can't be written.
    """
    forget()
    with writing(folder.path):
        for path in _places(step, folder):
            put_in_place(path)


def _places(step: AnyStep, folder: RunFolder) -> tuple[Path, ...]:
    if isinstance(step, Step):
        return (folder.stage(step.name),)
    return tuple(folder.file(name) for name in step.files)


def _record(step: Step[Any], work: Work, folder: RunFolder) -> tuple[Report, dict[str, Path]]:
    """Keep a record; what is large is mapped from then on, and no longer held."""
    result = step.run(work)
    report = step.report(result)
    place = folder.stage(step.name)
    with writing(folder.path):
        store.begin(place, result)
        del result
        partial = partial_of(place)
        work.put(step, store.load(partial, step.record))
    files = sorted(path for path in partial.rglob("*") if path.is_file())
    name = place.relative_to(folder.path)
    return report, {(name / path.relative_to(partial)).as_posix(): path for path in files}


def _files(step: Output, work: Work, folder: RunFolder) -> tuple[Report, dict[str, Path]]:
    files = {name: partial_of(folder.file(name)) for name in step.files}
    for need in step.needs:
        if isinstance(need, Step):
            work.get(need)
    with writing(folder.path):
        report = step.write(work, tuple(files.values()))
    return report, files
