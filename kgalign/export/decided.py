"""What people decided, in the Simple Standard for Sharing Ontological Mappings: manual mapping curation."""

import csv
import uuid
from collections.abc import Sequence
from pathlib import Path

from kgalign.base.files import replacing_text
from kgalign.decisions import Decision, Relation, Verdict
from kgalign.export.curies import Prefixes
from kgalign.export.rows import Written, is_iri, one_line
from kgalign.export.sssom import UNSPECIFIED_LICENSE, author, write_metadata
from kgalign.links.sssom_names import NOTHING

_COLUMNS = (
    "subject_id",
    "predicate_id",
    "predicate_modifier",
    "object_id",
    "mapping_justification",
    "author_id",
    "author_label",
    "reviewer_id",
    "reviewer_label",
    "mapping_date",
    "review_date",
    "reviewer_agreement",
    "comment",
)
_PREDICATES = {
    Relation.EXACT: "skos:exactMatch",
    Relation.CLOSE: "skos:closeMatch",
    Relation.BROAD: "skos:broadMatch",
    Relation.NARROW: "skos:narrowMatch",
}


def write_decisions(path: Path, decisions: Sequence[Decision], prefixes: Prefixes | None = None) -> Written:
    """Write each decision as one mapping; blank nodes are left out and counted.

    A pair that is different is a skos:exactMatch with the modifier ``Not``; an entity to which nothing
    corresponds is mapped to ``sssom:NoTermFound``. What a person can't tell is a mapping that was reviewed
    with agreement 0; it is a skos:closeMatch, so that who looks at the predicate alone takes it for no link.
    The set's id is a hash of its decisions: the same decisions, the same bytes.

    :param prefixes: those of the run, which are kept to.
    :raises RunError: no room, or no permission.
    """
    told = [each for each in decisions if _can_be_told(each)]
    iris = [iri for each in told for iri in (*each.pair, each.by) if is_iri(iri)]
    prefixes = (prefixes or Prefixes({})).extended(iris).used_by(iris)
    set_id = uuid.uuid5(uuid.NAMESPACE_OID, "".join(each.id for each in told))
    with replacing_text(path) as file:
        slots = {"mapping_set_id": f"urn:uuid:{set_id}", "license": UNSPECIFIED_LICENSE}
        write_metadata(file, slots, prefixes)
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(_COLUMNS)
        table.writerows(_row(each, prefixes) for each in told)
    return Written(len(told), len(decisions) - len(told))


def _can_be_told(each: Decision) -> bool:
    return all(is_iri(end) for end in each.pair if end)


def _row(each: Decision, prefixes: Prefixes) -> tuple[str, ...]:
    left, right = (prefixes.curie(end) if end else NOTHING for end in each.pair)
    who, day = author(each.by, prefixes), each.at[:10]
    if each.verdict is Verdict.UNSURE:
        told = ("skos:closeMatch", "", right, "semapv:UnspecifiedMatching", "", "", *who, "", day, "0.0")
    else:
        same = each.verdict is Verdict.SAME
        predicate = _PREDICATES[each.relation if same else Relation.EXACT]
        refused = "Not" if each.verdict is Verdict.DIFFERENT else ""
        told = (predicate, refused, right, "semapv:ManualMappingCuration", *who, "", "", day, "", "")
    return (left, *told, one_line(each.why))
