"""The profile of one side: entities, attributes with their importance, values and relations."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.config import SelectConfig
from kgalign.errors import InputError
from kgalign.progress import NoProgress, Progress
from kgalign.rdf.graph import Graph, Ids, TermKind
from kgalign.records import Attribute, Profile, Relation, ValueKind
from kgalign.select.entities import Nodes, find_entities
from kgalign.select.kinds import kind_of
from kgalign.select.names import split_namespaces, spell
from kgalign.select.naming import name_rank
from kgalign.select.paths import Facts, find_facts

IRI_NAME = ("@iri",)
_SAMPLE = 500


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
        predicates = np.unique(graph.predicate)
        iris = {int(i): str(graph.terms.value[int(i)].as_py()) for i in predicates}
        naming = np.array([i for i, iri in iris.items() if name_rank(iri) is not None], dtype=np.int32)
        nodes = find_entities(graph, types, naming, side)
        if not len(nodes.entities):
            raise InputError(
                f"The {side or 'given'} graph has no entity: nothing in it is described",
                "Name the types to align with --left-type and --right-type",
            )
        task.advance()
        facts = find_facts(graph, nodes, config.max_hops)
        task.advance()
        profile = _profile(graph, nodes, facts, config)
        task.advance()
    return profile


def _profile(graph: Graph, nodes: Nodes, facts: Facts, config: SelectConfig) -> Profile:
    entities = nodes.entities
    index = np.full(len(graph.terms), -1, dtype=np.int32)
    index[entities] = np.arange(len(entities), dtype=np.int32)
    value_entity, value_path, value_term = index[facts.entity], facts.path, facts.value
    texts, text_of_term = _texts(graph, value_term)
    paths = list(facts.paths)

    is_name_path = np.array([bool(p) and name_rank(p[-1]) is not None for p in paths], dtype=bool)
    labelled = np.zeros(len(entities), dtype=bool)
    own_name = is_name_path & np.array([len(p) == 1 for p in paths], dtype=bool)
    labelled[value_entity[own_name[value_path]]] = True
    value_text = text_of_term[value_term]
    iri_names = [] if config.ignore_iri_names else [
        (position, spell(nodes.local[term]))
        for position, term in enumerate(entities.tolist())
        if term in nodes.local and not labelled[position]
    ]
    if iri_names:
        paths.append(IRI_NAME)
        texts, value_text, added = _add_texts(texts, value_text, [name for _, name in iri_names])
        value_entity = np.concatenate([value_entity, np.array([e for e, _ in iri_names], dtype=np.int32)])
        value_path = np.concatenate([value_path, np.full(len(iri_names), len(paths) - 1, dtype=np.int32)])
        value_text = np.concatenate([value_text, added])
        value_term = np.concatenate([value_term, np.full(len(iri_names), -1, dtype=np.int32)])

    order, attributes, attribute_of = _attributes(graph, paths, value_entity, value_path, value_text, value_term, texts, len(entities))
    rows = np.stack([value_entity, attribute_of[value_path], value_text])
    rows = np.unique(rows, axis=1) if rows.shape[1] else rows
    iris = graph.terms.value.take(pa.array(entities))
    blank = graph.terms.kind[entities] == TermKind.BLANK
    if blank.any():
        marked = pc.binary_join_element_wise(pa.scalar("_:", pa.large_string()), iris, pa.scalar("", pa.large_string()))
        iris = pc.if_else(pa.array(blank), marked, iris)
    relations, edges = _relations(facts, index)
    types, entity_type = _types(graph, nodes)
    return Profile(
        entity_iri=_flat(iris),
        entity_term=entities,
        entity_name=_names(iris.to_pylist(), attributes, rows, texts),
        entity_type=entity_type,
        types=types,
        attributes=attributes,
        value_entity=rows[0].astype(np.int32),
        value_attribute=rows[1].astype(np.int32),
        value_text=rows[2].astype(np.int32),
        texts=texts,
        relations=relations,
        edge_head=edges[0],
        edge_relation=edges[1],
        edge_tail=edges[2],
    )


def _flat(array: pa.Array | pa.ChunkedArray) -> pa.LargeStringArray:
    flat = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return flat.cast(pa.large_string())


def _texts(graph: Graph, terms: Ids) -> tuple[pa.LargeStringArray, Ids]:
    """Distinct lexical forms of the terms in use, sorted, and the text of each term (-1: not used)."""
    used = np.unique(terms)
    values = _flat(graph.terms.value.take(pa.array(used)))
    distinct = pc.unique(values)
    distinct = _flat(distinct.take(pc.sort_indices(distinct)))
    codes = pc.index_in(values, value_set=distinct).to_numpy(zero_copy_only=False)
    text_of = np.full(len(graph.terms) + 1, -1, dtype=np.int32)
    text_of[used] = codes
    return distinct, text_of


def _add_texts(texts: pa.LargeStringArray, value_text: Ids, extra: list[str]) -> tuple[pa.LargeStringArray, Ids, Ids]:
    """Join further strings into the sorted table; returns it, the old ids renewed, the new ids."""
    added = pa.array(extra, type=pa.large_string())
    distinct = pc.unique(pa.concat_arrays([texts, added]))
    distinct = _flat(distinct.take(pc.sort_indices(distinct)))
    renewed = pc.index_in(texts, value_set=distinct).to_numpy(zero_copy_only=False).astype(np.int32)
    codes = pc.index_in(added, value_set=distinct).to_numpy(zero_copy_only=False).astype(np.int32)
    return distinct, renewed[value_text] if len(value_text) else value_text, codes


def _attributes(
    graph: Graph,
    paths: list[tuple[str, ...]],
    entity: Ids,
    path: Ids,
    text: Ids,
    term: Ids,
    texts: pa.LargeStringArray,
    entities: int,
) -> tuple[list[int], tuple[Attribute, ...], Ids]:
    """Profile every path in use; attributes stand in the order of importance."""
    rows = np.argsort(path, kind="stable")
    used, starts = np.unique(path[rows], return_index=True)
    ends = np.append(starts[1:], len(rows))
    found: list[tuple[int, Attribute]] = []
    for index, start, end in zip(used.tolist(), starts.tolist(), ends.tolist(), strict=True):
        members = rows[start:end]
        facts = len(members)
        distinct_texts = np.unique(text[members])
        subjects = len(np.unique(entity[members]))
        sample = distinct_texts[np.unique(np.linspace(0, len(distinct_texts) - 1, _SAMPLE).astype(np.int64))]
        some = members[np.unique(np.linspace(0, facts - 1, _SAMPLE).astype(np.int64))]
        share = len(distinct_texts) / facts
        kind = kind_of(texts.take(pa.array(sample)).to_pylist(), _datatypes(graph, term[some]), share)
        steps = paths[index]
        naming = steps == IRI_NAME or (name_rank(steps[-1]) is not None and kind in (ValueKind.NAME, ValueKind.CODE))
        coverage = subjects / entities
        found.append(
            (index, Attribute(steps, kind, facts, coverage, subjects / facts, share, share * coverage, naming))
        )
    found.sort(key=lambda item: (-item[1].importance, item[1].path))
    attribute_of = np.full(len(paths), -1, dtype=np.int32)
    for position, (index, _) in enumerate(found):
        attribute_of[index] = position
    return [index for index, _ in found], tuple(a for _, a in found), attribute_of


def _datatypes(graph: Graph, terms: Ids) -> list[str]:
    codes = [int(graph.terms.datatype[t]) if t >= 0 else -1 for t in terms.tolist()]
    return [graph.terms.datatypes[c] if c >= 0 else "" for c in codes]


def _relations(facts: Facts, index: Ids) -> tuple[tuple[Relation, ...], tuple[Ids, Ids, Ids]]:
    used = np.unique(facts.relation)
    order = sorted(used.tolist(), key=lambda i: facts.paths[i])
    number = np.full(len(facts.paths), -1, dtype=np.int32)
    relations = []
    for position, path in enumerate(order):
        number[path] = position
        rows = facts.relation == path
        count = int(rows.sum())
        heads, tails = len(np.unique(facts.head[rows])), len(np.unique(facts.tail[rows]))
        relations.append(Relation("/".join(facts.paths[path]), count, heads / count, tails / count))
    edges = np.stack([index[facts.head], number[facts.relation], index[facts.tail]])
    edges = edges[:, np.lexsort(edges[::-1])]
    return tuple(relations), (edges[0], edges[1], edges[2])


def _types(graph: Graph, nodes: Nodes) -> tuple[tuple[str, ...], Ids]:
    types = nodes.type_of[nodes.entities]
    used = np.unique(types[types >= 0])
    number = np.full(len(graph.terms) + 1, -1, dtype=np.int32)
    number[used] = np.arange(len(used), dtype=np.int32)
    return tuple(str(graph.terms.value[int(i)].as_py()) for i in used), number[types]


def _names(
    iris: list[str], attributes: tuple[Attribute, ...], rows: np.ndarray, texts: pa.LargeStringArray
) -> pa.LargeStringArray:
    """A name to show for each entity: the best naming attribute's first value, or the local name."""
    ranks = np.full(len(attributes) + 1, 10_000, dtype=np.int64)
    for position, attribute in enumerate(attributes):
        if attribute.is_name:
            rank = name_rank(attribute.path[-1])
            ranks[position] = len(attribute.path) * 1000 + (500 if rank is None else rank)
    order = np.lexsort((rows[2], ranks[rows[1]], rows[0]))
    order = order[ranks[rows[1][order]] < 10_000]
    first = np.ones(len(order), dtype=bool)
    first[1:] = rows[0][order][1:] != rows[0][order][:-1]
    names = [spell(local) or iri for iri, local in zip(iris, split_namespaces(iris)[1], strict=True)]
    chosen = order[first]
    shown = texts.take(pa.array(rows[2][chosen])).to_pylist()
    for entity, text in zip(rows[0][chosen].tolist(), shown, strict=True):
        if text.strip():
            names[entity] = text
    return pa.array(names, type=pa.large_string())
