"""Which class of one graph corresponds to which of the other."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from kgalign.arrays import distinct, join, unique
from kgalign.fusion.vocabulary.facts import Links, find_iri
from kgalign.rdf.graph import Graph, Ids
from kgalign.rdf.vocabulary import OWL_THING, RDF_TYPE
from kgalign.records.vocabularies import ClassMatch, Override, Relation

_SURE = 0.8
"""Share of values found on the other side from which one property contains the other."""


def types_of(graph: Graph) -> tuple[Ids, Ids]:
    """(node, class) of all rdf:type statements, each once."""
    rows = graph.predicate == find_iri(graph, RDF_TYPE)
    node, type_ = distinct(graph.subject[rows], graph.object[rows])
    return node, type_


Found = list[tuple[ClassMatch, float]]
"""Matches with the share that two classes have in common of what either has."""


def match_classes(left: Graph, right: Graph, links: Links, least: int) -> Found:
    """Classes whose members are linked."""
    tables, names = [], []
    for side, graph in enumerate((left, right)):
        node, type_ = types_of(graph)
        keep = type_ != find_iri(graph, OWL_THING)
        node, type_ = node[keep], type_[keep]
        classes = unique(type_)
        pair, row = join(links.ends[side], node)
        at = pair, np.searchsorted(classes, type_[row])
        ones = np.ones(len(pair), np.int32)
        tables.append(csr_array((ones, at), shape=(len(links), len(classes))))
        names.append(graph.terms.value.take(pa.array(classes)).to_pylist())
    typed = (tables[0].sum(axis=1) > 0) & (tables[1].sum(axis=1) > 0)
    tables = [table[np.flatnonzero(typed)] for table in tables]
    members = [np.asarray(table.sum(axis=0)).ravel() for table in tables]
    shared = (tables[0].T @ tables[1]).tocoo()
    found: Found = []
    for i, j, n in zip(shared.row.tolist(), shared.col.tolist(), shared.data.tolist(), strict=True):
        sizes = int(members[0][i]), int(members[1][j])
        match = _class_match(names[0][i], names[1][j], int(n), sizes, int(typed.sum()))
        if n >= least and match is not None:
            found.append((match, n / (sizes[0] + sizes[1] - n)))
    return found


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


def choose_classes(
    found: Found, given: Sequence[Override], keep: Collection[str] = ()
) -> tuple[ClassMatch, ...]:
    """The matches where each class contains the other, or the one the other, most closely.

    :param given: what the user says of classes instead; either end may be empty.
    :param keep: IRIs of classes that correspond to nothing.
    """
    lefts, rights = {a for a, _ in given if a} | set(keep), {b for _, b in given if b} | set(keep)
    free = [each for each in found if each[0].left not in lefts and each[0].right not in rights]
    result = _choose(free)
    learned = {(match.left, match.right): match for match, _ in found}
    for a, b in given:
        if a and b:
            match = learned.get((a, b), ClassMatch(a, b, "exact", 1.0, 0, 0.0, 0.0, True))
            result.append(replace(match, relation="exact", score=1.0, chosen=True, given=True))
    result.sort(key=lambda m: (not m.given, not m.chosen, -m.score, sorted((m.left, m.right)), m.left))
    return tuple(result)


def _choose(found: Found) -> list[ClassMatch]:
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
