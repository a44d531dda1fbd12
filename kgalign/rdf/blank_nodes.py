"""Labels of blank nodes: kept apart, and the same each time a file is read."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyoxigraph as ox

from kgalign.arrays import Flags, unique
from kgalign.rdf.columns import Part, canonical, take
from kgalign.rdf.graph import TermKind, Terms
from kgalign.rdf.terms import RdfTerm, parse_triple

_RANDOM = "^[a-f][0-9a-f]{23,31}$"
"""What the parser calls a blank node without a label: 128 random bits, hexadecimal."""

_FIRST = (
    "A-Za-z0-9_\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_OTHERS = f"{_FIRST}\\-\u00b7\u0300-\u036f\u203f\u2040"
_LABEL = re.compile(f"[{_FIRST}](?:[{_OTHERS}.]*[{_OTHERS}])?")
"""What Turtle has behind ``_:``."""

_PLAIN_LABEL = "^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?$"
"""What most labels are: those of them that are ASCII."""

_ROUNDS = 8
"""How many steps around a blank node are looked at to tell it from others."""

_Colours = npt.NDArray[np.uint64]

_ODD = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB],
    np.uint64,
)
"""Odd 64-bit constants of SplitMix64 and xxHash."""


def prefixed(terms: Terms, prefix: str) -> Terms:
    """The same terms with ``prefix`` set before the label of each blank node."""
    if not prefix:
        return terms
    blank = pa.array(terms.kind == TermKind.BLANK)
    before, nothing = pa.scalar(prefix, pa.large_string()), pa.scalar("", pa.large_string())
    labels = pc.binary_join_element_wise(before, terms.value.filter(blank), nothing)
    value = pc.replace_with_mask(terms.value, blank, labels) if len(labels) else terms.value
    return _relabel_triples(replace(terms, value=value), lambda label: prefix + label)


def name_anonymous(part: Part) -> Part:
    """The same statements with stable labels on the blank nodes that have none in the file, or none to keep.

    The parser gives these random ones. They are numbered by what is said around them, up to eight
    steps away, so that the order of the statements has no influence; nodes of which the same is
    said are numbered by first appearance. No number meets a label that the file itself has. Labels
    that Turtle does not have, which the parser lets pass in RDF/XML and above all in JSON-LD, are numbered
    too: written as they are they would end a statement, or be one.
    """
    labels = _labels(part.terms)
    random = labels.filter(pa.array(_need_names(labels)))
    if not len(random):
        return part
    stem = "b"
    while pc.any(pc.match_substring_regex(labels, f"^{stem}[0-9]+$")).as_py():
        stem += "b"
    order = _by_surroundings(part, random)
    names = pa.array([f"{stem}{number}" for number in range(len(order))], pa.large_string())
    blank = pa.array(part.terms.kind == TermKind.BLANK)
    held = part.terms.value.filter(blank)
    named = pc.coalesce(names.take(pc.index_in(held, order)), held)
    terms = replace(part.terms, value=pc.replace_with_mask(part.terms.value, blank, named))
    if not (terms.kind == TermKind.TRIPLE).any():
        return replace(part, terms=terms)
    numbers = dict(zip(order.to_pylist(), names.to_pylist(), strict=True))
    return replace(part, terms=_relabel_triples(terms, lambda label: numbers.get(label, label)))


def _labels(terms: Terms) -> pa.LargeStringArray:
    """The distinct labels of the blank nodes by first appearance, those in triple terms last."""
    held = terms.value.filter(pa.array(terms.kind == TermKind.BLANK))
    triples = terms.value.filter(pa.array(terms.kind == TermKind.TRIPLE)).to_pylist()
    inside = [label for text in triples for label in _labels_in(parse_triple(text))]
    return pc.unique(pa.concat_arrays([held, pa.array(inside, pa.large_string())]))


def _need_names(labels: pa.LargeStringArray) -> Flags:
    """(n,) labels that the parser made up, and those that Turtle does not have."""
    found = np.zeros(len(labels), bool)
    rows = np.flatnonzero(
        pc.invert(pc.match_substring_regex(labels, _PLAIN_LABEL)).to_numpy(zero_copy_only=False)
    )
    found[rows] = [not _LABEL.fullmatch(label) for label in labels.take(pa.array(rows)).to_pylist()]
    found |= pc.match_substring_regex(labels, _RANDOM).to_numpy(zero_copy_only=False)
    return found


def _labels_in(term: RdfTerm) -> Iterator[str]:
    if isinstance(term, ox.BlankNode):
        yield term.value
    elif isinstance(term, ox.Triple):
        yield from _labels_in(term.subject)
        yield from _labels_in(term.object)


def _relabel_triples(terms: Terms, renamed: Callable[[str], str]) -> Terms:
    rows = np.flatnonzero(terms.kind == TermKind.TRIPLE)
    if len(rows) == 0:
        return terms

    def changed(term: RdfTerm) -> RdfTerm:
        return ox.BlankNode(renamed(term.value)) if isinstance(term, ox.BlankNode) else term

    values = terms.value.to_pylist()
    for row in rows:
        values[row] = str(map_triple(parse_triple(values[row]), changed))
    return replace(terms, value=pa.array(values, pa.large_string()))


def map_triple(triple: ox.Triple, changed: Callable[[RdfTerm], RdfTerm]) -> ox.Triple:
    """The triple with ``changed`` applied to each of its terms, in the triples inside it too."""

    def inner(term: RdfTerm) -> RdfTerm:
        return map_triple(term, changed) if isinstance(term, ox.Triple) else changed(term)

    return ox.Triple(inner(triple.subject), inner(triple.predicate), inner(triple.object))  # type: ignore[arg-type]


def _by_surroundings(part: Part, labels: pa.LargeStringArray) -> pa.LargeStringArray:
    """Labels sorted by a colour that sums up what is said around their nodes (1-WL refinement)."""
    terms = part.terms
    rows = np.flatnonzero(terms.kind == TermKind.BLANK)
    place = pc.index_in(terms.value.take(pa.array(rows)), labels).fill_null(-1).to_numpy(zero_copy_only=False)
    rows, place = rows[place >= 0], place[place >= 0]
    fixed = np.ones(len(terms), bool)
    fixed[rows] = False
    fixed &= terms.kind != TermKind.TRIPLE
    places = np.flatnonzero(fixed)
    colour = np.zeros(len(terms) + 1, np.uint64)  # the last one stands for the default graph, id -1
    colour[places] = _mix(canonical([take(terms, places)])[1].astype(np.uint64) + np.uint64(1))
    told_apart = 0
    for _ in range(_ROUNDS):
        colour[rows] = _mix(colour[rows] + _around(part, rows, colour))
        groups = len(unique(colour[rows]))
        if groups == told_apart or groups == len(rows):
            break
        told_apart = groups
    colours = np.zeros(len(labels), np.uint64)
    colours[place] = colour[rows]
    return labels.take(pa.array(np.argsort(colours, kind="stable")))


def _around(part: Part, rows: npt.NDArray[np.int64], colour: _Colours) -> _Colours:
    """Per row, the sum over its statements of the colours of what else is in them."""
    wanted = np.zeros(len(colour), bool)
    wanted[rows] = True
    total = np.zeros(len(colour), np.uint64)
    for salt, (here, there) in enumerate(((part.subject, part.object), (part.object, part.subject)), 1):
        mine = wanted[here]
        said = colour[part.predicate[mine]] * _ODD[0] + colour[there[mine]] * _ODD[1]
        said += colour[part.graph[mine]] * _ODD[2] + np.uint64(salt)
        np.add.at(total, here[mine], _mix(said))
    return total[rows]


def _mix(numbers: _Colours) -> _Colours:
    """Spread 64-bit numbers over all 64-bit numbers (the finaliser of SplitMix64)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _ODD[3]
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _ODD[4]
    return numbers ^ (numbers >> np.uint64(31))
