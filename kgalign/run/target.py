"""Where an export may go: never over a folder, an input, or what a run keeps."""

import errno
from pathlib import Path

from kgalign.base.files import explained
from kgalign.errors import RunError
from kgalign.export.in_parts import MANIFEST, NAMES
from kgalign.ledger import FILE as LEDGER_FILE
from kgalign.run.folder import CACHE, RUN_FILE, STAGES, RunFolder, RunRecord

ELSEWHERE = "Name another file with -o"
_NEW = "Name a new folder with -o"
_CIRCLE = "its links lead in a circle"


def checked_target(path: Path, folder: RunFolder, record: RunRecord) -> Path:
    """The file to write, with links followed: what a link leads to is replaced, not the link.

    :raises RunError: it is a folder or no ordinary file, its folder is missing, or it is an input or an
        output of the run.
    """
    with explained(path, ELSEWHERE):
        try:
            target = path.resolve()
        except RuntimeError as error:  # what pathlib says of links in a circle before Python 3.13
            raise OSError(errno.ELOOP, _CIRCLE) from error
        if target.is_symlink():  # what it leaves to others since then
            raise OSError(errno.ELOOP, _CIRCLE)
        _check_place(path, target)
    _check_apart(path, target, folder, record)
    return target


def checked_folder(path: Path, folder: RunFolder, record: RunRecord) -> Path:
    """The folder to write several files to: a new one, an empty one, or one that was written in this way.

    :raises RunError: it is something else, or holds an input or a part of the run.
    """
    with explained(path, _NEW):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise RunError(f"{path} is no folder", _NEW)
        if not path.absolute().parent.is_dir():
            raise RunError(f"There is no folder {path.parent}", "Make it first, or name another one with -o")
        held = sorted(each.name for each in path.iterdir()) if path.exists() else []
        others = [each for each in held if each != MANIFEST and not NAMES.fullmatch(each)]
        if others:
            raise RunError(f"{path} holds other things, such as {others[0]!r}", _NEW)
        target = path.resolve()
        for each in (target, *(target / name for name in held)):
            _check_apart(path, each, folder, record)
    return target


def _check_apart(path: Path, target: Path, folder: RunFolder, record: RunRecord) -> None:
    own = folder.path.resolve()
    if target.is_relative_to(own) and _is_of_run(target.relative_to(own), record):
        raise RunError(f"{path} is a part of the run {folder}", ELSEWHERE)
    for sources in record.inputs.values():
        if any(Path(each.path).resolve() == target for each in sources):
            raise RunError(f"{path} is an input of the run {folder}", ELSEWHERE)


def _check_place(path: Path, target: Path) -> None:
    if target.is_dir():
        raise RunError(f"{path} is a folder", "Name a file with -o")
    if target.exists() and not target.is_file():
        raise RunError(
            f"{path} is no ordinary file that could be replaced", "Name another one, or - to write to a pipe"
        )
    if not target.parent.is_dir():
        raise RunError(f"There is no folder {path.parent}", "Make it first, or name a file elsewhere with -o")


def _is_of_run(place: Path, record: RunRecord) -> bool:
    written = {name for step in record.steps.values() for name in step.files}
    ours = {RUN_FILE, STAGES, CACHE, ".lock", *(f"{LEDGER_FILE}{end}" for end in ("", "-wal", "-shm"))}
    return not place.parts or place.parts[0] in ours | written
