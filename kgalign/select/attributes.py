"""How far each attribute identifies its entities: kind of value, coverage, functionality, importance."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Positions, distinct, in_order_of, run_starts, unique
from kgalign.rdf.graph import Ids, Terms
from kgalign.records import Attribute
from kgalign.select.kinds import CUT, kind_of
from kgalign.values.kinds import ValueKind
from kgalign.values.predicates import name_rank

IRI_NAME = ("@iri",)
_SAMPLE = 500


@dataclass(frozen=True, slots=True)
class Values:
    """(entity, path, text) rows with the terms they come from; the rows may repeat."""

    entity: Ids
    path: Ids
    text: Ids
    """(v,) entity id, index into ``paths``, index into ``texts``."""
    term: Ids
    """(v,) term id of the value, -1 for the name in an IRI."""
    paths: tuple[tuple[str, ...], ...]
    texts: pa.LargeStringArray
    """Distinct lexical forms, in canonical order."""


def profile_attributes(
    values: Values, terms: Terms, entities: int, kinds: Mapping[int, ValueKind]
) -> tuple[tuple[Attribute, ...], tuple[Ids, Ids, Ids]]:
    """Profile every path in use.

    :param entities: how many entities there are.
    :param kinds: path → kind, where it is known and needs no telling.
    :returns: the attributes, in the order of importance, and the distinct rows of entity, attribute
        and text, sorted by these.
    """
    order = in_order_of(values.path, values.entity, values.text, values.term)
    order = order[run_starts(values.path[order], values.entity[order], values.text[order])]
    bounds = np.append(np.flatnonzero(run_starts(values.path[order])), len(order)).tolist()
    found: list[tuple[Attribute, Positions]] = []
    for start, end in pairwise(bounds):
        rows = order[start:end]
        known = kinds.get(int(values.path[rows[0]]))
        found.append((_profile(values, rows, terms, entities, known), rows))
    found.sort(key=lambda each: (-each[0].importance, each[0].path))
    attribute = np.repeat(np.arange(len(found), dtype=np.int32), [len(rows) for _, rows in found])
    rows = np.concatenate([rows for _, rows in found]) if found else order
    columns = distinct(values.entity[rows], attribute, values.text[rows])
    return tuple(each for each, _ in found), (columns[0], columns[1], columns[2])


def _profile(
    values: Values, rows: Positions, terms: Terms, entities: int, known: ValueKind | None
) -> Attribute:
    """Profile one path.

    :param rows: positions of its values, sorted by entity.
    :param known: its kind, where that is known.
    """
    path = values.paths[int(values.path[rows[0]])]
    facts = len(rows)
    owners = int(run_starts(values.entity[rows]).sum())
    texts = unique(values.text[rows])
    share = len(texts) / facts
    shown = pc.utf8_slice_codeunits(values.texts.take(pa.array(spread_evenly(texts))), 0, CUT)
    datatypes = _datatypes(terms, spread_evenly(values.term[rows]))
    kind = known or kind_of(shown.to_pylist(), datatypes, share)
    names = path == IRI_NAME or (name_rank(path[-1]) is not None and kind in (ValueKind.NAME, ValueKind.CODE))
    coverage = owners / entities
    return Attribute(path, kind, facts, coverage, owners / facts, share, share * coverage, names)


def spread_evenly(ids: Ids) -> Ids:
    """A sample that is spread evenly over the column."""
    if len(ids) <= _SAMPLE:
        return ids
    return ids[np.unique(np.linspace(0, len(ids) - 1, _SAMPLE).astype(np.int64))]


def _datatypes(terms: Terms, ids: Ids) -> list[str]:
    """The datatype of each term, empty for plain strings and for what is no literal."""
    codes = np.where(ids >= 0, terms.datatype[ids], -1)
    return [terms.datatypes[code] if code >= 0 else "" for code in codes.tolist()]
