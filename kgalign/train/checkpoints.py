"""What has been learned so far, kept beside the place of a model until it is finished."""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from kgalign.base import files
from kgalign.base.locks import lock
from kgalign.errors import RunError
from kgalign.rdf.text import shorten

_FILE = "checkpoint.pt"


class Learned(Protocol):
    """What learns: a model that gives its weights and takes them back."""

    def state(self) -> dict[str, Any]:
        """All weights by name, as tensors."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put back the weights that :meth:`state` gave."""

    def train(self, learns: bool) -> Any:  # noqa: ANN401 - of no use
        """Whether it is there to learn, or to be measured."""


def check_place(out: Path) -> None:
    """See that a model's place is free.

    :raises RunError: something is there.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"{out} is there already", "Give another folder with -o, or remove it")


@contextmanager
def finished(folder: Path, out: Path) -> Iterator[Path]:
    """A folder for a model, which is moved to its place once all is in it.

    :param folder: where it comes to be, on the same disk.
    :param out: its place; what is there is an empty folder at most.
    :raises RunError: there is no room or no permission.
    """
    from safetensors import SafetensorError  # what a disk that is full gives, too

    partial = folder / "finished"
    try:
        files.remove(partial)
        partial.mkdir()
        yield partial
        if out.is_dir():
            out.rmdir()
        partial.replace(out)
    except Exception as error:
        # Tokenizers that can't be written raise nothing more exact.
        if not isinstance(error, OSError | SafetensorError) and type(error) is not Exception:
            raise
        raise RunError(
            f"{out} can't be written: {shorten(str(error))}", "Name a place that you may write to"
        ) from error


class Checkpoints:
    """A hidden folder beside a model's place, for one process at a time.

    :param out: where the model will lie.
    :param settings: what decides how it comes out, as JSON holds it: what was learned under others is
        dropped.
    :param every: seconds between two checkpoints.
    :raises RunError: the place can't be written to, or another process trains there.
    """

    def __init__(self, out: Path, settings: Any, *, every: float) -> None:  # noqa: ANN401 - JSON
        self.folder = out.parent / f".{out.name}.partial"
        self._digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
        self._every = every
        self._last = time.monotonic()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            taken = f"Another kgalign trains {out}"
            self._lock = lock(self.folder / ".lock", taken, "Wait for it, or give another folder")
        except OSError as error:
            raise RunError(
                f"{out} can't be written: {error}", "Name a place that you may write to"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let others in; once all is done, nothing is left."""
        if kind is None:
            files.remove(self.folder)
        os.close(self._lock)

    def load(self, learner: Learned, optimiser: Any) -> list[float]:  # noqa: ANN401 - PyTorch's
        """Put back what was kept under the same settings; the loss of every step that was taken."""
        import torch

        path = self.folder / _FILE
        if not path.is_file():
            return []
        try:
            kept = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, ValueError, KeyError):
            return []  # half a disk's worth of it: begin again
        if kept["digest"] != self._digest:
            return []
        learner.restore(kept["model"])
        optimiser.load_state_dict(kept["optimiser"])
        return list(kept["losses"])

    def save(
        self,
        learner: Learned,
        optimiser: Any,  # noqa: ANN401 - PyTorch's
        losses: list[float],
        *,
        now: bool = False,
    ) -> None:
        """Keep what was learned, if the last time is long enough ago.

        :raises RunError: there is no room.
        """
        import torch

        if not now and time.monotonic() - self._last < self._every:
            return
        kept = {
            "digest": self._digest,
            "model": learner.state(),
            "optimiser": optimiser.state_dict(),
            "losses": losses,
        }
        path = self.folder / _FILE
        try:
            with files.replacing(path) as file:
                torch.save(kept, file)
        except RuntimeError as error:  # how torch says that a disk is full
            raise RunError(f"{path} can't be written: {error}", files.MAKE_ROOM) from error
        self._last = time.monotonic()
