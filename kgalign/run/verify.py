"""Whether every file of a run folder is what was written. Nothing in the folder is changed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from kgalign.decisions import FILE as DECISIONS_FILE
from kgalign.decisions import read_all
from kgalign.errors import RunError
from kgalign.ledger import FILE as LEDGER_FILE
from kgalign.ledger import Ledger, verify
from kgalign.run.digests import damaged
from kgalign.run.folder import BEFORE, CACHE, RUN_FILE, STAGES, RunFolder, RunRecord, StepRecord

_MADE_ANEW = "run again with --check"


class State(Enum):
    """What is known of a file."""

    WHOLE = "whole"
    DAMAGED = "damaged"
    UNKNOWN = "no digest known"
    BY_HAND = "made by hand"
    LEFT_OVER = "left over"


@dataclass(frozen=True, slots=True)
class Finding:
    """One file."""

    name: str
    """Its path in the run folder."""
    state: State
    why: str = ""
    """What is to be said of it besides, if anything."""


def verify_run(path: Path) -> list[Finding]:
    """Hold every file of a run folder against its digest, and the rows of the stores against theirs.

    :param path: the run folder.
    :returns: every file but locks, in the order of their names. ``BY_HAND`` is what no step wrote, such as
        notes; ``UNKNOWN`` what has no digest: embeddings, and all of a run folder that is older
        than digests.
    :raises RunError: it is no run folder, or another process changed it meanwhile.
    """
    folder = RunFolder(path)
    record, fault = _record(folder)
    found = {RUN_FILE: fault or _of_run_file(folder)}
    for step in (record.steps if record else {}).values():
        for each in _of_step(folder, step):
            found[each.name] = each
    for name in _files(path):
        if name not in found and not name.startswith(f"{BEFORE}/"):
            found[name] = _other(folder, name, record)
    if folder.file(BEFORE).is_dir():
        for each in verify_run(folder.file(BEFORE)):
            found[f"{BEFORE}/{each.name}"] = replace(each, name=f"{BEFORE}/{each.name}")
    if record and folder.read() != record:
        raise RunError(f"Another kgalign is at work in {folder}", "Wait for it, and verify again")
    return [found[name] for name in sorted(found)]


def _record(folder: RunFolder) -> tuple[RunRecord | None, Finding | None]:
    try:
        return folder.read(), None
    except RunError as error:
        if not folder.is_run():
            raise
        return None, Finding(RUN_FILE, State.DAMAGED, f"{error.message}; {error.remedy.lower()}")


def _of_run_file(folder: RunFolder) -> Finding:
    state = State.WHOLE if folder.has_digest() else State.UNKNOWN
    return Finding(RUN_FILE, state)


def _of_step(folder: RunFolder, step: StepRecord) -> Iterator[Finding]:
    """The files that a step wrote."""
    broken = set(damaged(folder.path, step.digests))
    for name in step.digests:
        gone = "" if folder.file(name).exists() else "it is gone; "
        if name in broken:
            yield Finding(name, State.DAMAGED, f"{gone}{_MADE_ANEW}")
        else:
            yield Finding(name, State.WHOLE)
    for name, size in step.files.items():
        if name in step.digests:
            continue
        path = folder.file(name)
        if path.is_file() and path.stat().st_size == size:
            yield Finding(name, State.UNKNOWN)
        else:
            yield Finding(name, State.DAMAGED, f"it is gone, or has another size; {_MADE_ANEW}")


def _files(path: Path) -> Iterator[str]:
    """Every file but locks and the journals of the stores, which come and go."""
    beside = {f"{LEDGER_FILE}-wal", f"{LEDGER_FILE}-shm", f"{DECISIONS_FILE}-journal"}
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path).as_posix()
        if file.is_file() and not name.endswith("lock") and name not in beside:
            yield name


def _other(folder: RunFolder, name: str, record: RunRecord | None) -> Finding:
    """A file of which no step has a digest."""
    top, *rest = Path(name).parts
    if name == LEDGER_FILE:
        return _of_ledger(folder.file(name))
    if name == DECISIONS_FILE:
        return _of_decisions(folder.file(name))
    if any(part.startswith(".") and part.endswith(".partial") for part in (top, *rest)):
        return Finding(name, State.LEFT_OVER, "a writer was stopped here, or is at work")
    if record is None or top == CACHE:
        return Finding(name, State.UNKNOWN)
    step = record.steps.get(rest[0]) if top == STAGES and rest else None
    if top == STAGES and (step is None or not step.digests):
        return Finding(name, State.UNKNOWN)
    return Finding(name, State.BY_HAND)


def _of_ledger(path: Path) -> Finding:
    try:
        with Ledger.open(path, write=False) as ledger:
            checked = verify(ledger)
    except RunError as error:
        return Finding(path.name, State.DAMAGED, error.message)
    if checked.sound:
        return Finding(path.name, State.WHOLE)
    more = f", and {checked.fault_count - 1:,} more" if checked.fault_count > 1 else ""
    return Finding(path.name, State.DAMAGED, f"{checked.faults[0]}{more}")


def _of_decisions(path: Path) -> Finding:
    try:
        read_all(path)
    except RunError as error:
        return Finding(path.name, State.DAMAGED, error.message)
    return Finding(path.name, State.WHOLE)
