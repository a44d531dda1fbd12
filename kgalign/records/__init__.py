"""What travels between the stages.

Bulk is held in NumPy arrays and Arrow columns, so that a stage can be mapped over batches and
written to the run folder as it is; single records are frozen dataclasses. No stage imports
another: they meet here.
"""

from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kgalign.arrays import Flags, Positions
from kgalign.rdf.graph import Ids
from kgalign.values.kinds import ValueKind
from kgalign.values.text import words

Floats = npt.NDArray[np.float32]


class Outcome(IntEnum):
    """What was decided about a candidate pair. The seven never mix."""

    NO_MATCH = 0
    MATCH = 1
    UNDECIDED = 2
    """Looked at, and not clear enough: it goes to the list for people."""
    NOT_ASKED = 3
    """A later tier would have been asked, but was not (a limit, or the run was stopped)."""
    FAILED = 4
    """A later tier was asked, and no answer came, however often it was tried."""
    REJECTED = 5
    """A person said no."""
    CONFIRMED = 6
    """A person, or the input, said yes."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: a path from an entity to its literal values, through up to three nodes."""

    path: tuple[str, ...]
    """Predicate IRIs; a step against the direction of the statements starts with ``^``; the
    local name of the entity's own IRI is the path ``("@iri",)``."""
    kind: ValueKind
    facts: int
    """Number of (entity, value) pairs."""
    coverage: float
    """Share of the entities that have it, 0 to 1."""
    functionality: float
    """Entities over facts, 0 to 1: 1 where each entity has one value (PARIS, section 3)."""
    inverse_functionality: float
    """Distinct values over facts, 0 to 1: 1 where a value identifies its entity."""
    importance: float
    """``inverse_functionality * coverage`` (LLM-Align, section 3.2)."""
    is_name: bool = False
    """Whether its values name the entity (labels, titles, names)."""


@dataclass(frozen=True, slots=True)
class Relation:
    """One relation between entities."""

    iri: str
    facts: int
    functionality: float
    """Distinct heads over facts."""
    inverse_functionality: float
    """Distinct tails over facts."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One side after selection: its entities, their values and their relations."""

    entity_iri: pa.LargeStringArray
    """(n,) IRI, or ``_:label`` of a blank node, in canonical order. Ids of entities are
    positions in it."""
    entity_term: Ids
    """(n,) id of the entity in the graph's terms."""
    entity_name: pa.LargeStringArray
    """(n,) a name to show to people; the IRI's local name where there is no other."""
    entity_type: Ids
    """(n,) index into ``types`` of the entity's most specific frequent type, -1 for none."""
    types: tuple[str, ...]
    described: npt.NDArray[np.bool_]
    """(n,) whether the graph says anything of the entity itself. One that is only mentioned takes part as a
    neighbour of others, and gets no link."""
    attributes: tuple[Attribute, ...]
    value_entity: Ids
    value_attribute: Ids
    value_text: Ids
    """(v,) each: entity id, index into ``attributes``, index into ``texts``; sorted by these."""
    texts: pa.LargeStringArray
    """Distinct lexical forms, in canonical order."""
    relations: tuple[Relation, ...]
    edge_head: Ids
    edge_relation: Ids
    edge_tail: Ids
    """(e,) each: entity id, index into ``relations``, entity id; sorted by these."""

    def __len__(self) -> int:
        return len(self.entity_iri)

    def words(self) -> list[list[str]]:
        """(n,) all words of each entity's values, each value of a link as it is."""
        links = np.array([each.kind == ValueKind.LINK for each in self.attributes] + [False])
        listed = self.texts.to_pylist()
        split = [words(text) for text in listed]
        rows: list[list[str]] = [[] for _ in range(len(self))]
        columns = self.value_entity, self.value_text, links[self.value_attribute]
        for entity, text, link in zip(*(each.tolist() for each in columns), strict=True):
            if link:
                rows[entity].append(listed[text])
            else:
                rows[entity] += split[text]
        return rows


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs worth judging, sorted by left entity and united rank."""

    left: Ids
    right: Ids
    """(c,) entity ids."""
    rank: Ids
    """(c,) 1-based rank of the right entity among the left one's candidates."""
    score: Floats
    """(c,) reciprocal-rank score of the union."""
    channels: tuple[str, ...]
    channel_rank: npt.NDArray[np.int16]
    """(c, channels) 1-based rank in each channel, 0 where the channel did not retrieve it."""
    channel_score: Floats
    """(c, channels) cosine similarity or other score of the channel, 0 where it gave none."""
    notes: dict[str, str] = field(default_factory=dict)
    """Where retrieval itself chose how: ``embedder`` and ``embedder reason``."""

    def __len__(self) -> int:
        return len(self.left)

    def take(self, rows: Positions | Flags) -> "Candidates":
        """Some of the pairs, or all in another order."""
        columns = ("left", "right", "rank", "score", "channel_rank", "channel_score")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})


@dataclass(frozen=True, slots=True)
class Feature:
    """One line of the evidence: a comparison and what its levels are worth."""

    name: str
    """What is compared: ``names``, ``title = label``, ``neighbours`` …"""
    kind: str
    levels: tuple[str, ...]
    """What each level means, the weakest first."""
    weights: tuple[float, ...]
    """Log-odds (natural) of each level, before a value's rarity is added."""
    left_attribute: int = -1
    right_attribute: int = -1
    """Indices into the profiles' attributes where it compares two of them, else -1."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the judge says of each candidate pair, in the order of the candidates."""

    left: Ids
    right: Ids
    probability: Floats
    """(c,) calibrated probability of a match."""
    log_odds: Floats
    """(c,) the sum of the pair's ``contribution`` row."""
    features: tuple[Feature, ...]
    contribution: Floats
    """(c, features) natural log-odds that each feature adds."""
    level: npt.NDArray[np.int8]
    """(c, features) the level reached, -1 where there was nothing to compare."""
    given: npt.NDArray[np.bool_]
    """(c,) whether the pair was known from the start (``--known``, owl:sameAs in the input)."""
    voted: npt.NDArray[np.int8]
    """(c,) an :class:`Outcome` where the votes of a language model decided, or should have: MATCH, NO_MATCH,
    UNDECIDED, NOT_ASKED or FAILED; -1 where the evidence alone decides."""
    notes: dict[str, float] = field(default_factory=dict)
    """Figures of the model: prior, iterations, share of entities with a match …"""

    def __len__(self) -> int:
        return len(self.left)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a student, a small trained model, says of the pairs that the evidence leaves in doubt."""

    row: Ids
    """(o,) rows of the verdicts, ascending: the pairs that it was shown."""
    log_odds: Floats
    """(o,) the student's own log-odds (natural) of each, calibrated, against all else in its question."""
    prior: Floats
    """(o,) probability before, once the options of a case rule each other out."""
    probability: Floats
    """(o,) probability after, evidence and student together."""
    figures: dict[str, float] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hearing:
    """What the votes of a language model say of the pairs that the evidence leaves in doubt."""

    judging: str
    """Name of the judging in the ledger, empty where nobody was to be asked."""
    row: Ids
    """(h,) rows of the verdicts, ascending: the pairs that were asked about, or should have been."""
    prior: Floats
    """(h,) probability before the votes, once the options of a case rule each other out."""
    probability: Floats
    """(h,) probability after the votes."""
    outcome: npt.NDArray[np.uint8]
    """(h,) an :class:`Outcome`: MATCH, NO_MATCH, UNDECIDED, NOT_ASKED or FAILED."""
    vote_row: Ids
    vote_number: Ids
    vote_log_odds: Floats
    """(v,) each: row of the verdicts, number of the vote within its case, natural log-odds that it adds to
    this row; sorted by row and number."""
    case: pa.LargeStringArray
    """(h,) name in the ledger of the case that each of ``row`` belongs to."""
    incomplete: bool = False
    """Whether questions failed: the next run asks them again."""
    figures: dict[str, float] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recall:
    """With gold: how many of its pairs the candidates hold."""

    at: dict[str, dict[str, float]]
    """Channel, or ``union`` → k, or ``any`` → share of the gold pairs."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """What was decided, globally: one row per pair that is a match or is left to people."""

    left: Ids
    right: Ids
    """(l,) entity ids, sorted by (left, right)."""
    probability: Floats
    outcome: npt.NDArray[np.uint8]
    """(l,) an :class:`Outcome`: MATCH or CONFIRMED; UNDECIDED, NOT_ASKED or FAILED for what is left to
    people."""
    verdict: Ids
    """(l,) row of the pair in the verdicts."""
    cardinality: str
    """What was applied: ``one-to-one``, ``one-to-many``, ``many-to-one`` or ``many-to-many``."""
    reason: str
    """Why, in one sentence."""
    loose: Ids = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    """(k,) rows of the verdicts that would be matches, had their clusters held together without them."""
    oversize: Ids = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    """(k,) rows of the verdicts that would be matches, had their clusters not been too large with them."""
    figures: dict[str, float] = field(default_factory=dict)
    """How many clusters were cut, for each reason, and how many links are expected to be right."""
    warnings: tuple[str, ...] = ()
    """What people should know of that, in sentences."""
    same_iri: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    """(l,) whether both sides call the two by one IRI: they are one node whatever is decided, and no find.
    Empty where nobody looked."""

    def __len__(self) -> int:
        return len(self.left)


@dataclass(frozen=True, slots=True)
class Worklist:
    """What a person should look at: one row per left entity, the likeliest mistake first."""

    left: Ids
    right: Ids
    """(w,) entity ids: of a left entity, each at most once, the pair that is most in doubt."""
    linked: npt.NDArray[np.bool_]
    """(w,) whether this pair is a link."""
    probability: Floats
    """(w,) of this pair, as in the verdicts."""
    second: Ids
    """(w,) the likeliest other right entity, -1 where there is none."""
    second_probability: Floats
    """(w,) of the pair with it, 0 where there is none."""
    doubt: Floats
    """(w,) how probable it is that what was decided of the left entity is wrong, 0 to 1; it never rises."""

    def __len__(self) -> int:
        return len(self.left)
