"""Rival values: what sources say of one subject and property, and which of it is the same.

Equal values that are written differently are one value, and a value that is given less exactly than another,
but could be it, is no rival of it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kgalign.rdf.graph import TermKind
from kgalign.values import Reading, ValueKind, contains, read


@dataclass(frozen=True, slots=True)
class Value:
    """A term as it is written."""

    text: str
    datatype: str = ""
    """IRI of the datatype; empty for plain and tagged strings and for what is no literal."""
    language: str = ""
    what: TermKind = TermKind.LITERAL

    def reading(self, *, years: bool = False) -> Reading:
        """What it means; ``years``: digits alone may be years and days."""
        return read(self.text, self.what, self.datatype, tagged=bool(self.language), years=years)

    def __str__(self) -> str:
        return f"<{self.text}>" if self.what == TermKind.IRI else f'"{self.text}"'


@dataclass(frozen=True, slots=True)
class Claim:
    """What one source says."""

    value: Value
    source: str
    score: float = math.nan
    """Quality, from 0 to 1; NaN where none is known."""
    trust: float = math.nan
    """Trust in the source for this property, from 0 to 1; NaN where none is known."""
    age: float = math.nan
    """When it was written, in days since 0001-01-01; NaN where that is unknown."""


@dataclass(frozen=True, slots=True)
class Contest:
    """The claims of one subject and property (of texts: in one language), at least one."""

    subject: str
    property: str
    claims: tuple[Claim, ...]
    """In the order of the sources that KeepFirst and KeepLast go by."""
    years: bool = False
    """Whether digits alone may be years and days, as where the other values of the property are dates."""

    read: tuple[Reading, ...] = ()
    """What each claim's value means, where it is known already."""

    def readings(self) -> Sequence[Reading]:
        """What each claim's value means."""
        return self.read or [claim.value.reading(years=self.years) for claim in self.claims]


@dataclass(frozen=True, slots=True)
class Kept:
    """A value that stays."""

    value: Value
    backers: tuple[int, ...]
    """Positions of the claims that say so, however they write it; none for a value that was computed."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy made of a contest."""

    policy: str
    kept: tuple[Kept, ...]
    lost: Mapping[int, str]
    """Position of each claim that lost → why."""
    confidence: float
    """Share of the sources, or of their weight, that stands behind what is kept; NaN for a computed value."""
    counted: tuple[int, ...] = ()
    """Positions of the claims, lost all of them, that a computed value was computed from."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Claims that say the same."""

    claims: tuple[int, ...]
    value: Value
    reading: Reading
    sources: int


def clusters_of(contest: Contest) -> list[Cluster]:
    """Claims that say the same, most sources first; the less exact joins the best finer value it could be."""
    readings = contest.readings()
    by_key: dict[tuple[ValueKind, str, str], list[int]] = {}
    for place, (claim, reading) in enumerate(zip(contest.claims, readings, strict=True)):
        by_key.setdefault((reading.kind, reading.key, claim.value.language.lower()), []).append(place)
    groups = [_Group(contest, readings, places) for places in by_key.values()]
    if len(groups) > 1:
        groups.sort(key=_Group.rank)
        if len({group.grain for group in groups}) > 1:
            groups = _joined(contest, readings, groups)
    return [_cluster(contest, readings, group) for group in groups]


class _Group:
    """Claims that say the same, while they are gathered; their first is of the finest value."""

    __slots__ = ("claims", "first", "grain", "sources", "tag")

    def __init__(self, contest: Contest, readings: Sequence[Reading], claims: list[int]) -> None:
        self.claims = claims
        self.first = readings[claims[0]]
        self.grain = _grain(self.first)
        self.sources = len({contest.claims[place].source for place in claims})
        self.tag = contest.claims[claims[0]].value.language.lower()

    def rank(self) -> tuple[int, float, str, str]:
        return -self.sources, self.grain, self.first.key, self.tag


def _joined(contest: Contest, readings: Sequence[Reading], groups: Sequence[_Group]) -> list[_Group]:
    """The groups, by rank, with each that could be a finer one in the best of those."""
    joined: list[_Group] = []
    for group in sorted(groups, key=lambda each: each.grain):
        finer = [each for each in joined if _less_exact(group.first, each.first)]
        if finer:
            best = min(finer, key=_Group.rank)
            joined[joined.index(best)] = _Group(contest, readings, best.claims + group.claims)
        else:
            joined.append(group)
    return sorted(joined, key=_Group.rank)


def _less_exact(coarse: Reading, fine: Reading) -> bool:
    return coarse.key != fine.key and contains(coarse, fine)


def _cluster(contest: Contest, readings: Sequence[Reading], group: _Group) -> Cluster:
    """A cluster, written as the most exact of its claims have it, then as most do."""
    value, reading = contest.claims[group.claims[0]].value, group.first
    if len(group.claims) > 1:
        terms: dict[Value, list[int]] = {}
        for place in group.claims:
            terms.setdefault(contest.claims[place].value, []).append(place)
        value = min(
            terms,
            key=lambda each: (
                _grain(readings[terms[each][0]]),
                -len(terms[each]),
                each.text,
                each.datatype,
                each.language,
            ),
        )
        reading = readings[terms[value][0]]
    return Cluster(tuple(sorted(group.claims)), value, reading, group.sources)


def _grain(reading: Reading) -> float:
    return reading.grain if math.isfinite(reading.grain) else 0.0


def holding(clusters: Sequence[Cluster], place: int) -> Cluster:
    """The cluster that the claim at a place is in."""
    return next(each for each in clusters if place in each.claims)
