"""``changes.trig``: the statements that the fused graph gained and lost since the run before, as two graphs.

A third one tells where they come from, and what stands for the IRIs that name nothing any more. Nothing in it
has a time: the same two runs give the same bytes.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import run_starts
from kgalign.base.files import replacing
from kgalign.export.naming import NAMES, fusion_digest, with_ours
from kgalign.rdf.columns import canonical, remap
from kgalign.rdf.graph import Graph, Ids, Terms
from kgalign.rdf.prefixes import prefixes_of
from kgalign.rdf.vocabulary import DCTERMS, PREFIXES
from kgalign.rdf.write import grouped, prefix_lines, term_texts
from kgalign.records.fused import Fusion, fused_graph

BUNDLE, ACTIVITY = "run:changes", "run:growth"
GRAPHS = ("run:gained", "run:lost")


def write_differences(new: Fusion, old: Fusion, path: Path) -> tuple[int, int]:
    """Write what the fused graph of a run has more and less than that of the run before, as TriG.

    Named graphs of the inputs are left out, as in ``fused.ttl``. A blank node is the same where its label is.

    :returns: how many statements were gained and lost.
    :raises RunError: no room, or no permission.
    """
    found = _differences(fused_graph(new), fused_graph(old))
    digests = [fusion_digest(each) for each in (new, old)]
    ours = hashlib.sha256("\n".join(digests).encode()).hexdigest()[: len(digests[0])]
    prefixes = with_ours(prefixes_of(found) | {"dcterms": DCTERMS, "void": PREFIXES["void"]}, ours)
    sizes = int((found.graph == 0).sum()), int((found.graph == 1).sum())
    with replacing(path) as file:
        file.write(prefix_lines(prefixes))
        file.write("".join((f"{BUNDLE} {{\n", *_about(digests, sizes), *_retired(new, old), "}\n")).encode())
        names = pa.array(GRAPHS, pa.large_string())
        for text in grouped(found, term_texts(found.terms, prefixes), names):
            file.write(text)
    return sizes


def _differences(new: Graph, old: Graph) -> Graph:
    """The statements that one of two graphs alone has; as their graph 0 for the first, 1 for the second."""
    terms, position = canonical([new.terms, old.terms])
    parts = (new, position[: len(new.terms)]), (old, position[len(new.terms) :])
    columns: list[Ids] = [
        np.concatenate([remap(getattr(graph, name), at) for graph, at in parts])
        for name in ("subject", "predicate", "object")
    ]
    side = np.repeat(np.arange(2, dtype=np.int32), [len(new), len(old)])
    order = np.lexsort((side, *columns[::-1]))
    subject, predicate, object, side = (column[order] for column in (*columns, side))
    # Several named graphs of one side may hold a statement.
    start = np.flatnonzero(run_starts(subject, predicate, object)) if len(order) else order
    sides = np.bitwise_or.reduceat(1 << side, start) if len(order) else order
    rows = start[sides != 3]
    rows = rows[np.argsort(side[rows], kind="stable")]
    return Graph(subject[rows], predicate[rows], object[rows], side[rows], terms)


def _about(digests: list[str], sizes: tuple[int, int]) -> Iterator[str]:
    """The two graphs, and what told them apart."""
    runs = [f"<{NAMES}{digest}:provenance>" for digest in digests]
    yield f"{BUNDLE} a prov:Bundle , prov:Entity ;\n    prov:wasGeneratedBy {ACTIVITY} .\n"
    yield f"{ACTIVITY} a prov:Activity ;\n    prov:used {' , '.join(dict.fromkeys(runs))} .\n"
    if runs[0] != runs[1]:
        yield f"{runs[0]} prov:wasRevisionOf {runs[1]} .\n"
    for name, how, size in zip(GRAPHS, ("Generated", "Invalidated"), sizes, strict=True):
        yield f"{name} a prov:Entity ;\n    prov:was{how}By {ACTIVITY} ;\n    void:triples {size} .\n"


def _retired(new: Fusion, old: Fusion) -> Iterator[str]:
    """What stands for the IRIs that name nothing any more since this run."""
    known = old.terms.value.take(pa.array(old.retired))
    texts = _iris(new.terms, new.retired)
    fresh = pc.invert(pc.is_in(new.terms.value.take(pa.array(new.retired)), known)).to_pylist()
    stands = _iris(new.terms, new.replaced_by)
    for name, by, is_new in zip(texts, stands, fresh, strict=True):
        if is_new and by is None:
            yield f"{name} prov:wasInvalidatedBy {ACTIVITY} .\n"
        elif is_new:
            yield f"{name} dcterms:isReplacedBy {by} .\n"


def _iris(terms: Terms, ids: Ids) -> list[str | None]:
    """(n,) IRIs as Turtle writes them, None for -1."""
    texts = terms.value.take(pa.array(ids, mask=ids < 0)).to_pylist()
    return [None if text is None else f"<{text}>" for text in texts]
