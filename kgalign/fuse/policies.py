"""Policies of fusion, by the names that Sieve gave them: which values of a property stay, why the others go.

Each policy is a pure function of the claims of one subject and property. Equal values in different clothes
are one value, and a value that is given less exactly than another, but could be it, is no rival of it. Ties
are broken by support, exactness and the text of the value, never by the order of the claims; only KeepFirst
and KeepLast know an order.
"""

import difflib
import math
import statistics
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from kgalign.errors import ConfigError, InputError
from kgalign.fuse.values import Kind, Reading, contains, merge_near, read
from kgalign.rdf.graph import TermKind
from kgalign.rdf.vocabulary import XSD


@dataclass(frozen=True, slots=True)
class Value:
    """A term as it is written."""

    text: str
    datatype: str = ""
    """IRI of the datatype; empty for plain and tagged strings and for what is no literal."""
    language: str = ""
    what: TermKind = TermKind.LITERAL

    def reading(self) -> Reading:
        """What it means."""
        return read(self.text, self.what, self.datatype, tagged=bool(self.language))

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


@dataclass(frozen=True, slots=True)
class Kept:
    """A value that stays."""

    value: Value
    backers: tuple[int, ...]
    """Positions of the claims that say so, in whatever clothes; none for a value that was computed."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy made of a contest."""

    policy: str
    kept: tuple[Kept, ...]
    lost: Mapping[int, str]
    """Position of each claim that lost → why."""
    confidence: float
    """Share of the sources, or of their weight, that stands behind what is kept."""


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Claims that say the same."""

    claims: tuple[int, ...]
    value: Value
    reading: Reading
    sources: int


@dataclass(frozen=True, slots=True)
class _Choice:
    """What a policy picked: clusters, or a value that it computed."""

    clusters: Sequence[_Cluster]
    why: str
    """Why the others lost."""
    weights: Sequence[float] = ()
    """Of the claims; empty: one per source."""
    made: Value | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy by its name."""

    name: str
    summary: str
    choose: Callable[[Contest, Sequence[_Cluster]], _Choice]
    kinds: frozenset[Kind] = frozenset(Kind)
    """What the values must be."""


def resolve(name: str, contest: Contest) -> Decision:
    """Decide a contest by a policy.

    Raises:
        ConfigError: where there is no such policy.
        InputError: where the policy does not fit the values.
    """
    policy = policy_named(name)
    clusters = _clusters(contest)
    misfit = next((each for each in clusters if each.reading.kind not in policy.kinds), None)
    if misfit is None and policy.kinds <= _ORDERED:
        misfit = next((each for each in clusters if each.reading.kind != clusters[0].reading.kind), None)
    if misfit is not None:
        wanted = " or ".join(sorted(kind.name.lower() for kind in policy.kinds))
        if misfit.reading.kind in policy.kinds:
            wanted = f"{clusters[0].reading.kind.name.lower()} as {clusters[0].value} is"
        raise InputError(
            f"The policy {name} does not fit {contest.property}: {misfit.value} is no {wanted}",
            "Choose another policy for this property, such as Voting or MostTrusted",
        )
    choice = policy.choose(contest, clusters)
    if choice.made is not None:
        lost = dict.fromkeys(range(len(contest.claims)), choice.why)
        return Decision(name, (Kept(choice.made, ()),), lost, _share(contest, (), choice.weights))
    kept = tuple(Kept(each.value, each.claims) for each in choice.clusters)
    backed = {place for each in kept for place in each.backers}
    lost = {place: choice.why for place in range(len(contest.claims)) if place not in backed}
    return Decision(name, kept, lost, _share(contest, tuple(backed), choice.weights))


def policy_named(name: str) -> Policy:
    """The policy of a name.

    Raises:
        ConfigError: where there is none; it names the nearest.
    """
    if name not in POLICIES:
        lower = {each.lower(): each for each in POLICIES}
        near = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.4)
        hint = f"did you mean {lower[near[0]]}?" if near else f"there are {', '.join(POLICIES)}"
        raise ConfigError([f"there is no policy {name!r}: {hint}"], "the fusion")
    return POLICIES[name]


def _share(contest: Contest, backed: Sequence[int], weights: Sequence[float]) -> float:
    """Weight of the backing claims in all claims; without weights, of their sources in all sources."""
    if weights:
        whole = math.fsum(weights)
        return math.fsum(weights[place] for place in backed) / whole if whole > 0 else 0.0
    sources = {claim.source for claim in contest.claims}
    return len({contest.claims[place].source for place in backed}) / len(sources)


def _clusters(contest: Contest) -> list[_Cluster]:
    """Claims that say the same, most sources first; the less exact joins the best finer value it could be."""
    by_key: dict[tuple[Kind, str, str], list[int]] = {}
    readings = [claim.value.reading() for claim in contest.claims]
    for place, (claim, reading) in enumerate(zip(contest.claims, readings, strict=True)):
        by_key.setdefault((reading.kind, reading.key, claim.value.language.lower()), []).append(place)
    groups = sorted(by_key.values(), key=lambda places: _rank(contest, readings, places))
    joined: list[list[int]] = []
    for places in sorted(groups, key=lambda places: _grain(readings[places[0]])):
        finer = [each for each in joined if _less_exact(readings[places[0]], readings[each[0]])]
        if finer:
            min(finer, key=lambda each: _rank(contest, readings, each)).extend(places)
        else:
            joined.append(list(places))
    joined.sort(key=lambda places: _rank(contest, readings, places))
    return [_cluster(contest, readings, places) for places in joined]


def _less_exact(coarse: Reading, fine: Reading) -> bool:
    return coarse.key != fine.key and contains(coarse, fine)


def _grain(reading: Reading) -> float:
    return reading.grain if math.isfinite(reading.grain) else 0.0


def _rank(
    contest: Contest, readings: Sequence[Reading], places: Sequence[int]
) -> tuple[float, float, str, str]:
    sources = len({contest.claims[place].source for place in places})
    reading = readings[places[0]]
    return -sources, _grain(reading), reading.key, contest.claims[places[0]].value.language.lower()


def _cluster(contest: Contest, readings: Sequence[Reading], places: Sequence[int]) -> _Cluster:
    """A cluster, written in its finest and then commonest clothes."""
    worn: dict[Value, int] = {}
    for place in places:
        worn[contest.claims[place].value] = worn.get(contest.claims[place].value, 0) + 1
    value = min(
        worn, key=lambda each: (_grain(each.reading()), -worn[each], each.text, each.datatype, each.language)
    )
    sources = len({contest.claims[place].source for place in places})
    return _Cluster(tuple(sorted(places)), value, value.reading(), sources)


def _holding(clusters: Sequence[_Cluster], place: int) -> _Cluster:
    return next(each for each in clusters if place in each.claims)


def _pass_it_on(contest: Contest, clusters: Sequence[_Cluster]) -> _Choice:
    """Every term as it is written, equal values in different clothes too."""
    terms: dict[Value, list[int]] = {}
    for place, claim in enumerate(contest.claims):
        terms.setdefault(claim.value, []).append(place)
    order = sorted(terms, key=lambda each: (each.what, each.text, each.datatype, each.language))
    return _Choice([_Cluster(tuple(terms[each]), each, each.reading(), 0) for each in order], "")


def _first(contest: Contest, clusters: Sequence[_Cluster]) -> _Choice:
    return _Choice([_as_said(contest, clusters, 0)], "another source comes first")


def _last(contest: Contest, clusters: Sequence[_Cluster]) -> _Choice:
    return _Choice([_as_said(contest, clusters, len(contest.claims) - 1)], "another source comes last")


def _as_said(contest: Contest, clusters: Sequence[_Cluster], place: int) -> _Cluster:
    """The cluster of a claim, written as the claim has it."""
    return replace(_holding(clusters, place), value=contest.claims[place].value)


def _voting(contest: Contest, clusters: Sequence[_Cluster]) -> _Choice:
    return _Choice(clusters[:1], "more sources say another value")


def _weighted(contest: Contest, clusters: Sequence[_Cluster]) -> _Choice:
    """Each source's trust, or else its score, counts once per value; unknown ones count as the mean."""
    weights = _known([_first_known(claim.trust, claim.score) for claim in contest.claims])

    def weight(cluster: _Cluster) -> float:
        best: dict[str, float] = {}
        for place in cluster.claims:
            source = contest.claims[place].source
            best[source] = max(best.get(source, 0.0), weights[place])
        return math.fsum(best.values())

    top = max(round(weight(each), 12) for each in clusters)
    best = next(each for each in clusters if round(weight(each), 12) == top)
    return _Choice([best], "sources of more weight say another value", weights)


def _first_known(*numbers: float) -> float:
    return next((number for number in numbers if math.isfinite(number)), math.nan)


def _known(weights: Sequence[float]) -> list[float]:
    known = [each for each in weights if math.isfinite(each)]
    mean = math.fsum(known) / len(known) if known else 1.0
    return [each if math.isfinite(each) else mean for each in weights]


def _by(name: str, why: str, several: bool = False) -> Callable[[Contest, Sequence[_Cluster]], _Choice]:
    """Policies that keep what the claim of the highest number says; where none is known, what most say."""

    def choose(contest: Contest, clusters: Sequence[_Cluster]) -> _Choice:
        numbers = [float(getattr(claim, name)) for claim in contest.claims]
        known = [number for number in numbers if math.isfinite(number)]
        if not known:
            words = {"score": "scores", "trust": "trust", "age": "dates"}[name]
            return _Choice(clusters[:1], f"more sources say another value, for want of {words}")
        best = {place for place, number in enumerate(numbers) if number == max(known)}
        held = [each for each in clusters if best & set(each.claims)]
        return _Choice(held if several else held[:1], why)

    return choose


def _union(contest: Contest, clusters: Sequence[_Cluster]) -> _Choice:
    """All values, near-duplicates of texts as the one that most sources say."""
    kept: list[_Cluster] = []
    texts = [each for each in clusters if each.reading.kind == Kind.TEXT]
    leaders = merge_near([each.value.text for each in texts])
    for number, (cluster, leader) in enumerate(zip(texts, leaders, strict=True)):
        same = texts[leader].value.language.lower() == cluster.value.language.lower()
        if leader == number or not same:
            kept.append(cluster)
        else:
            place = next(i for i, each in enumerate(kept) if each.value == texts[leader].value)
            claims = tuple(sorted((*kept[place].claims, *cluster.claims)))
            kept[place] = replace(kept[place], claims=claims)
    return _Choice(kept + [each for each in clusters if each.reading.kind != Kind.TEXT], "")


def _longest(contest: Contest, clusters: Sequence[_Cluster]) -> _Choice:
    def length(place: int) -> int:
        return len(unicodedata.normalize("NFC", contest.claims[place].value.text))

    place = min(
        range(len(contest.claims)),
        key=lambda place: (-length(place), clusters.index(_holding(clusters, place)), _text(contest, place)),
    )
    return _Choice([_as_said(contest, clusters, place)], "another value is longer")


def _text(contest: Contest, place: int) -> tuple[str, str, str]:
    value = contest.claims[place].value
    return value.text, value.datatype, value.language


def _extreme(sign: int, why: str) -> Callable[[Contest, Sequence[_Cluster]], _Choice]:
    def choose(contest: Contest, clusters: Sequence[_Cluster]) -> _Choice:
        return _Choice([min(clusters, key=lambda each: -sign * each.reading.number)], why)

    return choose


def _average(contest: Contest, clusters: Sequence[_Cluster]) -> _Choice:
    """The mean of the sources: who says two values counts once, with their mean."""
    by_source: dict[str, list[Decimal]] = {}
    for claim in contest.claims:
        by_source.setdefault(claim.source, []).append(Decimal(claim.value.text.strip()))
    means = [sum(sorted(each), Decimal(0)) / len(each) for each in by_source.values()]
    return _computed(contest, clusters, sum(sorted(means), Decimal(0)) / len(means), "the mean was taken")


def _median(contest: Contest, clusters: Sequence[_Cluster]) -> _Choice:
    """The middle claim; between two numbers their mean, of two dates the earlier."""
    if clusters[0].reading.kind == Kind.DATE:
        places = sorted(range(len(contest.claims)), key=lambda place: _when(contest, place))
        middle = _holding(clusters, places[(len(places) - 1) // 2])
        return _Choice([middle], "another date is in the middle")
    middle_number = statistics.median(Decimal(claim.value.text.strip()) for claim in contest.claims)
    return _computed(contest, clusters, middle_number, "the median was taken")


def _when(contest: Contest, place: int) -> tuple[float, str]:
    return contest.claims[place].value.reading().number, contest.claims[place].value.text


def _computed(contest: Contest, clusters: Sequence[_Cluster], number: Decimal, why: str) -> _Choice:
    """A number that was computed: where a source says it, as that source says it."""
    for cluster in clusters:
        if math.isclose(cluster.reading.number, float(number), rel_tol=1e-12):
            return _Choice([cluster], why)
    types = {claim.value.datatype for claim in contest.claims}
    floats = types & {XSD + "double", XSD + "float"}
    if floats:
        return _Choice((), why, made=Value(repr(float(number)), min(floats)))
    text = format(number.normalize(), "f")
    if "." in text:
        text = f"{number:.12f}".rstrip("0").rstrip(".")
        return _Choice((), why, made=Value(text, XSD + "decimal"))
    return _Choice((), why, made=Value(text, min(types) if len(types) == 1 else XSD + "integer"))


def _concatenate(contest: Contest, clusters: Sequence[_Cluster]) -> _Choice:
    """All texts in order of their characters, with "; " between."""
    if len(clusters) == 1:
        return _Choice(clusters, "")
    texts = sorted({each.value.text for each in clusters})
    languages = {each.value.language for each in clusters}
    language = languages.pop() if len(languages) == 1 else ""
    return _Choice((), "it is part of the joined text", made=Value("; ".join(texts), language=language))


_NUMBERS = frozenset({Kind.NUMBER})
_ORDERED = frozenset({Kind.NUMBER, Kind.DATE})
_LITERALS = frozenset(Kind) - {Kind.NODE}

POLICIES: Mapping[str, Policy] = {
    each.name: each
    for each in (
        Policy("PassItOn", "all values as they are", _pass_it_on),
        Policy("KeepFirst", "the value of the first source", _first),
        Policy("KeepLast", "the value of the last source", _last),
        Policy(
            "KeepSingleValueByQualityScore",
            "the value of the highest score",
            _by("score", "another value has a higher score"),
        ),
        Policy(
            "KeepAllValuesWithHighestScore",
            "all values of the highest score",
            _by("score", "another value has a higher score", several=True),
        ),
        Policy("Voting", "the value that most sources say", _voting),
        Policy("WeightedVoting", "the value with most trust behind it", _weighted),
        Policy("Average", "the mean of the sources", _average, _NUMBERS),
        Policy("Median", "the value in the middle", _median, _ORDERED),
        Policy("Maximum", "the greatest value", _extreme(1, "another value is greater"), _ORDERED),
        Policy("Minimum", "the least value", _extreme(-1, "another value is less"), _ORDERED),
        Policy("Longest", "the longest text", _longest),
        Policy("Union", "all values but near-duplicates", _union),
        Policy("MostRecent", "the value that was written last", _by("age", "another value is newer")),
        Policy(
            "MostTrusted",
            "the value of the source with most trust",
            _by("trust", "another source has more trust"),
        ),
        Policy("Concatenate", "all texts in one", _concatenate, _LITERALS),
    )
}
"""All policies, by name."""
