"""What a run calls things, so that the next one can call them the same."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.records.fused import Fusion

_BLANK = "_:"
"""What the names of blank nodes begin with; no IRI does."""


@dataclass(frozen=True, slots=True)
class Names:
    """The IRIs by which the fused graph of a run calls the things of its inputs."""

    iri: pa.LargeStringArray
    """(n,) distinct, sorted: the entities of both sides, and every other node that was merged."""
    name: pa.LargeStringArray
    """(n,) what the fused graph calls each."""
    retired: pa.LargeStringArray
    """(r,) sorted: IRIs by which earlier runs called something and this one nothing, each with ..."""
    replaced_by: pa.LargeStringArray
    """(r,) ... what stands for it, once for each; empty where nothing does."""

    def __len__(self) -> int:
        return len(self.iri)


def no_names() -> Names:
    """Of no earlier run."""
    none = pa.array([], pa.large_string())
    return Names(none, none, none, none)


def names_of(fusion: Fusion, left: pa.LargeStringArray, right: pa.LargeStringArray) -> Names:
    """What a run calls things. Blank nodes have no name that would hold in another run.

    :param left: the entities of the left side, as ``entity_iri`` of its profile has them.
    :param right: the same of the right side.
    """
    values = fusion.terms.value
    merged, name = values.take(pa.array(fusion.same_object)), values.take(pa.array(fusion.same_subject))
    entities = pa.concat_arrays([left, right])
    entities = pc.unique(entities.filter(pc.invert(pc.starts_with(entities, _BLANK))))
    alone = entities.filter(pc.invert(pc.is_in(entities, merged)))
    iris, names = pa.concat_arrays([merged, alone]), pa.concat_arrays([name, alone])
    order = pc.sort_indices(iris)
    there = fusion.replaced_by >= 0
    return Names(
        iri=iris.take(order),
        name=names.take(order),
        retired=values.take(pa.array(fusion.retired)),
        replaced_by=pc.coalesce(
            values.take(pa.array(np.where(there, fusion.replaced_by, 0), mask=~there)), _text("")
        ),
    )


def _text(value: str) -> pa.Scalar:
    return pa.scalar(value, pa.large_string())
