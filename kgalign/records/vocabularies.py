"""What corresponds in two vocabularies: the records, and which of it fusion acts on."""

import math
from dataclasses import dataclass
from typing import Literal

from kgalign.rdf.names import local_name
from kgalign.values.kinds import ValueKind

Relation = Literal["exact", "close", "narrower", "broader"]
"""What the left property or class is to the right one. ``narrower``: what the left one says, the right one
says too, and more (in SKOS: left skos:broadMatch right). ``close``: they agree beyond chance, and differ."""
Target = Literal["left", "right", "both"]
"""Whose vocabulary the fused graph uses."""

INVERSE = "^"
"""Before the right IRI of an override: the left property is the inverse of the right one."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """How the numbers of one column become those of the other: ``right = factor × left + offset``."""

    factor: float = 1.0
    offset: float = 0.0
    note: str = ""
    """In words, empty where both sides use one unit."""
    spread: float = 0.0
    """Median relative deviation of the pairs from this rule: 0 where all follow it to the digit."""
    pairs: int = 0
    """How many pairs of numbers tell it."""

    @property
    def same(self) -> bool:
        """Whether both sides use one unit."""
        return self.factor == 1.0 and self.offset == 0.0


SAME = Conversion()


@dataclass(frozen=True, slots=True)
class PropertyMatch:
    """A left and a right property that say the same, or nearly."""

    left: str
    right: str
    relation: Relation
    inverse: bool
    """Whether the left property goes from a to b where the right one goes from b to a."""
    score: float
    """0 to 1: agreement beyond chance, lower where few nodes tell it; 1 where the user gave the match."""
    support: int
    """Linked pairs in which both nodes have it."""
    agreement: float
    """Of such a pair, the mean share of values that agree, 0 to 1, over both directions."""
    left_agreement: float
    """Mean share of a left node's values that the right node has too ..."""
    right_agreement: float
    """... and of a right node's values that the left node has too."""
    chance: float
    """The agreement of nodes that are not linked."""
    kinds: tuple[ValueKind, ValueKind]
    conversion: Conversion
    """How left numbers become right ones."""
    notes: tuple[str, ...]
    """What else differs, in words: the unit, the precision of dates, languages of labels."""
    examples: tuple[tuple[str, str], ...]
    """Up to three pairs of values of linked nodes, the texts of the terms."""
    chosen: bool
    """Whether it is in the one-to-one part of the mapping, in which each property occurs at most once."""
    given: bool = False
    """Whether the user said so."""
    compared: int = 0
    """Linked pairs whose values were compared: all that have both, or a sample of them."""
    left_pairs: int = 0
    """Linked pairs whose left node has the left property ..."""
    right_pairs: int = 0
    """... and whose right node has the right one."""
    doubts: tuple[str, ...] = ()
    """Why the two are hardly one property, though their values agree: in words, the gravest first."""

    @property
    def factor(self) -> float:
        """``right = factor × left + offset``."""
        return self.conversion.factor

    @property
    def offset(self) -> float:
        """``right = factor × left + offset``."""
        return self.conversion.offset

    @property
    def unit_note(self) -> str:
        """The difference of unit in words, or nothing."""
        return self.conversion.note


@dataclass(frozen=True, slots=True)
class ClassMatch:
    """A left and a right class whose members are linked with each other."""

    left: str
    right: str
    relation: Relation
    score: float
    support: int
    """Linked pairs of a member of the one and a member of the other."""
    left_agreement: float
    """Share of the left class's linked members whose partner (if it has a type) is in the right class."""
    right_agreement: float
    chosen: bool
    given: bool = False


@dataclass(frozen=True, slots=True)
class Vocabularies:
    """What corresponds in two vocabularies: the surest first."""

    properties: tuple[PropertyMatch, ...] = ()
    classes: tuple[ClassMatch, ...] = ()
    warnings: tuple[str, ...] = ()
    """Overrides that name nothing in the graphs."""
    kept: tuple[str, ...] = ()
    """IRIs that the user mapped to nothing, or wants to stay as they are, sorted."""
    standard: tuple[tuple[str, str], ...] = ()
    """Properties of either graph, each with the name that the user gave it and that neither graph uses."""
    standard_classes: tuple[tuple[str, str], ...] = ()
    """Classes of either graph, likewise."""

    @property
    def units(self) -> tuple[str, ...]:
        """One phrase for each correspondence whose numbers are in another unit or of another scale."""
        return tuple(
            f"{local_name(match.left)} and {local_name(match.right)}: {match.unit_note}"
            for match in self.properties
            if match.chosen and not match.conversion.same
        )


Override = tuple[str, str]
"""A left IRI and a right one; either is empty to map the other to nothing."""

SURE = 0.5
"""The agreement beyond chance that a correspondence surely has if it is acted on: more right than wrong."""
FEWEST = 10
"""Linked pairs with both from which a correspondence is acted on: fewer are often of one kind of thing."""
CHECKED = 0.1
"""Of the statements of linked nodes that would be renamed, the share that could be compared."""
_Z = 1.96
"""For intervals that hold in 95 of 100 cases."""


def sure_share(share: float, number: int) -> float:
    """What a share that was seen in a number of cases surely is: the lower end of Wilson's 95 % interval.

    E. B. Wilson: Probable inference, the law of succession, and statistical inference. JASA 22 (1927).
    """
    if not number:
        return 0.0
    z = _Z * _Z / number
    margin = _Z * math.sqrt(share * (1 - share) / number + z / (4 * number))
    return max(0.0, (share + z / 2 - margin) / (1 + z))


def objection(match: PropertyMatch, target: Target) -> str:
    """Why statements keep their property in spite of a correspondence, in words; empty where it is changed.

    Where the same unit is given, what the user says is done. What was learned is acted on if it is the best
    for both properties, if nothing in their names or values speaks against it, and if the data surely
    show it. What both sides call by one name needs no renaming.
    """
    if match.left == match.right and not match.inverse:
        return ""
    if target == "both":
        return "both vocabularies are kept"
    if not match.conversion.same:
        return f"another unit: {match.conversion.note}"
    if match.given:
        return ""
    if match.doubts:
        return match.doubts[0]
    if not match.chosen:
        return "another correspondence is surer"
    return _relation_objection(match) or _evidence_objection(match, target)


def _relation_objection(match: PropertyMatch) -> str:
    if match.relation in ("narrower", "broader"):
        less = "left" if match.relation == "narrower" else "right"
        return f"the {less} one says only part of the other"
    if match.inverse and match.relation != "exact":
        return "an inverse, and not exact seen from both ends"
    return ""


def _evidence_objection(match: PropertyMatch, target: Target) -> str:
    number = match.compared or match.support
    if match.support < FEWEST:
        return f"too few: {match.support} linked pairs have both"
    if sure_share(match.score, number) < SURE:
        return f"not sure: a score of {match.score:.2f} in {number:,} pairs may be under {SURE:g}"
    renamed = match.right_pairs if target == "left" else match.left_pairs
    if match.support < CHECKED * renamed:
        return f"of {renamed:,} linked nodes with it, only {match.support:,} could be compared"
    return ""


def class_objection(match: ClassMatch, target: Target) -> str:
    """Why things keep their class in spite of a correspondence, in words; empty where it is changed."""
    if match.left == match.right:
        return ""
    if target == "both":
        return "both vocabularies are kept"
    if match.given:
        return ""
    if not match.chosen:
        return "another correspondence is surer"
    if match.relation != "exact":
        return "they do not have the same members"
    if match.support < FEWEST:
        return f"too few: {match.support} linked pairs"
    if match.score < SURE:
        return f"not sure: a score of {match.score:.2f}"
    return ""
