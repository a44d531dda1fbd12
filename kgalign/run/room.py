"""Room: what memory and disk the rest of a run takes, told before its long steps begin."""

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from kgalign.base.memory import available
from kgalign.errors import KgalignError

log = logging.getLogger(__name__)
SURELY = 0.75
"""Share of an estimate that is needed in any case: nothing is refused for less."""
OVER = 1.1
"""Times the memory that may be held by which a run may go above it."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a step and all after it take, in bytes, as an estimate."""

    memory: int
    """Held by the process at most, if all that can be let go is."""
    disk: int
    """Of the run folder's files, and of those without a name beside them, at most."""

    def __str__(self) -> str:
        return f"some {shown(self.memory)} of memory and {shown(self.disk)} of disk"


def shown(size: float) -> str:
    """Bytes as people write them."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{max(size / 1e6, 1):,.0f} MB"


def check_room(room: Room, folder: Path, given: int | None) -> None:
    """See whether there is room before hours are spent.

    :param given: what ``--memory`` says, None if nothing.
    :raises KgalignError: ``given`` is too little, or the disk of ``folder`` has too little left.
    """
    free = shutil.disk_usage(folder).free
    if SURELY * room.disk > free:
        raise KgalignError(
            f"There is no room on the disk of {folder}: this run needs some {shown(room.disk)}, and "
            f"{shown(free)} are free",
            "Make room there, or give a folder on another disk with -o",
        )
    if given is not None and SURELY * room.memory > OVER * given:
        raise KgalignError(
            f"--memory {shown(given)} is too little for these graphs: some {shown(room.memory)} are needed",
            "Give it that much, look for fewer candidates (retrieve.k), or align one pair of types at a time "
            "(--left-type, --right-type); what was read is kept",
        )
    held = available() if given is None else None
    if held is not None and SURELY * room.memory > held:
        log.warning("some %s of memory will be needed, and %s are free here", shown(room.memory), shown(held))
