"""Which files of a run folder lie in a store. Names that come from there are not trusted as paths."""

from collections.abc import Iterator
from pathlib import Path

from kgalign.decisions import FILE as DECISIONS_FILE
from kgalign.decisions.taken_over import AFTERWARDS
from kgalign.errors import RunError
from kgalign.ledger import FILE as LEDGER_FILE
from kgalign.links.unmerged import FILE as UNMERGED_FILE
from kgalign.run.folder import BEFORE, CACHE, RUN_FILE, RunRecord

BESIDE = (LEDGER_FILE, DECISIONS_FILE, UNMERGED_FILE, AFTERWARDS)
"""Files that no step writes, and of which ``run.json`` has no digests."""
FOLDERS = (CACHE, BEFORE)
"""Folders of such files."""
DATABASE = ".sqlite"
_OF_INPUTS = f"{CACHE}/objects/"
"""Copies of what lies in a store already."""
_LONGEST, _LONGEST_PART, _DEEPEST = 1000, 200, 10


def is_safe(name: str) -> bool:
    """Whether a name can be the path of a file in a run folder: relative, downwards, nothing hidden."""
    parts = name.split("/")
    return (
        len(name.encode("utf8", "replace")) <= _LONGEST
        and len(parts) <= _DEEPEST
        and name.isprintable()
        and "\\" not in name
        and all(
            part and not part.startswith(".") and len(part.encode("utf8", "replace")) <= _LONGEST_PART
            for part in parts
        )
    )


def is_beside(name: str) -> bool:
    """Whether a name is that of a file that no step writes and that a store has all the same."""
    of_folder = name.partition("/")[0] in FOLDERS and "/" in name
    return is_safe(name) and (name in BESIDE or of_folder) and not name.startswith(_OF_INPUTS)


def beside_in(folder: Path) -> Iterator[str]:
    """Names of such files in a run folder, in their order."""
    for name in BESIDE:
        if (folder / name).is_file():
            yield name
    for below in FOLDERS:
        for path in sorted((folder / below).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and is_beside(name):
                yield name


def digests_in(record: RunRecord) -> dict[str, str]:
    """Names of the files that finished steps wrote → their SHA-256.

    :raises RunError: a name is no path in a run folder.
    """
    found = {name: digest for step in record.steps.values() for name, digest in step.digests.items()}
    for name in found:
        if not is_safe(name) or name == RUN_FILE or is_beside(name):
            raise RunError(
                f"The {RUN_FILE} in the store names {name!r}, which is no file of a step",
                "It was not written by kgalign: look at it, and use another address",
            )
    return found
