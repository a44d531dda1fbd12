"""Which values go together though they look different: classes, categories, words of another language.

``Afrique`` and ``Africa``, ``VLDB J.`` and ``The VLDB Journal``: where two attributes have few distinct
values, which left value stands with which right one is learned from the probable matches, as an
association (observed over expected co-occurrence).
"""

from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Doubles, Positions, drawn, rotations
from kgalign.judge.evidence.cells import Cells
from kgalign.judge.evidence.comparisons import Comparison, steps
from kgalign.judge.evidence.correspond import SHUFFLES
from kgalign.judge.evidence.levels import Levels, in_parts
from kgalign.judge.evidence.texts import Pool, best_by_row, cross, pool
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile
from kgalign.values.kinds import ValueKind
from kgalign.values.predicates import path_names

_MOST_VALUES = 300
_MOST_SHARE = 0.2
_COVERAGE = 0.1
SURE = 0.7
"""Probability from which a pair teaches."""
KIND = "association"
_SEEDS = 20_000
_GAIN = 0.15
_TYPE_GAIN = 0.05
_KNOTS = (-3.0, -1.5, -0.5, 0.0, 0.5, 1.5, 3.0)
TYPES = "types"
"""Name of the comparison of types: no two attributes that go together have one like it."""
_LABELS = (
    "never together",
    "seldom together",
    "less than by chance",
    "as by chance",
    "together",
    "often together",
    "always together",
)
_MOST = 8
_MOST_FACETS = 64


@dataclass(frozen=True, slots=True)
class Facet:
    """An attribute with few distinct values, or the type of the entities."""

    name: str
    attribute: int
    """Index into the profile's attributes, -1 for the type."""
    pool: Pool
    """Codes of the values, from 0."""
    size: int


@dataclass(frozen=True, slots=True)
class Association:
    """Two facets whose values go together, and how far."""

    left: Facet
    right: Facet
    seen: Cells
    """(left values, right values) how often they were seen together: of many types few pairs are."""
    usual: tuple[Doubles, Doubles]
    """(left values,) and (right values,): how often two are to be expected together is their product."""

    def ratio(self, left: Ids | Positions, right: Ids | Positions) -> Floats:
        """(n,) log of observed over expected co-occurrence of values, drawn to 0 where little was seen."""
        expected = self.usual[0][left] * self.usual[1][right]
        found: Floats = np.log((self.seen.at(left, right) + 0.5) / (expected + 0.5)).astype(np.float32)
        return found


def facets(profile: Profile) -> list[Facet]:
    """The attributes that sort entities into few kinds."""
    found = []
    names = path_names(each.path for each in profile.attributes)
    for index, attribute in enumerate(profile.attributes):
        if attribute.kind in (ValueKind.DATE, ValueKind.NUMBER):
            continue
        distinct = round(attribute.inverse_functionality * attribute.facts)
        if attribute.coverage < _COVERAGE or not 1 < distinct <= _MOST_VALUES:
            continue
        if attribute.inverse_functionality > _MOST_SHARE:
            continue
        found.append(_facet(profile, index, names[index]))
    # Those that most entities have come first: what goes with what is looked for among all pairs of them.
    found.sort(key=lambda facet: (-profile.attributes[facet.attribute].coverage, facet.attribute))
    return found[:_MOST_FACETS]


def _facet(profile: Profile, attribute: int, name: str) -> Facet:
    held = pool(profile, [attribute])
    values, codes = np.unique(held.text, return_inverse=True)
    return Facet(name, attribute, Pool(codes.astype(np.int32), held.start), len(values))


def of_pairs(left: Profile, right: Profile, attributes: tuple[int, int], x: Ids, y: Ids) -> Association:
    """How far the values of two attributes, or the types, go together in some pairs.

    :param attributes: one of the left side and one of the right one; both -1 for the types.
    """
    if attributes[0] < 0:
        f, g = _type_facet(left), _type_facet(right)
        return _of_types(f, g, _together(f, g, x, y))
    f, g = (
        _facet(side, each, path_names(one.path for one in side.attributes)[each])
        for side, each in zip((left, right), attributes, strict=True)
    )
    return _of_facets(f, g, _together(f, g, x, y))


def learn(
    left: Profile, right: Profile, a: Ids, b: Ids, probability: Doubles, taken: set[tuple[int, int]]
) -> list[Association]:
    """Find the facets whose values go together in probable matches.

    :param taken: pairs of attributes that are compared value by value already.
    """
    rows = np.flatnonzero(probability >= SURE)
    if len(rows) < 20:
        return []
    rows = rows[drawn(_SEEDS, a[rows], b[rows])]
    x, y = a[rows], b[rows]
    others = rotations(SHUFFLES, y)
    found = []
    right_facets = facets(right)
    for f in facets(left):
        for g in right_facets:
            if (f.attribute, g.attribute) in taken:
                continue
            counts = _together(f, g, x, y)
            if counts.value.sum() < 20 or _information(counts) < _GAIN:
                continue
            chance = np.mean([_information(_together(f, g, x, other)) for other in others])
            gain = _information(counts) - float(chance)
            if gain >= _GAIN:
                found.append((gain * np.sqrt(counts.value.sum() / len(x)), _of_facets(f, g, counts)))
    found.sort(key=lambda item: (-item[0], item[1].left.name, item[1].right.name))
    return _types(left, right, x, y) + _one_each([association for _, association in found])


def _types(left: Profile, right: Profile, x: Ids, y: Ids) -> list[Association]:
    """Which types match which: held against all entities, so that a type that never matches shows."""
    if max(len(left.types), len(right.types)) < 2 or not left.types or not right.types:
        return []
    f, g = _type_facet(left), _type_facet(right)
    counts = _together(f, g, x, y)
    if counts.value.sum() < 20:
        return []
    found = _of_types(f, g, counts)
    ratio = found.ratio(counts.row, counts.column)
    gain = float((counts.value / counts.value.sum() * ratio).sum())
    return [found] if gain >= _TYPE_GAIN else []


def _of_types(f: Facet, g: Facet, counts: Cells) -> Association:
    """What is expected is what all entities have, and not only those that were seen."""
    shares = [np.bincount(facet.pool.text, minlength=facet.size) / len(facet.pool.text) for facet in (f, g)]
    return Association(f, g, counts, (counts.value.sum() * shares[0], shares[1]))


def _of_facets(f: Facet, g: Facet, counts: Cells) -> Association:
    rows, columns = counts.sums()
    return Association(f, g, counts, (rows / max(counts.value.sum(), 1.0), columns))


def _type_facet(profile: Profile) -> Facet:
    typed = profile.entity_type >= 0
    start = np.concatenate([[0], np.cumsum(typed)])
    return Facet("type", -1, Pool(profile.entity_type[typed], start), len(profile.types))


def _one_each(ranked: list[Association]) -> list[Association]:
    """The best associations, none of whose facets repeats a better one."""
    used: set[tuple[str, int]] = set()
    kept = []
    for association in ranked:
        keys = {("left", association.left.attribute), ("right", association.right.attribute)}
        if not keys & used:
            kept.append(association)
            used |= keys
    return kept[:_MOST]


def compare(association: Association, a: Ids, b: Ids) -> Comparison:
    """How far the values of each pair go together."""
    row, va, vb = cross(association.left.pool, association.right.pool, a, b)
    value = best_by_row(row, association.ratio(va, vb), len(a))
    left, right = association.left, association.right
    name = TYPES if left.attribute < 0 and right.attribute < 0 else f"{left.name} ~ {right.name}"
    attributes = left.attribute, right.attribute
    return Comparison(name, KIND, _LABELS, steps(value, _KNOTS), attributes)


def levels_of(association: Association, a: Ids, b: Ids) -> Levels:
    """How far the values of each pair go together, as levels in steps."""
    return in_parts(lambda rows: compare(association, a[rows], b[rows]), len(a))


def _together(f: Facet, g: Facet, x: Ids, y: Ids) -> Cells:
    """(left values, right values) how often they stand together in some pairs of entities."""
    row, va, vb = cross(f.pool, g.pool, x, y)
    # An entity with many values does not count more than one with a single value.
    weight = 1 / np.bincount(row, minlength=len(x))[row]
    return Cells.summed((f.size, g.size), va, vb, weight)


def _information(counts: Cells) -> float:
    """Mutual information as a share of the smaller entropy, 0 to 1."""
    total = counts.value.sum()
    if total <= 0:
        return 0.0
    joint = counts.value / total
    rows, columns = (each / total for each in counts.sums())
    mutual = float((joint * np.log(joint / (rows[counts.row] * columns[counts.column]))).sum())
    smaller = min(float(-(p[p > 0] * np.log(p[p > 0])).sum()) for p in (rows, columns))
    return mutual / smaller if smaller > 0.05 else 0.0
