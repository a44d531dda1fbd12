"""The run folder: what is in it, who may write to it, and what is finished.

``run.json`` is the truth about what is finished. It names a stage only once the stage's output is
complete under its final name, and forgets it before that output is touched; a process that is killed
between any two instructions leaves nothing that would be taken for finished.
"""

import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from kgalign.base import store
from kgalign.base.files import explained, remove, write_text
from kgalign.base.locks import lock
from kgalign.errors import RunError

FORMAT = 1
"""Version of ``run.json``."""

RUN_FILE = "run.json"
STAGES = "stages"
CACHE = "cache"
_LOCK = ".lock"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """One input file."""

    path: str
    """Absolute path."""
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One finished step of a run."""

    fingerprint: str
    """Hash of everything the output depends on."""
    seconds: float
    peak_bytes: int
    """Highest resident memory of the process while the step ran."""
    counts: dict[str, int] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    """What was decided and why, in words."""
    incomplete: bool = False
    """Whether something is left that the next run should try again."""
    files: dict[str, int] = field(default_factory=dict)
    """Names and sizes in bytes of the files it wrote into the run folder."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What ``run.json`` holds."""

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
        """The text of ``run.json``."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "RunRecord":
        """Read the text of ``run.json``.

        :raises ValueError, KeyError, TypeError: it is not what :meth:`to_json` writes.
        """
        data = json.loads(text)
        if data.pop("format") != FORMAT:
            raise ValueError("it was written by another version of kgalign")
        inputs = {side: tuple(Source(**each) for each in files) for side, files in data.pop("inputs").items()}
        steps = {name: StepRecord(**each) for name, each in data.pop("steps").items()}
        return cls(inputs=inputs, steps=steps, **data)


class RunFolder:
    """One run folder on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

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
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(f"{path} can't be read: {error}", "Run again with --force") from error

    def write(self, record: RunRecord) -> None:
        """Replace ``run.json`` in one step."""
        write_text(self.path / RUN_FILE, record.to_json())

    def is_run(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / RUN_FILE).is_file()

    def stage(self, name: str) -> Path:
        """Folder of a step's stored output."""
        return self.path / STAGES / name

    def load(self, name: str, cls: type[T]) -> T:
        """Read the stored output of a finished step, for example ``load("judge", Verdicts)``.

        :raises RunError: the step isn't finished, or its output is damaged.
        """
        if name not in self.read().steps:
            raise RunError(
                f"{self} isn't finished: it has no '{name}' yet", "Run the same `kgalign run` again"
            )
        return store.load(self.stage(name), cls)

    def holds(self, name: str, record: StepRecord) -> bool:
        """Whether everything that a finished step wrote still lies here."""
        if not record.files:
            return self.stage(name).is_dir()
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
            descriptor = lock(self.path / _LOCK, taken, "Wait for it, or give another folder with -o")
        try:
            yield
        finally:
            os.close(descriptor)

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
