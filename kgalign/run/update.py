"""Finished runs brought up to date in place: their input files have changed."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kgalign.base.files import partial_of, remove
from kgalign.base.progress import Progress
from kgalign.base.version import __version__
from kgalign.config import Config
from kgalign.errors import RunError
from kgalign.pipeline import step_named, steps
from kgalign.run.executing import Execution, execute
from kgalign.run.finished import Finished
from kgalign.run.folder import BEFORE, RUN_FILE, RunFolder, RunRecord, writing
from kgalign.run.growing import check_finished, grown
from kgalign.run.inputs import embedder_source, library_versions, source, with_decisions
from kgalign.run.start import check_early
from kgalign.run.steps import AnyStep, Inputs, Work, fingerprints
from kgalign.run.taking import link


@dataclass(frozen=True, slots=True)
class Update:
    """What bringing a run up to date came to."""

    changed: tuple[str, ...]
    """Input files that hold something else than they did."""
    execution: Execution | None
    """What was done; None where nothing had changed."""


def update(out: Path, *, progress: Progress | None = None) -> Update:
    """Grow a run in place from what it was, by the input files as they are now.

    What it was stays in ``before/`` of the run folder, so that a call that is killed goes on when it is given
    again, and so that what changed can be told.

    :raises InputError: an input file is gone, or can't be read.
    :raises RunError: there is no finished run, it is in use, of another version, or can't be written.
    """
    folder = RunFolder(out)
    folder.read()
    with folder.locked():
        was = Finished(out)
        if was.record.version != __version__:
            raise RunError(
                f"{out} was made by kgalign {was.record.version}, and this is {__version__}",
                "Run the same `kgalign run` again",
            )
        inputs = with_decisions(_as_they_are(was.record, was.config), folder)
        todo = _steps_of(inputs)
        begun = _begun(was, todo)
        if not begun:
            check_finished(was)
        changed = _changed(was.record, inputs)
        if not begun and not changed:
            return Update((), None)
        if not begun:
            _keep(folder, was.record)
        before = Finished(folder.file(BEFORE))
        return Update(changed, _brought_up_to_date(folder, grown(inputs, before), before, progress))


def _as_they_are(record: RunRecord, config: Config) -> Inputs:
    """The input files of a run, as they are now."""
    files = {
        side: tuple(
            replace(source(Path(each.path)), origin=each.origin, asked=each.asked) for each in sources
        )
        for side, sources in record.inputs.items()
        if side not in ("embedder", "from", "decisions")
    }
    return Inputs(config, {**files, "embedder": embedder_source(config)})


def _steps_of(inputs: Inputs) -> tuple[AnyStep, ...]:
    gold, shapes = (bool(inputs.files.get(name)) for name in ("gold", "shapes"))
    return steps(with_gold=gold, with_shapes=shapes, with_changes=True)


def _begun(was: Finished, todo: Sequence[AnyStep]) -> bool:
    """Whether a call like this was stopped: the run says that it grows from its own past, and isn't done."""
    source = was.record.inputs.get("from", ())
    if [each.path for each in source] != [str(was.folder.file(BEFORE).resolve())]:
        return False
    prints = fingerprints(todo, Inputs(was.config, was.record.inputs))
    finished = {name: each.fingerprint for name, each in was.record.steps.items() if not each.incomplete}
    return prints != finished and was.folder.file(BEFORE).is_dir()


def _changed(record: RunRecord, inputs: Inputs) -> tuple[str, ...]:
    """Paths of the files that hold something else than the run read; decisions of people are such, too."""
    known = {(side, each.path, each.sha256) for side, sources in record.inputs.items() for each in sources}
    return tuple(
        each.path
        for side, sources in sorted(inputs.files.items())
        for each in sources
        if (side, each.path, each.sha256) not in known
    )


def _keep(folder: RunFolder, record: RunRecord) -> None:
    """Keep what the run is, under other names: files that are replaced later stay there as they were."""
    place = folder.file(BEFORE)
    with writing(folder.path):
        remove(partial_of(place))
        partial_of(place).mkdir()
        for step in record.steps.values():
            for name in step.digests:
                (partial_of(place) / name).parent.mkdir(parents=True, exist_ok=True)
                link(folder.file(name), partial_of(place) / name)
        shutil.copyfile(folder.file(RUN_FILE), partial_of(place) / RUN_FILE)
        remove(place)
        partial_of(place).replace(place)


def _brought_up_to_date(
    folder: RunFolder, inputs: Inputs, before: Finished, progress: Progress | None
) -> Execution:
    record = RunRecord(
        version=__version__,
        inputs=dict(inputs.files),
        config=inputs.config.model_dump(mode="json"),
        seed=inputs.config.seed,
        versions=library_versions(),
        steps=folder.read().steps,
    )
    work = Work(inputs, progress, folder, before=before)
    return execute(
        _steps_of(inputs),
        work,
        folder,
        record,
        lambda to_do: check_early(to_do, inputs, folder),
        find=step_named,
    )
