"""``unmerged.tsv``, where merges that were taken back stood before there was a store of decisions.

What stands in such a file becomes decisions, once, and the file gets another name. A file that is written by
hand is taken over at the next command that may change the folder.
"""

from datetime import UTC, datetime
from pathlib import Path

from kgalign.decisions.decision import UNMERGE, Decision, Verdict
from kgalign.decisions.store import FILE, Decisions
from kgalign.links.unmerged import FILE as OLD_FILE
from kgalign.links.unmerged import read_unmerged

AFTERWARDS = "unmerged.taken-over.tsv"
"""What such a file is called afterwards."""


def in_old_file(folder: Path) -> list[Decision]:
    """The decisions of the file of a run folder, none where there is no file.

    They are of the time at which it was written: taken over twice they are there once.

    :raises InputError: it can't be read, or a line is broken.
    """
    path = folder / OLD_FILE
    pairs = read_unmerged(path)
    if not pairs:
        return []
    at = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="milliseconds")
    at = at.replace("+00:00", "Z")
    return [
        Decision(each.left, each.right, Verdict.DIFFERENT, at=at, why=each.reason, source=UNMERGE)
        for each in pairs
    ]


def take_over(folder: Path) -> int:
    """Put the decisions of the file into the store of a run folder, and rename it; how many there are.

    Nobody else may write to the folder meanwhile.

    :raises InputError: it can't be read, or a line is broken; nothing is changed then.
    :raises RunError: the store can't be written.
    """
    found = in_old_file(folder)
    if found:
        with Decisions.open(folder / FILE) as store:
            store.add(found)
    if (folder / OLD_FILE).exists():
        (folder / OLD_FILE).replace(folder / AFTERWARDS)
    return len(found)
