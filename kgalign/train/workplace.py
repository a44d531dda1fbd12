"""Where an adapter comes to be: ``ADAPTER.partial`` until it is finished, then ``ADAPTER``.

``begun.json`` says what is being trained; checkpoints lie beside it. A training that is killed goes on from
the last checkpoint that is whole; one of other settings is not taken up.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kgalign.base.files import replacing
from kgalign.base.locks import lock
from kgalign.errors import RunError
from kgalign.ledger.keys import digest
from kgalign.train.adapters import RECORD, WEIGHTS

_BEGUN, _LOCK = "begun.json", ".lock"
_WHOLE = (WEIGHTS, "optimizer.pt", "scheduler.pt", "trainer_state.json")
"""What a checkpoint must hold; the trainer writes the last one last."""


class Workplace:
    """The two folders of an adapter in the making.

    :param out: the adapter's folder.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.folder = out.parent / f"{out.name}.partial"
        self.finished = self.folder / "finished"
        self.epochs = self.folder / "epochs"

    def check(self, force: bool) -> None:
        """See that the adapter is not there yet.

        Raises:
            RunError: something is, and it shall not be replaced.
        """
        if not self.out.resolve().name:
            raise RunError(f"{self.out} can't be an adapter's folder", "Name another")
        if self.out.exists() and not (force and (self.out / RECORD).is_file()):
            mend = "Name another" if force else "Name another, or give --force to train it anew"
            raise RunError(f"{self.out} is there already", mend)

    @contextmanager
    def locked(self, what: dict[str, Any], force: bool) -> Iterator[str]:
        """Work on this adapter alone.

        :param what: everything that decides what is learned.
        :param force: whether to begin anew.
        :returns: what the training is known by.
        :raises RunError: another process works there; a training of something else was begun; no permission.
        """
        fingerprint = digest(what)[:16]
        new = not self.folder.exists()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            taken = f"Another process trains {self.out}"
            descriptor = lock(self.folder / _LOCK, taken, "Wait for it, or name another")
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise RunError(f"{self.folder} can't be written: {reason}", "Name another place") from error
        try:
            self._begin(fingerprint, what, force)
            yield fingerprint
        finally:
            kept = self.checkpoint() is not None or (self.finished / RECORD).exists()
            os.close(descriptor)
            if new and not kept:
                # Nothing of worth was made: what can't be trained leaves nothing behind.
                shutil.rmtree(self.folder, ignore_errors=True)

    def _begin(self, fingerprint: str, what: dict[str, Any], force: bool) -> None:
        begun = self.folder / _BEGUN
        try:
            other = (
                json.loads(begun.read_text(encoding="utf8"))["training"] if begun.exists() else fingerprint
            )
        except (OSError, ValueError, KeyError, TypeError):
            other = ""
        if other != fingerprint and not force:
            raise RunError(
                f"{self.folder} holds a training of other data or settings that is not finished",
                "Go on with its settings, name another adapter, or give --force to begin anew",
            )
        if force:
            for path in self.folder.iterdir():
                if path.name != _LOCK:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(self.finished, ignore_errors=True)
        with replacing(begun) as file:
            file.write((json.dumps({"training": fingerprint, **what}, indent=1) + "\n").encode())

    def checkpoint(self) -> Path | None:
        """The last checkpoint that is whole; what comes after it is removed."""
        if not self.folder.is_dir():
            return None
        found = [path for path in self.folder.iterdir() if re.fullmatch(r"checkpoint-\d+", path.name)]
        for path in sorted(found, key=lambda path: -int(path.name.partition("-")[2])):
            if _is_whole(path):
                return path
            shutil.rmtree(path, ignore_errors=True)
        return None

    def finish(self, force: bool) -> None:
        """Give what lies in ``finished`` its name, and clear up.

        Raises:
            RunError: there is no permission.
        """
        try:
            if force and self.out.exists():
                shutil.rmtree(self.out)
            self.finished.rename(self.out)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise RunError(
                f"{self.finished} can't be renamed to {self.out}: {reason}", "Rename it, it is complete"
            ) from error
        shutil.rmtree(self.folder, ignore_errors=True)


def _is_whole(path: Path) -> bool:
    try:
        json.loads((path / _WHOLE[-1]).read_text(encoding="utf8"))
    except (OSError, ValueError):
        return False
    return all((path / name).is_file() for name in _WHOLE)
