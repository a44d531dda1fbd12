"""What a run found that the one it grew from did not: entities, links, and names in the fused graph."""

from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from kgalign.records.fused import SIDES, Fusion
from kgalign.records.names import Names, names_of
from kgalign.records.tables import write_parquet
from kgalign.report.changes import Changes, Judged, Kind, links_since


class Run(Judged, Protocol):
    """What of a run is compared: as for links, and the fused graph."""

    @property
    def fusion(self) -> Fusion:
        """What became of every statement."""


class Happened(StrEnum):
    """What became of an entity or of an IRI of the fused graph; of links see :class:`Kind`."""

    NEW = "entity new"
    GONE = "entity gone"
    RENAMED = "entity renamed"
    """The fused graph calls it otherwise."""
    REPLACED = "iri replaced"
    """It names nothing any more; what was under it is under another one."""
    RETIRED = "iri gone"
    """It names nothing any more, and what was under it is gone."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of ``changes.parquet``; what does not apply is None."""

    kind: str
    left: str | None = None
    right: str | None = None
    """IRIs of the entity, or of the two that are linked; of a lost link, that were."""
    left_before: str | None = None
    right_before: str | None = None
    """Of a changed link the partner that the other of the two had."""
    probability: float | None = None
    probability_before: float | None = None
    """Of the pair, where it was judged."""
    fused: str | None = None
    fused_before: str | None = None
    """What the fused graph calls it, and called it: of a link, its left entity."""
    tipped: str | None = None
    """Of a link, the comparison that changed most in the direction of the change, or what else made it."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What changed from one run to the next."""

    rows: tuple[Row, ...]
    """Entities first, then links, then IRIs."""
    links: Changes

    @property
    def counts(self) -> dict[str, int]:
        """How many rows there are of each kind, by names such as ``link_gained``."""
        kinds = [*map(str, Happened), *(f"link {kind}" for kind in Kind)]
        found = [row.kind for row in self.rows]
        return {kind.replace(" ", "_"): found.count(kind) for kind in kinds}

    @property
    def summary(self) -> str:
        """One sentence: ``12 new entities; links +14 −0, 1 changed; 396 the same``."""
        new, gone = self.counts["entity_new"], self.counts["entity_gone"]
        went = f", {gone:,} gone" if gone else ""
        return f"{new:,} new {'entity' if new == 1 else 'entities'}{went}; {self.links.summary}"


def changes_since(new: Run, old: Run) -> Growth:
    """What a run has that the one it grew from had not, and the other way round.

    Entities are the same where their IRIs are; a blank node goes by its label.
    """
    called, before = (names_of(run.fusion, run.left.entity_iri, run.right.entity_iri) for run in (new, old))
    links = links_since(new, old)
    rows = (*_entities(new, old, called, before), *_links(links, called, before), *_iris(called, before))
    return Growth(rows, links)


def write_changes(found: Growth, path: Path) -> int:
    """Write ``changes.parquet``, a :class:`Row` each.

    :returns: the number of rows.
    :raises OSError: no room, or no permission.
    """
    columns = zip(*map(astuple, found.rows), strict=True) if found.rows else [()] * len(fields(Row))
    kinds = [pa.float32() if "probability" in each.name else pa.string() for each in fields(Row)]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    table = pa.table(dict(zip([each.name for each in fields(Row)], arrays, strict=True)))
    return write_parquet([table], path)


def _entities(new: Run, old: Run, called: Names, before: Names) -> Iterator[Row]:
    """Entities that are new, gone, or called otherwise."""
    for side in SIDES:
        now, then = (getattr(run, side).entity_iri for run in (new, old))
        for kind, iris in (
            (Happened.NEW, _without(now, then)),
            (Happened.GONE, _without(then, now)),
            (Happened.RENAMED, _renamed(now, then, called, before)),
        ):
            names = zip(_names(iris, called), _names(iris, before), strict=True)
            for iri, (name, was) in zip(iris.to_pylist(), names, strict=True):
                left, right = (iri, None) if side == "left" else (None, iri)
                yield Row(kind, left, right, fused=name, fused_before=was)


def _without(iris: pa.LargeStringArray, others: pa.LargeStringArray) -> pa.LargeStringArray:
    return iris.filter(pc.invert(pc.is_in(iris, others)))


def _renamed(
    now: pa.LargeStringArray, then: pa.LargeStringArray, called: Names, before: Names
) -> pa.LargeStringArray:
    both = now.filter(pc.is_in(now, then))
    name, was = (each.name.take(pc.index_in(both, each.iri)) for each in (called, before))
    return both.filter(pc.not_equal(name, was).fill_null(False))


def _names(iris: pa.Array, names: Names) -> list[str | None]:
    """(n,) what each IRI is called; None where the run has no such entity."""
    found: list[str | None] = names.name.take(pc.index_in(iris, names.iri)).to_pylist()
    return found


def _links(links: Changes, called: Names, before: Names) -> Iterator[Row]:
    left = pa.array([each.left.iri for each in links.changes], pa.large_string())
    names = zip(_names(left, called), _names(left, before), strict=True)
    for each, (name, was) in zip(links.changes, names, strict=True):
        partner = each.was.iri if each.was else None
        yield Row(
            f"link {each.kind}",
            each.left.iri,
            each.right.iri,
            partner if each.was_side == "left" else None,
            partner if each.was_side == "right" else None,
            each.probability,
            each.before,
            name,
            was,
            each.tipped,
        )


def _iris(called: Names, before: Names) -> Iterator[Row]:
    """IRIs that this run retires."""
    new = pc.invert(pc.is_in(called.retired, before.retired))
    pairs = (each.filter(new).to_pylist() for each in (called.retired, called.replaced_by))
    for old, now in zip(*pairs, strict=True):
        kind = Happened.REPLACED if now else Happened.RETIRED
        yield Row(kind, fused=now or None, fused_before=old)
