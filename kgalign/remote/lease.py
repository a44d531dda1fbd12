"""One run at a time at an address: a small object says who has it.

Arrow's filesystems can't write under a condition, and so who finds none writes its own, waits, and reads what
stands there: of two that come at once the later writer has it (M. Fischer's algorithm, in L. Lamport, "A fast
mutual exclusion algorithm", 1987). Before each further writing it is looked at again, so that who was too
slow, or was taken for gone, stops before it spoils anything.
"""

import getpass
import json
import os
import secrets
import socket
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from kgalign.base.logs import printable
from kgalign.errors import RunError
from kgalign.remote.store import Store

FILE = "lease.json"
RENEWED = 60.0
"""Seconds after which who has it says so again."""
GONE = timedelta(minutes=10)
"""Who has not said so for that long is gone."""
_SETTLED = 1.0
"""Seconds until another one that came at the same time has written, too."""
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Holder:
    """Who works at an address."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    id: str
    """Random."""
    who: str
    """For people."""
    since: str
    """In UTC, by the clock of that machine."""
    machine: str
    """The same for all processes that see each other's numbers, nothing where that can't be told."""
    process: int


class Lease:
    """What :func:`take` gives; let go of it by :meth:`release`."""

    def __init__(self, store: Store, holder: Holder) -> None:
        self._store, self._holder = store, holder

    def check(self) -> None:
        """See that nobody else has taken the address.

        :raises RunError: somebody has.
        """
        found = _read(self._store)
        if found is None or found.id != self._holder.id:
            who = f"{found.who} has taken it" if found else "its lease was taken away"
            raise RunError(
                f"{self._store} is no longer this run's: {printable(who)}",
                "What is finished here is kept in the working folder; let only one run write there",
            )

    def renew(self) -> None:
        """Say that this process is still at work."""
        self.check()
        self._store.write(FILE, _text(self._holder))

    def release(self) -> None:
        """Let others take the address."""
        store = self._store.once()
        found = _read(store)
        if found is not None and found.id == self._holder.id:
            store.delete(FILE)


def take(store: Store, *, by_force: bool = False) -> Lease:
    """Keep others away from an address.

    :param by_force: take it even from who seems to be at work there.
    :raises RunError: another run is at work there, or the store can't be written to.
    """
    found = _read(store)
    if found is not None and not by_force and not _is_gone(store, found):
        raise _taken(store, found)
    mine = Holder(secrets.token_hex(16), _who(), _now(), _machine(), os.getpid())
    store.write(FILE, _text(mine))
    time.sleep(_SETTLED)
    found = _read(store)
    if found is not None and found.id != mine.id:
        raise _taken(store, found)
    return Lease(store, mine)


def _taken(store: Store, holder: Holder) -> RunError:
    minutes = int(GONE.total_seconds() / 60)
    who, since = printable(holder.who, 200), printable(holder.since, 40)
    return RunError(
        f"Another run is at work at {store}: {who}, since {since}",
        "Wait for it, or give another address with -o. If it is gone give the same command with --take-over; "
        f"{minutes} minutes after its last sign it is taken for gone",
    )


def _is_gone(store: Store, holder: Holder) -> bool:
    """Whether a process has ended, or has not been heard of for long."""
    if holder.machine and holder.machine == _machine() and not _runs(holder.process):
        return True
    info = store.info(FILE)
    if info is None:
        return True
    return bool(info.changed) and datetime.now(UTC) - datetime.fromisoformat(info.changed) > GONE


def _runs(process: int) -> bool:
    if process == os.getpid():  # one that had its number
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's
        return True
    return True


def _machine() -> str:
    """What tells processes apart that can't see each other: the boot, and the namespace of their numbers."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in a container
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}, process {os.getpid()}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _text(holder: Holder) -> bytes:
    return (json.dumps(asdict(holder), indent=1, ensure_ascii=False) + "\n").encode()


def _read(store: Store) -> Holder | None:
    content = store.read(FILE, _MOST)
    try:
        return TypeAdapter(Holder).validate_json(content, strict=True) if content else None
    except ValidationError:
        return Holder("", "somebody whose lease can't be read", "when, it does not say", "", 0)
