"""A run whose folder lies in a store: it works in a folder of this machine."""

import hashlib
import logging
import os
import shlex
import stat
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kgalign.base.addresses import checked
from kgalign.base.files import explained
from kgalign.base.locks import lock
from kgalign.base.progress import Progress
from kgalign.config import Config
from kgalign.errors import KgalignError, RunError
from kgalign.remote.lease import RENEWED, Lease, take
from kgalign.remote.mirror import Mirror
from kgalign.remote.store import Store
from kgalign.run.executing import Execution
from kgalign.run.folder import RunFolder
from kgalign.run.start import run

log = logging.getLogger(__name__)

_ELSEWHERE = "Name another place with --work"


@dataclass(frozen=True, slots=True)
class Stored:
    """A run that lies in a store now."""

    execution: Execution
    folder: Path
    """Where it lies on this machine."""


def run_at(
    left: str | Path,
    right: str | Path,
    address: str,
    config: Config | None = None,
    *,
    work: Path | None = None,
    take_over: bool = False,
    gold: Iterable[Path] = (),
    force: bool = False,
    check: bool = False,
    refresh: bool = False,
    before: Path | None = None,
    progress: Progress | None = None,
) -> Stored:
    """As :func:`kgalign.run.start.run`, with the run folder at an address; what is finished there counts.

    Each step that is finished is put up, and votes every minute while they come in.

    :param address: of the folder in the store; where a run was begun it goes on.
    :param work: where the folder of this machine lies; if not given, where the system keeps temporary files.
    :param take_over: take the address even from a run that seems to be at work there.
    :raises InputError: the address can't be used.
    :raises RunError: another run is at work there, the store refuses or does not answer, or as there.
    """
    store = Store(address)
    store.check()
    with _area(store, work) as area:
        lease = take(store, by_force=take_over)
        folder = RunFolder(area / "run")
        mirror = Mirror(store, folder, area, lease.check, progress)
        with _held(store, lease, mirror):
            mirror.bring()
            execution = run(
                *(left, right, folder.path, config),
                gold=gold,
                force=force,
                check=check,
                refresh=refresh,
                before=before,
                progress=progress,
                finished=mirror.put_up,
            )
            mirror.put_up()
        return Stored(execution, folder.path)


@contextmanager
def _held(store: Store, lease: Lease, mirror: Mirror) -> Iterator[None]:
    """Keep the lease, and put votes up now and then; at the end others may have the address."""
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(RENEWED):
            try:
                lease.renew()
                mirror.put_beside()
            except KgalignError as error:  # it is told again by the next step that is finished
                log.warning("%s", error)

    keeper = threading.Thread(target=keep, daemon=True, name="kgalign store")
    keeper.start()
    try:
        yield
    except BaseException:
        store.patient = False
        with suppress(KgalignError):
            mirror.put_beside()
        raise
    finally:
        ended.set()
        keeper.join()
        with suppress(KgalignError):
            lease.release()


@contextmanager
def _area(store: Store, work: Path | None) -> Iterator[Path]:
    """A folder for an address, of this user alone, and of one process at a time."""
    area = place_of(store.address, work)
    with explained(area, _ELSEWHERE):
        area.mkdir(mode=0o700, parents=True, exist_ok=True)
        taken = f"Another kgalign of this machine is at work at {store}"
        descriptor = lock(area / "lock", taken, "Wait for it, or give another address with -o")
    try:
        yield area
    finally:
        os.close(descriptor)


def place_of(address: str, work: Path | None) -> Path:
    """Where the folder of an address lies on this machine; the same each time.

    :raises RunError: others may write where temporary files lie.
    """
    name = hashlib.sha256(checked(address).rstrip("/").encode()).hexdigest()[:16]
    if work is not None:
        return work / name
    private = Path(tempfile.gettempdir()) / f"kgalign-{os.getuid()}"
    with explained(private, _ELSEWHERE):
        private.mkdir(mode=0o700, exist_ok=True)
        about = private.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise RunError(f"{shlex.quote(str(private))} is no folder of yours alone", _ELSEWHERE)
    return private / name
