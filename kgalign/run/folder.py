"""The run folder: what is in it, who may write to it, and what is finished.

``run.json`` is the truth about what is finished. It names a stage only once the stage's output is
complete under its final name, and forgets it before that output is touched; a process that is killed
between any two instructions leaves nothing that would be taken for finished.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from kgalign.base import store
from kgalign.base.files import explained, remove, sweep, write_text
from kgalign.base.locks import lock
from kgalign.base.logs import printable
from kgalign.errors import RunError
from kgalign.run.digests import damaged
from kgalign.run.early import unpacked

FORMAT = 1
"""Version of ``run.json``."""

RUN_FILE = "run.json"
STAGES = "stages"
CACHE = "cache"
BEFORE = "before"
"""What a run was before it was brought up to date in place: a run folder in itself."""
_LOCK = ".lock"
_DIGEST = "digest"

_AS_WRITTEN = ConfigDict(extra="forbid")
"""What is read back may hold no other fields."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """One input file."""

    __pydantic_config__: ClassVar[ConfigDict] = _AS_WRITTEN

    path: str
    """Absolute path."""
    sha256: str
    bytes: int
    origin: str = ""
    """The address that it was fetched from, of a page of a SPARQL endpoint."""
    asked: str = ""
    """When that was, in UTC."""

    @property
    def unpacked(self) -> int:
        """Bytes of what is in it, where it is packed an estimate."""
        return unpacked(self.path, self.bytes)


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One finished step of a run."""

    __pydantic_config__: ClassVar[ConfigDict] = _AS_WRITTEN

    fingerprint: str
    """Hash of everything the output depends on."""
    seconds: float
    peak_bytes: int
    """Most resident memory that the processes of the run held together while the step ran."""
    counts: dict[str, int] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    """What was decided and why, in words."""
    incomplete: bool = False
    """Whether something is left that the next run should try again."""
    files: dict[str, int] = field(default_factory=dict)
    """Names and sizes in bytes of the files it wrote into the run folder."""
    digests: dict[str, str] = field(default_factory=dict)
    """SHA-256 of every file that holds its output, by its path in the run folder; none in a run folder of
    before they were kept."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What ``run.json`` holds."""

    __pydantic_config__: ClassVar[ConfigDict] = _AS_WRITTEN

    version: str
    """Version of kgalign that wrote it."""
    inputs: dict[str, tuple[Source, ...]]
    """``left``, ``right``, ``known``, ``gold``: the files of each, the main one of a side first."""
    config: dict[str, Any]
    seed: int
    versions: dict[str, str] = field(default_factory=dict)
    """Python and the libraries that decide what comes out."""
    steps: dict[str, StepRecord] = field(default_factory=dict)

    def to_json(self) -> str:
        """The text of ``run.json``; its last member is a digest of all others."""
        content = {"format": FORMAT, **asdict(self)}
        return json.dumps(content | {_DIGEST: _digest(content)}, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "RunRecord":
        """Read the text of ``run.json``; each value has to be of the type that its field has.

        :raises ValueError: it is not what :meth:`to_json` writes.
        """
        try:
            return _as_record(text)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in fault["loc"])
            raise ValueError(printable(f"{place}: {fault['msg']}", limit=200)) from error


def _as_record(text: str) -> RunRecord:
    data = from_json(text)
    if isinstance(data, dict) and data.pop(_DIGEST, None) not in (None, _digest(data)):
        raise ValueError("it is not what was written")
    if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
        raise ValueError("it was written by another version of kgalign")
    return TypeAdapter(RunRecord).validate_json(to_json(data, inf_nan_mode="constants"), strict=True)


def _digest(content: dict[str, Any]) -> str:
    """SHA-256 of the members of ``run.json``, whatever their order and the blanks between them."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class RunFolder:
    """One run folder on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._whole: dict[str, dict[str, str]] = {}
        """Steps whose files were found to be what was written, with the digests of then."""
        self.held: int | None = None
        """Handle of the lock while this process has it: who gets it too keeps others out as well."""

    def __str__(self) -> str:
        return str(self.path)

    @property
    def cache(self) -> Path:
        """Where embeddings are kept; it outlives ``--force``."""
        return self.path / CACHE

    def file(self, name: str) -> Path:
        """Place of an output file such as ``links.nt``."""
        return self.path / name

    def read(self) -> RunRecord:
        """What ``run.json`` says.

        :raises RunError: there is none, or it can't be read.
        """
        path = self.path / RUN_FILE
        try:
            return RunRecord.from_json(path.read_text(encoding="utf8"))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise RunError(
                f"{self} is not a run folder: it has no {RUN_FILE}",
                "Give the folder that `kgalign run -o` wrote",
            ) from error
        except (OSError, ValueError) as error:
            raise RunError(f"{path} can't be read: {error}", "Run again with --force") from error

    def write(self, record: RunRecord) -> None:
        """Replace ``run.json`` in one step."""
        write_text(self.path / RUN_FILE, record.to_json())

    def is_run(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / RUN_FILE).is_file()

    def has_digest(self) -> bool:
        """Whether ``run.json`` says what it holds, so that :meth:`read` finds damage in it."""
        return _DIGEST in json.loads((self.path / RUN_FILE).read_text(encoding="utf8"))

    def stage(self, name: str) -> Path:
        """Folder of a step's stored output."""
        return self.path / STAGES / name

    def load(self, name: str, cls: type[T]) -> T:
        """Read the stored output of a finished step, for example ``load("judge", Verdicts)``.

        Its files are held against their digests, once for each time that they were written.

        :raises RunError: the step isn't finished, or its output is damaged.
        """
        record = self.read().steps.get(name)
        if record is None:
            raise RunError(
                f"{self} isn't finished: it has no '{name}' yet", "Run the same `kgalign run` again"
            )
        self.check(name, record)
        return store.load(self.stage(name), cls)

    def check(self, name: str, record: StepRecord) -> None:
        """See that the files of a finished step are what was written.

        :raises RunError: one of them is not.
        """
        found = self.damaged(name, record)
        if found:
            raise RunError(
                f"{self.file(found[0])} is damaged: it is not what was written",
                "Give the same `kgalign run` once more with --check: what is damaged is then made again",
            )

    def damaged(self, name: str, record: StepRecord) -> list[str]:
        """Files of a finished step that are not what was written, as far as their digests are known."""
        if self._whole.get(name) == record.digests:
            return []
        found = list(damaged(self.path, record.digests))
        if not found:
            self.took(name, record)
        return found

    def took(self, name: str, record: StepRecord) -> None:
        """Take the files of a step for what was written, as they are known to be."""
        self._whole[name] = record.digests

    def holds(self, name: str, record: StepRecord) -> bool:
        """Whether everything that a finished step wrote still lies here; contents are not looked at."""
        if not record.files:
            return self.stage(name).is_dir() and all(self.file(each).is_file() for each in record.digests)
        return all(
            path.is_file() and path.stat().st_size == size
            for path, size in ((self.file(file), size) for file, size in record.files.items())
        )

    def clear(self) -> None:
        """Delete what steps have stored; the cache stays, and files for people until they are replaced."""
        remove(self.path / STAGES)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Create the folder if need be and keep other processes out of it.

        :raises RunError: another process works there, or the folder can't be made or isn't a run folder.
        """
        with writing(self.path):
            self._prepare()
            taken = f"Another kgalign is at work in {self}"
            self.held = lock(self.path / _LOCK, taken, "Wait for it, or give another folder with -o")
        try:
            self._sweep()
            yield
        finally:
            os.close(self.held)
            self.held = None

    def clean(self) -> tuple[Path, ...]:
        """Take away what writers left that were stopped.

        :returns: what was taken away.
        :raises RunError: there is no run, another process works there, or the folder can't be written.
        """
        self.read()
        with writing(self.path):
            taken = f"Another kgalign is at work in {self}"
            descriptor = lock(self.path / _LOCK, taken, "Wait for it")
            try:
                return self._sweep()
            finally:
                os.close(descriptor)

    def _sweep(self) -> tuple[Path, ...]:
        """Take away what stopped writers left; the caller holds the lock, and so none of ours is at work."""
        with writing(self.path):
            return tuple(
                each for place in (self.path, self.path / STAGES) for each in sweep(place, locked=True)
            )

    def _prepare(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise RunError(
                f"{self} can't be a run folder: a file of that name is in the way",
                "Give another folder with -o",
            ) from error
        if self.is_run():
            return
        ours = {_LOCK, CACHE, STAGES}
        foreign = sorted(
            entry.name
            for entry in self.path.iterdir()
            if entry.name not in ours and entry.suffix != ".partial"
        )
        if foreign:
            raise RunError(
                f"{self} is not a run folder, and it isn't empty: it holds {foreign[0]}",
                "Give a new or an empty folder with -o",
            )


def writing(path: Path) -> AbstractContextManager[None]:
    """Turn what the operating system says against writing to a run folder into a :class:`RunError`."""
    return explained(path, "Give a folder that you may write to with -o")
