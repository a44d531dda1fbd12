"""How much memory and disk a run takes, by the sizes of what was read: fitted to runs that were measured.

``python -m bench room`` measures such runs, fits the figures anew, and holds them against runs left out: its
table in ``bench/RESULTS.md`` says how far off they are. They are of one process; a second one beside it comes
with what is left of ``--memory``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kgalign.rdf.formats import is_table
from kgalign.rdf.graph import Graph
from kgalign.run.folder import Source
from kgalign.run.room import Room
from kgalign.run.steps import Inputs

PAIRS = 0.8
"""Pairs that are found, over ``retrieve.k`` times the entities of both sides."""
MEMORY = (275e6, 184.0, 0.9, 11.0)
"""Bytes that the process holds: in any case, for each statement, for each byte of the terms' texts, and for
each pair."""
DISK = (3e6, 286.0, 4.1, 160.0)
"""Bytes of the run folder at most, the same way."""
SIDE = (230e6, 2.2)
"""Bytes that the process holds while it reads a side and selects from it: in any case, and for each byte that
its files would have as N-Triples."""
_DENSE, _TABLE = 3, 10
"""Times as long as a file N-Triples are that say the same: one that has prefixes and leaves out what repeats,
and a table, whose names of columns stand there once."""


@dataclass(frozen=True, slots=True)
class Size:
    """What a run's memory and disk depend on."""

    statements: int
    """Of both sides."""
    texts: int
    """Bytes of all terms."""
    pairs: int
    """That will be found, as an estimate."""

    @classmethod
    def of(cls, graphs: Sequence[Graph], entities: Sequence[int], k: int) -> "Size":
        """The size of a run.

        :param entities: of each side.
        :param k: ``retrieve.k``.
        """
        pairs = min(int(PAIRS * k * sum(entities)), entities[0] * entities[1])
        return cls(sum(map(len, graphs)), sum(each.terms.value.nbytes for each in graphs), pairs)

    @property
    def parts(self) -> tuple[float, ...]:
        """What each figure of :data:`MEMORY` and :data:`DISK` is multiplied by."""
        return (1.0, float(self.statements), float(self.texts), float(self.pairs))


def estimate(size: Size) -> Room:
    """What a run of a size takes."""
    memory, disk = (
        int(sum(each * times for each, times in zip(figures, size.parts, strict=True)))
        for figures in (MEMORY, DISK)
    )
    return Room(memory, disk)


def of_side(inputs: Inputs, side: str) -> int:
    """Bytes that the process holds while a side is read and its entities are selected, by its files."""
    return int(SIDE[0] + SIDE[1] * sum(map(_as_lines, inputs.files.get(side, ()))))


def _as_lines(file: Source) -> int:
    """Bytes that a file would have as N-Triples, or less."""
    path = Path(file.path.removesuffix(".gz"))
    times = _TABLE if is_table(path) else 1 if path.suffix in (".nt", ".nq") else _DENSE
    return times * file.unpacked
