"""Values that belong together: a latitude without its longitude is no place.

Two properties belong together where the same sources say both of the same subjects, and where their values
agree and differ between sources together: what sets one wrong sets the other wrong. Known names of
coordinates are a hint that lowers what the data must show.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Flags, Positions, run_starts
from kgalign.fuse.claims import Claims
from kgalign.fuse.values import Kind, Values
from kgalign.rdf.graph import Ids

_PAIRED, _PAIRED_KNOWN = 0.95, 0.5
"""Share of (source, subject) with either property that have both: without the hint, and with it."""
_TOGETHER = 0.7
"""Correlation, between sources, of agreeing in the one property and in the other."""
_FEWEST = 8
_LATITUDE = re.compile(r"(?:.*[\W_])?lat(?:itude)?\Z|.*latitude\Z|.*Lat\Z")
_LONGITUDE = re.compile(r"(?:.*[\W_])?lo?ng(?:itude)?\Z|(?:.*[\W_])?lon\Z|.*longitude\Z|.*Lon\Z|.*Long\Z")


@dataclass(frozen=True, slots=True)
class Joint:
    """Two properties whose values are resolved as one."""

    properties: tuple[int, int]
    """Term ids; of coordinates the latitude first."""
    geographic: bool
    paired: float
    """Share of (source, subject) with either that have both."""
    together: float
    """Correlation of agreement between sources; NaN where the sources never share a subject."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Claims of two properties paired up."""

    first: Positions
    second: Positions
    """(k,) rows of the claims."""


def local_name(iri: str) -> str:
    """What stands behind the last of ``#``, ``/`` and ``:``."""
    return re.split(r"[#/:]", iri)[-1]


def find_joint(claims: Claims, values: Values) -> list[Joint]:
    """The pairs of number properties that belong together; a property is in one pair at most."""
    number = values.kind == Kind.NUMBER
    properties, place = np.unique(claims.property, return_inverse=True)
    share = np.bincount(place, number) / np.maximum(np.bincount(place), 1)
    numeric = properties[(share > 0.9)].tolist()
    said = {each: _speakers(claims, each) for each in numeric}
    found = []
    for position, p in enumerate(numeric):
        for q in numeric[position + 1 :]:
            joint = _belong(claims, values, p, q, said)
            if joint is not None:
                found.append(joint)
    found.sort(key=lambda joint: (not joint.geographic, -joint.paired, joint.properties))
    kept: list[Joint] = []
    for joint in found:
        if not any(set(joint.properties) & set(other.properties) for other in kept):
            kept.append(joint)
    return kept


def _speakers(claims: Claims, property: int) -> frozenset[tuple[int, int]]:
    rows = claims.property == property
    return frozenset(zip(claims.source[rows].tolist(), claims.subject[rows].tolist(), strict=True))


def _belong(
    claims: Claims, values: Values, p: int, q: int, said: Mapping[int, frozenset[tuple[int, int]]]
) -> Joint | None:
    both, either = len(said[p] & said[q]), len(said[p] | said[q])
    paired = both / either
    order = _coordinates(claims.text(p), claims.text(q))
    if paired < (_PAIRED_KNOWN if order else _PAIRED):
        return None
    together, compared = _agreement(claims, values, p, q)
    if order == 0 and (compared < _FEWEST or not together >= _TOGETHER):
        return None
    geographic = order != 0 and _on_earth(claims, values, p, q)
    properties = (q, p) if order < 0 else (p, q)
    return Joint(properties, geographic, paired, together)


def _coordinates(p: str, q: str) -> int:
    """1 where the names are latitude and longitude, -1 the other way round, 0 where they aren't."""
    a, b = local_name(p), local_name(q)
    if _LATITUDE.match(a) and _LONGITUDE.match(b):
        return 1
    return -1 if _LONGITUDE.match(a) and _LATITUDE.match(b) else 0


def _on_earth(claims: Claims, values: Values, p: int, q: int) -> bool:
    """Whether nearly all numbers could be degrees; either axis may hold the other's by mistake."""
    numbers = np.abs(values.number[(claims.property == p) | (claims.property == q)])
    return bool((numbers <= 180).mean() > 0.95)


def _agreement(claims: Claims, values: Values, p: int, q: int) -> tuple[float, int]:
    """Correlation of agreement in p and in q over pairs of sources, and how many pairs were compared."""
    rows = pair_rows(claims, p, q)
    subject, source = claims.subject[rows.first], claims.source[rows.first]
    starts = np.flatnonzero(run_starts(subject))
    agree: list[tuple[bool, bool]] = []
    for low, high in zip(starts, [*starts[1:], len(subject)], strict=True):
        for i in range(low, min(high, low + 12)):
            for j in range(i + 1, min(high, low + 12)):
                if source[i] != source[j]:
                    agree.append(
                        (
                            values.key[rows.first[i]] == values.key[rows.first[j]],
                            values.key[rows.second[i]] == values.key[rows.second[j]],
                        )
                    )
    if not agree:
        return float("nan"), 0
    table = np.array(agree, float)
    if table.std(axis=0).min() == 0:
        return (1.0 if (table[:, 0] == table[:, 1]).all() else 0.0), len(agree)
    return float(np.corrcoef(table.T)[0, 1]), len(agree)


def pair_rows(claims: Claims, p: int, q: int) -> Rows:
    """Pair the claims of two properties by subject and source.

    Where a source says several values, those pair up whose graphs are the same, or have names that differ in
    the property's name alone; what is left pairs up in order. What has no partner is in no pair.
    """
    first: list[int] = []
    second: list[int] = []
    names = (local_name(claims.text(p)), local_name(claims.text(q)))
    a, b = _by_speaker(claims, p), _by_speaker(claims, q)
    for speaker, left in a.items():
        right = list(b.get(speaker, ()))
        if len(left) > 1 or len(right) > 1:
            left, right = _match(claims, left, right, names)
        for i, j in zip(left, right, strict=False):
            first.append(i)
            second.append(j)
    return Rows(np.array(first, np.int64), np.array(second, np.int64))


def _by_speaker(claims: Claims, property: int) -> dict[tuple[int, int], list[int]]:
    rows = np.flatnonzero(claims.property == property)
    found: dict[tuple[int, int], list[int]] = {}
    for row, subject, source in zip(
        rows.tolist(), claims.subject[rows].tolist(), claims.source[rows].tolist(), strict=True
    ):
        found.setdefault((subject, source), []).append(row)
    return found


def _match(
    claims: Claims, left: list[int], right: list[int], names: tuple[str, str]
) -> tuple[list[int], list[int]]:
    def place(row: int, name: str) -> str:
        graph = int(claims.graph[row])
        text = claims.text(graph) if graph >= 0 else ""
        head, found, tail = text.rpartition(name)
        return f"{head}{tail}" if found else text

    free: dict[str, list[int]] = {}
    for row in right:
        free.setdefault(place(row, names[1]), []).append(row)
    partner = {row: rows.pop(0) for row in left if (rows := free.get(place(row, names[0])))}
    rest = sorted(row for rows in free.values() for row in rows)
    for row in left:
        if row not in partner and rest:
            partner[row] = rest.pop(0)
    return list(partner), list(partner.values())


def both_of(joint: Joint, properties: Ids) -> Flags:
    """(n,) which of the properties belong to the pair."""
    return np.isin(properties, joint.properties)
