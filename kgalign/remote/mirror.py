"""A run folder of this machine and what a store has of it: brought down, and put up.

The store's ``run.json`` names nothing that is not there: data goes up first, and what is about to be
replaced is forgotten before. So a process that is killed at any moment leaves a store from which another
machine goes on.
"""

import hashlib
import logging
import shutil
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TypeVar

from kgalign.base.files import MAKE_ROOM, explained, write_text
from kgalign.base.logs import printable
from kgalign.base.progress import LockedTask, NoProgress, Progress, Task
from kgalign.errors import RunError
from kgalign.remote.databases import contains, snapshot
from kgalign.remote.lease import FILE as LEASE_FILE
from kgalign.remote.names import BESIDE, DATABASE, FOLDERS, beside_in, digests_in, is_beside
from kgalign.remote.note import Known, Note
from kgalign.remote.store import Store, Stored
from kgalign.run.digests import damaged, digest_of
from kgalign.run.folder import CACHE, RUN_FILE, STAGES, RunFolder, RunRecord

T = TypeVar("T")

log = logging.getLogger(__name__)

_LARGEST_RECORD = 64_000_000
"""Bytes of a ``run.json`` that is read."""
_AT_ONCE = 8
"""Files that are copied at a time: it is waiting for the store that takes long."""
_LEAST_SHOWN = 1 << 20
"""Bytes from which people are told that they are copied."""


class Mirror:
    """A run folder and an address.

    :param area: a folder for the note and for copies on their way.
    :param check: is called before anything is written to the store; it raises where that is another's now.
    """

    def __init__(
        self,
        store: Store,
        folder: RunFolder,
        area: Path,
        check: Callable[[], None] = lambda: None,
        progress: Progress | None = None,
    ) -> None:
        self._store, self._folder, self._area, self._check = store, folder, area, check
        self._progress: Progress = progress or NoProgress()
        self._note = Note.read(self._noted)
        self._seen: dict[str, tuple[float, ...]] = {}
        """Age and size that files had that no step wrote when they were put up."""
        self._lock = Lock()

    @property
    def _noted(self) -> Path:
        return self._area / "store.json"

    def bring(self) -> bool:
        """Make the folder what the store has, where another machine went on; else it is at least as new.

        :returns: whether the store has a run.
        :raises RunError: the store can't be read, holds what is no run, or there is no room here.
        """
        text = self._store.read(RUN_FILE, _LARGEST_RECORD)
        if text is None:
            self._check_empty()
            self._note = Note()
        digest = hashlib.sha256(text or b"").hexdigest()
        path = self._folder.file(RUN_FILE)
        if text is not None and (digest not in self._note.records or not path.is_file()):
            record = self._parsed(text)
            known = {name: Known(each) for name, each in digests_in(record).items()}
            beside = {name: each for name, each in self._note.files.items() if is_beside(name)}
            self._note = Note([], known | beside)
            self._bring_steps(record, text)
        self._note.records = [digest] if text is not None else []
        self._bring_beside()
        self._note.write(self._noted)
        return text is not None

    def know(self) -> bool:
        """Learn what the store has, without bringing it.

        :returns: whether it has a run.
        :raises RunError: it has votes or decisions that the folder lacks.
        """
        text = self._store.read(RUN_FILE, _LARGEST_RECORD)
        if text is None:
            self._check_empty()
            return False
        digests = digests_in(self._parsed(text))
        known = {name: Known(each) for name, each in digests.items()}
        self._note = Note([hashlib.sha256(text).hexdigest()], known)
        for name in BESIDE:
            path, fetched = self._folder.file(name), self._area / "fetched.sqlite"
            if not name.endswith(DATABASE) or self._store.fetch(name, fetched, _Silent()) is None:
                continue
            if not path.is_file() or not contains(path, fetched):
                raise RunError(
                    f"{self._store}/{name} has rows that {path} lacks",
                    "Copy that run to a folder first, and go on there",
                )
        return True

    def put_up(self) -> None:
        """Make the store what the folder is; what steps wrote has to be finished.

        :raises RunError: the store can't be written to, or is another's now; or the folder is damaged.
        """
        with self._lock:
            self._check()
            text = self._folder.file(RUN_FILE).read_text(encoding="utf8")
            record = RunRecord.from_json(text)
            digests, known = digests_in(record), self._note.files
            new = [
                name for name, digest in digests.items() if name not in known or known[name].sha256 != digest
            ]
            if any(name in known for name in new):
                self._forget(record, new)
            sizes = {name: self._folder.file(name).stat().st_size for name in new}
            with self._task("put up", sizes) as task:

                def put(name: str) -> str:
                    return self._store.put(name, self._folder.file(name), task)

                for name, found in _at_once(put, new):
                    if found != digests[name]:
                        raise RunError(
                            f"{self._folder.file(name)} is damaged: it is not what was written",
                            "Give the same command once more with --check",
                        )
                    known[name] = Known(found)
            self._put_beside()
            self._put_record(text)
            self._take_away([name for name in known if name not in digests and not is_beside(name)])

    def put_beside(self) -> None:
        """Put up what no step writes, such as votes, where it changed.

        :raises RunError: as :meth:`put_up`.
        """
        with self._lock:
            if any(self._is_changed(name) for name in beside_in(self._folder.path)):
                self._check()
                self._put_beside()
                self._note.write(self._noted)

    # --- Down

    def _parsed(self, text: bytes) -> RunRecord:
        try:
            return RunRecord.from_json(text.decode("utf8"))
        except ValueError as error:
            raise RunError(
                f"{self._store}/{RUN_FILE} can't be read: {error}",
                "It was not written by this version of kgalign: give another address",
            ) from error

    def _check_empty(self) -> None:
        """Refuse an address at which no run was begun and where something lies."""
        ours = (STAGES, CACHE, LEASE_FILE, "")
        found = [name for name in self._store.entries() if name not in ours and not name.startswith(".")]
        if found:
            raise RunError(
                f"{self._store} is no run, and it isn't empty: it holds {printable(found[0], 200)}",
                "Give an address at which nothing lies",
            )

    def _bring_steps(self, record: RunRecord, text: bytes) -> None:
        """What finished steps wrote; a step of which something is not there is forgotten here."""
        digests = digests_in(record)
        self._clear(digests)
        missing = list(damaged(self._folder.path, digests))
        broken = set()
        sizes = {name: each.bytes for name, each in self._store.infos(missing).items()}
        self._check_room(sum(sizes.values()))
        with self._task("bring", sizes) as task:

            def fetch(name: str) -> str | None:
                path = self._folder.file(name)
                _make_parents(path)
                return self._store.fetch(name, path, task)

            fetched = dict(_at_once(fetch, sizes))
        for name in missing:
            if fetched.get(name) != digests[name]:
                log.warning("%s/%s is not what was written: its step is done again", self._store, name)
                broken.add(name)
                del self._note.files[name]
        if broken:
            self._folder.write(_without(record, broken))
        else:
            write_text(self._folder.file(RUN_FILE), text.decode("utf8"))

    def _clear(self, digests: Collection[str]) -> None:
        """Take away what the run of this machine has and the store's has not; nothing counts as finished."""
        if not self._folder.is_run():
            return
        with suppress(RunError), explained(self._folder.path):
            for name in digests_in(self._folder.read()).keys() - digests:
                self._folder.file(name).unlink(missing_ok=True)
        with explained(self._folder.path):
            self._folder.file(RUN_FILE).unlink(missing_ok=True)

    def _bring_beside(self) -> None:
        """Files that no step wrote; where both have rows that the other lacks, those here are set aside."""
        found = self._store.infos(BESIDE)
        for folder in FOLDERS:
            found |= {name: each for name, each in self._store.below(folder).items() if is_beside(name)}
        new = {name: each for name, each in found.items() if not self._is_known(name, each)}
        self._check_room(sum(each.bytes for each in new.values()))
        for name in self._note.files.keys() - found.keys():
            if is_beside(name):
                del self._note.files[name]
        with self._task("bring", {name: each.bytes for name, each in new.items()}) as task:
            for name, stored in new.items():
                fetched = self._area / "fetched"
                digest = self._store.fetch(name, fetched, task)
                if digest is not None:
                    self._take(name, fetched)
                    self._note.files[name] = Known(digest, stored)

    def _is_known(self, name: str, stored: Stored) -> bool:
        known = self._note.files.get(name)
        return known is not None and known.stored == stored and self._folder.file(name).is_file()

    def _take(self, name: str, fetched: Path) -> None:
        """Put what was fetched in its place, unless more is there already."""
        path = self._folder.file(name)
        with explained(path):
            _make_parents(path)
            if path.is_file() and name.endswith(DATABASE):
                if contains(path, fetched):
                    fetched.unlink()
                    return
                if name in BESIDE and not contains(fetched, path):
                    aside = path.with_name(f"{path.stem}.{digest_of(path)[:16]}{DATABASE}")
                    snapshot(path, aside)
                    log.warning("%s: the store has other rows; those of this machine are in %s", path, aside)
                for end in ("-wal", "-shm", "-journal"):
                    path.with_name(path.name + end).unlink(missing_ok=True)
            if name.endswith(DATABASE):
                fetched.chmod(0o600)
            fetched.replace(path)

    def _check_room(self, need: int) -> None:
        self._folder.path.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._folder.path).free
        if need > free:
            sizes = f"{free / 1e9:,.1f} GB, and {need / 1e9:,.1f} GB come from {self._store}"
            raise RunError(
                f"{self._folder} has room for {sizes}",
                f"{MAKE_ROOM}; or name a place for it with --work",
            )

    # --- Up

    def _forget(self, record: RunRecord, names: Collection[str]) -> None:
        """Let the store's ``run.json`` name none of these files any more."""
        self._put_record(_without(record, names).to_json())
        for name in names:
            self._note.files.pop(name, None)
        self._note.write(self._noted)

    def _put_record(self, text: str) -> None:
        path = self._area / "record"
        write_text(path, text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        if self._note.records != [digest]:
            self._note.records.append(digest)
            self._note.write(self._noted)
            self._store.replace(RUN_FILE, path, _Silent())
            self._note.records = [digest]
        self._note.write(self._noted)

    def _put_beside(self) -> None:
        for name in beside_in(self._folder.path):
            if not self._is_changed(name):
                continue
            path, state = self._folder.file(name), _state(self._folder.file(name))
            if name.endswith(DATABASE):
                copy = self._area / "copy.sqlite"
                snapshot(path, copy)
                path = copy
            digest = digest_of(path)
            known = self._note.files.get(name)
            if known is None or known.sha256 != digest:
                with self._task("put up", {name: path.stat().st_size}) as task:
                    self._store.replace(name, path, task)
                self._note.files[name] = Known(digest, self._store.info(name))
            self._seen[name] = state

    def _is_changed(self, name: str) -> bool:
        return self._seen.get(name) != _state(self._folder.file(name))

    def _take_away(self, names: Collection[str]) -> None:
        """What is no part of the run any more."""
        for name in names:
            self._store.delete(name)
            del self._note.files[name]
        if names:
            self._note.write(self._noted)

    @contextmanager
    def _task(self, what: str, sizes: dict[str, int]) -> Iterator[Task]:
        total = sum(sizes.values())
        if total < _LEAST_SHOWN:
            yield _Silent()
            return
        files = f"{len(sizes)} files" if len(sizes) > 1 else next(iter(sizes))
        with self._progress.task(f"{what} {files}", total, "B") as task:
            yield LockedTask(task, Lock())


class _Silent:
    def advance(self, amount: int = 1) -> None:
        pass

    def note(self, text: str) -> None:
        pass


def _at_once(do: Callable[[str], T], names: Collection[str]) -> Iterator[tuple[str, T]]:
    """Do something with several files at once; what comes of it is in their order."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            yield from zip(names, pool.map(do, names), strict=True)
        finally:
            pool.shutdown(cancel_futures=True)


def _make_parents(path: Path) -> None:
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)


def _without(record: RunRecord, names: Collection[str]) -> RunRecord:
    """What a run's record is without the steps that wrote some files."""
    gone = set(names)
    return replace(
        record, steps={name: each for name, each in record.steps.items() if not gone & each.digests.keys()}
    )


def _state(path: Path) -> tuple[float, ...]:
    """Age and size of a file and of its log."""
    found: list[float] = []
    for each in (path, path.with_name(f"{path.name}-wal")):
        if each.is_file():
            about = each.stat()
            found += [about.st_mtime_ns, about.st_size]
    return tuple(found)
