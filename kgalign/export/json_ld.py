"""A graph as JSON-LD: expanded, one node to a line, written as it goes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from kgalign.arrays import unique
from kgalign.base.files import replacing_text
from kgalign.errors import InputError
from kgalign.rdf.graph import Graph, Ids, TermKind, Terms
from kgalign.rdf.vocabulary import RDF_TYPE

_BATCH = 16_384
"""Statements whose terms are in memory as text at once."""

_Row = tuple[str | None, str, str, str]
"""Name of the graph, None for the default graph; subject; key; value."""


def write_json_ld(graph: Graph, path: Path) -> int:
    """Write expanded JSON-LD: by graph, subject and predicate, in the order of the graph.

    There is no ``@context``: an IRI that begins like one of its prefixes would become another one. Literals
    keep their lexical form: a number is written as text with its datatype.

    :returns: the number of statements written.
    :raises InputError: where there are triple terms (RDF 1.2), which JSON-LD can't hold.
    :raises OSError: no room, or no permission.
    """
    triples = int((graph.terms.kind == TermKind.TRIPLE).sum())
    if triples:
        raise InputError(
            f"JSON-LD has no triple terms (RDF 1.2), and the graph holds {triples:,}",
            "Export it as turtle, trig, ntriples or nquads",
        )
    with replacing_text(path) as file:
        file.write("[")
        _write_rows(file, _rows(graph))
        file.write("\n]\n")
    return len(graph)


def _write_rows(file: TextIO, rows: Iterator[_Row]) -> None:
    """Each statement is what must be closed and opened before it, and its value."""
    before: tuple[str | None, str, str] | None = None
    for name, subject, key, value in rows:
        if before is None or before[:2] != (name, subject):
            if before is not None:
                file.write("]}")
                if before[0] is not None and before[0] != name:
                    file.write("\n]}")
                file.write(",")
            if name is not None and (before is None or before[0] != name):
                file.write(f'\n{{"@id":{name},"@graph":[')
            file.write(f'\n{{"@id":{subject},{key}:[')
        elif before[2] != key:
            file.write(f"],{key}:[")
        else:
            file.write(",")
        file.write(value)
        before = name, subject, key
    if before is not None:
        file.write("]}" if before[0] is None else "]}\n]}")


def _rows(graph: Graph) -> Iterator[_Row]:
    for start in range(0, len(graph), _BATCH):
        ids = [each[start : start + _BATCH] for each in (graph.graph, graph.subject, graph.predicate)]
        names, subjects, predicates = (_node_texts(graph.terms, each) for each in ids)
        objects = graph.object[start : start + _BATCH]
        values = _values(graph.terms, objects)
        is_node = (graph.terms.kind[objects] <= TermKind.BLANK).tolist()
        texts = _node_texts(graph.terms, objects[graph.terms.kind[objects] <= TermKind.BLANK])
        rows = zip(*(each.tolist() for each in (*ids, objects)), is_node, strict=True)
        for name, subject, predicate, object, node in rows:
            is_type = node and predicates[predicate] == _TYPE
            yield (
                names.get(name),
                subjects[subject],
                '"@type"' if is_type else predicates[predicate],
                texts[object] if is_type else values[object],
            )


_TYPE = json.dumps(RDF_TYPE)


def _node_texts(terms: Terms, ids: Ids) -> dict[int, str]:
    """The IRIs and blank nodes among some terms as JSON strings; without the default graph's -1."""
    distinct = unique(ids[ids >= 0])
    texts = terms.value.take(pa.array(distinct)).to_pylist()
    blank = (terms.kind[distinct] == TermKind.BLANK).tolist()
    return {
        number: _text(f"_:{text}" if label else text)
        for number, text, label in zip(distinct.tolist(), texts, blank, strict=True)
    }


def _values(terms: Terms, ids: Ids) -> dict[int, str]:
    """Each of some terms as a JSON-LD value or as a reference to a node."""
    distinct = unique(ids)
    texts = terms.value.take(pa.array(distinct)).to_pylist()
    columns = (terms.kind[distinct], terms.datatype[distinct], terms.language[distinct])
    found = {}
    for number, text, kind, datatype, language in zip(
        distinct.tolist(), texts, *(each.tolist() for each in columns), strict=True
    ):
        if kind == TermKind.LITERAL:
            found[number] = f'{{"@value":{_text(text)}{_of_literal(terms, datatype, language)}}}'
        else:
            found[number] = f'{{"@id":{_text(f"_:{text}" if kind == TermKind.BLANK else text)}}}'
    return found


def _of_literal(terms: Terms, datatype: int, language: int) -> str:
    """Language, direction of writing or datatype of a literal."""
    if language >= 0:
        tag, _, direction = terms.languages[language].partition("--")
        return f',"@language":{_text(tag)}' + (f',"@direction":{_text(direction)}' if direction else "")
    return f',"@type":{_text(terms.datatypes[datatype])}' if datatype >= 0 else ""


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
