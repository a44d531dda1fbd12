"""Writing columns as RDF files: whole columns at once, the same bytes for the same graph.

Lexical forms and the spelling of language tags come out as they went in. A file gets its name only
when it is complete.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import distinct, run_starts
from kgalign.base.files import replacing
from kgalign.rdf.graph import Graph, Ids, TermKind, Terms
from kgalign.rdf.prefixes import SPLIT, prefixes_of
from kgalign.rdf.vocabulary import RDF_TYPE

_BATCH_BYTES = 32 << 20
"""Text that is joined at once."""

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
    return _write_lines(_without_names(graph), path)


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
    return _write_grouped(_without_names(graph), path)


def write_trig(graph: Graph, path: Path) -> int:
    """Write TriG, by graph, subject and predicate, with prefixes derived from the data.

    :returns: the number of statements written.
    :raises RunError: where there is no room or no permission.
    """
    return _write_grouped(graph, path)


def _without_names(graph: Graph) -> Graph:
    if not len(graph) or (graph.graph < 0).all():
        return graph
    subject, predicate, object = distinct(graph.subject, graph.predicate, graph.object)
    return Graph(subject, predicate, object, np.full(len(subject), -1, np.int32), graph.terms)


def _write_lines(graph: Graph, path: Path) -> int:
    texts = _with_extra(term_texts(graph.terms), "")
    sizes = _sizes(texts)
    name = np.where(graph.graph >= 0, graph.graph, len(graph.terms))
    gaps = pa.array([" ", ""], pa.large_string()).take(pa.array((graph.graph < 0).astype(np.int8)))
    space, end = pa.scalar(" ", pa.large_string()), pa.scalar(" .\n", pa.large_string())
    ids = (graph.subject, graph.predicate, graph.object, name)
    with replacing(path) as file:
        for rows in batches(np.add.reduce([sizes[each] for each in ids])):
            s, p, o, g = (texts.take(pa.array(each[rows])) for each in ids)
            file.write(joined(s, space, p, space, o, gaps[rows], g, end))
    return len(graph)


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
    nothing, a = len(graph.terms), len(graph.terms) + 1
    unnamed = nothing if names is texts else len(names)
    longer = _with_extra(texts, "", "a")
    names = longer if names is texts else _with_extra(names, "")
    texts = longer
    sizes, name_sizes = _sizes(texts), _sizes(names)
    new_graph = run_starts(graph.graph)
    new_subject = new_graph | run_starts(graph.subject)
    new_predicate = new_subject | run_starts(graph.predicate)
    lead = np.where(new_subject, _SUBJECT, np.where(new_predicate, _PREDICATE, _OBJECT))
    lead[1:][new_graph[1:] & (graph.graph[:-1] >= 0)] = _CLOSE
    lead[:1] = _FIRST
    opens = new_graph & (graph.graph >= 0)
    is_type = graph.predicate == pc.index(graph.terms.value, pa.scalar(RDF_TYPE, pa.large_string())).as_py()
    name = np.where(opens, graph.graph, unnamed)
    ids = (
        np.where(new_subject, graph.subject, nothing),
        np.where(new_predicate, np.where(is_type, a, graph.predicate), nothing),
        graph.object,
    )
    brace = pa.array(["", " {\n"], pa.large_string())
    gap = pa.array(["", " "], pa.large_string())
    for rows in batches(np.add.reduce([name_sizes[name], *(sizes[each] for each in ids)])):
        g = names.take(pa.array(name[rows]))
        s, p, o = (texts.take(pa.array(each[rows])) for each in ids)
        before = _LEADS.take(pa.array(lead[rows]))
        after_g, after_s, after_p = (
            choice.take(pa.array(flags[rows].astype(np.int8)))
            for choice, flags in ((brace, opens), (gap, new_subject), (gap, new_predicate))
        )
        last = () if notes is None else (notes[0].take(pa.array(notes[1][rows])),)
        yield joined(before, g, after_g, s, after_s, p, after_p, o, *last)
    if len(graph):
        yield b" .\n}\n" if graph.graph[-1] >= 0 else b" .\n"


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
    starts = np.searchsorted(terms.kind, np.arange(5))
    iris, blanks, literals, triples = (terms.value[int(start) : int(end)] for start, end in pairwise(starts))
    rows = slice(int(starts[TermKind.LITERAL]), int(starts[TermKind.TRIPLE]))
    return pa.concat_arrays(
        [
            _iri_texts(iris, prefixes or {}),
            _join("_:", blanks),
            _literal_texts(literals, terms, rows, prefixes or {}),
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
    """The bytes of the parts of all rows, one after the other."""
    texts = _join(*parts)
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(data)[ends[0] : ends[-1]]


def _with_extra(texts: pa.LargeStringArray, *extra: str) -> pa.LargeStringArray:
    return pa.concat_arrays([texts, pa.array(extra, pa.large_string())])


def _sizes(texts: pa.LargeStringArray) -> npt.NDArray[np.int64]:
    sizes: npt.NDArray[np.int64] = pc.binary_length(texts).to_numpy()
    return sizes


def batches(sizes: npt.NDArray[np.int64]) -> Iterator[slice]:
    """Runs of rows with some megabytes of text each, a longer row on its own."""
    total = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        done = int(total[start - 1]) if start else 0
        end = max(int(np.searchsorted(total, done + _BATCH_BYTES, "right")), start + 1)
        yield slice(start, end)
        start = end
