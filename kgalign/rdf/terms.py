"""From the parser's terms to columns of terms."""

from array import array
from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyoxigraph as ox

from kgalign.arrays import Flags
from kgalign.rdf.graph import Ids, TermKind, Terms
from kgalign.rdf.vocabulary import XSD_STRING

RdfTerm = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple

_KINDS: dict[type, int] = {
    ox.NamedNode: TermKind.IRI.value,
    ox.BlankNode: TermKind.BLANK.value,
    ox.Literal: TermKind.LITERAL.value,
    ox.Triple: TermKind.TRIPLE.value,
}


def columns_of(terms: Collection[RdfTerm]) -> Terms:
    """Columns of distinct terms, in their order, which need not be the canonical one."""
    kinds = np.fromiter(map(_KINDS.__getitem__, map(type, terms)), np.uint8, len(terms))
    values = [str(term) if isinstance(term, ox.Triple) else term.value for term in terms]
    datatypes, languages = array("i"), array("i")
    datatype_ids: dict[str, int] = {XSD_STRING: -1}
    language_ids: dict[str, int] = {}
    for literal in terms:
        if not isinstance(literal, ox.Literal):
            continue
        datatype = language = -1
        if (tag := literal.language) is None:
            datatype = datatype_ids.setdefault(literal.datatype.value, len(datatype_ids) - 1)
        else:
            if literal.direction is not None:
                tag = f"{tag}--{literal.direction}"
            language = language_ids.setdefault(tag, len(language_ids))
        datatypes.append(datatype)
        languages.append(language)
    del datatype_ids[XSD_STRING]
    of_literals = kinds == TermKind.LITERAL
    return Terms(
        kind=kinds,
        value=pa.array(values, pa.large_string()),
        datatype=_spread(datatypes, of_literals),
        language=_spread(languages, of_literals),
        datatypes=tuple(datatype_ids),
        languages=tuple(language_ids),
    )


def _spread(codes: "array[int]", rows: Flags) -> Ids:
    """(n,) the codes at the rows that have one, -1 elsewhere."""
    found = np.full(len(rows), -1, np.int32)
    found[rows] = codes
    return found


def parse_triple(text: str) -> ox.Triple:
    """The triple of a triple term, from the text that :class:`Terms` holds."""
    quad = next(iter(ox.parse(f"{text} .", ox.RdfFormat.N_TRIPLES)))
    return ox.Triple(quad.subject, quad.predicate, quad.object)
