"""Which rule holds for which property: the user's for this one, for its kind of value, or for all.

A rule may name a property by either graph's IRI, whichever of them the fused graph uses. What a rule names
and nobody has is warned of; what contradicts itself or can't be done is refused before anything is decided.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Flags, unique
from kgalign.config.fusion import SCORED, FuseConfig, RuleConfig
from kgalign.errors import InputError
from kgalign.fusion.claims import Claims, authority_of
from kgalign.fusion.policies import policy_named
from kgalign.fusion.quality import Indicators
from kgalign.rdf.graph import Ids
from kgalign.rdf.names import local_name
from kgalign.records.fused import term_id
from kgalign.values import READ, ValueKind, read_values

AUTO = "Auto"
PASS = "PassItOn"
TRUSTING = ("MostTrusted", "WeightedVoting")
"""Policies that go by learned trust where no score is named."""
_MOST = 0.5
"""Share of the values of a property that a policy must fit."""
_SHOWN = 3
"""Most properties that one sentence lists."""
_ALL = frozenset(READ)
_IN_ORDER = (ValueKind.NUMBER, ValueKind.DATE)


@dataclass(frozen=True, slots=True)
class Ruled:
    """What decides between the rival values of one property."""

    policy: str
    sources: tuple[str, ...] = ()
    """Names of sources, or their starts, in order."""
    quality: str | None = None
    """Name of the score."""
    kinds: frozenset[ValueKind] = _ALL
    """What the policy chooses among: values of other kinds lose."""
    years: bool = False
    """Whether digits alone may be years and days."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """The values of one property that rules have to decide between."""

    counts: npt.NDArray[np.int64]
    """(kinds,) how many there are of each kind."""
    years: bool

    def share(self, kinds: Iterable[ValueKind]) -> float:
        return float(self.counts[[each.code for each in kinds]].sum() / max(int(self.counts.sum()), 1))

    @property
    def kind(self) -> ValueKind:
        """The kind of most."""
        return READ[int(self.counts.argmax())]


def rules_of(
    claims: Claims, contested: Flags, config: FuseConfig, said: Ids | None = None
) -> tuple[dict[int, Ruled], list[str]]:
    """The rule of each property that is contested anywhere, and warnings for people.

    :param contested: (n,) of items of which several sources say different things.
    :param said: (n,) the properties as the sources have them.
    :raises InputError: two rules for what is one property, or a policy that does not fit the values.
    """
    said = claims.property if said is None else said
    given, warnings = _given(claims, config, said)
    properties = unique(claims.property[contested]).tolist()
    rules: dict[int, Ruled] = {}
    unfit: list[int] = []
    if _is_plain(config):
        return dict.fromkeys(properties, Ruled(AUTO)), warnings
    seen = _seen(claims, contested)
    for property in properties:
        values = seen[property]
        if property in given:
            rules[property] = _fitting(claims, contested, property, *given[property], values)
            continue
        kind = config.kinds.get(values.kind.value)  # type: ignore[call-overload]
        found = _ruled(RuleConfig.model_construct(policy=kind or config.policy), config, values)
        if found is None:
            unfit.append(property)
            found = Ruled(AUTO, years=values.years)
        rules[property] = found
    if unfit:
        names = listed([claims.text(each) for each in unfit])
        if len(unfit) == len(properties):
            raise InputError(
                f"The policy {config.policy} fits no property of which the sources say different things: "
                f"most values of {names} are of another kind",
                "Choose another policy, such as Voting or MostTrusted",
            )
        warnings.append(f"The policy {config.policy} does not fit {names}: {AUTO} decided there")
    return rules, warnings


def _is_plain(config: FuseConfig) -> bool:
    return config.policy == AUTO and not config.kinds and not config.properties


def _given(
    claims: Claims, config: FuseConfig, said: Ids
) -> tuple[dict[int, tuple[str, RuleConfig, FuseConfig]], list[str]]:
    """Property → the IRI and the rule that the user gave for it; and warnings of those that nobody has."""
    found: dict[int, tuple[str, RuleConfig, FuseConfig]] = {}
    warnings: list[str] = []
    for iri, rule in sorted(config.properties.items()):
        term = term_id(claims.terms, iri)
        rows = (claims.property == term) | (said == term)
        for property in unique(claims.property[rows]).tolist() if term >= 0 else ():
            other = found.setdefault(property, (iri, rule, config))
            if other[1] != rule:
                raise InputError(
                    f"Two rules contradict each other: {_told(*other[:2])} and {_told(iri, rule)} "
                    "are one property in the fused graph",
                    "Keep one of the two rules, or part the properties in fuse.mapping",
                )
        if term < 0 or not rows.any():
            known = _names(claims, claims.property, said)
            warnings.append(f"A rule names the property {iri}, which neither graph has{nearest(iri, known)}")
    return found, warnings


def _told(iri: str, rule: RuleConfig) -> str:
    return f"{iri} ({', '.join([rule.policy, *rule.sources, *([rule.quality] if rule.quality else [])])})"


def _seen(claims: Claims, contested: Flags) -> dict[int, _Seen]:
    """The values of each contested property, by kind."""
    rows = np.flatnonzero(contested)
    properties, place = np.unique(claims.property[rows], return_inverse=True)
    kind = read_values(claims.terms, claims.value[rows]).kind
    cells = np.bincount(place * len(READ) + kind, minlength=len(properties) * len(READ))
    counts = cells.reshape(len(properties), len(READ))
    return {
        property: _Seen(row, bool(row[ValueKind.DATE.code] > row.sum() / 2))
        for property, row in zip(properties.tolist(), counts, strict=True)
    }


def _ruled(rule: RuleConfig, config: FuseConfig, values: _Seen) -> Ruled | None:
    """The rule with what it means for these values; None where the policy does not fit most of them."""
    kinds = _ALL if rule.policy == AUTO else policy_named(rule.policy).kinds
    if kinds <= set(_IN_ORDER):
        kinds &= {max(_IN_ORDER, key=lambda each: values.counts[each.code])} if len(kinds) > 1 else kinds
    if values.share(kinds) < _MOST:
        return None
    quality = rule.quality
    if quality is None and len(config.quality) == 1 and rule.policy in SCORED[:2]:
        (quality,) = config.quality
    return Ruled(rule.policy, rule.sources, quality, kinds, values.years)


def _fitting(
    claims: Claims,
    contested: Flags,
    property: int,
    iri: str,
    rule: RuleConfig,
    config: FuseConfig,
    values: _Seen,
) -> Ruled:
    """The rule that the user gave for a property.

    :raises InputError: most values are not of the kind that the policy needs.
    """
    found = _ruled(rule, config, values)
    if found is not None:
        return found
    kinds = policy_named(rule.policy).kinds
    codes = [each.code for each in kinds]
    rows = np.flatnonzero(contested & (claims.property == property))
    kind = read_values(claims.terms, claims.value[rows]).kind
    example = claims.text(claims.value[rows[~np.isin(kind, codes)][0]])
    wanted = " and ".join(sorted(f"{each}s" for each in kinds))
    fit = int(values.counts[codes].sum())
    raise InputError(
        f"The policy {rule.policy} does not fit {iri}: it is for {wanted}, and of the "
        f"{int(values.counts.sum()):,} values that it would decide between {fit or 'none'} is such a one, "
        f"not {example[:80]!r} for instance",
        "Choose another policy for this property, such as Voting or MostTrusted",
    )


def unknown_names(
    claims: Claims, indicators: Indicators, config: FuseConfig, said: Ids | None = None
) -> list[str]:
    """One sentence for each source, and each property of a score, that the configuration names in vain."""
    return [*_unknown_sources(claims, config), *_unknown_scored(claims, indicators, config, said)]


def _unknown_sources(claims: Claims, config: FuseConfig) -> Iterator[str]:
    for iri, rule in sorted(config.properties.items()):
        for name in rule.sources:
            if not any(is_source(name, source) for source in claims.sources):
                hint = nearest(name, claims.sources)
                yield f"The rule for {iri} names the source {name}, which is none{hint}"
    graphs = _names(claims, claims.graph) if config.sources else []
    for start in sorted(config.sources):
        if not any(graph.startswith(start) for graph in graphs):
            yield f"No named graph's IRI starts with {start}, as fuse.sources has it{nearest(start, graphs)}"


def _unknown_scored(
    claims: Claims, indicators: Indicators, config: FuseConfig, said: Ids | None
) -> Iterator[str]:
    wanted = {(score.property, name) for name, score in config.quality.items() if score.property is not None}
    if not wanted:
        return
    known = _names(claims, claims.property, indicators.property, *([] if said is None else [said]))
    for iri, name in sorted(wanted):
        if iri not in known:
            hint = nearest(iri, known)
            yield f"The quality score {name} goes by {iri}, which nothing has{hint}"


def is_source(name: str, source: str) -> bool:
    """Whether a user's name stands for a source: it is its name, its start, or the IRI of its host."""
    return source.startswith(name) or ("://" in name and authority_of(name) == source)


def place_of(source: str, names: tuple[str, ...]) -> int:
    """Where a source stands among the names that a user gave, behind all where it has none."""
    if source in names:
        return names.index(source)
    return next((place for place, name in enumerate(names) if is_source(name, source)), len(names))


def _names(claims: Claims, *columns: Ids) -> list[str]:
    ids = unique(np.concatenate([unique(column) for column in columns]))
    return sorted(claims.text(each) for each in ids[ids >= 0].tolist())


def nearest(text: str, known: Iterable[str]) -> str:
    """``; did you mean …?`` with what a text was probably meant to be, or nothing."""
    names = sorted(known)
    last = local_name(text)
    if same := [name for name in names if local_name(name) == last]:
        return f"; did you mean {same[0]}?"
    by_last: Mapping[str, str] = {local_name(name): name for name in reversed(names)}
    close = difflib.get_close_matches(text, names, 1, 0.7) or [
        by_last[each] for each in difflib.get_close_matches(last, by_last, 1, 0.6)
    ]
    return f"; did you mean {close[0]}?" if close else ""


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
