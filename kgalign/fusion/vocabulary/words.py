"""What is told of a correspondence: in what its two properties differ, and examples of their values."""

import numpy as np

from kgalign.fusion.vocabulary.evidence import Evidence
from kgalign.fusion.vocabulary.facts import Side
from kgalign.fusion.vocabulary.units import date_precision
from kgalign.values import ValueKind

Sides = tuple[Side, Side]


def notes_on(sides: Sides, p: int, q: int, found: Evidence) -> list[str]:
    """What differs besides the values, in words: the unit, the precision of dates, languages of labels.

    :param p: number of the left property ...
    :param q: ... and of the right one; inverse ones come after all others.
    """
    left, right = sides
    notes = [found.conversion.note] if found.conversion.note else []
    if p >= len(left.kinds) or q >= len(right.kinds):
        return notes
    if found.tolerance >= 0.05:
        notes.append(f"numbers that agree to within {found.tolerance:.0%}")
    said = precisions(sides, p, q)
    if said[0] != said[1]:
        notes.append(f"dates to the {said[0]} left, to the {said[1]} right")
    spoken = left.languages(p), right.languages(q)
    if spoken[0] != spoken[1]:
        notes.append(f"languages: {spoken[0] or 'none'} left, {spoken[1] or 'none'} right")
    return notes


def precisions(sides: Sides, p: int, q: int) -> tuple[str, str]:
    """How far the dates of both go, ``day`` or ``month`` or ``year``; empty where not both hold dates."""
    left, right = sides
    if not left.kinds[p][0] == right.kinds[q][0] == ValueKind.DATE:
        return "", ""
    terms = left.term[left.facts(p)], right.term[right.facts(q)]
    return date_precision(left.date[terms[0]]), date_precision(right.date[terms[1]])


def value_doubts(sides: Sides, p: int, q: int, found: Evidence) -> tuple[str, ...]:
    """Why two properties are hardly one by what their values are, though they agree."""
    left, right = sides
    n, m = len(left.properties), len(right.properties)
    kinds = left.kinds[p % n][0], right.kinds[q % m][0]
    doubts = []
    if ValueKind.NODE in kinds and kinds[0] != kinds[1]:
        doubts.append(f"{kinds[0]}s left, {kinds[1]}s right")
    if p < n and q < m and found.year_only and len(set(precisions(sides, p, q))) == 1:
        doubts.append("dates of one year, that differ in month or day")
    return tuple(doubts)


def examples_of(sides: Sides, p: int, q: int) -> tuple[tuple[str, str], ...]:
    """Values of the first three pairs that have both: equal ones where a pair has them."""
    left, right = sides
    a, b = left.facts(p), right.facts(q)
    # The facts of a property are sorted by pair: only the first shared ones are looked for.
    shared = np.flatnonzero(np.isin(left.pair[a], right.pair[b]))
    pairs = list(dict.fromkeys(left.pair[a][shared[:200]].tolist()))[:3]
    result = []
    for pair in pairs:
        terms = []
        for side, part in ((left, a), (right, b)):
            low, high = np.searchsorted(side.pair[part], [pair, pair + 1]).tolist()
            rows = range(part.start + low, part.start + high)
            terms.append({int(side.key[row]): int(side.term[row]) for row in rows})
        equal = [(terms[0][key], terms[1][key]) for key in terms[0].keys() & terms[1].keys()]
        if equal:
            ends = min(equal, key=lambda e: (sorted(e), e))
        else:
            ends = min(terms[0].values()), min(terms[1].values())
        result.append((left.raw[ends[0]], right.raw[ends[1]]))
    return tuple(result)
