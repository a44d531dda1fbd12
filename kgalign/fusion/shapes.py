"""Shapes of the user, held against both graphs before fusion and against the fused one after it.

What is wrong in the fused graph and was not wrong before is what fusion caused; it is told with the
statements that brought it about, and where each of them comes from. pySHACL validates; nothing is inferred,
no script of the shapes runs, and nothing is imported.
"""

import json
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyparsing import ParseException

from kgalign.base.files import replacing
from kgalign.errors import InputError, MissingExtra
from kgalign.rdf import read_graph
from kgalign.rdf.graph import Graph, Ids, TermKind, Terms
from kgalign.rdf.text import shorten
from kgalign.rdf.to_rdflib import graph_to_rdflib
from kgalign.records.fused import SIDES, Fusion, Role, fused_graph, term_id

if TYPE_CHECKING:
    from rdflib import Graph as RdflibGraph
    from rdflib.term import Node

SH = "http://www.w3.org/ns/shacl#"
_MOST = 20
"""Statements that are named for one violation."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that a violation rests on."""

    property: str
    value: str
    said_property: str
    """As the source has it."""
    source: str


@dataclass(frozen=True, slots=True)
class Violation:
    """One result of the validation of the fused graph."""

    focus: str
    path: str
    """IRI of the property, the path in brackets where it is a longer one, empty where there is none."""
    value: str
    constraint: str
    """IRI of the constraint component, such as ``sh:MaxCountConstraintComponent``."""
    shape: str
    severity: str
    message: str
    caused: bool
    """Whether neither graph had it before."""
    statements: tuple[Statement, ...] = ()
    """Of those that fusion caused: what the fused graph says there, and who said it."""


@dataclass(frozen=True, slots=True)
class Violations:
    """What the shapes say."""

    before: tuple[int, int]
    """Violations in the left and in the right graph."""
    after: tuple[Violation, ...]
    """Those of the fused graph, what fusion caused first."""

    @property
    def caused(self) -> tuple[Violation, ...]:
        """What fusion caused."""
        return tuple(each for each in self.after if each.caused)


def read_shapes(paths: Sequence[Path]) -> "RdflibGraph":
    """The shapes of some files as one graph.

    :raises MissingExtra: pySHACL is not installed.
    :raises InputError: a file is missing, is no RDF, holds no shapes, or its shapes are not well-formed.
    """
    _library()
    from rdflib import Graph as RdflibGraph
    from rdflib import URIRef

    named = ", ".join(str(path) for path in paths)
    graph = graph_to_rdflib(read_graph(list(paths), side="shapes"))
    targets = [
        URIRef(SH + name) for name in ("targetClass", "targetNode", "targetSubjectsOf", "targetObjectsOf")
    ]
    shapes = [URIRef(SH + name) for name in ("NodeShape", "PropertyShape")]
    if not any((None, each, None) in graph for each in targets) and not any(
        (None, None, each) in graph for each in shapes
    ):
        raise InputError(f"{named} holds no shapes", "Give a file with a sh:NodeShape or sh:PropertyShape")
    _run(RdflibGraph(), graph, f"The shapes in {named}", well_formed=True)
    return graph


def check_shapes(left: Graph, right: Graph, fusion: Fusion, shapes: "RdflibGraph") -> Violations:
    """Hold shapes against both graphs and the fused one.

    A violation is the same as one before where focus node, path, value, constraint and shape are, once merged
    nodes are one and both graphs speak one vocabulary.

    :raises InputError: the shapes can't be checked, such as a SPARQL constraint that does not parse.
    """
    known: set[tuple[str, ...]] = set()
    counts = []
    for graph, table in ((left, fusion.left_term), (right, fusion.right_term)):
        found = _results(graph, shapes)
        counts.append(len(found))
        known |= {_key(_moved(each, graph.terms, table, fusion)) for each in found}
    after = [replace(each, caused=_key(each) not in known) for each in _results(fused_graph(fusion), shapes)]
    blamed = [replace(each, statements=_blamed(each, fusion)) if each.caused else each for each in after]
    ordered = sorted(blamed, key=lambda each: (not each.caused, *_key(each), each.message))
    return Violations((counts[0], counts[1]), tuple(ordered))


def write_violations(found: Violations, path: Path) -> int:
    """Write ``violations.json``: how many there were before, and each there is now.

    :returns: how many there are in the fused graph.
    :raises RunError: where there is no room or no permission.
    """
    content = {
        "before": dict(zip(SIDES, found.before, strict=True)),
        "after": len(found.after),
        "caused_by_fusion": len(found.caused),
        "violations": [asdict(each) for each in found.after],
    }
    with replacing(path) as file:
        file.write((json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "replace"))
    return len(found.after)


def _library() -> Any:  # noqa: ANN401 - a module without types
    try:
        import pyshacl
    except ImportError as error:
        raise MissingExtra("Checking shapes", "shacl") from error
    return pyshacl


def _run(
    data: "RdflibGraph", shapes: "RdflibGraph", what: str, *, well_formed: bool = False
) -> "RdflibGraph":
    """The report of a validation."""
    library = _library()
    from pyshacl.errors import ReportableRuntimeError, ShapeRecursionWarning, ValidationFailure

    try:
        with warnings.catch_warnings(), _quiet("pyshacl-validate"):
            warnings.simplefilter("ignore", ShapeRecursionWarning)
            _, report, _ = library.validate(
                data,
                shacl_graph=shapes,
                inference="none",
                meta_shacl=well_formed,
                advanced=False,
                js=False,
                do_owl_imports=False,
            )
    except (ReportableRuntimeError, ParseException, ValueError) as error:
        raise InputError(f"{what} can't be used: {_sentence(error)}", "Correct the shapes") from error
    if isinstance(report, ValidationFailure):
        raise InputError(f"{what} can't be used: {_sentence(report)}", "Correct the shapes")
    return report  # type: ignore[no-any-return]


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Without what a library says on the standard error output; its errors are told in our words."""
    logger = logging.getLogger(name)
    was, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = was


def _sentence(error: Exception) -> str:
    """What is wrong, in one line: of a report, its messages."""
    text = str(getattr(error, "message", error))
    messages = sorted(set(re.findall(r"Message: (.+)", text)))
    return shorten(" ".join((", ".join(messages) or text).split()).rstrip("."), 300)


def _results(graph: Graph, shapes: "RdflibGraph") -> list[Violation]:
    """Every result of a validation."""
    from rdflib import URIRef

    report = _run(graph_to_rdflib(graph), shapes, "The shapes")
    found = []
    for result in set(report.objects(None, URIRef(SH + "result"))):

        def part(name: str, result: "Node" = result) -> "Node | None":
            return min(report.objects(result, URIRef(SH + name)), key=str, default=None)

        shape = part("sourceShape")
        found.append(
            Violation(
                focus=_text(part("focusNode")),
                path=_path(report, part("resultPath")),
                value=_text(part("value")),
                constraint=str(part("sourceConstraintComponent") or ""),
                shape=str(shape) if isinstance(shape, URIRef) else "",
                severity=str(part("resultSeverity") or "").removeprefix(SH),
                message=" ".join(str(part("resultMessage") or "").split()),
                caused=False,
            )
        )
    return found


def _text(node: "Node | None") -> str:
    """A node as N-Triples writes it."""
    return "" if node is None else node.n3()


def _path(report: "RdflibGraph", node: "Node | None") -> str:
    from rdflib import URIRef

    if node is None or isinstance(node, URIRef):
        return str(node or "")
    inner = sorted({str(each) for each in report.transitive_objects(node, None) if isinstance(each, URIRef)})
    return f"({' '.join(inner)})"


def _key(violation: Violation) -> tuple[str, ...]:
    return violation.focus, violation.path, violation.value, violation.constraint, violation.shape


def _moved(violation: Violation, terms: Terms, table: Ids, fusion: Fusion) -> Violation:
    """A violation of one side with the fused graph's nodes."""

    def fused(text: str) -> str:
        term = _term(terms, text)
        moved = int(table[term]) if term >= 0 else -1
        if moved < 0:
            return text
        name = fusion.text(moved)
        return f"<{name}>" if fusion.terms.kind[moved] == TermKind.IRI else f"_:{name}"

    return replace(violation, focus=fused(violation.focus), value=fused(violation.value))


def _blamed(violation: Violation, fusion: Fusion) -> tuple[Statement, ...]:
    """What the statements of both graphs say there: those that are written, and those that were renamed."""
    subject = _term(fusion.terms, violation.focus)
    rows = fusion.subject == subject
    if violation.path and not violation.path.startswith("("):
        property = term_id(fusion.terms, violation.path)
        rows &= (fusion.property == property) | (fusion.said == property)
    value = _value(violation.value)
    found = []
    for row in np.flatnonzero(rows & (fusion.role == Role.WRITTEN)).tolist():
        statement = Statement(
            property=fusion.text(fusion.property[row]),
            value=fusion.text(fusion.value[row]),
            said_property=fusion.text(fusion.said[row]),
            source=fusion.sources[fusion.source[row]] if fusion.source[row] >= 0 else "",
        )
        found.append(statement)
    exact = [each for each in found if each.value == value]
    return tuple((exact or found)[:_MOST])


def _value(text: str) -> str:
    """The IRI, label or lexical form of a node in N-Triples."""
    if not text:
        return ""
    from rdflib.util import from_n3

    node = from_n3(text)
    return str(node if node is not None else "")


def _term(terms: Terms, text: str) -> int:
    """The id of a node that is written as in N-Triples, -1 where it is none of the terms or a literal."""
    if text.startswith("<"):
        return term_id(terms, text[1:-1])
    if not text.startswith("_:"):
        return -1
    low, high = np.searchsorted(terms.kind, [TermKind.BLANK, TermKind.LITERAL]).tolist()
    place = int(pc.index(terms.value[low:high], pa.scalar(text[2:], pa.large_string())).as_py())
    return place + low if place >= 0 else -1
