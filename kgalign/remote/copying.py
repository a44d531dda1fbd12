"""A run folder copied to a store, or from it."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from kgalign.base.addresses import is_address
from kgalign.base.progress import Progress
from kgalign.errors import InputError, KgalignError, RunError
from kgalign.remote.lease import take
from kgalign.remote.mirror import Mirror
from kgalign.remote.store import Store
from kgalign.run.folder import RUN_FILE, RunFolder


def copy_run(
    source: str | Path, target: str | Path, *, replace: bool = False, progress: Progress | None = None
) -> None:
    """Copy a run folder to an address, or from one.

    :param replace: whether the target may hold a run already, which then becomes what the source is. Votes
        and decisions that the source lacks are not lost: in a store they are a reason to stop, in a folder
        they are set aside.
    :raises InputError: none of the two is an address, or both are.
    :raises RunError: there is no run, the target holds one, or the store refuses.
    """
    if is_address(source) == is_address(target):
        raise InputError("One of the two has to be an address, and only one", "Write s3://BUCKET/PATH")
    with TemporaryDirectory() as area:
        if is_address(source):
            _down(Store(str(source)), RunFolder(Path(target)), Path(area), replace, progress)
        else:
            _up(RunFolder(Path(source)), Store(str(target)), Path(area), replace, progress)


def _down(store: Store, folder: RunFolder, area: Path, replace: bool, progress: Progress | None) -> None:
    if store.info(RUN_FILE) is None:
        raise RunError(f"There is no run at {store}: it has no {RUN_FILE}", "Check the address")
    with folder.locked():
        if folder.is_run() and not replace:
            raise RunError(f"{folder} is a run folder already", "Name another one, or give --replace")
        Mirror(store, folder, area, progress=progress).bring()


def _up(folder: RunFolder, store: Store, area: Path, replace: bool, progress: Progress | None) -> None:
    folder.read()
    store.check()
    with folder.locked():
        lease = take(store)
        try:
            mirror = Mirror(store, folder, area, lease.check, progress)
            if mirror.know() and not replace:
                raise RunError(f"{store} holds a run already", "Name another address, or give --replace")
            mirror.put_up()
        finally:
            with suppress(KgalignError):
                lease.release()
