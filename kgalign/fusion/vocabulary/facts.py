"""What linked nodes say, and what is said of them, as columns ready to compare."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from kgalign.arrays import Doubles, Flags, Positions, connected, distinct, join, run_starts, unique
from kgalign.rdf.graph import Graph, Ids, TermKind
from kgalign.rdf.names import local_name
from kgalign.rdf.vocabulary import OWL_SAME_AS, RDF_TYPE
from kgalign.values import ValueKind, is_digits_date, read_dates, read_numbers
from kgalign.values.text import fold

_MOST_PAIRS = 30_000
_NAMING = frozenset(("label", "preflabel", "name", "title"))
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))


@dataclass(frozen=True, slots=True)
class Links:
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
    def of(cls, left: Graph, right: Graph, a: Ids, b: Ids) -> "Links":
        """Order the distinct links, find what they hold together, and sample them where they are many."""
        a, b = distinct(np.asarray(a, np.int32), np.asarray(b, np.int32))
        size = (len(left.terms), len(right.terms))
        label = connected(a, b + np.int64(size[0]), sum(size))
        ends = unique(np.concatenate([a, b + np.int64(size[0])]))
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


class Side:
    """What the linked nodes of one side say, and what is said of them."""

    def __init__(self, graph: Graph, links: Links, side: int) -> None:
        self.graph, self.size, self.which = graph, len(graph.terms), side
        self.linked = links.component[side]
        type_, same = find_iri(graph, RDF_TYPE), find_iri(graph, OWL_SAME_AS)
        s, p, o = graph.subject, graph.predicate, graph.object
        if (graph.graph != graph.graph[:1]).any():
            s, p, o = distinct(s, p, o)
        keep = (p != type_) & (p != same)
        s, p, o = s[keep], p[keep], o[keep]
        self.properties = unique(p)
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
        used = unique(self.term)
        kind = self.graph.terms.kind[used]
        self.is_node = self.graph.terms.kind <= TermKind.BLANK
        self.raw = dict(
            zip(used.tolist(), self.graph.terms.value.take(pa.array(used)).to_pylist(), strict=True)
        )
        literals = used[kind == TermKind.LITERAL]
        texts = [self.raw[term] for term in literals.tolist()]
        self.number, self.date = np.full(self.size, np.nan), np.full(self.size, np.nan)
        self.bare = np.zeros(self.size, dtype=bool)
        self.number[literals], self.bare[literals] = read_numbers(texts)
        self.date[literals] = read_dates(texts)
        # Of bare digits some may be meant for dates, and the others are numbers.
        digits = np.zeros(self.size, dtype=bool)
        digits[literals] = [is_digits_date(text.strip()) for text in texts]
        self.dated = ~np.isnan(self.date) & (~self.bare | digits)
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

    def _kind(self, prop: int) -> tuple[ValueKind, float]:
        """The kind of a property's values, and the share of them that are linked or have a number."""
        terms = self.term[self.facts(prop)]
        if not len(terms):
            return ValueKind.TEXT, 0.0
        if np.mean(self.is_node[terms]) >= 0.5:
            return ValueKind.NODE, float(np.mean(self.linked[terms] >= 0))
        if np.mean(self.dated[terms]) >= 0.8:
            return ValueKind.DATE, 1.0
        if np.mean(self.bare[terms]) >= 0.8:
            return ValueKind.NUMBER, 1.0
        return ValueKind.TEXT, float(np.mean(~np.isnan(self.number[terms])))

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


def value_keys(left: Side, right: Side, groups: int) -> tuple[Positions, Positions, int]:
    """What the values are compared by: one number for all that is equal, for each fact of each side."""
    number: dict[str, int] = {}
    found = []
    for side in (left, right):
        code = side.linked.copy()
        used = unique(side.term)
        used = used[code[used] < 0]
        kinds = side.graph.terms.kind[used].tolist()
        keys = [_key(side, term, kind) for term, kind in zip(used.tolist(), kinds, strict=True)]
        code[used] = [groups + number.setdefault(key, len(number)) for key in keys]
        found.append(code[side.term])
    return found[0], found[1], groups + len(number)


def _key(side: Side, term: int, kind: int) -> str:
    if kind == TermKind.LITERAL:
        if side.bare[term]:
            return f"#{side.number[term]!r}"
        return f'"{side.folded[term] or side.raw[term]}'
    # A blank node that is not linked equals none of the other side.
    return f"_{side.which}{side.raw[term]}" if kind == TermKind.BLANK else f"<{side.raw[term]}"


def find_iri(graph: Graph, iri: str) -> int:
    """The term id of an IRI, -1 where the graph does not have it."""
    iris = graph.terms.value[: int(np.searchsorted(graph.terms.kind, TermKind.BLANK))]
    return int(pc.index(iris, pa.scalar(iri, pa.large_string())).as_py())


def _local(iri: str) -> str:
    return local_name(iri).casefold()
