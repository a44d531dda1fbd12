"""Prefixes for Turtle, derived from the data: the same data always gives the same ones."""

import re
from collections.abc import Container

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Positions
from kgalign.base.cores import in_order, slices
from kgalign.rdf.graph import Graph, TermKind
from kgalign.rdf.vocabulary import PREFIXES

SPLIT = r"^(?P<namespace>.*[/#])(?P<local>[A-Za-z0-9_][A-Za-z0-9_-]*)$"
"""An IRI that a prefix can shorten. Local names that would need escapes are left alone: not every
parser reads them alike."""

MOST = 40
"""Prefixes that are declared at most."""

_ROWS = 1 << 16
"""IRIs that are taken apart at once."""

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
    uses = np.zeros(len(terms), np.int64)
    for ids in (graph.subject, graph.predicate, graph.object):
        uses += np.bincount(ids, minlength=len(terms))
    typed = np.bincount(terms.datatype + 1, uses, minlength=len(terms.datatypes) + 1)[1:].astype(np.int64)
    datatypes = _spaces(pa.array(terms.datatypes, pa.large_string()), typed)
    iris = int(np.searchsorted(terms.kind, TermKind.BLANK))
    parts = in_order(lambda rows: _spaces(terms.value[rows], uses[rows]), slices(iris, _ROWS))
    counts = _summed(pa.concat_tables([datatypes, *parts]))
    counts = counts.filter(pc.greater_equal(counts["uses"], max(2, len(graph) // 1000)))
    order = [("uses", "descending"), ("space", "ascending")]
    return [str(space) for space in counts.sort_by(order)["space"][:MOST].to_pylist()]


def _spaces(iris: pa.LargeStringArray, uses: Positions) -> pa.Table:
    """Namespaces of some IRIs, and how often these are used."""
    spaces = pc.struct_field(pc.extract_regex(iris, SPLIT), "namespace")
    table = pa.table({"space": spaces, "uses": uses})
    return _summed(table.filter(pc.is_valid(spaces)))


def _summed(table: pa.Table) -> pa.Table:
    counts = table.group_by("space").aggregate([("uses", "sum")])
    return pa.table({"space": counts["space"], "uses": counts["uses_sum"]})


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
