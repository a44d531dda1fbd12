"""Writing columns as RDF files: whole columns at once, the same bytes for the same graph.

Lexical forms and the spelling of language tags come out as they went in. A file gets its name only
when it is complete.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Flags, Positions, distinct
from kgalign.base import scratch
from kgalign.base.cores import in_order, slices
from kgalign.base.files import replacing
from kgalign.rdf.graph import Graph, Ids, TermKind, Terms
from kgalign.rdf.prefixes import SPLIT, prefixes_of
from kgalign.rdf.vocabulary import RDF_TYPE

_BATCH_BYTES = 4 << 20
"""Text that is joined at once."""

_ROWS = 1 << 16
"""Terms that are put into words at once; statements that are looked at to cut the text."""

_EMPTY = pa.scalar("", pa.large_string())
_ESCAPES = {code: f"\\u{code:04X}" for code in (*range(0x20), 0x7F)} | {
    ord("\t"): "\\t",
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord('"'): '\\"',
    ord("\\"): "\\\\",
}
_NEEDS_ESCAPE = r'["\\\x00-\x1f\x7f]'


def write_ntriples(graph: Graph, path: Path) -> int:
    """Write N-Triples, one statement a line, sorted; names of graphs are left out.

    :returns: the number of statements written: one that several named graphs hold is one.
    :raises RunError: where there is no room or no permission.
    """
    return _write_lines(without_names(graph), path)


def write_nquads(graph: Graph, path: Path) -> int:
    """Write N-Quads, one statement a line, by graph, sorted.

    :returns: the number of statements written.
    :raises RunError: where there is no room or no permission.
    """
    return _write_lines(graph, path)


def write_turtle(graph: Graph, path: Path) -> int:
    """Write Turtle, by subject and predicate, with prefixes derived from the data.

    Turtle has no named graphs: their statements are written, their names are left out.

    :returns: the number of statements written: one that several named graphs hold is one.
    :raises RunError: where there is no room or no permission.
    """
    return _write_grouped(without_names(graph), path)


def write_trig(graph: Graph, path: Path) -> int:
    """Write TriG, by graph, subject and predicate, with prefixes derived from the data.

    :returns: the number of statements written.
    :raises RunError: where there is no room or no permission.
    """
    return _write_grouped(graph, path)


def without_names(graph: Graph) -> Graph:
    """The statements without the names of the graphs that hold them."""
    if not len(graph) or (graph.graph < 0).all():
        return graph
    subject, predicate, object = distinct(graph.subject, graph.predicate, graph.object)
    return Graph(subject, predicate, object, np.full(len(subject), -1, np.int32), graph.terms)


def _write_lines(graph: Graph, path: Path) -> int:
    with replacing(path) as file:
        for text in lines_of(graph):
            file.write(text)
    return len(graph)


def lines_of(graph: Graph) -> Iterator[memoryview]:
    """The lines of N-Quads, or of N-Triples where no statement has the name of a graph; some at a time."""
    texts = term_texts(graph.terms)
    space, end = pa.scalar(" ", pa.large_string()), pa.scalar(" .\n", pa.large_string())
    gaps = pa.array([" ", ""], pa.large_string())
    ids = (graph.subject, graph.predicate, graph.object)

    def lines(rows: slice) -> memoryview:
        s, p, o = (texts.take(pa.array(each[rows])) for each in ids)
        unnamed = graph.graph[rows] < 0
        gap = gaps.take(pa.array(unnamed.astype(np.int8)))
        return joined(s, space, p, space, o, gap, _some(texts, graph.graph[rows], ~unnamed), end)

    yield from in_order(lines, _pieces(len(graph), partial(_sizes, texts, ids)))


_LEADS = pa.array(["", " .\n", " ;\n    ", " , ", " .\n}\n"], pa.large_string())
_FIRST, _SUBJECT, _PREDICATE, _OBJECT, _CLOSE = range(5)


def _write_grouped(graph: Graph, path: Path) -> int:
    """Turtle and TriG at once."""
    prefixes = prefixes_of(graph)
    texts = term_texts(graph.terms, prefixes)
    with replacing(path) as file:
        file.write(prefix_lines(prefixes))
        for text in grouped(graph, texts, texts):
            file.write(text)
    return len(graph)


def prefix_lines(prefixes: Mapping[str, str]) -> bytes:
    """The head of a file in Turtle or TriG."""
    lines = "".join(f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in prefixes.items())
    return f"{lines}\n".encode() if lines else b""


def grouped(
    graph: Graph,
    texts: pa.LargeStringArray,
    names: pa.LargeStringArray,
    notes: tuple[pa.LargeStringArray, Ids] | None = None,
) -> Iterator[memoryview | bytes]:
    """Statements in Turtle or TriG, in their order: each is what stands before it and what it adds.

    :param graph: the statements, sorted; what is in no named graph stands first. ``graph.graph`` may index
        ``names`` instead of the terms.
    :param texts: (terms,) each term as it is to be written.
    :param names: what ``graph.graph`` indexes, as it is to be written.
    :param notes: what stands behind the statements, and (m,) which of these behind each.
    """
    a = pc.index(graph.terms.value, pa.scalar(RDF_TYPE, pa.large_string())).as_py()
    page = _Page(graph, texts, names, notes, a)
    ids = (graph.subject, graph.predicate, graph.object)
    yield from in_order(page.text, _pieces(len(graph), partial(_sizes, texts, ids)))
    if len(graph):
        yield b" .\n}\n" if graph.graph[-1] >= 0 else b" .\n"


@dataclass(frozen=True, slots=True)
class _Page:
    """What :func:`grouped` is given, and the id of rdf:type."""

    graph: Graph
    texts: pa.LargeStringArray
    names: pa.LargeStringArray
    notes: tuple[pa.LargeStringArray, Ids] | None
    a: int

    def text(self, rows: slice) -> memoryview:
        """Some statements, as they follow those before."""
        graph = self.graph
        named = graph.graph[rows] >= 0
        new_graph = _changes(graph.graph, rows)
        new_subject = new_graph | _changes(graph.subject, rows)
        new_predicate = new_subject | _changes(graph.predicate, rows)
        lead = np.where(new_subject, _SUBJECT, np.where(new_predicate, _PREDICATE, _OBJECT))
        begins = max(rows.start, 1)
        closes = new_graph[begins - rows.start :] & (graph.graph[begins - 1 : rows.stop - 1] >= 0)
        lead[begins - rows.start :][closes] = _CLOSE
        if not rows.start:
            lead[0] = _FIRST
        is_type = graph.predicate[rows] == self.a
        brace = pa.array(["", " {\n"], pa.large_string())
        gap = pa.array(["", " ", "a "], pa.large_string())

        def chosen(choice: pa.LargeStringArray, place: npt.NDArray[Any]) -> pa.LargeStringArray:
            return choice.take(pa.array(place.astype(np.int8)))

        return joined(
            chosen(_LEADS, lead),
            _some(self.names, graph.graph[rows], new_graph & named),
            chosen(brace, new_graph & named),
            _some(self.texts, graph.subject[rows], new_subject),
            chosen(gap, new_subject),
            _some(self.texts, graph.predicate[rows], new_predicate & ~is_type),
            chosen(gap, np.where(new_predicate, 1 + is_type, 0)),
            self.texts.take(pa.array(graph.object[rows])),
            *(() if self.notes is None else (self.notes[0].take(pa.array(self.notes[1][rows])),)),
        )


def _changes(column: Ids, rows: slice) -> Flags:
    """Which of the rows differ from the row before; the first of all does."""
    here = column[max(rows.start - 1, 0) : rows.stop]
    changes: Flags = here[1:] != here[:-1]
    return changes if rows.start else np.concatenate([[True], changes])


def _some(texts: pa.LargeStringArray, ids: Ids, which: Flags) -> pa.LargeStringArray:
    """(n,) texts by their ids where they are wanted, else null."""
    return texts.take(pa.array(ids, mask=~which))


def described(nodes: pa.LargeStringArray, about: Sequence[tuple[str, pa.LargeStringArray]]) -> memoryview:
    """What is said of each node, in Turtle.

    :param nodes: (n,) what each is called.
    :param about: predicates in the order in which they are to be written, the first without gaps, each with
        its (n,) objects; null where a node has none.
    """
    (first, objects), *others = about
    parts = [_join("\n    ", predicate, " ", values) for predicate, values in others]
    lines = pc.binary_join_element_wise(
        _join(nodes, " ", first, " ", objects),
        *parts,
        pa.scalar(" ;", pa.large_string()),
        null_handling="skip",
    )
    return joined(lines, pa.scalar(" .\n", pa.large_string()))


def term_texts(terms: Terms, prefixes: Mapping[str, str] | None = None) -> pa.LargeStringArray:
    """(n,) each term as N-Triples writes it, or as Turtle does where prefixes are given."""

    def words(rows: slice) -> pa.LargeStringArray:
        return _term_texts(terms, rows, prefixes or {})

    return scratch.gather_texts(in_order(words, slices(len(terms), _ROWS)))


def _term_texts(terms: Terms, rows: slice, prefixes: Mapping[str, str]) -> pa.LargeStringArray:
    starts = rows.start + np.searchsorted(terms.kind[rows], np.arange(5))
    iris, blanks, literals, triples = (terms.value[int(start) : int(end)] for start, end in pairwise(starts))
    where = slice(int(starts[TermKind.LITERAL]), int(starts[TermKind.TRIPLE]))
    return pa.concat_arrays(
        [
            _iri_texts(iris, prefixes),
            _join("_:", blanks),
            _literal_texts(literals, terms, where, prefixes),
            _join("<<( ", triples, " )>>"),
        ]
    )


def _iri_texts(iris: pa.LargeStringArray, prefixes: Mapping[str, str]) -> pa.LargeStringArray:
    full = _join("<", iris, ">")
    if not prefixes:
        return full
    split = pc.extract_regex(iris, SPLIT)
    spaces = pa.array(prefixes.values(), pa.large_string())
    place = pc.index_in(pc.struct_field(split, "namespace"), spaces)
    prefix = pa.array(prefixes.keys(), pa.large_string()).take(place)
    return pc.coalesce(_join(prefix, ":", pc.struct_field(split, "local")), full)


def quoted(texts: Sequence[str]) -> pa.LargeStringArray:
    """Texts as literals without a language."""
    return _join('"', _escaped(pa.array(texts, pa.large_string())), '"')


def _literal_texts(
    values: pa.LargeStringArray, terms: Terms, rows: slice, prefixes: Mapping[str, str]
) -> pa.LargeStringArray:
    datatypes = _iri_texts(pa.array(terms.datatypes, pa.large_string()), prefixes).to_pylist()
    ends = ["", *(f"@{tag}" for tag in terms.languages), *(f"^^{iri}" for iri in datatypes)]
    language, datatype = terms.language[rows], terms.datatype[rows]
    end = np.where(language >= 0, language, np.where(datatype >= 0, datatype + len(terms.languages), -1)) + 1
    return _join('"', _escaped(values), '"', pa.array(ends, pa.large_string()).take(pa.array(end)))


def _escaped(values: pa.LargeStringArray) -> pa.LargeStringArray:
    special = pc.match_substring_regex(values, _NEEDS_ESCAPE)
    escaped = [text.translate(_ESCAPES) for text in values.filter(special).to_pylist()]
    return pc.replace_with_mask(values, special, pa.array(escaped, pa.large_string()))


def _join(*parts: pa.LargeStringArray | str) -> pa.LargeStringArray:
    scalars = [pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*scalars, _EMPTY)


def joined(*parts: pa.LargeStringArray) -> memoryview:
    """The bytes of the parts of all rows, one after the other; null is nothing."""
    texts = pc.binary_join_element_wise(*parts, _EMPTY, null_handling="replace", null_replacement="")
    ends, data = scratch.text_buffers(texts)
    return data[ends[0] : ends[-1]].data


def _sizes(texts: pa.LargeStringArray, ids: Sequence[Ids], rows: slice) -> Positions:
    """(n,) bytes of the texts that some rows have."""
    ends, _ = scratch.text_buffers(texts)
    sizes: Positions = np.add.reduce([ends[each[rows] + 1] - ends[each[rows]] for each in ids])
    return sizes


def _pieces(size: int, bytes_of: Callable[[slice], Positions]) -> Iterator[slice]:
    """Runs of rows with some megabytes of text each, a longer row on its own."""
    for rows in slices(size, _ROWS):
        total = np.cumsum(bytes_of(rows))
        start = done = 0
        while start < len(total):
            end = max(int(np.searchsorted(total, done + _BATCH_BYTES, "right")), start + 1)
            yield slice(rows.start + start, rows.start + end)
            start, done = end, int(total[end - 1])
