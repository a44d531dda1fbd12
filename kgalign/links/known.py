"""Links that are known before anything is compared: from files, and from the graphs themselves."""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.errors import InputError
from kgalign.links.gold import Pair
from kgalign.links.pairs import PairIndex, pair_ids
from kgalign.rdf.graph import Graph, Ids, TermKind, Terms
from kgalign.records import Candidates, Profile

log = logging.getLogger(__name__)

PREDICATES = (
    "http://www.w3.org/2002/07/owl#sameAs",
    "http://www.w3.org/2004/02/skos/core#exactMatch",
)
"""Statements of a graph with these predicates say that two things are one."""


def known_links(
    files: Sequence[tuple[Path, Sequence[Pair]]],
    graphs: tuple[Graph, Graph],
    profiles: tuple[Profile, Profile],
) -> tuple[Ids, Ids]:
    """Pairs of entity ids, sorted and distinct, that are the same by word of the user or of the graphs.

    A pair may be written in either order. An IRI that both sides use is no known link by itself: the
    user's files may say that it is one, but a graph's ``x owl:sameAs x`` says nothing.

    :param files: links of the user, by their files.
    :param graphs: both sides, whose own links between the sides count too.
    :param profiles: both sides' entities.
    :raises InputError: none of the links of a file names an entity on each side.
    """
    found = [_resolve(_links_of_graph(graph), profiles) for graph in graphs]
    for file, pairs in files:
        ids = _resolve(pairs, profiles)
        _check(file, pairs, ids)
        found.append(ids)
    rows = np.concatenate([ids[(ids >= 0).all(axis=1)] for ids in found])
    unique = np.unique(rows, axis=0)
    return np.ascontiguousarray(unique[:, 0]), np.ascontiguousarray(unique[:, 1])


def same_within(graph: Graph, apart: Collection[tuple[str, str]] = ()) -> tuple[Ids, Ids]:
    """Pairs of nodes of one graph that are one thing by its own word, as term ids: distinct and sorted.

    Only ``owl:sameAs`` says so, and only of two nodes of which the graph says something else too, be they
    entities or not: what is described nowhere here is a name in another data set, and the statement stays
    what it is. So does ``skos:exactMatch``: it links concepts of two schemes that go on to be two.

    :param apart: pairs that a person took apart, in either order, ``_:label`` for a blank node.
    """
    terms = graph.terms
    links = np.isin(graph.predicate, _predicates(terms, PREDICATES))
    described = np.zeros(len(terms), bool)
    described[graph.subject[~links]] = True
    named = np.isin(graph.predicate, _predicates(terms, PREDICATES[:1]))
    rows = np.flatnonzero(
        named & described[graph.subject] & described[graph.object] & (graph.subject != graph.object)
    )
    ends = np.sort(np.stack([graph.subject[rows], graph.object[rows]], axis=1), axis=1)
    pairs = np.unique(ends, axis=0)
    if apart and len(pairs):
        texts = node_texts(graph, pairs.ravel())
        said = zip(texts[::2], texts[1::2], strict=True)
        pairs = pairs[[(a, b) not in apart and (b, a) not in apart for a, b in said]]
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])


def node_texts(graph: Graph, ids: npt.NDArray[np.int32]) -> list[str]:
    """IRIs of nodes, and ``_:label`` of blank ones, by their term ids."""
    values = graph.terms.value.take(pa.array(ids)).to_pylist()
    blank = graph.terms.kind[ids] == TermKind.BLANK
    return [f"_:{value}" if is_blank else value for value, is_blank in zip(values, blank, strict=True)]


def _predicates(terms: Terms, iris: Sequence[str]) -> npt.NDArray[np.int64]:
    """The ids of those of some IRIs that are terms."""
    wanted = pc.is_in(terms.value, value_set=pa.array(iris, pa.large_string()))
    return np.flatnonzero(wanted.to_numpy(zero_copy_only=False) & (terms.kind == TermKind.IRI))


def with_known(candidates: Candidates, known: tuple[Ids, Ids]) -> Candidates:
    """The candidates, and below those of each left entity the known pairs that no channel retrieved."""
    missing = np.flatnonzero(PairIndex(candidates.left, candidates.right).rows(*known) < 0)
    if not len(missing):
        return candidates
    channels = len(candidates.channels)
    left = np.concatenate([candidates.left, known[0][missing]])
    last = np.iinfo(np.int32).max
    rank = np.concatenate([candidates.rank, np.full(len(missing), last, dtype=np.int32)])
    order = np.lexsort((rank, left))
    left = left[order]
    first = np.searchsorted(left, left)

    def extended(column: npt.NDArray[Any], width: tuple[int, ...] = ()) -> npt.NDArray[Any]:
        empty = np.zeros((len(missing), *width), dtype=column.dtype)
        return np.concatenate([column, empty])[order]

    return Candidates(
        left=left,
        right=np.concatenate([candidates.right, known[1][missing]])[order],
        rank=(np.arange(len(left)) - first + 1).astype(np.int32),
        score=extended(candidates.score),
        channels=candidates.channels,
        channel_rank=extended(candidates.channel_rank, (channels,)),
        channel_score=extended(candidates.channel_score, (channels,)),
        notes=candidates.notes,
    )


def _links_of_graph(graph: Graph) -> list[Pair]:
    """The statements that link two different IRIs."""
    terms = graph.terms
    is_iri = terms.kind == TermKind.IRI
    links = np.isin(graph.predicate, _predicates(terms, PREDICATES))
    rows = np.flatnonzero(
        links & is_iri[graph.subject] & is_iri[graph.object] & (graph.subject != graph.object)
    )
    subjects = terms.value.take(pa.array(graph.subject[rows])).to_pylist()
    objects = terms.value.take(pa.array(graph.object[rows])).to_pylist()
    return list(zip(subjects, objects, strict=True))


def _resolve(pairs: Sequence[Pair], profiles: tuple[Profile, Profile]) -> npt.NDArray[np.int32]:
    """(n, 2) entity ids of the pairs, in whichever order they were written; -1 where they name none."""
    ids = np.stack(pair_ids(*profiles, pairs), axis=1)
    turned = np.stack(pair_ids(*profiles, [(b, a) for a, b in pairs]), axis=1)
    use_turned = ~(ids >= 0).all(axis=1) & (turned >= 0).all(axis=1)
    ids[use_turned] = turned[use_turned]
    return ids


def _check(file: Path, pairs: Sequence[Pair], ids: npt.NDArray[np.int32]) -> None:
    unknown = np.flatnonzero((ids < 0).any(axis=1))
    if not len(unknown):
        return
    first = " and ".join(pairs[unknown[0]])
    if len(unknown) == len(pairs):
        raise InputError(
            f"None of the {len(pairs)} links in {file} names an entity of each graph; the first is {first}",
            "Check that they belong to these graphs, and that --left-type and --right-type let them in",
        )
    log.warning(
        "%s: %d of %d links name no entity of each graph; the first is %s",
        file,
        len(unknown),
        len(pairs),
        first,
    )
