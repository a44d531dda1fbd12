"""The contests that a policy of the user decides, with all that policies go by, batch by batch."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kgalign.arrays import Doubles, Flags, Positions, run_starts
from kgalign.fusion.claims import Claims
from kgalign.fusion.policies.rivals import Claim, Contest, Value
from kgalign.fusion.policies.rules import AUTO, PASS, TRUSTING, Ruled, place_of
from kgalign.fusion.resolve import Resolution
from kgalign.rdf.graph import Ids, TermKind
from kgalign.values import Reading

_BATCH = 1 << 14
"""Claims whose texts are looked up at once."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What policies go by besides the values."""

    age: Doubles
    """(n,) in days, NaN where it is unknown."""
    trust: Mapping[int, Doubles]
    """Property → (sources,) learned trust."""
    scores: Mapping[str, Doubles]
    """Name → (n,) score, NaN where nothing is said."""
    rows: Positions
    """Claims that trust was learned from ..."""
    resolution: Resolution | None
    """... and what the default policy would do with them."""


def contests_of(
    claims: Claims, contested: Flags, rules: Mapping[int, Ruled], evidence: Evidence
) -> Iterator[tuple[Contest, list[int]]]:
    """The contests, each with the rows of its claims in the order that KeepFirst and KeepLast go by."""
    theirs = [each for each, rule in rules.items() if rule.policy not in (AUTO, PASS)]
    rows = np.flatnonzero(contested & np.isin(claims.property, theirs))
    if not len(rows):
        return
    named = {rules[each].sources for each in theirs}
    order_by = {each: _order(claims.sources, each) for each in named}
    orders = {each: order_by[rules[each].sources] for each in theirs}
    language = claims.terms.language[claims.value[rows]]
    order = np.lexsort(
        (claims.value[rows], claims.source[rows], language, claims.property[rows], claims.subject[rows])
    )
    rows = rows[order]
    starts = np.flatnonzero(run_starts(claims.subject[rows], claims.property[rows], language[order]))
    ends = np.append(starts[1:], len(rows))
    begin = 0
    while begin < len(starts):
        # As many whole contests as fit into a batch, one at least.
        stop = max(begin + 1, int(np.searchsorted(ends, starts[begin] + _BATCH, "right")))
        low = starts[begin]
        batch = _Batch(claims, rows[low : ends[stop - 1]], rules, orders, evidence)
        cuts = zip((starts[begin:stop] - low).tolist(), (ends[begin:stop] - low).tolist(), strict=True)
        for first, last in cuts:
            yield batch.contest(first, last)
        begin = stop


class _Batch:
    """Some claims with their texts looked up."""

    def __init__(
        self,
        claims: Claims,
        rows: Positions,
        rules: Mapping[int, Ruled],
        orders: Mapping[int, Sequence[int]],
        evidence: Evidence,
    ) -> None:
        self._names = claims.sources
        self._rules, self._orders, self._evidence = rules, orders, evidence
        self._rows: list[int] = rows.tolist()
        self._property: list[int] = claims.property[rows].tolist()
        self._source: list[int] = claims.source[rows].tolist()
        self._age: list[float] = evidence.age[rows].tolist()
        texts = claims.terms.value
        self._subject = texts.take(pa.array(claims.subject[rows])).to_pylist()
        self._iri = {each: claims.text(each) for each in dict.fromkeys(self._property)}
        distinct, place = np.unique(claims.value[rows], return_inverse=True)
        self._place: list[int] = place.tolist()
        self._values = _values(claims, distinct)
        self._readings: dict[tuple[int, bool], Reading] = {}

    def contest(self, first: int, last: int) -> tuple[Contest, list[int]]:
        """The contest of the claims from ``first`` to before ``last``."""
        property = self._property[first]
        rule, order = self._rules[property], self._orders[property]
        places = sorted(range(first, last), key=lambda at: (order[self._source[at]], at))
        score, trust = self._score(rule, places), self._trust(rule, property, places)
        heard = tuple(
            Claim(self._values[self._place[at]], self._names[self._source[at]], high, much, self._age[at])
            for at, high, much in zip(places, score, trust, strict=True)
        )
        read = tuple(self._reading(self._place[at], rule.years) for at in places)
        contest = Contest(self._subject[first], self._iri[property], heard, rule.years, read)
        return contest, [self._rows[at] for at in places]

    def _score(self, rule: Ruled, places: Sequence[int]) -> list[float]:
        if rule.quality is None:
            return [math.nan] * len(places)
        found = [float(self._evidence.scores[rule.quality][self._rows[at]]) for at in places]
        # Who says nothing of its quality can't win against who does.
        told = any(math.isfinite(each) for each in found)
        return [0.0 if told and math.isnan(each) else each for each in found]

    def _trust(self, rule: Ruled, property: int, places: Sequence[int]) -> list[float]:
        if rule.quality is not None or rule.policy not in TRUSTING or property not in self._evidence.trust:
            return [math.nan] * len(places)
        return [float(self._evidence.trust[property][self._source[at]]) for at in places]

    def _reading(self, place: int, years: bool) -> Reading:
        if (place, years) not in self._readings:
            self._readings[place, years] = self._values[place].reading(years=years)
        return self._readings[place, years]


def _order(sources: Sequence[str], named: tuple[str, ...]) -> list[int]:
    """Where each source stands for KeepFirst: as the rule says, then left, right, then by name."""
    ranks = [(place_of(each, named), {"left": 0, "right": 1}.get(each, 2), each) for each in sources]
    place = {rank: number for number, rank in enumerate(sorted(ranks))}
    return [place[rank] for rank in ranks]


def _values(claims: Claims, ids: Ids) -> list[Value]:
    """Terms as they are written."""
    terms = claims.terms
    columns = (
        terms.value.take(pa.array(ids)).to_pylist(),
        terms.datatype[ids].tolist(),
        terms.language[ids].tolist(),
        terms.kind[ids].tolist(),
    )
    return [
        Value(
            text,
            terms.datatypes[datatype] if datatype >= 0 else "",
            terms.languages[language] if language >= 0 else "",
            TermKind(kind),
        )
        for text, datatype, language, kind in zip(*columns, strict=True)
    ]
