"""What to say of a file that does not parse: where, why, and what to do about it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from pyoxigraph import RdfFormat

from kgalign.errors import InputError
from kgalign.rdf.formats import sniff
from kgalign.rdf.places import bad_tag, locate
from kgalign.rdf.source import Source
from kgalign.rdf.text import shorten
from kgalign.rdf.xml_check import XmlFault

Fault = SyntaxError | XmlFault
"""What a parser raises."""

_CONTEXTS_SHOWN = 3

_BASE = {
    RdfFormat.RDF_XML: 'Give the file a base: the attribute xml:base="http://example.org/" of its rdf:RDF',
    RdfFormat.JSON_LD: 'Give the file a base: "@base": "http://example.org/" in its @context',
}

_TURTLE_BASE = "Give the file a base: a line '@base <http://example.org/> .' at its top"

_REMEDIES = (
    (r"amplification|recursive entity", "Write its entities out: their expansion is bounded"),
    (r"Only UTF-8|UTF-8", "Save it as UTF-8: iconv -f ISO-8859-1 -t UTF-8, if it is Latin-1"),
    (r"Invalid IRI code point", "Percent-encode that character in the IRI, a space as %20"),
    (r"IRI", "Correct that IRI"),
    (r"subtag|language tag", "Write language tags as BCP 47 does, such as en-US"),
    (r"Unexpected end|no element found|unclosed token", "The file seems cut off: fetch or write it again"),
    (r"has not been declared|unbound prefix", "Declare that prefix at the top of the file"),
    (r"namespaces are required", "Plain XML is not RDF/XML: convert it to RDF first"),
    (r"variables are not allowed", "Remove rules and variables: they are N3, not RDF"),
)

_ENDING_OF = {
    "RDF/XML": ".rdf",
    "JSON": ".jsonld",
    "Turtle": ".ttl",
    "N-Triples": ".nt",
}
_READS = {
    "RDF/XML": {RdfFormat.RDF_XML},
    "JSON": {RdfFormat.JSON_LD},
    "Turtle": {RdfFormat.TURTLE, RdfFormat.TRIG, RdfFormat.N3},
    "N-Triples": {
        RdfFormat.N_TRIPLES,
        RdfFormat.N_QUADS,
        RdfFormat.TURTLE,
        RdfFormat.TRIG,
        RdfFormat.N3,
    },
}


def explain(path: Path, format: RdfFormat, error: Fault, *, exact: bool = True) -> InputError:
    """The error to show for one that the parser raised.

    :param exact: whether the parser saw the file's own text; otherwise its lines hold, but no columns do.
    """
    other = _mismatch(path, format)
    if other is not None:
        return other
    line, column, reason = _told(error)
    if "LoadDocumentCallback" in reason:
        return _remote_context(path)
    if not exact:
        column = 0
    elif not line:
        line, column = locate(path, format)
    where = f"{path}, line {line}" if line else str(path)
    where += f", column {column}" if column else ""
    if "No scheme found" in reason:
        return InputError(f"{where}: a relative IRI, and no base", _BASE.get(format, _TURTLE_BASE))
    if column and (tag := bad_tag(path, line, column)):
        reason = f"'{tag}' is no language tag"
    remedy = next((text for pattern, text in _REMEDIES if re.search(pattern, reason)), "Correct it there")
    return InputError(f"{where}: {shorten(reason)}", remedy)


def _told(error: Fault) -> tuple[int, int, str]:
    """Line and column, 0 where they are not known, and what is wrong there."""
    if isinstance(error, XmlFault):
        return error.line, error.column, error.reason
    reason = re.sub(r"^Parser error at line .*?: ", "", error.msg, count=1)
    return error.lineno or 0, error.offset or 0, re.sub(r" \(line \d+\)$", "", reason)


def _mismatch(path: Path, format: RdfFormat) -> InputError | None:
    """The error where a file's text is plainly in another format than its name says."""
    with Source(path, RdfFormat.JSON_LD) as source:
        looks = sniff(source.read(4096))
    if not looks or format in _READS.get(looks, ()):
        return None
    message = f"{path} is not {format.name}: it looks like {looks}"
    if looks in _ENDING_OF:
        return InputError(message, f"Give it the ending {_ENDING_OF[looks]}")
    remedies = {
        "an HTML page": "Download the RDF file itself, not the page about it",
        "a ZIP archive": "Unpack it",
        "UTF-16 text": "Save it as UTF-8: iconv -f UTF-16 -t UTF-8",
        "gzip": "Unpack it once: it is compressed twice",
    }
    return InputError(message, remedies[looks])


def _remote_context(path: Path) -> InputError:
    """Contexts are never fetched: say which ones the file asks for."""
    try:
        with Source(path, RdfFormat.JSON_LD) as source:
            remote = sorted(set(_remote_contexts(json.loads(source.read()))))
    except (ValueError, RecursionError):
        remote = []
    names = ", ".join(shorten(name) for name in remote[:_CONTEXTS_SHOWN])
    more = f" and {len(remote) - _CONTEXTS_SHOWN} more" if len(remote) > _CONTEXTS_SHOWN else ""
    return InputError(
        f"{path} needs the remote @context {names}{more}".rstrip() + ", and contexts are never fetched",
        "Put the context itself into the file, or convert the file to Turtle or N-Quads first",
    )


def _remote_contexts(node: object) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _remote_contexts(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("@context", "@import"):
                yield from (item for item in _as_list(value) if isinstance(item, str))
            yield from _remote_contexts(value)


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
