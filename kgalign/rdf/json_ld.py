"""What the JSON-LD algorithm drops without a word, found and said.

It leaves out statements with relative IRIs, invalid IRIs and invalid language tags. Nothing shall
be lost: so the parser is told to be lenient, with a base that stands for none, and its terms are
checked here. Keys that the @context does not map are no statements: they are dropped, as they should.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyoxigraph as ox

from kgalign.arrays import unique
from kgalign.errors import InputError
from kgalign.rdf.graph import Ids
from kgalign.rdf.places import place_of
from kgalign.rdf.terms import RdfTerm
from kgalign.rdf.text import shorten

NO_BASE = "http://relative.kgalign.invalid/"
"""Stands for the base that a file does not name."""

_Columns = tuple[Ids, Ids, Ids, Ids]


def check_json_ld(path: Path, terms: Sequence[RdfTerm], columns: _Columns) -> _Columns:
    """The statements without those of unmapped keys.

    :raises InputError: for a relative or invalid IRI, or an invalid language tag.
    """
    unmapped = [
        number
        for number in np.unique(columns[1])
        if isinstance(terms[number], ox.NamedNode) and ":" not in terms[number].value
    ]
    if unmapped:
        kept = ~np.isin(columns[1], unmapped)
        subject, predicate, object, graph = (ids[kept] for ids in columns)
        columns = subject, predicate, object, graph
    used = unique(np.concatenate(columns))
    for number in used[used >= 0]:
        _check(path, terms[number])
    return columns


def _check(path: Path, term: RdfTerm) -> None:
    if isinstance(term, ox.NamedNode):
        _check_iri(path, term.value)
    elif isinstance(term, ox.Literal):
        if term.language is not None:
            _check_tag(path, term.language)
        else:
            _check_iri(path, term.datatype.value)


def _check_iri(path: Path, iri: str) -> None:
    if iri.startswith(NO_BASE):
        relative = iri.removeprefix(NO_BASE)
        raise InputError(
            f"{path}{place_of(path, relative)}: the relative IRI '{shorten(relative)}', and no base",
            'Give the file a base: "@base": "http://example.org/" in its @context',
        )
    try:
        ox.NamedNode(iri)
    except ValueError as error:
        raise InputError(
            f"{path}{place_of(path, iri)}: {shorten(str(error))} in the IRI '{shorten(iri)}'",
            "Correct that IRI; percent-encode what may not stand in it, a space as %20",
        ) from error


def _check_tag(path: Path, tag: str) -> None:
    try:
        ox.Literal("", language=tag)
    except ValueError as error:
        raise InputError(
            f"{path}{place_of(path, tag)}: '{shorten(tag)}' is no language tag",
            "Write language tags as BCP 47 does, such as en-US",
        ) from error
