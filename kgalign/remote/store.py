"""One address in a store: files below it are read, written and taken away, again where that failed."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kgalign.base.addresses import checked, opened, variables
from kgalign.base.files import replacing
from kgalign.base.logs import printable
from kgalign.base.progress import Task
from kgalign.errors import RunError

if TYPE_CHECKING:
    from pyarrow import NativeFile
    from pyarrow.fs import FileInfo

log = logging.getLogger(__name__)

T = TypeVar("T")

WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before the second and each further attempt."""
_NOT_AGAIN = 5.0
"""Seconds after a warning in which no other one is given."""
_BLOCK = 1 << 22
_FINAL = (
    *("ACCESS_DENIED", "NO_SUCH_BUCKET", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH"),
    *("EXPIRED_TOKEN", "UNRECOGNIZED_CLIENT", "HTTP STATUS 401", "HTTP STATUS 403", "HTTP STATUS 301"),
)
"""What Arrow says where it would say the same again."""
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in the store."""

    bytes: int
    changed: str
    """When it was last changed there, by the store's clock, in UTC."""


class Store:
    """The files below an address.

    Each call raises :class:`~kgalign.errors.RunError` where the store refuses it, or fails again and again.

    :param patient: whether to ask again where the store fails.
    """

    def __init__(self, address: str, *, patient: bool = True) -> None:
        self.address = checked(address)
        self.patient = patient
        self._warned = -_NOT_AGAIN
        try:
            self._system, self._root = opened(address)
        except _REFUSALS as error:
            raise self._refused(error) from error
        self._bucket = "" if self._root.startswith("/") else self._root.partition("/")[0]
        if self._root in ("", "/", self._bucket):
            raise RunError(f"{self} names no folder", "Write s3://BUCKET/PATH")

    def __str__(self) -> str:
        return printable(self.address)

    def check(self) -> None:
        """See that there is a bucket."""
        if not self._bucket:
            return
        try:
            found = self._info(self._bucket)
        except RunError as error:
            if "ACCESS_DENIED" in error.message:  # who may not list a bucket may still write to it
                return
            raise
        if found is None:
            raise RunError(
                f"There is no bucket {printable(self._bucket)} for {self}", "Make it, or check the name"
            )

    def info(self, name: str) -> Stored | None:
        """Size and age of a file, None where there is none."""
        found = self._info(f"{self._root}/{name}")
        return _stored(found) if found is not None and found.is_file else None

    def infos(self, names: Sequence[str]) -> dict[str, Stored]:
        """The same of many files; those that are not there are left out."""
        paths = [f"{self._root}/{name}" for name in names]
        found = self._again(lambda: self._system.get_file_info(paths))
        return {name: _stored(each) for name, each in zip(names, found, strict=True) if each.is_file}

    def entries(self) -> list[str]:
        """Names of the files and folders at the address."""
        from pyarrow.fs import FileSelector

        place = FileSelector(self._root, allow_not_found=True)
        return sorted(each.base_name for each in self._again(lambda: self._system.get_file_info(place)))

    def below(self, folder: str) -> dict[str, Stored]:
        """All files below a folder, by their names from the address."""
        from pyarrow.fs import FileSelector

        place = FileSelector(f"{self._root}/{folder}", recursive=True, allow_not_found=True)
        found = self._again(lambda: self._system.get_file_info(place))
        start = len(self._root) + 1
        return {each.path[start:]: _stored(each) for each in sorted(found, key=_path) if each.is_file}

    def read(self, name: str, most: int) -> bytes | None:
        """What a small file holds, None where there is none.

        :param most: bytes that it may have.
        """

        def read() -> bytes | None:
            try:
                with self._system.open_input_stream(f"{self._root}/{name}", compression=None) as stream:
                    return bytes(stream.read(most + 1))
            except FileNotFoundError:
                return None

        content = self._again(read)
        if content is not None and len(content) > most:
            raise RunError(
                f"{self}/{name} is larger than {most / 1e6:,.0f} MB", "It is none of kgalign's: look at it"
            )
        return content

    def fetch(self, name: str, path: Path, task: Task) -> str | None:
        """Copy a file to this machine, whole or not at all.

        :returns: its SHA-256, None where there is none.
        """

        def fetch() -> str | None:
            digest = hashlib.sha256()
            try:
                stream = self._system.open_input_stream(f"{self._root}/{name}", compression=None)
            except FileNotFoundError:
                return None
            with stream, replacing(path) as file:
                for block in _blocks(stream):
                    file.write(block)
                    digest.update(block)
                    task.advance(len(block))
            return digest.hexdigest()

        return self._again(fetch)

    def put(self, name: str, path: Path, task: Task) -> str:
        """Copy a file of this machine to the store.

        A stream that ends too early, since this process is interrupted, may leave a part of the file.

        :returns: the SHA-256 of what was copied.
        """

        def put() -> str:
            digest = hashlib.sha256()
            with (
                path.open("rb") as file,
                self._system.open_output_stream(f"{self._root}/{name}", compression=None) as stream,
            ):
                while block := file.read(_BLOCK):
                    stream.write(block)
                    digest.update(block)
                    task.advance(len(block))
            return digest.hexdigest()

        return self._again(put)

    def replace(self, name: str, path: Path, task: Task) -> str:
        """The same, but what stands there stays until all of the new file is there.

        :returns: the SHA-256 of what was copied.
        """
        folder, _, last = name.rpartition("/")
        partial = f"{folder}/.{last}.partial".lstrip("/")
        digest = self.put(partial, path, task)
        self._again(lambda: self._system.move(f"{self._root}/{partial}", f"{self._root}/{name}"))
        return digest

    def write(self, name: str, content: bytes) -> None:
        """Write a small file."""

        def write() -> None:
            with self._system.open_output_stream(f"{self._root}/{name}", compression=None) as stream:
                stream.write(content)

        self._again(write)

    def delete(self, name: str) -> None:
        """Take a file away, if it is there."""

        def delete() -> None:
            with suppress(FileNotFoundError):
                self._system.delete_file(f"{self._root}/{name}")

        self._again(delete)

    def once(self) -> "Store":
        """The same store, which is asked once and not again."""
        return Store(self.address, patient=False)

    def _info(self, path: str) -> "FileInfo | None":
        from pyarrow.fs import FileType

        found = self._again(lambda: self._system.get_file_info(path))
        return None if found.type == FileType.NotFound else found

    def _again(self, ask: Callable[[], T]) -> T:
        waits = iter(WAITS if self.patient else ())
        while True:
            try:
                return ask()
            except _REFUSALS as error:
                final = any(word in str(error).upper() for word in _FINAL)
                wait = next(waits, None) if isinstance(error, OSError | _Ended) and not final else None
                if wait is None:
                    raise self._refused(error) from error
                self._warn(f"{_reason(error)}; asked once more in {wait:g} s")
                time.sleep(wait)

    def _warn(self, text: str) -> None:
        """Say what fails, once for all files that are copied at a time."""
        now = time.monotonic()
        if now - self._warned > _NOT_AGAIN:
            self._warned = now
            log.warning("%s: %s", self, text)

    def _refused(self, error: Exception) -> RunError:
        return RunError(
            f"{self} can't be used: {_reason(error)}",
            "See that it is there, and what the environment says of who asks "
            f"({variables(self.address)}); then give the same command again: what is finished is kept",
        )


class _Ended(Exception):
    """A stream from the store ended with an error; no fault of the file that it is written to."""


_REFUSALS = (OSError, _Ended, ValueError, NotImplementedError)


def _blocks(stream: "NativeFile") -> Iterator[bytes]:
    while True:
        try:
            block = bytes(stream.read(_BLOCK))
        except OSError as error:
            raise _Ended(str(error)) from error
        if not block:
            return
        yield block


def _stored(found: "FileInfo") -> Stored:
    changed = found.mtime.astimezone(UTC).isoformat() if isinstance(found.mtime, datetime) else ""
    return Stored(found.size or 0, changed)


def _path(found: "FileInfo") -> str:
    return str(found.path)


def _reason(error: BaseException) -> str:
    return printable(" ".join(str(error).split()).rstrip("."), _LONGEST_REASON)
