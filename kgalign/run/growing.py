"""Runs that grow from a finished one: whether they can, what comes along, and how they are told apart."""

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kgalign.base.files import partial_of
from kgalign.base.version import __version__
from kgalign.config import Config
from kgalign.decisions import FILE as DECISIONS_FILE
from kgalign.decisions import Decisions, read_all
from kgalign.errors import RunError
from kgalign.ledger import FILE as LEDGER_FILE
from kgalign.pipeline import STEPS_TO_GROW_FROM
from kgalign.run.finished import Finished
from kgalign.run.folder import RunFolder, Source, writing
from kgalign.run.steps import Inputs

log = logging.getLogger(__name__)

_ELSEWHERE = {"judge": {"known", "judge", "student"}}
"""Section → its keys that decide nothing of what is learned."""


def opened_before(path: Path, out: Path, config: Config) -> Finished:
    """The finished run that a new one grows from.

    :param path: its run folder.
    :param out: the folder of the new one.
    :param config: of the new one.
    :raises RunError: there is no run, it isn't finished, or another version or other options made it.
    """
    if path.resolve() == out.resolve():
        raise RunError(
            f"{out} can't grow from itself",
            "Give another folder with -o, or `kgalign update` for one in place",
        )
    before = Finished(path)
    if before.record.version != __version__:
        raise RunError(
            f"{path} was made by kgalign {before.record.version}, and this is {__version__}",
            "Run it again, or leave --from out",
        )
    check_finished(before)
    _check_same(path, before.config, config)
    return before


def check_finished(run: Finished) -> None:
    """Refuse a run from which nothing can grow yet.

    :raises RunError: a step isn't finished, or its output isn't there.
    """
    for step in STEPS_TO_GROW_FROM:
        found = run.record.steps.get(step.name)
        if found is None or not run.folder.holds(step.name, found):
            raise RunError(
                f"{run.folder} isn't finished: it has no '{step.name}' yet",
                "Run the same `kgalign run` again",
            )


def _check_same(path: Path, was: Config, now: Config) -> None:
    """Refuse a run that compared its entities in another way.

    :raises RunError: an option differs.
    """
    old, new = ({**_decisive(each)} for each in (was, now))
    for option in sorted(old.keys() | new.keys()):
        if old.get(option) != new.get(option):
            raise RunError(
                f"{path} was run with another {option}: {old.get(option)!r}, not {new.get(option)!r}",
                "Give the same, or leave --from out",
            )


def _decisive(config: Config) -> Mapping[str, Any]:
    """Options that decide what is compared and learned, by their names in the configuration."""
    sections = {
        name: getattr(config, name).model_dump(mode="json") for name in ("select", "retrieve", "judge")
    }
    return {
        "seed": config.seed,
        "assign.cardinality": config.assign.cardinality,
        **{
            f"{section}.{key}": value
            for section, values in sections.items()
            for key, value in values.items()
            if key not in _ELSEWHERE.get(section, ())
        },
    }


def grown(inputs: Inputs, before: Finished) -> Inputs:
    """The inputs, and the run that they grow from."""
    source = Source(str(before.folder.path.resolve()), digest_of_run(before), 0)
    return replace(inputs, files={**inputs.files, "from": (source,)})


def digest_of_run(before: Finished) -> str:
    """A hash of all that another run can grow from."""
    kept = {
        step.name: [found.fingerprint, found.digests]
        for step in STEPS_TO_GROW_FROM
        if (found := before.record.steps.get(step.name))
    }
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def before_still_there(files: Mapping[str, tuple[Source, ...]]) -> Finished | None:
    """The run that a finished one grew from, as it was then; None where it grew from none.

    :param files: of its inputs.

    Where it is gone, or another run now, a warning says so: what changed since can't be told any more.
    """
    for source in files.get("from", ()):
        try:
            before = Finished(Path(source.path))
        except RunError:
            before = None
        if before is not None and digest_of_run(before) == source.sha256:
            return before
        log.warning("%s is gone, or is another run now: what changed since it is told no more", source.path)
    return None


def bring_along(before: Finished, folder: RunFolder) -> None:
    """Take over what people decided in the run before, and what was asked and embedded there.

    What was decided since in ``folder`` stays, and so do votes that are there already.

    :raises RunError: a store is damaged, or the folder can't be written.
    """
    decided = read_all(before.folder.file(DECISIONS_FILE))
    if decided:
        with Decisions.open(folder.file(DECISIONS_FILE)) as store:
            store.add(decided)
    with writing(folder.path):
        _copy_new(before.folder.file(LEDGER_FILE), folder.file(LEDGER_FILE))
        for each in sorted(before.folder.cache.glob("*")):
            if each.is_file():
                folder.cache.mkdir(exist_ok=True)
                _copy_new(each, folder.cache / each.name)


def _copy_new(file: Path, place: Path) -> None:
    """Copy a file whole or not at all, if it is there and its place is free."""
    if file.is_file() and not place.exists():
        shutil.copyfile(file, partial_of(place))
        partial_of(place).replace(place)
