"""What corresponds in two vocabularies: the records."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

Relation = Literal["exact", "close", "narrower", "broader"]
"""What the left property or class is to the right one. ``narrower``: what the left one says, the right one
says too, and more (in SKOS: left skos:broadMatch right). ``close``: they agree beyond chance, and differ."""
INVERSE = "^"
"""Before the right IRI of an override: the left property is the inverse of the right one."""


class Kind(Enum):
    """What the values of a property are."""

    NODE = "node"
    NUMBER = "number"
    DATE = "date"
    TEXT = "text"


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
    kinds: tuple[Kind, Kind]
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
    """IRIs that the user mapped to nothing, sorted."""


Override = tuple[str, str]
"""A left IRI and a right one; either is empty to map the other to nothing."""
