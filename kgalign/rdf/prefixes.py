"""Prefixes for Turtle, derived from the data: the same data always gives the same ones."""

import re
from collections.abc import Container

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.rdf.graph import Graph, TermKind
from kgalign.rdf.vocabulary import PREFIXES

SPLIT = r"^(?P<namespace>.*[/#])(?P<local>[A-Za-z0-9_][A-Za-z0-9_-]*)$"
"""An IRI that a prefix can shorten. Local names that would need escapes are left alone: not every
parser reads them alike."""

MOST = 40
"""Prefixes that are declared at most."""

_TAKEN = {"a", "base", "false", "graph", "has", "is", "of", "prefix", "true"}
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")


def prefixes_of(graph: Graph) -> dict[str, str]:
    """Namespaces by prefix, for those that most statements use, in order of prefix.

    Customary prefixes are used where there are; others are named after the last word of the
    namespace, with a number where two would be named alike.
    """
    named = {namespace: prefix for prefix, namespace in PREFIXES.items()}
    spaces = sorted(_most_used(graph))
    chosen = {named[space]: space for space in spaces if space in named}
    for space in spaces:
        if space not in named:
            chosen[free_name(space, chosen)] = space
    return dict(sorted(chosen.items()))


def _most_used(graph: Graph) -> list[str]:
    """The namespaces that shorten the most places, one in a thousand at least."""
    terms = graph.terms
    iris = np.flatnonzero(terms.kind == TermKind.IRI)
    uses = np.zeros(len(terms), np.int64)
    for ids in (graph.subject, graph.predicate, graph.object):
        uses += np.bincount(ids, minlength=len(terms))
    typed = np.bincount(terms.datatype + 1, uses, minlength=len(terms.datatypes) + 1)[1:].astype(np.int64)
    split = pc.extract_regex(
        pa.concat_arrays([terms.value.take(pa.array(iris)), pa.array(terms.datatypes, pa.large_string())]),
        SPLIT,
    )
    table = pa.table(
        {"space": pc.struct_field(split, "namespace"), "uses": np.concatenate([uses[iris], typed])}
    )
    counts = table.filter(pc.is_valid(table["space"])).group_by("space").aggregate([("uses", "sum")])
    counts = counts.filter(pc.greater_equal(counts["uses_sum"], max(2, len(graph) // 1000)))
    order = [("uses_sum", "descending"), ("space", "ascending")]
    return [str(space) for space in counts.sort_by(order)["space"][:MOST].to_pylist()]


def free_name(namespace: str, chosen: Container[str]) -> str:
    """A prefix for a namespace, after its last word, that is neither chosen yet nor customary for another."""
    host, _, path = namespace.partition("//")[2].partition("/")
    words = _WORD.findall(path) or _WORD.findall(host)[:-1] or ["ns"]  # the last word of a host says little
    stem = str(words[-1]).lower()[:20]
    name, number = stem, 1
    while name in chosen or name in PREFIXES or name in _TAKEN:
        number += 1
        name = f"{stem}{number}"
    return name
