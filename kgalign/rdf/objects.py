"""Files of object stores (``s3://``, ``gs://``, ``abfs://``) and of HDFS, by way of Arrow's filesystems.

They are copied and then read: what comes after knows files alone. A folder for each address holds the copies,
each in a folder of its own under the name that it has in the store, and ``copied.json``, which names their
size, age and SHA-256: what is still the same there is not copied again.
"""

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from kgalign.base.addresses import checked, opened, variables
from kgalign.base.files import explained, remove, replacing, write_text
from kgalign.base.progress import NoProgress, Progress, Task
from kgalign.errors import InputError
from kgalign.rdf.formats import is_read
from kgalign.rdf.text import shorten

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

_FILE = "copied.json"
_OF_A_RUN = "run.json"
_BLOCK = 1 << 22
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Copy:
    """A file that was copied."""

    name: str
    """Where it lies in the store."""
    bytes: int
    changed: str
    """When it was last changed there, in UTC; nothing where the store does not say."""
    sha256: str
    file: str
    """Where the copy lies in the folder of its address."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What ``copied.json`` holds."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    address: str
    copied: str
    """When something was last copied, in UTC."""
    files: tuple[Copy, ...] = ()


def copies_of(
    source: str, folder: Path, *, refresh: bool = False, progress: Progress | None = None
) -> list[Path]:
    """Copies of the file at an address, or of all files with known endings below it.

    :param folder: where copies are kept, in a folder for each address.
    :param refresh: copy also what did not change.
    :param progress: told the bytes.
    :raises InputError: the address holds a key, can't be read, or there is nothing to read.
    :raises RunError: the folder can't be written.
    """
    address = checked(source)
    place = folder / hashlib.sha256(address.encode()).hexdigest()[:16]
    with explained(place):
        if refresh:
            remove(place)
        place.mkdir(parents=True, exist_ok=True)
    with _told(address):
        system, path = opened(address)
        files = _listed(system, path, address)
    known = {each.name: each for each in _noted(place, address)}
    with (progress or NoProgress()).task(f"copy {shorten(address)}", _size(files), "B") as task:
        for each in files:
            kept = known.get(each.path)
            if kept is not None and _is_same(kept, each, place):
                task.advance(kept.bytes)
                continue
            with _told(address):
                known[each.path] = _copied(system, each, place, task)
            _note(place, address, known)
    return [place / known[each.path].file for each in files]


def origin_of(path: Path) -> tuple[str, str]:
    """The address that a file was copied from, and when; nothing for any other file."""
    record = path.parent.parent / _FILE
    found = _read(record) if record.is_file() else None
    if found is None:
        return "", ""
    names = {(record.parent / each.file): each.name for each in found.files}
    return (found.address, found.copied) if path in names else ("", "")


@contextmanager
def _told(address: str) -> Iterator[None]:
    """Turn what a store says into an :class:`InputError`."""
    try:
        yield
    except (OSError, ValueError, NotImplementedError) as error:
        reason = shorten(" ".join(str(error).split()), 300)
        raise InputError(
            f"{address} can't be read: {reason}",
            f"Check the address, and what the environment says ({variables(address)})",
        ) from error


def _listed(system: "FileSystem", path: str, address: str) -> "list[FileInfo]":
    """The file at a path, or those below it that can be read, in the order of their names.

    :raises InputError: there is nothing, or nothing that can be read.
    """
    from pyarrow.fs import FileSelector, FileType

    found = system.get_file_info(path)
    if found.type == FileType.NotFound:
        raise InputError(f"there is nothing at {address}", "Check the address")
    if found.type == FileType.File:
        return [found]
    below = system.get_file_info(FileSelector(path, recursive=True))
    if any(each.path == f"{path}/{_OF_A_RUN}" for each in below):
        raise InputError(
            f"{address} holds a run, and no graph",
            f"Name a file of it; or copy it: `kgalign copy {shlex.quote(address)} run`",
        )
    files = [
        each
        for each in below
        if each.type == FileType.File
        and not any(part.startswith(".") for part in each.path[len(path) :].split("/"))
    ]
    names = is_read([Path(each.base_name) for each in files])
    files = [each for each, wanted in zip(files, names, strict=True) if wanted]
    if not files:
        raise InputError(f"{address} holds no file that can be read", "Name a file, or another folder")
    return sorted(files, key=lambda each: str(each.path))


def _size(files: "list[FileInfo]") -> int | None:
    sizes = [each.size for each in files]
    return None if any(size is None for size in sizes) else sum(sizes)


def _copied(system: "FileSystem", found: "FileInfo", place: Path, task: Task) -> Copy:
    """Copy one file to a folder of its own.

    :raises InputError: its name can't be the name of a file here.
    """
    name = str(found.base_name)
    usable = name.isprintable() and "\\" not in name and len(name.encode()) <= _LONGEST_NAME
    if not usable or name in ("", ".", ".."):
        told = f"a file there is called '{shorten(name)}', which can't be the name of a copy"
        raise InputError(told, "Rename it")
    inside = f"{hashlib.sha256(found.path.encode()).hexdigest()[:16]}/{name}"
    path = place / inside
    digest, size = hashlib.sha256(), 0
    with explained(path):
        path.parent.mkdir(exist_ok=True)
    # As it lies there: what the name promises is looked at when it is read.
    with system.open_input_stream(found.path, compression=None) as stream, replacing(path) as file:
        while block := stream.read(_BLOCK):
            file.write(block)
            digest.update(block)
            size += len(block)
            task.advance(len(block))
    if found.size is not None and found.size != size:
        raise OSError(f"{found.path} ended after {size:,} of {found.size:,} bytes")
    return Copy(found.path, size, _changed(found), digest.hexdigest(), inside)


def _changed(found: "FileInfo") -> str:
    return found.mtime.astimezone(UTC).isoformat() if found.mtime else ""


def _is_same(kept: Copy, found: "FileInfo", place: Path) -> bool:
    """Whether a file is still the one that was copied, and the copy what was written."""
    if not kept.changed or (kept.bytes, kept.changed) != (found.size, _changed(found)):
        return False
    try:
        with (place / kept.file).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == kept.sha256
    except OSError:
        return False


def _noted(place: Path, address: str) -> tuple[Copy, ...]:
    found = _read(place / _FILE)
    return found.files if found is not None and found.address == address else ()


def _read(record: Path) -> Copied | None:
    try:
        found = TypeAdapter(Copied).validate_json(record.read_bytes(), strict=True)
    except (OSError, ValidationError):
        return None
    inside = all(Path(each.file).parts[1:] == (Path(each.file).name,) for each in found.files)
    return found if inside and not any(".." in Path(each.file).parts for each in found.files) else None


def _note(place: Path, address: str, copies: Mapping[str, Copy]) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    text = json.dumps(asdict(Copied(address, now, tuple(copies.values()))), indent=1, ensure_ascii=False)
    write_text(place / _FILE, text + "\n")
