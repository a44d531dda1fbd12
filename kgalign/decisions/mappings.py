"""A mapping of SSSOM as a decision: who said it, and what.

What counts is what people said: manual curation, or a mapping that a person reviewed, whoever made it. What a
tool predicted, and nobody looked at, is no decision. sssom-curator (https://github.com/cthoyt/sssom-curator)
writes what is right and what is wrong as manual curation, what can't be told as a review with agreement 0.
"""

from collections.abc import Mapping
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from kgalign.decisions.decision import Decision, Relation, Verdict
from kgalign.errors import InputError
from kgalign.links.gold import bare, short
from kgalign.links.sssom_names import FIXED, NOTHING

OWL, SKOS, RDFS = (FIXED[prefix] for prefix in ("owl", "skos", "rdfs"))
_RELATIONS = {
    f"{OWL}sameAs": Relation.EXACT,
    f"{OWL}equivalentClass": Relation.EXACT,
    f"{OWL}equivalentProperty": Relation.EXACT,
    f"{SKOS}exactMatch": Relation.EXACT,
    f"{SKOS}closeMatch": Relation.CLOSE,
    f"{SKOS}relatedMatch": Relation.CLOSE,
    f"{SKOS}broadMatch": Relation.BROAD,
    f"{RDFS}subClassOf": Relation.BROAD,
    f"{RDFS}subPropertyOf": Relation.BROAD,
    f"{SKOS}narrowMatch": Relation.NARROW,
}
DIFFERENT = f"{OWL}differentFrom"
EXACT_MATCH = f"{SKOS}exactMatch"
_SEMAPV = FIXED["semapv"]
_BY_HAND = {_SEMAPV + name for name in ("ManualMappingCuration", "MappingReview", "UnspecifiedMatching")}
"""Justifications of the vocabulary that are no matching by a tool."""
_LONGEST_HEAD = 1 << 20
"""Characters of SSSOM's metadata."""
_LONGEST_TEXT = 1000
"""Characters of a comment or a name that are kept."""
REMEDY = "Mend the line, or take it out"


class _Prediction(Enum):
    """That a tool said something."""

    ONLY = 0


PREDICTION: Final = _Prediction.ONLY
Said = Decision | Literal[_Prediction.ONLY] | None
"""A decision, a prediction, or nothing where a mapping leaves things open."""


def metadata(head: str, path: Path) -> dict[str, Any]:
    """What stands before the table, in YAML.

    :raises InputError: it is too long, or no YAML.
    """
    if len(head) > _LONGEST_HEAD:
        raise InputError(f"The metadata of {path} are longer than {_LONGEST_HEAD:,} characters", REMEDY)
    try:
        told = yaml.safe_load(head) if head else {}
    except (yaml.YAMLError, RecursionError) as error:
        said = " ".join(str(error).split())[:200]
        raise InputError(f"The metadata of {path}, behind #, are no YAML: {said}", REMEDY) from error
    return told if isinstance(told, dict) else {}


def namespaces(told: Mapping[str, Any], path: Path) -> dict[str, str]:
    """Prefix → namespace.

    :raises InputError: a prefix has another meaning than SSSOM gives it.
    """
    given = strings(told.get("curie_map"))
    for prefix, space in FIXED.items():
        if given.get(prefix, space) != space:
            raise InputError(f"{path} gives the prefix {prefix} another meaning than SSSOM", REMEDY)
    return given | FIXED


def strings(found: object) -> dict[str, str]:
    """Those entries of a mapping that are text; none where it is no mapping."""
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if isinstance(key, str) and isinstance(value, str)}


def usual(told: Mapping[str, Any]) -> dict[str, str]:
    """What the set says of all its mappings."""
    names = ("mapping_tool", "mapping_date", "author_id", "author_label", "creator_id", "creator_label")
    return {name: as_text(told[name]) for name in names if told.get(name)}


def as_text(value: object) -> str:
    """A value as text, several with bars between; nothing of what is nested, which YAML lets grow."""
    plain = (str, int, float, date)
    several = value if isinstance(value, list) else [value]
    return "|".join(str(each) for each in several if isinstance(each, plain))


def decision_of(row: Mapping[str, str], names: Mapping[str, str], where: str, source: str) -> Said:
    """What a mapping says.

    :param row: its slots that are not empty.
    :param names: prefix → namespace.
    :param where: for messages.
    :param source: name of the file; older versions of sssom-curator mark what can't be told by that alone.
    :raises InputError: it is broken.
    """
    if row.get("subject_type", "").endswith("property"):
        return None  # it is about the vocabularies
    by_hand, agreement = _is_by_hand(row, names), _agreement(row, where)
    if not by_hand and agreement is None:
        return PREDICTION
    left, right = _ends(row, names, where)
    predicate = _iri(row["predicate_id"], names, where)
    refused = row.get("predicate_modifier", "") == "Not"
    if row.get("predicate_modifier", "") not in ("", "Not"):
        raise InputError(f"{where}: {short(row['predicate_modifier'])} is no predicate modifier", REMEDY)
    if predicate != DIFFERENT and predicate not in _RELATIONS:
        raise InputError(f"{where}: {short(predicate)} is no predicate of mappings", REMEDY)
    relation = _RELATIONS.get(predicate, Relation.EXACT)
    same = refused == (predicate == DIFFERENT)
    if agreement is not None and agreement < 0:
        if by_hand:
            return None  # who made it and who reviewed it differ
        same = not same
    is_unsure = agreement == 0 or source.lower().startswith("unsure.")
    verdict = _verdict(bool(left and right), relation, same=same, is_unsure=is_unsure)
    if verdict is None or (relation is Relation.CLOSE and _is_open(row)):
        return None
    by, at = _who(row, names, reviewed=is_unsure or not by_hand)
    why = row.get("comment", "")[:_LONGEST_TEXT]
    relation = relation if verdict is Verdict.SAME else Relation.EXACT
    return Decision(left, right, verdict, relation, by=by, at=at, why=why, source=source)


def _is_open(row: Mapping[str, str]) -> bool:
    """Whether kgalign left it to people, in a file of which only some columns are left."""
    return "mapping_justification" not in row and row.get("comment", "").startswith("undecided:")


def _ends(row: Mapping[str, str], names: Mapping[str, str], where: str) -> tuple[str, str]:
    """What is mapped; of what is not there, nothing."""
    left, right = (
        "" if row[column] == NOTHING else _iri(row[column], names, where)
        for column in ("subject_id", "object_id")
    )
    if not left and not right:
        raise InputError(f"{where} names nothing", REMEDY)
    return left, right


def _verdict(both: bool, relation: Relation, *, same: bool, is_unsure: bool) -> Verdict | None:
    """What a mapping comes to; None where it says nothing of whether two are the same.

    That two are not close, or that nothing broader is there, does not.
    """
    if is_unsure:
        return Verdict.UNSURE if both and relation in (Relation.EXACT, Relation.CLOSE) else None
    if not both:
        return Verdict.NOTHING if same and relation is Relation.EXACT else None
    if same:
        return Verdict.SAME
    return Verdict.DIFFERENT if relation is Relation.EXACT else None


def _is_by_hand(row: Mapping[str, str], names: Mapping[str, str]) -> bool:
    """Whether no tool made it, as far as it says."""
    justification = bare(row.get("mapping_justification", "").strip())
    prefix, _, local = justification.partition(":")
    full = names[prefix] + local if prefix in names else justification
    return full in _BY_HAND or not full.startswith(_SEMAPV)


def _agreement(row: Mapping[str, str], where: str) -> float | None:
    """How far who reviewed it agrees, -1 to 1; None where nobody did. Who says nothing agrees."""
    told = row.get("reviewer_agreement", "").strip()
    if not told:
        return 1.0 if row.get("reviewer_id") or row.get("reviewer_label") else None
    try:
        agreement = float(told)
    except ValueError:
        agreement = float("nan")
    if not -1 <= agreement <= 1:
        raise InputError(f"{where}: {short(told)} is no agreement between -1 and 1", REMEDY)
    return agreement


def _who(row: Mapping[str, str], names: Mapping[str, str], *, reviewed: bool) -> tuple[str, str]:
    """Who decided, several with bars between, a CURIE in full; and when.

    :param reviewed: whether it was who reviewed it.
    """
    made, seen = ("author", "mapping_date"), ("reviewer", "review_date")
    for role, day in (seen, made) if reviewed else (made, seen):
        if row.get(f"{role}_id"):
            return _full(row[f"{role}_id"], names), row.get(day, "")[:40]
        if row.get(f"{role}_label"):
            return row[f"{role}_label"][:_LONGEST_TEXT], row.get(day, "")[:40]
    return _full(row.get("creator_id", ""), names), row.get("mapping_date", "")[:40]


def _full(people: str, names: Mapping[str, str]) -> str:
    """CURIEs in full, bars between."""
    parts = [each.partition(":") for each in people.split("|")]
    full = (names[a] + b if colon and a in names else a + colon + b for a, colon, b in parts)
    return "|".join(full)[:_LONGEST_TEXT]


def _iri(text: str, names: Mapping[str, str], where: str) -> str:
    """A CURIE or an IRI in full."""
    iri = bare(text.strip())
    prefix, colon, local = iri.partition(":")
    if not colon:
        raise InputError(f"{where}: {short(iri)} is no CURIE and no IRI", REMEDY)
    if local.startswith("//") or prefix == "_":
        return iri
    if prefix in names:
        return names[prefix] + local
    if prefix.lower() in ("urn", "tag", "mailto", "doi", "info", "did", "file"):
        return iri
    raise InputError(
        f"{where}: nothing says what the prefix {short(prefix)} stands for", "Add it to curie_map"
    )
