"""RDF statements as columns of interned ids.

A :class:`Graph` holds one side of the alignment: four integer columns (subject, predicate,
object, named graph) that point into one table of distinct terms. There is no Python object per
statement: a million statements take 16 MB, plus the text of the distinct terms.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kgalign.arrays import Ids as Ids


class TermKind(IntEnum):
    """What a term is."""

    IRI = 0
    BLANK = 1
    LITERAL = 2
    TRIPLE = 3
    """An RDF 1.2 triple term; its value is the N-Triples text of the triple."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The distinct terms of one graph; a term's id is its position.

    The order is canonical, by kind, value, datatype and language, so that ids do not depend on
    the order in which files or statements were read.
    """

    kind: npt.NDArray[np.uint8]
    """(n,) a :class:`TermKind` each."""
    value: pa.LargeStringArray
    """(n,) the IRI, the blank node's label (unique within the side), or the lexical form."""
    datatype: Ids
    """(n,) index into ``datatypes``; -1 for xsd:string, for language-tagged and for other terms."""
    language: Ids
    """(n,) index into ``languages``; -1 where there is no language tag."""
    datatypes: tuple[str, ...]
    """IRIs of the datatypes."""
    languages: tuple[str, ...]
    """Language tags as they were written, base direction included (``ar--rtl``)."""

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(frozen=True, slots=True)
class Graph:
    """The distinct statements of one side, sorted by (graph, subject, predicate, object)."""

    subject: Ids
    predicate: Ids
    object: Ids
    """(m,) term ids each."""
    graph: Ids
    """(m,) term id of the named graph that holds the statement, -1 for the default graph."""
    terms: Terms
    sources: tuple[str, ...] = ()
    """Where the statements came from, for messages."""
    statements_read: int = 0
    """Statements before duplicates were dropped."""

    def __len__(self) -> int:
        return len(self.subject)
