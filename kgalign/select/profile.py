"""The profile of one side: entities, attributes with their importance, values and relations."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Flags, among, count_distinct, distinct, flags, run_starts, unique
from kgalign.base.progress import NoProgress, Progress
from kgalign.config import SelectConfig
from kgalign.errors import InputError
from kgalign.rdf.graph import Graph, Ids, TermKind
from kgalign.records import Attribute, Profile, Relation
from kgalign.select.attributes import IRI_NAME, Values, profile_attributes
from kgalign.select.entities import Nodes, find_entities
from kgalign.select.kinds import CUT
from kgalign.select.other_kinds import read_others
from kgalign.select.paths import Facts, find_facts
from kgalign.select.schema import iris_of
from kgalign.values.predicates import name_rank


def select(
    graph: Graph,
    config: SelectConfig,
    *,
    types: Sequence[str] = (),
    side: str = "",
    progress: Progress | None = None,
) -> Profile:
    """Find the entities of a graph and profile what identifies them.

    Importance follows LLM-Align (2412.04690, section 3.2): how far a value identifies its entity
    (distinct values over facts, PARIS section 3) times how many entities have the attribute.

    :param types: IRIs of the types whose nodes are the entities; empty for a choice of our own.
    :param side: ``left`` or ``right``, for messages.
    :raises InputError: where there is no entity, or none of the types asked for.
    """
    with (progress or NoProgress()).task(f"select {side}".strip(), 3) as task:
        merged = _without_repeats(graph)
        predicates = iris_of(merged, merged.predicate)
        naming = np.array([i for i, iri in predicates.items() if name_rank(iri) is not None], dtype=np.int32)
        nodes = find_entities(merged, types, naming, side)
        if not len(nodes.entities):
            raise InputError(
                f"The {side or 'given'} graph has no entity: nothing in it is described",
                "Name the types to align with --left-type and --right-type",
            )
        task.advance()
        facts = find_facts(merged, nodes, config.max_hops)
        task.advance()
        profile = _profile(merged, nodes, facts, config)
        task.advance()
    return profile


def _without_repeats(graph: Graph) -> Graph:
    """The graph with one of each statement, where several named graphs hold it."""
    if (graph.graph == graph.graph[:1]).all():
        return graph
    subject, predicate, object_ = distinct(graph.subject, graph.predicate, graph.object)
    return Graph(subject, predicate, object_, np.full_like(subject, -1), graph.terms)


def _profile(graph: Graph, nodes: Nodes, facts: Facts, config: SelectConfig) -> Profile:
    entities = nodes.entities
    index = np.full(len(graph.terms), -1, dtype=np.int32)
    index[entities] = np.arange(len(entities), dtype=np.int32)
    local = nodes.local.text.take(pa.array(entities))
    unnamed = np.zeros(0, dtype=np.int32) if config.ignore_iri_names else _named_by_iri(nodes, facts)
    values = _values(graph, nodes, facts, index, index[unnamed])
    values, kinds = read_others(values, config.value_kinds)
    attributes, rows = profile_attributes(values, graph.terms, len(entities), kinds)
    iris = _iris(graph, entities)
    types, entity_type = _types(graph, nodes)
    relations, edges = _relations(facts, index)
    return Profile(
        entity_iri=iris,
        entity_term=entities,
        entity_name=_names(iris, local, attributes, rows, values.texts),
        entity_type=entity_type,
        described=nodes.described,
        types=types,
        attributes=attributes,
        value_entity=rows[0],
        value_attribute=rows[1],
        value_text=rows[2],
        texts=values.texts,
        relations=relations,
        edge_head=edges[0],
        edge_relation=edges[1],
        edge_tail=edges[2],
    )


def _named_by_iri(nodes: Nodes, facts: Facts) -> Ids:
    """Term ids of the entities that have no name of their own, but one in their IRI."""
    own_name = np.array([len(p) == 1 and name_rank(p[0]) is not None for p in facts.paths], dtype=bool)
    labelled = flags(len(nodes.owner), facts.entity[own_name[facts.path]])
    return nodes.entities[(nodes.local.readable & ~labelled)[nodes.entities]]


def _values(graph: Graph, nodes: Nodes, facts: Facts, index: Ids, unnamed: Ids) -> Values:
    """Bring the values of all attributes into one table of texts.

    What is only mentioned is read by the name in its IRI, where it has one.

    :param index: (terms,) entity id of each term.
    :param unnamed: ids of the entities that take the name in their IRI.
    """
    used, number = among(facts.value, len(graph.terms))
    spelt = nodes.local.text.take(pa.array(used))
    forms = pa.concat_arrays(
        [
            _flat(
                pc.if_else(pa.array(nodes.local.spoken[used]), spelt, graph.terms.value.take(pa.array(used)))
            ),
            _flat(nodes.local.text.take(pa.array(nodes.entities[unnamed]))),
        ]
    )
    encoded = forms.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary)
    texts = _flat(encoded.dictionary.take(order))
    rank = np.empty(len(texts), dtype=np.int32)
    rank[order.to_numpy()] = np.arange(len(texts), dtype=np.int32)
    text = rank[encoded.indices.to_numpy(zero_copy_only=False)]
    return Values(
        entity=np.concatenate([index[facts.entity], unnamed]),
        path=np.concatenate([facts.path, np.full_like(unnamed, len(facts.paths))]),
        text=np.concatenate([text[: len(used)][number], text[len(used) :]]),
        term=np.concatenate([facts.value, np.full_like(unnamed, -1)]),
        paths=(*facts.paths, IRI_NAME),
        texts=texts,
    )


def _flat(array: pa.Array | pa.ChunkedArray) -> pa.LargeStringArray:
    flat = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return flat.cast(pa.large_string())


def _iris(graph: Graph, entities: Ids) -> pa.LargeStringArray:
    """IRIs, and labels of blank nodes with ``_:`` before them."""
    iris = _flat(graph.terms.value.take(pa.array(entities)))
    empty = pa.scalar("", pa.large_string())
    marked = pc.binary_join_element_wise(pa.scalar("_:", pa.large_string()), iris, empty)
    return pc.if_else(pa.array(graph.terms.kind[entities] == TermKind.BLANK), marked, iris)


def _types(graph: Graph, nodes: Nodes) -> tuple[tuple[str, ...], Ids]:
    """The main types of the entities, and the number of each entity's."""
    types = nodes.type_of[nodes.entities]
    iris = iris_of(graph, types[types >= 0])
    number = np.searchsorted(np.array(list(iris), dtype=np.int32), types).astype(np.int32)
    return tuple(iris.values()), np.where(types >= 0, number, np.int32(-1))


def _relations(facts: Facts, index: Ids) -> tuple[tuple[Relation, ...], tuple[Ids, Ids, Ids]]:
    """The relations in the order of their paths, and the (head, relation, tail) rows."""
    used = sorted(unique(facts.relation).tolist(), key=lambda i: facts.paths[i])
    number = np.full(len(facts.paths), -1, dtype=np.int32)
    number[used] = np.arange(len(used), dtype=np.int32)
    relation = number[facts.relation]
    counts = np.bincount(relation, minlength=len(used)).tolist()
    heads = count_distinct(relation, facts.head, len(used)).tolist()
    tails = count_distinct(relation, facts.tail, len(used)).tolist()
    relations = tuple(
        Relation("/".join(facts.paths[path]), count, head / count, tail / count)
        for path, count, head, tail in zip(used, counts, heads, tails, strict=True)
    )
    rows = distinct(index[facts.head], relation, index[facts.tail])
    return relations, (rows[0], rows[1], rows[2])


def _names(
    iris: pa.LargeStringArray,
    local: pa.LargeStringArray,
    attributes: tuple[Attribute, ...],
    rows: tuple[Ids, Ids, Ids],
    texts: pa.LargeStringArray,
) -> pa.LargeStringArray:
    """A name to show for each entity: the best naming attribute's first value, or the local name."""
    naming = [i for i, attribute in enumerate(attributes) if attribute.is_name]
    naming.sort(key=lambda i: _rank(attributes[i].path))
    place = np.full(len(attributes), -1, dtype=np.int32)
    place[naming] = np.arange(len(naming), dtype=np.int32)
    entity, attribute, text = (column[place[rows[1]] >= 0] for column in rows)
    order = np.lexsort((text, place[attribute], entity))
    first = order[run_starts(entity[order])]
    shown = pc.utf8_slice_codeunits(texts.take(pa.array(text[first])), 0, CUT)
    told = np.flatnonzero(_not_blank(shown))
    size = len(iris)
    spelt = pc.fill_null(pc.greater(pc.binary_length(local), 0), fill_value=False)
    place = np.where(spelt.to_numpy(zero_copy_only=False), np.arange(size), np.arange(size, 2 * size))
    place[entity[first][told]] = 2 * size + told
    return pa.concat_arrays([local, iris, shown]).take(pa.array(place))


def _not_blank(texts: pa.LargeStringArray) -> Flags:
    """(n,) texts of more than white space."""
    found = pc.match_substring_regex(texts, "[!-~]").to_numpy(zero_copy_only=False).copy()
    rows = np.flatnonzero(~found)
    found[rows] = [bool(text.strip()) for text in texts.take(pa.array(rows)).to_pylist()]
    return np.asarray(found, bool)


def _rank(path: tuple[str, ...]) -> tuple[int, int]:
    """Near names before far ones, then the best predicate; the name in the IRI comes last of its length."""
    rank = name_rank(path[-1])
    return len(path), 500 if rank is None else rank
