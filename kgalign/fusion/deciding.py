"""What the policies decide: roles of all claims.

:mod:`~kgalign.fusion.policies.rules` says which rule holds for which property. ``Auto`` learns trust over all
claims of a property (:mod:`~kgalign.fusion.resolve`); the others look at one contest at a time
(:mod:`~kgalign.fusion.policies`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Doubles, Flags, in_order_of, run_starts
from kgalign.config.fusion import FuseConfig
from kgalign.fusion.claims import Claims
from kgalign.fusion.policies import Contest, Value, resolve_among
from kgalign.fusion.policies.rival_claims import Evidence, contests_of
from kgalign.fusion.policies.rules import AUTO, PASS, TRUSTING, Ruled, listed, rules_of, unknown_names
from kgalign.fusion.quality import Indicators, ages, scores
from kgalign.fusion.reasons import Reason, Rule
from kgalign.fusion.resolve import Resolution, resolve_default
from kgalign.rdf.graph import Ids
from kgalign.records.fused import Role, SourceFault, SourceTrust

ONE_SOURCE = "one source only"
AT_ONE = "all sources say so"


@dataclass(frozen=True, slots=True)
class Computed:
    """A statement whose value no source says."""

    subject: int
    property: int
    value: Value
    rule: int


@dataclass(slots=True)
class Decided:
    """What became of every claim."""

    role: npt.NDArray[np.uint8]
    reason: npt.NDArray[np.uint8]
    """(n,) index into ``reasons``."""
    rule: npt.NDArray[np.uint8]
    """(n,) index into ``rules``."""
    confidence: npt.NDArray[np.float32]
    reasons: list[str] = field(default_factory=lambda: [Reason.WRITTEN.words])
    rules: list[str] = field(default_factory=lambda: [ONE_SOURCE, AT_ONE])
    computed: list[Computed] = field(default_factory=list)
    trust: tuple[SourceTrust, ...] = ()
    faults: tuple[SourceFault, ...] = ()
    warnings: tuple[str, ...] = ()

    def reason_of(self, text: str) -> int:
        """The number of a reason, which is added where it is new."""
        return _place(self.reasons, text)

    def rule_of(self, name: str) -> int:
        """The number of a rule, which is added where it is new."""
        return _place(self.rules, name)


def _place(texts: list[str], text: str) -> int:
    if text not in texts:
        texts.append(text)
    return texts.index(text)


def decide(
    claims: Claims, contested: Flags, indicators: Indicators, config: FuseConfig, *, said: Ids | None = None
) -> Decided:
    """Decide between the claims of contested items; all others are written.

    :param contested: (n,) of items of which several sources say different things.
    :param indicators: what is said about the graphs that claims stand in.
    :param said: (n,) the properties as the sources have them, by which rules may name them too.
    :raises InputError: two rules contradict each other, or a policy does not fit the values.
    """
    size = len(claims)
    rules, warnings = rules_of(claims, contested, config, said)
    decided = Decided(
        role=np.full(size, Role.WRITTEN, np.uint8),
        reason=np.zeros(size, np.uint8),
        rule=claims.flagged(lambda rows: _at_one(claims.take(rows))).view(np.uint8),
        confidence=np.full(size, np.nan, np.float32),
        warnings=(*warnings, *unknown_names(claims, indicators, config, said)),
    )
    if not contested.any():
        return decided
    evidence = _evidence(claims, rules, indicators, config, said, decided)
    auto = [each for each, rule in rules.items() if rule.policy == AUTO]
    if evidence.resolution is not None:
        _adopt(claims, evidence, contested & np.isin(claims.property, auto), decided)
    passing = [each for each, rule in rules.items() if rule.policy == PASS]
    if passing:
        decided.rule[contested & np.isin(claims.property, passing)] = decided.rule_of(PASS)
    decided.warnings += tuple(_in_vain(claims, contested, rules, evidence))
    for contest, places in contests_of(claims, contested, rules, evidence):
        _hold(contest, places, rules[int(claims.property[places[0]])], claims, decided)
    _same_terms(claims, contested, decided)
    return decided


def _evidence(
    claims: Claims,
    rules: Mapping[int, Ruled],
    indicators: Indicators,
    config: FuseConfig,
    said: Ids | None,
    decided: Decided,
) -> Evidence:
    """What the rules need to know; what was learned of the sources is noted in ``decided``."""
    policies = {rule.policy for rule in rules.values()}
    age: Doubles = np.broadcast_to(np.nan, len(claims))
    if policies & {AUTO, "MostRecent", *TRUSTING}:
        age = ages(claims, indicators, said=said)
    names = sorted({rule.quality for rule in rules.values() if rule.quality is not None})
    found = {name: scores(claims, indicators, config.quality[name], said) for name in names}
    trusting = any(rule.policy in TRUSTING and rule.quality is None for rule in rules.values())
    # Trust in a source is told by all properties, where its values of one property don't tell it.
    learning = [each for each, rule in rules.items() if trusting or rule.policy == AUTO]
    rows = np.flatnonzero(np.isin(claims.property, learning))
    resolution, trust = None, {}
    if len(rows):
        prefer = claims.sources.index(config.canonical) if config.canonical in claims.sources else None
        learned_from = claims if len(rows) == len(claims) else claims.take(rows)
        resolution = resolve_default(learned_from, age[rows], prefer)
        trust = dict.fromkeys(learning, _overall(resolution, len(claims.sources)))
        trust |= _learned(claims, resolution, decided)
    return Evidence(age, trust, found, rows, resolution)


def _in_vain(
    claims: Claims, contested: Flags, rules: Mapping[int, Ruled], evidence: Evidence
) -> Iterator[str]:
    """One sentence for each policy that has nothing to go by for some properties."""
    lacking: dict[tuple[str, str], list[str]] = {}
    for property, rule in rules.items():
        if rule.policy != "MostRecent" and rule.quality is None:
            continue
        rows = np.flatnonzero(contested & (claims.property == property))
        if rule.policy == "MostRecent" and not np.isfinite(evidence.age[rows]).any():
            lacking.setdefault((rule.policy, "dates"), []).append(claims.text(property))
        elif rule.quality is not None and not np.isfinite(evidence.scores[rule.quality][rows]).any():
            what = f"scores by {rule.quality}"
            lacking.setdefault((rule.policy, what), []).append(claims.text(property))
    for (policy, what), names in sorted(lacking.items()):
        yield f"The policy {policy} finds no {what} for {listed(names)}: the vote decided there"


def _overall(resolution: Resolution, sources: int) -> Doubles:
    """(sources,) mean trust over all properties, each as much as others could judge it; NaN for none."""
    whole, weight = np.zeros(sources), np.zeros(sources)
    for learned in resolution.learned:
        if learned.weight is not None and learned.trust is not None:
            whole += learned.weight * learned.trust.compared
            weight += learned.trust.compared
    with np.errstate(invalid="ignore"):
        return np.asarray(whole / np.where(weight > 0, weight, np.nan))


def _at_one(claims: Claims) -> Flags:
    """(n,) whether several sources say the claim's value."""
    order = in_order_of(claims.subject, claims.property, claims.value, claims.source)
    value = np.cumsum(run_starts(claims.subject[order], claims.property[order], claims.value[order])) - 1
    source = claims.source[order]
    first = source[np.flatnonzero(run_starts(value))][value]
    several = np.zeros(int(value[-1]) + 1, bool)
    np.logical_or.at(several, value, source != first)
    found = np.zeros(len(claims), bool)
    found[order] = several[value]
    return found


def _learned(claims: Claims, resolution: Resolution, decided: Decided) -> dict[int, Doubles]:
    """Note what was learned of the sources; property → the trust that policies may go by."""
    weights: dict[int, Doubles] = {}
    trust: list[SourceTrust] = []
    faults: list[SourceFault] = []
    for learned in resolution.learned:
        names = tuple(claims.text(each) for each in learned.properties)
        for fault in learned.faults:
            faults.append(SourceFault(names, claims.sources[fault.source], fault.kind, fault.text))
        if learned.weight is not None:
            weights |= dict.fromkeys(learned.properties, learned.weight)
        if learned.trust is None:
            continue
        said = np.bincount(
            claims.source[claims.property == learned.properties[0]], minlength=len(claims.sources)
        )
        for source in np.flatnonzero(said).tolist():
            trust.append(
                SourceTrust(
                    names,
                    claims.sources[source],
                    int(said[source]),
                    round(float(learned.trust.right[source]), 4),
                    round(float(learned.trust.near[source]), 4),
                    round(float(learned.trust.compared[source]), 1),
                    learned.trust.told_apart,
                )
            )
    decided.trust = tuple(sorted(trust, key=lambda each: (each.properties, each.source)))
    decided.faults = tuple(sorted(faults, key=lambda each: (each.properties, each.source, each.kind)))
    return weights


def _adopt(claims: Claims, evidence: Evidence, which: Flags, decided: Decided) -> None:
    """Take over what the default policy says of some of the claims."""
    resolution, rows = evidence.resolution, evidence.rows
    if resolution is None:
        return
    reason = np.array([decided.reason_of(each.words) for each in Reason], np.uint8)
    rule = np.array([decided.rule_of(each.words) for each in Rule], np.uint8)
    taken = which[rows]
    to = rows[taken]
    decided.role[to] = resolution.role[taken]
    decided.reason[to] = reason[resolution.reason[taken]]
    decided.rule[to] = rule[resolution.rule[taken]]
    decided.confidence[to] = resolution.confidence[taken]


def _hold(contest: Contest, places: Sequence[int], rule: Ruled, claims: Claims, decided: Decided) -> None:
    """Let a policy decide a contest."""
    decision = resolve_among(rule.policy, contest, rule.kinds)
    number = decided.rule_of(rule.policy)
    rows = np.array(places)
    decided.rule[rows] = number
    decided.confidence[rows] = decision.confidence
    for kept in decision.kept:
        if not kept.backers:
            row = places[0]
            decided.computed.append(
                Computed(int(claims.subject[row]), int(claims.property[row]), kept.value, number)
            )
        for place in kept.backers:
            written = contest.claims[place].value == kept.value
            role, reason = (Role.WRITTEN, Reason.WRITTEN) if written else (Role.AGREES, Reason.SAME)
            decided.role[places[place]] = role
            decided.reason[places[place]] = decided.reason_of(reason.words)
    for place, why in decision.lost.items():
        decided.role[places[place]] = Role.LOST
        decided.reason[places[place]] = decided.reason_of(why)
    for place in decision.counted:
        decided.role[places[place]] = Role.COUNTED


def _same_terms(claims: Claims, contested: Flags, decided: Decided) -> None:
    """What is the same term as one that is written is written too, whoever says it."""
    role = decided.role

    def same(part: slice) -> Flags:
        rows = part.start + np.flatnonzero(contested[part])
        rows = rows[in_order_of(claims.subject[rows], claims.property[rows], claims.value[rows], role[rows])]
        starts = run_starts(claims.subject[rows], claims.property[rows], claims.value[rows])
        best = role[rows][np.flatnonzero(starts)][np.cumsum(starts) - 1]
        found = np.zeros(part.stop - part.start, bool)
        found[rows[(best == Role.WRITTEN) & (role[rows] != Role.WRITTEN)] - part.start] = True
        return found

    found = claims.flagged(same)
    role[found] = Role.WRITTEN
    decided.reason[found] = 0
