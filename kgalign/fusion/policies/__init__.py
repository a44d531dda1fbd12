"""Policies of fusion, by the names that Sieve gave them: which values of a property stay, why the others go.

A package brings a :class:`Policy` of its own by an entry point of the group ``kgalign.policies``; a
configuration may name it wherever it may name one of ours.

Each policy is a pure function of the claims of one subject and property. Ties are broken by support,
exactness and the text of the value, never by the order of the claims; only KeepFirst and KeepLast know one.
"""

import difflib
import math
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TypeAlias

from kgalign.base.doors import bring, offered
from kgalign.errors import ConfigError, InputError, KgalignError
from kgalign.fusion.near import leaders_of_texts
from kgalign.fusion.policies import computing
from kgalign.fusion.policies.rivals import (
    Claim,
    Cluster,
    Contest,
    Decision,
    Kept,
    Value,
    clusters_of,
    holding,
)
from kgalign.values import READ, ValueKind

__all__ = [
    "POLICIES",
    "Choice",
    "Claim",
    "Cluster",
    "Contest",
    "Decision",
    "Kept",
    "Policy",
    "Value",
    "policy_named",
    "resolve",
    "resolve_among",
]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a policy picked: clusters, or a value that it computed."""

    clusters: Sequence[Cluster]
    why: str
    """Why the others lost."""
    weights: Sequence[float] = ()
    """Of the claims; empty: one per source."""
    made: Value | None = None
    whys: Mapping[int, str] = field(default_factory=dict)
    """Position of a claim → why it lost, where that is not ``why``."""


_Chooser: TypeAlias = Callable[[Contest, Sequence[Cluster]], Choice]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy by its name."""

    name: str
    summary: str
    choose: _Chooser
    kinds: frozenset[ValueKind] = frozenset(READ)
    """What the values must be."""


def resolve(name: str, contest: Contest) -> Decision:
    """Decide a contest by a policy.

    :raises ConfigError: where there is no such policy.
    :raises InputError: where the policy does not fit the values.
    """
    policy = policy_named(name)
    clusters = clusters_of(contest)
    misfit = next((each for each in clusters if each.reading.kind not in policy.kinds), None)
    if misfit is None and policy.kinds <= _ORDERED:
        misfit = next((each for each in clusters if each.reading.kind != clusters[0].reading.kind), None)
    if misfit is not None:
        wanted = _wanted(policy.kinds)
        if misfit.reading.kind in policy.kinds:
            wanted = f"{clusters[0].reading.kind} as {clusters[0].value} is"
        raise InputError(
            f"The policy {name} does not fit {contest.property}: {misfit.value} is no {wanted}",
            "Choose another policy for this property, such as Voting or MostTrusted",
        )
    try:
        return _decision(name, contest, policy.choose(contest, clusters))
    except Exception as error:
        if name in POLICIES:
            raise
        message = f"The policy {name} failed at {contest.property}: {type(error).__name__}: {error}"
        raise KgalignError(message, "Mend the package that brings it, or choose another policy") from error


def resolve_among(name: str, contest: Contest, kinds: Collection[ValueKind]) -> Decision:
    """Decide a contest by a policy among the values that are of one of these kinds: a stray one loses.

    Where none is of them, the vote decides, and says so.

    :raises ConfigError: where there is no such policy.
    :raises InputError: where the policy does not fit these kinds.
    """
    readings = contest.readings()
    fitting = [place for place, each in enumerate(readings) if each.kind in kinds]
    if len(fitting) == len(contest.claims):
        return resolve(name, contest)
    stray = f"it is no {_wanted(kinds)}, which {name} goes by here"
    if not fitting:
        choice = _voting(contest, clusters_of(contest))
        return _decision(name, contest, _instead(choice, f"no value is a {_wanted(kinds)}"))
    claims = tuple(contest.claims[place] for place in fitting)
    among = resolve(name, replace(contest, claims=claims, read=tuple(readings[place] for place in fitting)))
    kept = tuple(replace(each, backers=tuple(fitting[at] for at in each.backers)) for each in among.kept)
    lost = dict.fromkeys(range(len(contest.claims)), stray)
    lost |= {fitting[at]: why for at, why in among.lost.items()}
    for place in (place for each in kept for place in each.backers):
        del lost[place]
    sources = len({claim.source for claim in contest.claims})
    heard = len({contest.claims[place].source for place in fitting})
    counted = tuple(fitting[at] for at in among.counted)
    return Decision(name, kept, lost, among.confidence * heard / sources, counted)


def _wanted(kinds: Collection[ValueKind]) -> str:
    names = sorted("literal" if kinds == _LITERALS else str(kind) for kind in kinds)
    return " or ".join(dict.fromkeys(names))


def _decision(name: str, contest: Contest, choice: Choice) -> Decision:
    """What a choice means for each claim."""
    places = range(len(contest.claims))
    if choice.made is not None:
        lost = dict.fromkeys(places, choice.why)
        return Decision(name, (Kept(choice.made, ()),), lost, math.nan, tuple(places))
    kept = tuple(Kept(each.value, each.claims) for each in choice.clusters)
    backed = {place for each in kept for place in each.backers}
    lost = {place: choice.whys.get(place, choice.why) for place in places if place not in backed}
    return Decision(name, kept, lost, _share(contest, tuple(backed), choice.weights))


def policy_named(name: str) -> Policy:
    """The policy of a name, ours or one that a package brings.

    :raises ConfigError: there is none; it names the nearest.
    :raises KgalignError: a package brings it, and it can't be imported.
    """
    if name not in POLICIES and name in offered("kgalign.policies"):
        policy: Policy = bring("kgalign.policies", name, Policy)
        return policy
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


def _pass_it_on(contest: Contest, clusters: Sequence[Cluster]) -> Choice:
    """Every term as it is written: equal values that are written differently all stay."""
    terms: dict[Value, list[int]] = {}
    for place, claim in enumerate(contest.claims):
        terms.setdefault(claim.value, []).append(place)
    order = sorted(terms, key=lambda each: (each.what, each.text, each.datatype, each.language))
    return Choice([Cluster(tuple(terms[each]), each, each.reading(), 0) for each in order], "")


def _first(contest: Contest, clusters: Sequence[Cluster]) -> Choice:
    return Choice([_as_said(contest, clusters, 0)], "another source comes first")


def _last(contest: Contest, clusters: Sequence[Cluster]) -> Choice:
    return Choice([_as_said(contest, clusters, len(contest.claims) - 1)], "another source comes last")


def _as_said(contest: Contest, clusters: Sequence[Cluster], place: int) -> Cluster:
    """The cluster of a claim, written as the claim has it."""
    return replace(holding(clusters, place), value=contest.claims[place].value)


def _voting(contest: Contest, clusters: Sequence[Cluster]) -> Choice:
    as_many = [each for each in clusters[1:] if each.sources == clusters[0].sources]
    return Choice(clusters[:1], "more sources say another value", whys=_tied(as_many, "as many sources say"))


def _tied(clusters: Sequence[Cluster], how: str) -> dict[int, str]:
    """Why the claims of clusters lost that are as good as the one that is kept."""
    why = f"{how} another value: its exactness or its text broke the tie"
    return {place: why for each in clusters for place in each.claims}


def _instead(choice: Choice, why: str) -> Choice:
    """A choice of the vote where a policy has nothing to go by."""
    whys = {place: f"{why}, so the vote decided: {each}" for place, each in choice.whys.items()}
    return replace(choice, why=f"{why}, so the vote decided: {choice.why}", whys=whys)


def _weighted(contest: Contest, clusters: Sequence[Cluster]) -> Choice:
    """Each source's trust, or else its score, counts once per value; unknown ones count as the mean."""
    weights = _known([_first_known(claim.trust, claim.score) for claim in contest.claims])

    def weight(cluster: Cluster) -> float:
        best: dict[str, float] = {}
        for place in cluster.claims:
            source = contest.claims[place].source
            best[source] = max(best.get(source, 0.0), weights[place])
        return math.fsum(best.values())

    top = max(round(weight(each), 9) for each in clusters)
    best, *equal = (each for each in clusters if round(weight(each), 9) == top)
    whys = _tied(equal, "sources of as much weight say")
    return Choice([best], "sources of more weight say another value", weights, whys=whys)


def _first_known(*numbers: float) -> float:
    return next((number for number in numbers if math.isfinite(number)), math.nan)


def _known(weights: Sequence[float]) -> list[float]:
    known = [each for each in weights if math.isfinite(each)]
    mean = math.fsum(known) / len(known) if known else 1.0
    return [each if math.isfinite(each) else mean for each in weights]


def _by(name: str, better: str, equal: str, several: bool = False) -> _Chooser:
    """Policies that keep what the claim of the highest number says; where none is known, what most say.

    :param better: why a claim loses against a higher number, and ``equal``: against the same.
    """

    def choose(contest: Contest, clusters: Sequence[Cluster]) -> Choice:
        numbers = [round(float(getattr(claim, name)), 9) for claim in contest.claims]
        known = [number for number in numbers if math.isfinite(number)]
        if not known:
            words = {"score": "scores", "trust": "trust", "age": "dates"}[name]
            return _instead(_voting(contest, clusters), f"for want of {words}")
        best = {place for place, number in enumerate(numbers) if number == max(known)}
        held = [each for each in clusters if best & set(each.claims)]
        if several:
            return Choice(held, better)
        # Clusters are in order of support.
        more = [each for each in held[1:] if each.sources < held[0].sources]
        whys = dict.fromkeys((p for each in more for p in each.claims), f"{equal}, and more sources say it")
        tied = [each for each in held[1:] if each.sources == held[0].sources]
        whys |= dict.fromkeys(
            (p for each in tied for p in each.claims), f"{equal}: its exactness or its text broke the tie"
        )
        return Choice(held[:1], better, whys={place: why for place, why in whys.items() if place in best})

    return choose


def _union(contest: Contest, clusters: Sequence[Cluster]) -> Choice:
    """All values, near-duplicates of texts as the one that most sources say."""
    kept: list[Cluster] = []
    texts = [each for each in clusters if each.reading.kind == ValueKind.TEXT]
    leaders = leaders_of_texts([each.value.text for each in texts]).tolist()
    for number, (cluster, leader) in enumerate(zip(texts, leaders, strict=True)):
        same = texts[leader].value.language.lower() == cluster.value.language.lower()
        if leader == number or not same:
            kept.append(cluster)
        else:
            place = next(i for i, each in enumerate(kept) if each.value == texts[leader].value)
            claims = tuple(sorted((*kept[place].claims, *cluster.claims)))
            kept[place] = replace(kept[place], claims=claims)
    return Choice(kept + [each for each in clusters if each.reading.kind != ValueKind.TEXT], "")


def _longest(contest: Contest, clusters: Sequence[Cluster]) -> Choice:
    def length(place: int) -> int:
        return len(unicodedata.normalize("NFC", contest.claims[place].value.text))

    place = min(
        range(len(contest.claims)),
        key=lambda place: (-length(place), clusters.index(holding(clusters, place)), _text(contest, place)),
    )
    return Choice([_as_said(contest, clusters, place)], "another value is longer")


def _text(contest: Contest, place: int) -> tuple[str, str, str]:
    value = contest.claims[place].value
    return value.text, value.datatype, value.language


def _extreme(sign: int, why: str) -> _Chooser:
    def choose(contest: Contest, clusters: Sequence[Cluster]) -> Choice:
        return Choice([min(clusters, key=lambda each: -sign * each.reading.number)], why)

    return choose


def _average(contest: Contest, clusters: Sequence[Cluster]) -> Choice:
    """The mean of the sources: who says two values counts once, with their mean."""
    by_source: dict[str, list[Decimal]] = {}
    for claim in contest.claims:
        by_source.setdefault(claim.source, []).append(_decimal(claim))
    means = [computing.mean(each) for each in by_source.values()]
    return _computed(contest, clusters, computing.mean(means), "the mean was taken")


def _median(contest: Contest, clusters: Sequence[Cluster]) -> Choice:
    """The middle claim; between two numbers their mean, of two dates the earlier."""
    if clusters[0].reading.kind == ValueKind.DATE:
        readings = contest.readings()
        places = sorted(
            range(len(readings)), key=lambda at: (readings[at].number, contest.claims[at].value.text)
        )
        middle = holding(clusters, places[(len(places) - 1) // 2])
        return Choice([middle], "another date is in the middle")
    numbers = [_decimal(claim) for claim in contest.claims]
    return _computed(contest, clusters, computing.median(numbers), "the median was taken")


def _decimal(claim: Claim) -> Decimal:
    return Decimal(claim.value.text.strip())


def _computed(contest: Contest, clusters: Sequence[Cluster], number: Decimal, why: str) -> Choice:
    """A number that was computed: where a source says it, as that source says it."""
    finest = max(-int(_decimal(claim).as_tuple().exponent) for claim in contest.claims)
    text, datatype = computing.written(number, {claim.value.datatype for claim in contest.claims}, finest)
    key = Value(text, datatype).reading().key
    said = [cluster for cluster in clusters if cluster.reading.key == key]
    return Choice(said, why) if said else Choice((), why, made=Value(text, datatype))


def _concatenate(contest: Contest, clusters: Sequence[Cluster]) -> Choice:
    """All texts in order of their characters, with "; " between."""
    if len(clusters) == 1:
        return Choice(clusters, "")
    texts = sorted({each.value.text for each in clusters})
    languages = {each.value.language for each in clusters}
    language = languages.pop() if len(languages) == 1 else ""
    return Choice((), "it is part of the joined text", made=Value("; ".join(texts), language=language))


_NUMBERS = frozenset({ValueKind.NUMBER})
_ORDERED = frozenset({ValueKind.NUMBER, ValueKind.DATE})
_LITERALS = frozenset(READ) - {ValueKind.NODE}

POLICIES: Mapping[str, Policy] = {
    each.name: each
    for each in (
        Policy("PassItOn", "all values as they are", _pass_it_on),
        Policy("KeepFirst", "the value of the first source", _first),
        Policy("KeepLast", "the value of the last source", _last),
        Policy(
            "KeepSingleValueByQualityScore",
            "the value of the highest score",
            _by("score", "another value has a higher score", "another value has as high a score"),
        ),
        Policy(
            "KeepAllValuesWithHighestScore",
            "all values of the highest score",
            _by("score", "another value has a higher score", "", several=True),
        ),
        Policy("Voting", "the value that most sources say", _voting),
        Policy("WeightedVoting", "the value with most trust behind it", _weighted),
        Policy("Average", "the mean of the sources", _average, _NUMBERS),
        Policy("Median", "the value in the middle", _median, _ORDERED),
        Policy("Maximum", "the greatest value", _extreme(1, "another value is greater"), _ORDERED),
        Policy("Minimum", "the least value", _extreme(-1, "another value is less"), _ORDERED),
        Policy("Longest", "the longest text", _longest),
        Policy("Union", "all values but near-duplicates", _union),
        Policy(
            "MostRecent",
            "the value that was written last",
            _by("age", "another value is newer", "another value is as new"),
        ),
        Policy(
            "MostTrusted",
            "the value of the source with most trust",
            _by("trust", "another source has more trust", "a source of as much trust says another value"),
        ),
        Policy("Concatenate", "all texts in one", _concatenate, _LITERALS),
    )
}
"""All policies, by name."""
