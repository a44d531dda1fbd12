"""Steps: what each is made from, what it makes and tells, and what it sees of the others.

This module knows nothing of RDF or of alignment: what the steps are and in which order they come
says :mod:`kgalign.pipeline`; :mod:`kgalign.run.executing` runs them.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from kgalign.base import scratch, store
from kgalign.base.memory import give_back
from kgalign.base.progress import NoProgress, Progress
from kgalign.base.version import __version__
from kgalign.config import Config
from kgalign.run.folder import RunFolder, Source
from kgalign.run.room import Room

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
    beside: bool = False
    """Whether a second process may make it while this one does others: nothing that comes soon waits for it,
    no part of it is heavy enough for an engine, and it does not look at the run that this one grows from."""
    holds: Callable[["Inputs"], int] | None = None
    """About how many bytes a process holds that makes it; None where that follows from ``room``."""


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
    beside: bool = False
    """As in :class:`Step`."""


AnyStep = Step[Any] | Output


def one_file(
    name: str,
    stage: str,
    needs: tuple[AnyStep, ...],
    write: Callable[["Work", Path], Report],
    settings: Callable[[Inputs], object] = lambda _: None,
    *,
    beside: bool = False,
) -> Output:
    """A step that writes one file, which it is named after."""
    return Output(
        name, stage, needs, settings, (name,), lambda work, paths: write(work, paths[0]), beside=beside
    )


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
