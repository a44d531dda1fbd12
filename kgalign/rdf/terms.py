"""From the parser's terms to columns of terms."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyoxigraph as ox

from kgalign.rdf.graph import TermKind, Terms
from kgalign.rdf.vocabulary import XSD_STRING

RdfTerm = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple


def columns_of(terms: Collection[RdfTerm]) -> Terms:
    """Columns of distinct terms, in their order, which need not be the canonical one."""
    kinds: list[int] = []
    values: list[str] = []
    datatypes: list[int] = []
    languages: list[int] = []
    datatype_ids: dict[str, int] = {XSD_STRING: -1}
    language_ids: dict[str, int] = {}
    for term in terms:
        datatype = language = -1
        if isinstance(term, ox.NamedNode):
            kind, value = TermKind.IRI, term.value
        elif isinstance(term, ox.Literal):
            kind, value = TermKind.LITERAL, term.value
            if (tag := _tag(term)) is not None:
                language = language_ids.setdefault(tag, len(language_ids))
            else:
                datatype = datatype_ids.setdefault(term.datatype.value, len(datatype_ids) - 1)
        elif isinstance(term, ox.BlankNode):
            kind, value = TermKind.BLANK, term.value
        else:
            kind, value = TermKind.TRIPLE, str(term)
        kinds.append(kind)
        values.append(value)
        datatypes.append(datatype)
        languages.append(language)
    del datatype_ids[XSD_STRING]
    return Terms(
        kind=np.array(kinds, np.uint8),
        value=pa.array(values, pa.large_string()),
        datatype=np.array(datatypes, np.int32),
        language=np.array(languages, np.int32),
        datatypes=tuple(datatype_ids),
        languages=tuple(language_ids),
    )


def _tag(literal: ox.Literal) -> str | None:
    if literal.language is None:
        return None
    return literal.language if literal.direction is None else f"{literal.language}--{literal.direction}"


def parse_triple(text: str) -> ox.Triple:
    """The triple of a triple term, from the text that :class:`Terms` holds."""
    quad = next(iter(ox.parse(f"{text} .", ox.RdfFormat.N_TRIPLES)))
    return ox.Triple(quad.subject, quad.predicate, quad.object)
