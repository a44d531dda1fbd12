"""One vocabulary for both graphs: statements of the one side in the properties and classes of the other.

Only what says the same in the same unit is renamed: :func:`~kgalign.records.vocabularies.objection` has the
rules. Where two properties of one graph correspond to one of the other, the surer one alone is renamed:
under one name, the fused graph could not tell the two apart any more. What keeps its name loses nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kgalign.arrays import Flags
from kgalign.base import scratch
from kgalign.base.cores import in_order, slices
from kgalign.fusion.merge import Merged
from kgalign.rdf.columns import canonical, iri_terms, remap
from kgalign.rdf.graph import Ids, TermKind, Terms
from kgalign.rdf.vocabulary import RDF_TYPE
from kgalign.records.fused import term_ids
from kgalign.records.vocabularies import Target, Vocabularies, class_objection, objection

_ROWS = 1 << 18
"""Statements that are said anew at once."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The statements in one vocabulary."""

    merged: Merged
    said: Ids
    """(n,) the property as its source has it."""
    turned: Flags
    """(n,) whether subject and object changed places."""
    said_class: Ids
    """(n,) the class as its source has it where it was renamed, else -1."""


def rewrite(merged: Merged, left: int, vocabularies: Vocabularies, target: Target) -> Rewritten:
    """Say all statements in the vocabulary of one side.

    :param merged: statements of the left graph, then of the right one.
    :param left: how many are the left graph's.
    :param target: whose vocabulary; with ``both``, nothing is renamed.
    """
    size = len(merged.subject)
    if target == "both":
        return Rewritten(merged, merged.predicate, np.zeros(size, bool), np.full(size, -1, np.int32))
    standard = (*vocabularies.standard, *vocabularies.standard_classes)
    merged = _with_iris(merged, sorted({new for _, new in standard}))
    terms = merged.terms
    properties = _Names.of(terms, _properties(vocabularies, target), vocabularies.standard)
    classes = _Names.of(terms, _classes(vocabularies, target), vocabularies.standard_classes)
    a = term_ids(terms, [RDF_TYPE])[0]

    def said_in(rows: slice) -> tuple[Ids, Ids, Ids, Flags, Ids]:
        """Subject, predicate and object of some statements, whether they are turned, and the class said."""
        subject, predicate, object = merged.subject[rows], merged.predicate[rows], merged.object[rows]
        place = np.arange(rows.start, rows.stop)
        other = place >= left if target == "left" else place < left
        backwards = other & properties.inverse[predicate]
        # A literal can't be a subject: such a statement stays as it is.
        turned = backwards & (terms.kind[object] <= TermKind.BLANK)
        is_type = predicate == a
        named = np.where(other & is_type, classes.new[object], object)
        named = np.where(is_type, classes.standard[named], named)
        new = np.where(other & (turned | ~backwards), properties.new[predicate], predicate)
        return (
            np.where(turned, object, subject),
            properties.standard[new],
            np.where(turned, subject, named),
            turned,
            np.where(is_type & (named != object), object, np.int32(-1)),
        )

    parts = slices(size, _ROWS) or [slice(0, 0)]
    subject, predicate, object, turned, said_class = scratch.gather_columns(in_order(said_in, parts))
    changed = replace(merged, subject=subject, predicate=predicate, object=object)
    return Rewritten(changed, merged.predicate, turned, said_class)


@dataclass(frozen=True, slots=True)
class _Names:
    """New names of terms."""

    new: Ids
    """(terms,) what each term of the other vocabulary is called in the chosen one."""
    inverse: Flags
    """(terms,) whether it is read backwards there."""
    standard: Ids
    """(terms,) what a term of the chosen vocabulary is called by the user."""

    @classmethod
    def of(
        cls, terms: Terms, pairs: Iterable[tuple[str, str, bool]], standard: Sequence[tuple[str, str]]
    ) -> "_Names":
        new, final = np.arange(len(terms), dtype=np.int32), np.arange(len(terms), dtype=np.int32)
        inverse = np.zeros(len(terms), bool)
        found = list(pairs)
        a = term_ids(terms, [each[0] for each in found])
        b = term_ids(terms, [each[1] for each in found])
        known = (a >= 0) & (b >= 0)
        new[a[known]] = b[known]
        inverse[a[known]] = np.array([each[2] for each in found], bool)[known]
        old = term_ids(terms, [each[0] for each in standard])
        name = term_ids(terms, [each[1] for each in standard])
        known = old >= 0
        old, name = old[known], name[known]
        # What corresponds to a renamed one takes part in it, whichever of the two vocabularies is chosen.
        straight = ~inverse[old]
        final[new[old[straight]]] = name[straight]
        final[old] = name
        return cls(new, inverse, final)


def _properties(vocabularies: Vocabularies, target: Target) -> Iterable[tuple[str, str, bool]]:
    for match in vocabularies.properties:
        if match.left != match.right and not objection(match, target):
            ends = (match.right, match.left) if target == "left" else (match.left, match.right)
            yield *ends, match.inverse


def _classes(vocabularies: Vocabularies, target: Target) -> Iterable[tuple[str, str, bool]]:
    for match in vocabularies.classes:
        if match.left != match.right and not class_objection(match, target):
            ends = (match.right, match.left) if target == "left" else (match.left, match.right)
            yield *ends, False


def _with_iris(merged: Merged, iris: Sequence[str]) -> Merged:
    """The same statements with further IRIs among the terms."""
    if not iris:
        return merged
    terms, place = canonical([merged.terms, iri_terms(iris)])
    statements = ("subject", "predicate", "object", "graph", "named")
    others = ("same_subject", "same_object", "retired", "replaced_by", "left_term", "right_term")
    moved: dict[str, Any] = {name: remap(getattr(merged, name), place) for name in (*statements, *others)}
    return replace(merged, terms=terms, **moved)
