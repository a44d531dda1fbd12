"""Which property and class of one graph corresponds to which of the other: learned from linked nodes.

Two properties correspond where linked nodes agree in their values more than nodes paired at random do.
Values are compared in two ways. As keys: linked nodes, equal IRIs, and literals that fold to the same
text or number; chance is then counted exactly, over all pairs of nodes that are not linked. And by
nearness, in a sample: numbers after a change of unit, dates as far as both go, texts by edit distance;
chance is then measured with partners exchanged. Neither way depends on the order of the links or on
which graph is called left.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import Enum
from typing import Literal
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz
from rapidfuzz.process import cpdist
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from kgalign.arrays import Doubles, Flags, Positions, distinct, join, run_starts, spread
from kgalign.errors import ConfigError
from kgalign.fuse.units import (
    SAME,
    Conversion,
    date_precision,
    dates,
    find_conversion,
    numbers,
    relative_gap,
    same_dates,
)
from kgalign.rdf.graph import Graph, Ids, TermKind
from kgalign.rdf.vocabulary import OWL_SAME_AS, OWL_THING, RDF_TYPE
from kgalign.text import fold, gram_rows, idf, row_dots, sort_words, weigh

Relation = Literal["exact", "close", "narrower", "broader"]
"""What the left property or class is to the right one. ``narrower``: what the left one says, the right one
says too, and more (in SKOS: left skos:broadMatch right). ``close``: they agree beyond chance, and differ."""
INVERSE = "^"
"""Before the right IRI of an override: the left property is the inverse of the right one."""

_MOST_PAIRS = 30_000
_SAMPLE = 200
_TEXT_BUDGET = 150_000
_VALUES = 4
_LONG = 300
"""Characters of a text that are compared."""
_LEAST_GAIN = 0.15
_LEAST_Z = 3.0
_INVERSE_WORTH = 0.8
"""An inverse counts less than a direct correspondence: where both fit, the direct one is meant."""
_NEARNESS_LEAD = 1.25
"""Equality says more than nearness, unless nearness finds so much more agreement."""
_SURE = 0.8
"""Share of values found on the other side from which one property contains the other."""
_TOLERANCES = (1e-3, 0.01, 0.05, 0.2)
_NAMING = frozenset(("label", "preflabel", "name", "title"))
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))


class Kind(Enum):
    """What the values of a property are."""

    NODE = "node"
    NUMBER = "number"
    DATE = "date"
    TEXT = "text"


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
    kept: frozenset[str] = field(default=frozenset())
    """IRIs that the user mapped to nothing."""


Override = tuple[str, str]
"""A left IRI and a right one; either is empty to map the other to nothing."""


def align_vocabularies(
    left: Graph,
    right: Graph,
    links_left: Ids,
    links_right: Ids,
    *,
    overrides: Iterable[Override] = (),
    class_overrides: Iterable[Override] = (),
    one_to_one: bool = True,
    least_support: int = 4,
) -> Vocabularies:
    """Learn the correspondences of properties and classes from linked nodes.

    ``rdf:type`` and ``owl:sameAs`` are no properties here. A property that both graphs use under one IRI
    corresponds to itself. Beyond 30,000 links a sample is looked at, always the same one.

    Args:
        left: one graph.
        right: the other.
        links_left: (l,) term ids of linked nodes in the left graph, each linked with ...
        links_right: (l,) ... the node at the same place, a term id in the right graph.
        overrides: what the user says of properties; it wins over what the data says.
        class_overrides: what the user says of classes.
        one_to_one: whether two properties given for one are an error.
        least_support: linked pairs with both properties from which a correspondence is learned.

    Raises:
        ConfigError: the overrides contradict each other.
    """
    given, given_classes = list(dict.fromkeys(overrides)), list(dict.fromkeys(class_overrides))
    _check(given, "properties", one_to_one)
    _check(given_classes, "classes", one_to_one)
    links = _Links.of(left, right, links_left, links_right)
    learning = _Learning(_Side(left, links, 0), _Side(right, links, 1), links, least_support)
    found = _with_given(_choose(learning.matches(given)), given, learning)
    properties = tuple(learning.describe(match) for match in found)
    classes = _with_given_classes(_classes(left, right, links, least_support), given_classes)
    warnings = [
        *_unknown(given, "property", [_iris(graph, graph.predicate) for graph in (left, right)]),
        *_unknown(given_classes, "class", [_iris(graph, _types(graph)[1]) for graph in (left, right)]),
    ]
    kept = frozenset(a or b.removeprefix(INVERSE) for a, b in given + given_classes if not (a and b))
    return Vocabularies(properties, classes, tuple(warnings), kept)


@dataclass(frozen=True, slots=True)
class _Links:
    """Distinct links in an order that neither their order nor the naming of the sides changes."""

    ends: tuple[Ids, Ids]
    component: tuple[Positions, Positions]
    """For each term of each side, the number of the group of nodes that links hold together; -1 for none."""
    groups: int
    tied: Flags
    """Links whose place in the order is not their own: they play no part in exchanging partners."""

    def __len__(self) -> int:
        return len(self.ends[0])

    @classmethod
    def of(cls, left: Graph, right: Graph, a: Ids, b: Ids) -> "_Links":
        """Order the distinct links, find what they hold together, and sample them where they are many."""
        a, b = distinct(np.asarray(a, np.int32), np.asarray(b, np.int32))
        size = (len(left.terms), len(right.terms))
        ones, shape = np.ones(len(a), np.int8), (sum(size), sum(size))
        edges = coo_array((ones, (a, b + np.int64(size[0]))), shape=shape)
        label = connected_components(edges, directed=False)[1].astype(np.int64)
        ends = np.unique(np.concatenate([a, b + np.int64(size[0])]))
        groups, numbered = np.unique(label[ends], return_inverse=True)
        component = np.full(sum(size), -1, np.int64)
        component[ends] = numbered
        key = _mixed(_mixed(a) + _mixed(b))
        order = np.argsort(key, kind="stable")[:_MOST_PAIRS]
        key = key[order]
        tied = ~run_starts(key)
        tied[:-1] |= tied[1:]
        return cls((a[order], b[order]), (component[: size[0]], component[size[0] :]), len(groups), tied)


def _mixed(values: npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:
    mixed = (values.astype(np.uint64) + np.uint64(1)) * _MIX[0]
    mixed = (mixed ^ (mixed >> np.uint64(29))) * _MIX[1]
    return mixed ^ (mixed >> np.uint64(32))


class _Side:
    """What the linked nodes of one side say, and what is said of them."""

    def __init__(self, graph: Graph, links: _Links, side: int) -> None:
        self.graph, self.size, self.which = graph, len(graph.terms), side
        self.linked = links.component[side]
        type_, same = _find(graph, RDF_TYPE), _find(graph, OWL_SAME_AS)
        s, p, o = graph.subject, graph.predicate, graph.object
        if (graph.graph != graph.graph[:1]).any():
            s, p, o = distinct(s, p, o)
        keep = (p != type_) & (p != same)
        s, p, o = s[keep], p[keep], o[keep]
        self.properties = np.unique(p)
        self.names: list[str] = graph.terms.value.take(pa.array(self.properties)).to_pylist()
        number = np.searchsorted(self.properties, p)
        nodes = links.ends[side]
        pair, row = join(nodes, s)
        known = np.flatnonzero((self.linked[s] >= 0) & (self.linked[o] >= 0))
        pair_i, row_i = join(nodes, o[known])
        row_i = known[row_i]
        self.pair = np.concatenate([pair, pair_i])
        self.property = np.concatenate([number[row], number[row_i] + len(self.properties)])
        """The property's number; inverse ones come after all others."""
        self.term = np.concatenate([o[row], s[row_i]])
        self._read_values()

    def _read_values(self) -> None:
        used = np.unique(self.term)
        kind = self.graph.terms.kind[used]
        self.is_node = self.graph.terms.kind <= TermKind.BLANK
        self.raw = dict(
            zip(used.tolist(), self.graph.terms.value.take(pa.array(used)).to_pylist(), strict=True)
        )
        literals = used[kind == TermKind.LITERAL]
        texts = [self.raw[term] for term in literals.tolist()]
        self.number, self.date = np.full(self.size, np.nan), np.full(self.size, np.nan)
        self.bare = np.zeros(self.size, dtype=bool)
        self.number[literals], bare = numbers(texts)
        self.bare[literals] = bare > 0
        self.date[literals] = dates(texts)
        years = (self.number >= 1000) & (self.number <= 2100) & (self.number % 1 == 0)
        self.dated = ~np.isnan(self.date) & (~self.bare | years)
        self.folded = {term: fold(text) for term, text in zip(literals.tolist(), texts, strict=True)}

    def texts(self, used: Ids) -> None:
        """Give the nodes among some terms a text: their label, or the end of their IRI."""
        missing = [term for term in used.tolist() if term not in self.folded]
        if not missing:
            return
        labels = self._labels(np.array(missing, np.int32))
        for term in missing:
            self.folded[term] = fold(labels.get(term) or local_name(self.raw[term]))

    def _labels(self, nodes: Ids) -> dict[int, str]:
        graph = self.graph
        named = [p for p, iri in zip(self.properties, self.names, strict=True) if _local(iri) in _NAMING]
        wanted = np.zeros(self.size, dtype=bool)
        wanted[nodes] = True
        rows = np.flatnonzero(np.isin(graph.predicate, named) & wanted[graph.subject])
        rows = rows[graph.terms.kind[graph.object[rows]] == TermKind.LITERAL][::-1]
        texts = graph.terms.value.take(pa.array(graph.object[rows])).to_pylist()
        return dict(zip(graph.subject[rows].tolist(), texts, strict=True))

    def index(self, key: Positions) -> None:
        """Sort the facts by property, pair and key, each key once, and find the groups that they make."""
        self.key = key
        order = np.lexsort((self.term, key, self.pair, self.property))
        order = order[run_starts(self.property[order], self.pair[order], key[order])]
        self.property, self.pair, self.term, self.key = (
            column[order] for column in (self.property, self.pair, self.term, key)
        )
        starts = run_starts(self.property, self.pair)
        self.start = np.flatnonzero(starts)
        self.count = np.diff(np.append(self.start, len(self.pair)))
        self.group_property, self.group_pair = self.property[self.start], self.pair[self.start]
        self.share = (1 / self.count)[np.cumsum(starts) - 1] if len(starts) else np.zeros(0)
        self.width = 2 * len(self.properties)
        self.pairs_with = np.bincount(self.group_property, minlength=self.width)
        self.kinds = [self._kind(p) for p in range(len(self.properties))]

    def facts(self, prop: int) -> slice:
        """Where the facts of a property stand."""
        return slice(*np.searchsorted(self.property, [prop, prop + 1]).tolist())

    def _kind(self, prop: int) -> tuple[Kind, float]:
        """The kind of a property's values, and the share of them that are linked or have a number."""
        terms = self.term[self.facts(prop)]
        if not len(terms):
            return Kind.TEXT, 0.0
        if np.mean(self.is_node[terms]) >= 0.5:
            return Kind.NODE, float(np.mean(self.linked[terms] >= 0))
        if np.mean(self.dated[terms]) >= 0.8:
            return Kind.DATE, 1.0
        if np.mean(self.bare[terms]) >= 0.8:
            return Kind.NUMBER, 1.0
        return Kind.TEXT, float(np.mean(~np.isnan(self.number[terms])))

    def by_pair(self, size: int) -> csr_array:
        """(properties and inverses, pairs): 1 where the node has the property."""
        ones = np.ones(len(self.group_pair), np.int32)
        return csr_array((ones, (self.group_property, self.group_pair)), shape=(self.width, size))

    def by_key(self, keys: int, weights: Doubles) -> csr_array:
        """(properties and inverses, keys): sum of the weights of the facts."""
        return csr_array((weights, (self.property, self.key)), shape=(self.width, keys))

    def languages(self, prop: int) -> str:
        """The languages of a property's values, the most frequent first; those of few values left out."""
        used = self.graph.terms.language[self.term[self.facts(prop)]]
        counts = np.bincount(used[used >= 0], minlength=1)
        often = np.flatnonzero(counts >= max(0.1 * len(used), 1))
        tags = sorted((-counts[i], self.graph.terms.languages[i].lower()) for i in often.tolist())
        return " ".join(tag for _, tag in tags)


def _keys(left: _Side, right: _Side, groups: int) -> tuple[Positions, Positions, int]:
    """What the values are compared by: one number for all that is equal, for each fact of each side."""
    number: dict[str, int] = {}
    found = []
    for side in (left, right):
        code = side.linked.copy()
        used = np.unique(side.term)
        used = used[code[used] < 0]
        kinds = side.graph.terms.kind[used].tolist()
        keys = [_key(side, term, kind) for term, kind in zip(used.tolist(), kinds, strict=True)]
        code[used] = [groups + number.setdefault(key, len(number)) for key in keys]
        found.append(code[side.term])
    return found[0], found[1], groups + len(number)


def _key(side: _Side, term: int, kind: int) -> str:
    if kind == TermKind.LITERAL:
        if side.bare[term]:
            return f"#{side.number[term]!r}"
        return f'"{side.folded[term] or side.raw[term]}'
    # A blank node that is not linked equals none of the other side.
    return f"_{side.which}{side.raw[term]}" if kind == TermKind.BLANK else f"<{side.raw[term]}"


@dataclass(frozen=True, slots=True)
class _Evidence:
    """How much the values of two properties agree, and how much they would by chance."""

    seen: int
    shares: tuple[float, float]
    chances: tuple[float, float]
    conversion: Conversion = SAME
    year_only: bool = False

    @property
    def agreement(self) -> float:
        """The mean of both directions."""
        return sum(self.shares) / 2

    @property
    def chance(self) -> float:
        """The mean of both directions."""
        return sum(self.chances) / 2

    @property
    def beyond(self) -> tuple[float, float]:
        """Agreement beyond chance in each direction, as a share of what chance leaves (Cohen's kappa)."""
        pairs = zip(self.shares, self.chances, strict=True)
        left, right = (max(0.0, (s - c) / (1 - c)) if c < 1 - 1e-9 else 0.0 for s, c in pairs)
        return left, right

    @property
    def score(self) -> float:
        """Agreement beyond chance, lower where few pairs tell it."""
        return sum(self.beyond) / 2 * self.seen / (self.seen + 1)

    @property
    def holds(self) -> bool:
        """Whether it is unlikely that chance did this."""
        gain = self.agreement - self.chance
        variance = max(self.chance * (1 - self.chance), self.agreement * (1 - self.agreement), 0.01)
        return gain >= _LEAST_GAIN and gain >= _LEAST_Z * math.sqrt(variance / max(self.seen, 1))


class _Learning:
    """Compares the properties of both sides."""

    def __init__(self, left: _Side, right: _Side, links: _Links, least: int) -> None:
        self.sides, self.links, self.least = (left, right), links, least
        *keys, self.keys = _keys(left, right, links.groups)
        left.index(keys[0])
        right.index(keys[1])
        both = (left.by_pair(len(links)) @ right.by_pair(len(links)).T).tocoo()
        cell = both.row.astype(np.int64) * right.width + both.col
        order = np.argsort(cell)
        self.cells, self.both = cell[order], np.asarray(both.data[order], np.int64)
        self.evidence: dict[int, _Evidence] = {}
        self.seen_at: dict[tuple[str, str, bool], int] = {}
        """The cell that tells each match: an inverse may be told from either end."""

    def cell(self, a: str, b: str) -> int:
        """The cell of two properties by name, -1 where no linked pair has both."""
        left, right = self.sides
        inverse, b = b.startswith(INVERSE), b.removeprefix(INVERSE)
        if a not in left.names or b not in right.names:
            return -1
        column = right.names.index(b) + inverse * len(right.properties)
        found = left.names.index(a) * right.width + column
        place = int(np.searchsorted(self.cells, found))
        return found if place < len(self.cells) and self.cells[place] == found else -1

    def support(self, cell: int) -> int:
        """Linked pairs that have both."""
        place = int(np.searchsorted(self.cells, cell))
        return int(self.both[place]) if place < len(self.cells) and self.cells[place] == cell else 0

    def matches(self, given: Sequence[Override]) -> list[PropertyMatch]:
        """All correspondences that hold, those of one IRI on both sides, and those given, in any order."""
        left, right = self.sides
        same = [self.cell(name, name) for name in sorted(set(left.names) & set(right.names))]
        forced = {self.cell(a, b) for a, b in given if a and b} | set(same)
        forced.discard(-1)
        self._compare_keys(forced)
        self._compare_nearness(forced)
        for cell in forced - self.evidence.keys():
            self.evidence[cell] = _Evidence(self.support(cell), (0.0, 0.0), (0.0, 0.0))
        found = {}
        for cell in sorted(self.evidence):
            p, q = divmod(cell, right.width)
            if p < len(left.properties) and (self.evidence[cell].holds or cell in forced):
                found[cell] = self._match(p, q, cell)
        self._add_inverse_ends(found)
        return list(found.values())

    def _add_inverse_ends(self, found: dict[int, PropertyMatch]) -> None:
        """An inverse can be seen from either end; the better one counts."""
        left, right = self.sides
        n, m = len(left.properties), len(right.properties)
        for cell in sorted(self.evidence):
            p, q = divmod(cell, right.width)
            if p < n or not self.evidence[cell].holds:
                continue
            other = (p - n) * right.width + q + m
            if other not in found or self._rank(cell) > self._rank(other):
                found[other] = self._match(p, q, cell)
        for cell, match in sorted(found.items()):
            p, q = divmod(cell, right.width)
            direct = found.get(p * right.width + q - m) if match.inverse else None
            if direct and direct.score >= _INVERSE_WORTH * match.score:
                del found[cell]

    def _rank(self, cell: int) -> tuple[float, int]:
        return self.evidence[cell].score, self.support(cell)

    def _compare_keys(self, forced: set[int]) -> None:
        left, right = self.sides
        rows_l, rows_r = join(left.pair * self.keys + left.key, right.pair * self.keys + right.key)
        cell = left.property[rows_l] * right.width + right.property[rows_r]
        direct = (left.property[rows_l] < len(left.properties)) | (
            right.property[rows_r] < len(right.properties)
        )
        cells, place = np.unique(cell[direct], return_inverse=True)
        sums: list[Doubles] = [
            np.bincount(place, weights=side.share[rows[direct]], minlength=len(cells)).astype(np.float64)
            for side, rows in ((left, rows_l), (right, rows_r))
        ]
        both = self.both[np.searchsorted(self.cells, cells)]
        keep = (both >= self.least) & (sums[0] + sums[1] >= 2 * _LEAST_GAIN * both)
        keep |= np.isin(cells, list(forced))
        cells, both, sums = cells[keep], both[keep], [each[keep] for each in sums]
        if not len(cells):
            return
        chances = self._chances(cells, both, sums)
        for i, cell_ in enumerate(cells.tolist()):
            n = int(both[i])
            self.evidence[cell_] = _Evidence(
                n,
                (float(sums[0][i]) / n, float(sums[1][i]) / n),
                (float(chances[0][i]), float(chances[1][i])),
            )

    def _chances(self, cells: Positions, both: Positions, sums: list[Doubles]) -> list[Doubles]:
        """The agreement of all pairs of nodes that are not linked, counted exactly."""
        left, right = self.sides
        p, q = (cells // right.width).astype(np.int32), (cells % right.width).astype(np.int32)
        ones = [np.ones(len(side.key)) for side in self.sides]
        others = left.pairs_with[p].astype(np.float64) * right.pairs_with[q] - both
        result = []
        for side, weights in enumerate(((left.share, ones[1]), (ones[0], right.share))):
            rows = left.by_key(self.keys, weights[0]), right.by_key(self.keys, weights[1])
            total = row_dots(rows[0], rows[1], p, q, 20_000).astype(np.float64) - sums[side]
            result.append(np.clip(np.divide(total, others, out=np.zeros_like(total), where=others > 0), 0, 1))
        return result

    def _compare_nearness(self, forced: set[int]) -> None:
        left, right = self.sides
        kinds = {}
        for cell, both in zip(self.cells.tolist(), self.both.tolist(), strict=True):
            p, q = divmod(cell, right.width)
            if p >= len(left.kinds) or q >= len(right.kinds) or (both < self.least and cell not in forced):
                continue
            kind = _shared_kind(left.kinds[p], right.kinds[q])
            if kind is not None:
                kinds[cell] = kind
        rows = self._rows(kinds)
        for kind in (Kind.NUMBER, Kind.DATE, Kind.TEXT):
            cells = np.array([cell for cell in sorted(kinds) if kinds[cell] == kind], np.int64)
            if len(cells):
                self._compare_kind(kind, cells, *(column[np.isin(rows[0], cells)] for column in rows))

    def _rows(self, kinds: dict[int, Kind]) -> tuple[Positions, Positions, Positions]:
        """(cell, left group, right group) of a sample of the pairs that have both."""
        left, right = self.sides
        cells = np.array(sorted(kinds), np.int64)
        a, b = (np.flatnonzero(side.group_property < len(side.properties)) for side in self.sides)
        i, j = join(left.group_pair[a], right.group_pair[b])
        a, b = a[i], b[j]
        cell = left.group_property[a] * right.width + right.group_property[b]
        keep = np.isin(cell, cells)
        cell, a, b = cell[keep], a[keep], b[keep]
        order = np.lexsort((left.group_pair[a], cell))
        cell, a, b = cell[order], a[order], b[order]
        starts = np.flatnonzero(run_starts(cell))
        place = np.arange(len(cell)) - np.repeat(starts, np.diff(np.append(starts, len(cell))))
        texts = sum(kind == Kind.TEXT for kind in kinds.values())
        few = max(25, min(_SAMPLE, _TEXT_BUDGET // max(texts, 1)))
        is_text = np.isin(cell, [c for c, kind in kinds.items() if kind == Kind.TEXT])
        keep = place < np.where(is_text, few, 2 * _SAMPLE)
        return cell[keep], a[keep], b[keep]

    def _compare_kind(
        self, kind: Kind, cells: Positions, cell: Positions, a: Positions, b: Positions
    ) -> None:
        rules = self._conversions(cells, cell, a, b) if kind == Kind.NUMBER else {}
        linked = self._shares(kind, cells, rules, cell, a, b)
        at_random = self._shares(kind, cells, rules, cell, *self._exchanged(cell, a, b))
        seen = np.bincount(np.searchsorted(cells, cell), minlength=len(cells))
        for i, c in enumerate(cells.tolist()):
            levels = [
                _Evidence(
                    int(seen[i]),
                    (float(x[i, 0]), float(x[i, 1])),
                    (float(r[i, 0]), float(r[i, 1])),
                    rules.get(c, SAME),
                    kind == Kind.DATE and level == 1,
                )
                for level, (x, r) in enumerate(zip(linked, at_random, strict=True))
            ]
            best = max(levels, key=lambda e: round(e.score, 9))
            old = self.evidence.get(c)
            if old is None or best.score > _NEARNESS_LEAD * old.score:
                self.evidence[c] = best
            elif not best.conversion.same or best.conversion.pairs:
                self.evidence[c] = replace(old, conversion=best.conversion)

    def _exchanged(self, cell: Positions, a: Positions, b: Positions) -> tuple[Positions, Positions]:
        """The same left groups with the right ones in reverse order; -1 where that is no exchange."""
        left, right = self.sides
        starts = np.flatnonzero(run_starts(cell))
        counts = np.diff(np.append(starts, len(cell)))
        first, last = np.repeat(starts, counts), np.repeat(starts + counts - 1, counts)
        turned = first + last - np.arange(len(cell))
        other = b[turned]
        pair, other_pair = left.group_pair[a], right.group_pair[other]
        component = self.links.component[0][self.links.ends[0]]
        bad = self.links.tied[pair] | self.links.tied[other_pair]
        bad |= component[pair] == component[other_pair]
        return np.where(bad, -1, a), np.where(bad, -1, other)

    def _expand(self, a: Positions, b: Positions) -> tuple[Positions, Positions, Positions, Ids, Ids]:
        """All pairs of the first values of two groups each: (row, place left, place right, term, term)."""
        left, right = self.sides
        valid = a >= 0
        ca = np.where(valid, np.minimum(left.count[a], _VALUES), 0)
        cb = np.where(valid, np.minimum(right.count[b], _VALUES), 0)
        row, place = spread(np.zeros(len(a), np.int64), ca * cb)
        i, j = place // np.maximum(cb[row], 1), place % np.maximum(cb[row], 1)
        return row, i, j, left.term[left.start[a[row]] + i], right.term[right.start[b[row]] + j]

    def _conversions(
        self, cells: Positions, cell: Positions, a: Positions, b: Positions
    ) -> dict[int, Conversion]:
        left, right = self.sides
        single = (left.count[a] == 1) & (right.count[b] == 1)
        x = np.where(single, left.number[left.term[left.start[a]]], np.nan)
        y = np.where(single, right.number[right.term[right.start[b]]], np.nan)
        bounds = np.searchsorted(cell, cells), np.searchsorted(cell, cells, "right")
        rules = {}
        for c, low, high in zip(cells.tolist(), *bounds, strict=True):
            p, q = divmod(c, right.width)
            names = (local_name(left.names[p]), local_name(right.names[q]))
            rules[c] = find_conversion(x[low:high], y[low:high], names)
        return rules

    def _shares(
        self,
        kind: Kind,
        cells: Positions,
        rules: dict[int, Conversion],
        cell: Positions,
        a: Positions,
        b: Positions,
    ) -> list[Doubles]:
        """For each level: (cells, 2) mean share of left values found right, and of right ones left."""
        row, i, j, x, y = self._expand(a, b)
        used = a >= 0
        where = np.searchsorted(cells, cell)
        number = np.bincount(where[used], minlength=len(cells))
        result = []
        for level in self._similarities(kind, rules, cell[row], x, y):
            sides = []
            for place in (i, j):
                best = _best(row * _VALUES + place, level, len(a) * _VALUES)
                owner = np.repeat(np.arange(len(a)), _VALUES)
                known = best >= 0
                total = np.bincount(owner[known], weights=best[known], minlength=len(a))
                count = np.bincount(owner[known], minlength=len(a))
                mean = np.divide(total, count, out=np.zeros(len(a)), where=count > 0)
                summed = np.bincount(where[used], weights=mean[used], minlength=len(cells))
                # Where no partners could be exchanged, chance may be all there is.
                sides.append(np.divide(summed, number, out=np.ones(len(cells)), where=number > 0))
            result.append(np.stack(sides, axis=1))
        return result

    def _similarities(
        self, kind: Kind, rules: dict[int, Conversion], cell: Positions, x: Ids, y: Ids
    ) -> list[Doubles]:
        left, right = self.sides
        if kind == Kind.DATE:
            return list(same_dates(left.date[x], right.date[y]))
        if kind == Kind.TEXT:
            return self._text_similarities(x, y)
        gap = np.full(len(x), np.inf)
        starts = np.append(np.flatnonzero(run_starts(cell)), len(cell))
        for low, high in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            part = slice(low, high)
            gap[part] = relative_gap(left.number[x[part]], right.number[y[part]], rules[int(cell[low])])
        return [(gap <= tolerance).astype(np.float64) for tolerance in _TOLERANCES]

    def _text_similarities(self, x: Ids, y: Ids) -> list[Doubles]:
        """Edit similarity of the sorted words, which sees typing errors, and the cosine of rare trigrams."""
        left, right = self.sides
        keys, inverse = np.unique(x.astype(np.int64) * right.size + y, return_inverse=True)
        words: list[list[str]] = []
        rows, places = [], []
        for side, terms in ((left, keys // right.size), (right, keys % right.size)):
            used, place = np.unique(terms, return_inverse=True)
            side.texts(used)
            folded = [side.folded[term][:_LONG] for term in used.tolist()]
            ordered = [sort_words(text) for text in folded]
            words.append([ordered[i] for i in place.tolist()])
            rows.append(gram_rows(folded))
            places.append(place.astype(np.int32))
        ratio = cpdist(*words, scorer=fuzz.ratio, dtype=np.float32, workers=-1).astype(np.float64) / 100
        weights = idf(rows[0], rows[1])
        cosine = row_dots(weigh(rows[0], weights), weigh(rows[1], weights), places[0], places[1]).astype(
            np.float64
        )
        empty = np.array([not t or not u for t, u in zip(*words, strict=True)], dtype=bool)
        return [np.where(empty, 0.0, each)[inverse] for each in (ratio, np.clip(cosine, 0, 1))]

    def _match(self, p: int, q: int, cell: int) -> PropertyMatch:
        """The match of a left and a right property (or an inverse of one), by the evidence of a cell."""
        left, right = self.sides
        n, m = len(left.properties), len(right.properties)
        found = self.evidence[cell]
        self.seen_at[left.names[p % n], right.names[q % m], p >= n or q >= m] = cell
        kinds = left.kinds[p % n][0], right.kinds[q % m][0]
        relation, score = _relation(found), found.score
        if left.names[p % n] == right.names[q % m] and p < n and q < m:
            # One IRI says one thing. Chance plays no part, as there is nothing to tell it from.
            relation, score = "exact", found.agreement * found.seen / (found.seen + 1)
        elif relation == "exact" and Kind.NODE in kinds and kinds[0] != kinds[1]:
            relation = "close"
        return PropertyMatch(
            left=left.names[p % n],
            right=right.names[q % m],
            relation=relation,
            inverse=p >= n or q >= m,
            score=round(score, 9),
            support=self.support(cell),
            agreement=found.agreement,
            left_agreement=found.shares[0],
            right_agreement=found.shares[1],
            chance=found.chance,
            kinds=kinds,
            conversion=found.conversion,
            notes=(),
            examples=(),
            chosen=False,
        )

    def describe(self, match: PropertyMatch) -> PropertyMatch:
        """The match with notes and examples: made only for those that are kept."""
        if (match.left, match.right, match.inverse) not in self.seen_at:
            return match
        cell = self.seen_at[match.left, match.right, match.inverse]
        p, q = divmod(cell, self.sides[1].width)
        notes = tuple(self._notes(p, q, self.evidence[cell]))
        return replace(match, notes=notes, examples=self._examples(p, q))

    def _notes(self, p: int, q: int, found: _Evidence) -> list[str]:
        left, right = self.sides
        notes = [found.conversion.note] if found.conversion.note else []
        if p >= len(left.kinds) or q >= len(right.kinds):
            return notes
        if left.kinds[p][0] == right.kinds[q][0] == Kind.DATE:
            terms = left.term[left.facts(p)], right.term[right.facts(q)]
            said = date_precision(left.date[terms[0]]), date_precision(right.date[terms[1]])
            if said[0] != said[1]:
                notes.append(f"dates to the {said[0]} left, to the {said[1]} right")
            elif found.year_only and "day" in said:
                notes.append("dates of one year, that differ in month or day")
        spoken = left.languages(p), right.languages(q)
        if spoken[0] != spoken[1]:
            notes.append(f"languages: {spoken[0] or 'none'} left, {spoken[1] or 'none'} right")
        return notes

    def _examples(self, p: int, q: int) -> tuple[tuple[str, str], ...]:
        """Values of the first three pairs that have both: equal ones where a pair has them."""
        left, right = self.sides
        a, b = left.facts(p), right.facts(q)
        # The facts of a property are sorted by pair: only the first shared ones are looked for.
        shared = np.flatnonzero(np.isin(left.pair[a], right.pair[b]))
        pairs = list(dict.fromkeys(left.pair[a][shared[:200]].tolist()))[:3]
        result = []
        for pair in pairs:
            terms = []
            for side, part in ((left, a), (right, b)):
                low, high = np.searchsorted(side.pair[part], [pair, pair + 1]).tolist()
                rows = range(part.start + low, part.start + high)
                terms.append({int(side.key[row]): int(side.term[row]) for row in rows})
            equal = [(terms[0][key], terms[1][key]) for key in terms[0].keys() & terms[1].keys()]
            if equal:
                ends = min(equal, key=lambda e: (sorted(e), e))
            else:
                ends = min(terms[0].values()), min(terms[1].values())
            result.append((left.raw[ends[0]], right.raw[ends[1]]))
        return tuple(result)


def _shared_kind(left: tuple[Kind, float], right: tuple[Kind, float]) -> Kind | None:
    """The manner in which the values of two properties are near, None where equality says it all."""
    kinds = {left[0], right[0]}
    if kinds == {Kind.NODE}:
        return Kind.TEXT if min(left[1], right[1]) < 0.5 else None
    if kinds <= {Kind.NODE, Kind.TEXT}:
        return Kind.TEXT
    if kinds <= {Kind.NUMBER, Kind.DATE}:
        return Kind.DATE if kinds == {Kind.DATE} else Kind.NUMBER
    if kinds == {Kind.NUMBER, Kind.TEXT}:
        share = left[1] if left[0] == Kind.TEXT else right[1]
        return Kind.NUMBER if share >= 0.8 else None
    return None


def _best(group: Positions, value: Doubles, groups: int) -> Doubles:
    """(groups,) the largest value of each, -1 where it has none."""
    result = np.full(groups, -1.0)
    np.maximum.at(result, group, value)
    return result


def _relation(found: _Evidence) -> Relation:
    a, b = found.shares
    if min(a, b) >= _SURE or min(found.beyond) >= _SURE:
        return "exact"
    if max(a, b) >= _SURE and abs(a - b) >= 0.2:
        return "narrower" if a > b else "broader"
    return "close"


def _choose(matches: list[PropertyMatch]) -> list[PropertyMatch]:
    """Keep the best of each property, and mark a one-to-one part; what is one IRI comes first."""

    def worth(match: PropertyMatch) -> float:
        # Many facts with a fair agreement say more than a few with a perfect one.
        turned = _INVERSE_WORTH if match.inverse else 1.0
        return round(turned * match.score * math.sqrt(match.support), 9)

    best: dict[tuple[int, str], float] = {}
    for match in matches:
        for end in ((0, match.left), (1, match.right)):
            best[end] = max(best.get(end, 0.0), worth(match))
    kept = [
        match
        for match in matches
        if match.left == match.right
        or worth(match) >= max(best[0, match.left], best[1, match.right])
        or (match.score >= 0.5 and worth(match) >= min(best[0, match.left], best[1, match.right]))
        or (match.score >= 0.5 and match.relation in ("narrower", "broader"))
    ]
    taken: set[tuple[int, str]] = set()
    result = []
    for match in sorted(
        kept,
        key=lambda m: (m.left != m.right or m.inverse, -worth(m), sorted((m.left, m.right)), m.inverse),
    ):
        ends = {(0, match.left), (1, match.right)}
        same = match.left == match.right and not match.inverse
        chosen = not ends & taken and (same or match.score >= 0.2)
        taken |= ends if chosen else set()
        result.append(replace(match, chosen=chosen))
    return _sorted(result)


def _sorted(matches: Iterable[PropertyMatch]) -> list[PropertyMatch]:
    return sorted(
        matches,
        key=lambda m: (not m.given, not m.chosen, -m.score, sorted((m.left, m.right)), m.left, m.inverse),
    )


def _with_given(
    matches: list[PropertyMatch], given: Sequence[Override], learning: _Learning
) -> tuple[PropertyMatch, ...]:
    """Put what the user says in place of what was learned of these properties."""
    lefts = {a for a, _ in given if a}
    rights = {b.removeprefix(INVERSE) for _, b in given if b}
    learned = {(m.left, m.right, m.inverse): m for m in matches}
    result = [m for m in matches if m.left not in lefts and m.right not in rights]
    for a, b in given:
        if not (a and b):
            continue
        inverse, iri = b.startswith(INVERSE), b.removeprefix(INVERSE)
        found = learned.get((a, iri, inverse))
        cell = learning.cell(a, b)
        if found is None and cell in learning.evidence:
            found = learning._match(*divmod(cell, learning.sides[1].width), cell)
        if found is None:
            found = PropertyMatch(
                a, iri, "exact", inverse, 1.0, max(0, learning.support(cell)), 0.0, 0.0, 0.0, 0.0,
                (Kind.TEXT, Kind.TEXT), SAME, (), (), True,
            )  # fmt: skip
        result.append(replace(found, relation="exact", score=1.0, chosen=True, given=True))
    return tuple(_sorted(result))


def _types(graph: Graph) -> tuple[Ids, Ids]:
    """(node, class) of all rdf:type statements, each once."""
    rows = graph.predicate == _find(graph, RDF_TYPE)
    node, type_ = distinct(graph.subject[rows], graph.object[rows])
    return node, type_


def _classes(left: Graph, right: Graph, links: _Links, least: int) -> list[ClassMatch]:
    """Classes whose members are linked: where each contains the other, or the one the other, most closely."""
    tables, names = [], []
    for side, graph in enumerate((left, right)):
        node, type_ = _types(graph)
        keep = type_ != _find(graph, OWL_THING)
        node, type_ = node[keep], type_[keep]
        classes = np.unique(type_)
        pair, row = join(links.ends[side], node)
        at = pair, np.searchsorted(classes, type_[row])
        ones = np.ones(len(pair), np.int32)
        tables.append(csr_array((ones, at), shape=(len(links), len(classes))))
        names.append(graph.terms.value.take(pa.array(classes)).to_pylist())
    typed = (tables[0].sum(axis=1) > 0) & (tables[1].sum(axis=1) > 0)
    tables = [table[np.flatnonzero(typed)] for table in tables]
    members = [np.asarray(table.sum(axis=0)).ravel() for table in tables]
    shared = (tables[0].T @ tables[1]).tocoo()
    found = []
    for i, j, n in zip(shared.row.tolist(), shared.col.tolist(), shared.data.tolist(), strict=True):
        sizes = int(members[0][i]), int(members[1][j])
        match = _class_match(names[0][i], names[1][j], int(n), sizes, int(typed.sum()))
        if n >= least and match is not None:
            found.append((match, n / (sizes[0] + sizes[1] - n)))
    return _choose_classes(found)


def _class_match(left: str, right: str, n: int, sizes: tuple[int, int], total: int) -> ClassMatch | None:
    shares = n / sizes[0], n / sizes[1]
    beyond = []
    for share, base in zip(shares, (sizes[1] / total, sizes[0] / total), strict=True):
        # Where all are of one class on both sides, there is nothing to compare with: that counts half.
        alone = 0.5 if sizes == (total, total) else 0.0
        beyond.append((share - base) / (1 - base) if base < 1 else alone)
    score = round(max(0.0, sum(beyond) / 2) * n / (n + 1), 9)
    if left != right and (max(beyond) < 0.3 or score < 0.1):
        return None
    relation: Relation = "close"
    if left == right or min(shares) >= _SURE:
        relation = "exact"
    elif max(shares) >= 0.9:
        relation = "narrower" if shares[0] > shares[1] else "broader"
    return ClassMatch(left, right, relation, score, n, *shares, False)


def _choose_classes(found: list[tuple[ClassMatch, float]]) -> list[ClassMatch]:
    best: dict[tuple[int, str], float] = {}
    for match, overlap in found:
        for end in ((0, match.left), (1, match.right)):
            best[end] = max(best.get(end, 0.0), round(overlap, 9))
    taken: set[tuple[int, str]] = set()
    result = []
    for match, overlap in sorted(
        found, key=lambda f: (f[0].left != f[0].right, -round(f[1], 9), sorted((f[0].left, f[0].right)))
    ):
        ends = {(0, match.left), (1, match.right)}
        chosen = not ends & taken and (match.left == match.right or match.relation in ("exact", "close"))
        top = round(overlap, 9) >= min(best[0, match.left], best[1, match.right])
        if chosen or top:
            taken |= ends if chosen else set()
            result.append(replace(match, chosen=chosen))
    return result


def _with_given_classes(matches: list[ClassMatch], given: Sequence[Override]) -> tuple[ClassMatch, ...]:
    """Put what the user says in place of what was learned of these classes."""
    lefts, rights = {a for a, _ in given if a}, {b for _, b in given if b}
    learned = {(m.left, m.right): m for m in matches}
    result = [m for m in matches if m.left not in lefts and m.right not in rights]
    for a, b in given:
        if a and b:
            found = learned.get((a, b), ClassMatch(a, b, "exact", 1.0, 0, 0.0, 0.0, True))
            result.append(replace(found, relation="exact", score=1.0, chosen=True, given=True))
    result.sort(key=lambda m: (not m.given, not m.chosen, -m.score, sorted((m.left, m.right)), m.left))
    return tuple(result)


def _check(given: Sequence[Override], what: str, one_to_one: bool) -> None:
    """Refuse overrides that say two things of one."""
    faults = []
    for side in (0, 1):
        said: dict[str, list[str]] = {}
        for pair in given:
            if key := pair[side].removeprefix(INVERSE):
                said.setdefault(key, []).append(pair[1 - side])
        for key, others in said.items():
            if len(others) > 1 and (one_to_one or "" in others):
                named = " and ".join(f"to {other}" if other else "to nothing" for other in others)
                faults.append(f"{key} is mapped {named}")
    if any(not a and not b for a, b in given):
        faults.append("an entry names neither side")
    if faults:
        raise ConfigError(faults, f"The mapping of {what}")


def _unknown(given: Sequence[Override], what: str, known: Sequence[frozenset[str]]) -> list[str]:
    """One sentence for each IRI that its side does not use, with the nearest that it does."""
    warnings = []
    for pair in given:
        for side, iri in zip(("left", "right"), pair, strict=True):
            iri, there = iri.removeprefix(INVERSE), known[side == "right"]
            if not iri or iri in there:
                continue
            near = get_close_matches(iri, sorted(there), 1, 0.6)
            hint = f"; did you mean {near[0]}?" if near else ""
            warnings.append(f"The {side} graph has no {what} {iri}{hint}")
    return warnings


def _iris(graph: Graph, terms: Ids) -> frozenset[str]:
    return frozenset(graph.terms.value.take(pa.array(np.unique(terms))).to_pylist())


def _find(graph: Graph, iri: str) -> int:
    """The term id of an IRI, -1 where the graph does not have it."""
    iris = graph.terms.value[: int(np.searchsorted(graph.terms.kind, TermKind.BLANK))]
    return int(pc.index(iris, pa.scalar(iri, pa.large_string())).as_py())


def local_name(iri: str) -> str:
    """What comes after the last slash or number sign of an IRI, percent signs decoded."""
    return unquote(iri.rstrip("/#").replace("#", "/").rsplit("/", 1)[-1])


def _local(iri: str) -> str:
    return local_name(iri).casefold()
