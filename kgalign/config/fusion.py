"""The section ``[fuse]`` of the configuration: what the fused graph says where both graphs speak, and how."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from kgalign.config.section import Section, one_of

POLICIES = (
    "Auto",
    "PassItOn",
    "KeepFirst",
    "KeepLast",
    "KeepSingleValueByQualityScore",
    "KeepAllValuesWithHighestScore",
    "Voting",
    "WeightedVoting",
    "MostTrusted",
    "MostRecent",
    "Union",
    "Longest",
    "Maximum",
    "Minimum",
    "Average",
    "Median",
    "Concatenate",
)
"""What to do with rival values: ``Auto`` goes by kind of value and learned trust, the others are Sieve's."""
Policy = Annotated[str, one_of(POLICIES, "kgalign.policies")]

Indicator = Literal[
    "TimeCloseness",
    "ScoredList",
    "ScoredPrefixList",
    "SetMembership",
    "Threshold",
    "IntervalMembership",
    "NormalizedCount",
    "Completeness",
]
"""Sieve's scoring functions, and how much of what is known of a thing its source says."""

POLICY_KINDS = {
    "Average": ("number",),
    "Median": ("number", "date"),
    "Maximum": ("number", "date"),
    "Minimum": ("number", "date"),
    "Concatenate": ("number", "date", "boolean", "text"),
}
"""Policy → the kinds of values that it can decide between; the others take all."""
SCORED = ("KeepSingleValueByQualityScore", "KeepAllValuesWithHighestScore", "WeightedVoting")
"""Policies that go by a quality score: the first two need one."""


class QualityConfig(Section):
    """How well a claim is thought of, from 0 to 1, by what is said about its graph, thing or source."""

    function: Indicator
    property: str | None = None
    """IRI of the property that is scored: of the named graph that a claim stands in, else of the thing as the
    same source describes it, else of the source's data set. None for the name of the source itself."""
    names: tuple[str, ...] = ()
    """For lists and sets, the best first."""
    days: float = Field(default=365.25, gt=0)
    """For TimeCloseness: what is so much older than the newest scores 0."""
    low: float = 0.0
    high: float | None = None
    """Bounds of an interval, 1 above by default; ``low`` is the threshold; a count of ``high``, by default of
    the highest there is, scores 1."""

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        by_name = self.function in ("ScoredList", "ScoredPrefixList", "SetMembership")
        if by_name != bool(self.names):
            raise ValueError(f"{self.function} {'needs names' if by_name else 'goes by no names'}")
        if self.function == "Completeness" and self.property is not None:
            raise ValueError("Completeness goes by no property: it counts all of them")
        if not by_name and self.function != "Completeness" and self.property is None:
            raise ValueError(f"{self.function} needs the property that holds its dates or numbers")
        if self.function == "IntervalMembership" and self.low > (1.0 if self.high is None else self.high):
            raise ValueError("low must not be above high")
        if self.function == "NormalizedCount" and self.high is not None and self.high <= 0:
            raise ValueError("high must be above 0")
        return self


class RuleConfig(Section):
    """What decides between rival values of a property."""

    policy: Policy
    sources: tuple[str, ...] = ()
    """Names of sources, or what they start with, in the order that KeepFirst and KeepLast go by; those that
    are not named come after them."""
    quality: str | None = None
    """Name of the quality score in ``fuse.quality``; where there is one only, it needs no naming."""

    @model_validator(mode="after")
    def _says_nothing_idle(self) -> Self:
        if self.sources and self.policy not in ("KeepFirst", "KeepLast"):
            raise ValueError(
                f"{self.policy} knows no order of sources; KeepFirst and KeepLast do, and ScoredList"
            )
        if self.quality is not None and self.policy not in SCORED:
            raise ValueError(f"{self.policy} goes by no quality score; {', '.join(SCORED)} do")
        return self


class FuseConfig(Section):
    """What the fused graph says where both graphs speak, and how."""

    canonical: Literal["left", "right", "mint"] = "left"
    """Whose IRI a merged entity carries; ``mint`` makes a new one."""
    identity: Literal["same-as", "exact-match", "none"] = "same-as"
    """How the fused graph says which IRIs were merged."""
    vocabulary: Literal["left", "right", "both"] = "left"
    """Whose properties and classes the fused graph uses where both have one for the same."""
    policy: Policy = "Auto"
    """What decides where no rule is given."""
    kinds: dict[Literal["node", "number", "date", "boolean", "text"], Policy] = Field(default_factory=dict)
    """Kind of value → policy."""
    properties: dict[str, RuleConfig] = Field(default_factory=dict)
    """IRI of a property, of either graph → its rule; a policy's name alone will do."""
    mapping: dict[str, str] = Field(default_factory=dict)
    """Left property → right property that says the same; ``^`` before it for its inverse, empty for none."""
    classes: dict[str, str] = Field(default_factory=dict)
    """Left class → right class."""
    keep: tuple[str, ...] = ()
    """IRIs of properties and classes, of either graph, that stay as they are."""
    sources: dict[str, str] = Field(default_factory=dict)
    """What the IRI of a named graph starts with → name of the source."""
    quality: dict[str, QualityConfig] = Field(default_factory=dict)
    """Name → quality score."""
    provenance: Literal["prov", "rdf12", "none"] = "prov"
    """How ``fused.trig`` says where each value comes from."""
    max_cluster: int = Field(default=1000, ge=2)
    """Most nodes that may become one."""
    same_as_within: bool = True
    """Whether two nodes of one graph become one where that graph says ``owl:sameAs`` of them."""
    shapes: tuple[str, ...] = ()
    """Files of SHACL shapes that both graphs and the fused one are held against."""
    strict: bool = False
    """Whether a violation that fusion caused is a failure."""

    @field_validator("properties", mode="before")
    @classmethod
    def _names_are_rules(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return {key: {"policy": rule} if isinstance(rule, str) else rule for key, rule in value.items()}

    @model_validator(mode="after")
    def _scores_are_there(self) -> Self:
        for iri, rule in self.properties.items():
            if rule.quality is not None and rule.quality not in self.quality:
                raise ValueError(f"{iri} names the quality score {rule.quality!r}, which fuse.quality lacks")
            self._has_a_score(f"the rule for {iri}", rule.policy, rule.quality)
        self._has_a_score("policy", self.policy, None)
        for kind, policy in self.kinds.items():
            self._has_a_score(f"kinds.{kind}", policy, None)
            if kind not in POLICY_KINDS.get(policy, (kind,)):
                raise ValueError(f"kinds.{kind}: {policy} does not fit a {kind}")
        return self

    def _has_a_score(self, where: str, policy: Policy, named: str | None) -> None:
        if policy in SCORED[:2] and named is None and len(self.quality) != 1:
            have = ", ".join(self.quality)
            raise ValueError(
                f"{where}: {policy} needs a quality score: "
                + (f"say in a rule which of {have} it is" if have else "describe one in fuse.quality")
            )
