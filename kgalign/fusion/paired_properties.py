"""Values that belong together: a latitude without its longitude is no place.

Two properties belong together where the same sources say both of the same subjects, and where their values
agree and differ between sources together: what sets one wrong sets the other wrong. Known names of
coordinates are a hint that lowers what the data must show.
"""

import re
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from kgalign.arrays import Doubles, Positions, join, place_in_run, run_starts
from kgalign.fusion.claims import Claims
from kgalign.rdf.names import local_name
from kgalign.values import ValueKind, Values

_PAIRED, _PAIRED_KNOWN = 0.95, 0.5
"""Share of (source, subject) with either property that have both: without the hint, and with it."""
_TOGETHER = 0.7
"""Correlation, between sources, of agreeing in the one property and in the other."""
_FEWEST = 8
_MOST = 12
"""Sources of a subject that are compared."""
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


def find_joint(claims: Claims, values: Values) -> list[Joint]:
    """The pairs of number properties that belong together; a property is in one pair at most."""
    number = values.kind == ValueKind.NUMBER.code
    properties, place = np.unique(claims.property, return_inverse=True)
    share = np.bincount(place, number) / np.maximum(np.bincount(place), 1)
    numeric = properties[share > 0.9]
    rows = np.flatnonzero((share > 0.9)[place])
    column = np.searchsorted(numeric, claims.property[rows])
    paired = _paired(claims, rows, column)
    together, compared = _together(claims, values, rows, column)
    found = []
    for one, other in np.argwhere(np.triu(paired >= _PAIRED_KNOWN, 1)).tolist():
        p, q = int(numeric[one]), int(numeric[other])
        order = _coordinates(claims.text(p), claims.text(q))
        if order == 0:
            beside = compared[one, other] >= _FEWEST and together[one, other] >= _TOGETHER
            if paired[one, other] < _PAIRED or not beside:
                continue
        geographic = order != 0 and _on_earth(claims, values, p, q)
        pair = (q, p) if order < 0 else (p, q)
        found.append(Joint(pair, geographic, float(paired[one, other]), float(together[one, other])))
    found.sort(key=lambda joint: (not joint.geographic, -joint.paired, joint.properties))
    kept: list[Joint] = []
    for joint in found:
        if not any(set(joint.properties) & set(other.properties) for other in kept):
            kept.append(joint)
    return kept


def _speaker(claims: Claims, rows: Positions) -> Positions:
    """(k,) subject and source of claims as one number, in their order."""
    return claims.subject[rows].astype(np.int64) * len(claims.sources) + claims.source[rows]


def _paired(claims: Claims, rows: Positions, column: Positions) -> Doubles:
    """(properties, properties) of those who say either, how many say both."""
    speaker = np.unique(_speaker(claims, rows), return_inverse=True)[1].reshape(-1)
    said = _marks(column, speaker)
    both = (said @ said.T).toarray()
    alone = both.diagonal()
    return np.asarray(both / np.maximum(alone[:, None] + alone[None, :] - both, 1))


def _together(claims: Claims, values: Values, rows: Positions, column: Positions) -> tuple[Doubles, Doubles]:
    """(properties, properties) correlation of agreement between sources, and on how many cases it rests.

    A case is a subject and two sources that say one value each. Where sources always agree on a property, or
    never do, nothing is known of what goes with it, and the correlation is NaN.
    """
    speaker = _speaker(claims, rows)
    order = np.lexsort((speaker, column))
    starts = run_starts(column[order], speaker[order])
    times = np.diff([*np.flatnonzero(starts), len(order)])
    once = order[np.flatnonzero(starts)[times == 1]]
    subject, property = claims.subject[rows[once]], column[once]
    item = np.cumsum(run_starts(property, subject)) - 1
    heard = np.flatnonzero(place_in_run(item) < _MOST)
    one, other = join(item[heard], item[heard])
    one, other = heard[one[one < other]], heard[other[one < other]]
    source, key = claims.source[rows[once]].astype(np.int64), values.key[rows[once]]
    sources = len(claims.sources)
    case = (subject[one].astype(np.int64) * sources + source[one]) * sources + source[other]
    case = np.unique(case, return_inverse=True)[1].reshape(-1)
    same = key[one] == key[other]
    size = (int(column.max(initial=-1)) + 1, int(case.max(initial=-1)) + 1)
    seen, agree = _marks(property[one], case, size), _marks(property[one[same]], case[same], size)
    n, a, both = ((x @ y.T).toarray() for x, y in ((seen, seen), (agree, seen), (agree, agree)))
    b = a.T
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((n * both - a * b) / np.sqrt(a * (n - a) * b * (n - b))), n


def _marks(row: Positions, column: Positions, size: tuple[int, int] | None = None) -> csr_array:
    """A table of ones at the given places."""
    size = size or (int(row.max(initial=-1)) + 1, int(column.max(initial=-1)) + 1)
    found = csr_array((np.ones(len(row)), (row, column)), shape=size)
    found.data[:] = 1.0
    return found


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


def pair_rows(claims: Claims, p: int, q: int) -> Rows:
    """Pair the claims of two properties by subject and source.

    Where a source says several values, those pair up whose graphs are the same, or have names that differ in
    the property's name alone; what is left pairs up in order. What has no partner is in no pair.
    """
    a, b = (np.flatnonzero(claims.property == each) for each in (p, q))
    # Claims are sorted: those of one property stand in the order of their speakers.
    by_a, by_b = _speaker(claims, a), _speaker(claims, b)
    (who, at_a, times_a), (other, at_b, times_b) = (
        np.unique(each, return_index=True, return_counts=True) for each in (by_a, by_b)
    )
    _, i, j = np.intersect1d(who, other, assume_unique=True, return_indices=True)
    once = (times_a[i] == 1) & (times_b[j] == 1)
    first, second = [a[at_a[i[once]]]], [b[at_b[j[once]]]]
    names = (local_name(claims.text(p)), local_name(claims.text(q)))
    for one, two in zip(i[~once].tolist(), j[~once].tolist(), strict=True):
        left = a[at_a[one] : at_a[one] + times_a[one]].tolist()
        right = b[at_b[two] : at_b[two] + times_b[two]].tolist()
        left, right = _match(claims, left, right, names)
        first.append(np.array(left, np.int64))
        second.append(np.array(right, np.int64))
    rows, partners = np.concatenate(first), np.concatenate(second)
    order = np.argsort(rows, kind="stable")
    return Rows(rows[order], partners[order])


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
