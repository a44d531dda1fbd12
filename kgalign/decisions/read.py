"""Decisions in the formats of others: SSSOM as TSV and JSON, kgalign's CSV, columns with tabs, RDF.

Nothing in these files is trusted: they are read as data, with limits on their size, and every refusal names
the line.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from kgalign.decisions.decision import Decision, Relation, Verdict
from kgalign.errors import InputError
from kgalign.links.gold import OWL_SAME_AS, bare, columns, opened, short, statements, syntax_of
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
_DIFFERENT = f"{OWL}differentFrom"
_STATEMENTS = {
    OWL_SAME_AS: Verdict.SAME,
    f"{SKOS}exactMatch": Verdict.SAME,
    _DIFFERENT: Verdict.DIFFERENT,
}
_OUTCOMES = {
    "match": Verdict.SAME,
    "confirmed": Verdict.SAME,
    "rejected": Verdict.DIFFERENT,
}
"""Outcomes in kgalign's CSV that decide something; the others are open."""
_LONGEST_FILE = 256 * 10**6
"""Bytes, unpacked."""
_LONGEST_HEAD = 1 << 20
"""Characters of SSSOM's metadata."""
_LONGEST_CELL = 1 << 20
_LONGEST_TEXT = 1000
"""Characters of a comment or a name that are kept."""
_REMEDY = "Mend the line, or take it out"
FORMS = (
    "Give SSSOM (.sssom.tsv, .json), kgalign's CSV, two columns of IRIs with a tab between, or "
    "owl:sameAs and owl:differentFrom in RDF"
)
"""What a file of decisions may be, for messages."""


def read_decisions(path: Path) -> list[Decision]:
    """Read what people decided, in the order of the lines; what leaves things open is passed over.

    :raises InputError: it can't be read, it is in none of the forms, or a line is broken.
    """
    return [each for each in _read(path) if each is not None]


def _read(path: Path) -> Iterator[Decision | None]:
    syntax = syntax_of(path)
    name = path.name.removesuffix(".gz").lower()
    with opened(path) as file:
        if syntax is not None and not name.endswith(".json"):
            for pair, verdict in statements(file, syntax, path, _STATEMENTS, FORMS):
                yield Decision(*pair, verdict, source=path.name)
            return
        try:
            data = file.read(_LONGEST_FILE + 1)
            if len(data) > _LONGEST_FILE:
                raise InputError(f"{path} holds more than {_LONGEST_FILE // 10**6} MB", "Cut it into parts")
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise InputError(f"{path}, line {line} is not UTF-8", "Save the file as UTF-8") from error
    if name.endswith(".json"):
        yield from _json(text, path)
    elif name.endswith(".csv"):
        yield from _csv(text, path)
    elif "subject_id" in _first_row(text).split("\t"):
        yield from _sssom(text, path)
    else:
        for pair in columns(io.StringIO(text), path, FORMS):
            yield Decision(*pair, Verdict.SAME, source=path.name)


def _first_row(text: str) -> str:
    """The first line that is no comment."""
    return next((line for line in io.StringIO(text) if not line.startswith("#")), "").rstrip("\r\n")


def _csv(text: str, path: Path) -> Iterator[Decision | None]:
    """What ``kgalign export --format csv`` writes, with or without changes of a person in ``outcome``."""
    for where, row in _rows(text, path, ",", ("left", "right", "outcome"), 1):
        verdict = _OUTCOMES.get(row["outcome"])
        left, right = (row[side].removeprefix("'") for side in ("left", "right"))
        if not left or not right:
            raise InputError(f"{where} names only one IRI", _REMEDY)
        yield None if verdict is None else Decision(left, right, verdict, source=path.name)


def _sssom(text: str, path: Path) -> Iterator[Decision | None]:
    head, body, first = [], [], 1
    lines = io.StringIO(text)
    for line in lines:
        if not line.startswith("#"):
            body.append(line)
            break
        head.append(line[1:].removeprefix(" ") if line.startswith("# ") else line[1:])
        first += 1
    told = _metadata("".join(head), path)
    names = _names(told, path)
    rest = "".join([*body, *lines])
    for where, row in _rows(rest, path, "\t", ("subject_id", "object_id", "predicate_id"), first):
        yield _mapping({**_usual(told), **{key: value for key, value in row.items() if value}}, names, where)


def _json(text: str, path: Path) -> Iterator[Decision | None]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON: {error}", FORMS) from error
    if not isinstance(told, dict) or not isinstance(told.get("mappings"), list):
        raise InputError(f"{path} holds no mappings of SSSOM", FORMS)
    context = told.get("@context")
    named = {
        key: value["@id"] if isinstance(value, dict) and isinstance(value.get("@id"), str) else value
        for key, value in (context.items() if isinstance(context, dict) else ())
    }
    names = _names({"curie_map": {**_strings(named), **_strings(told.get("curie_map"))}}, path)
    for number, each in enumerate(told["mappings"], start=1):
        where = f"{path}, mapping {number}"
        if not isinstance(each, dict):
            raise InputError(f"{where} is no object", _REMEDY)
        row = {**_usual(told), **{key: _text(value) for key, value in each.items() if value is not None}}
        for column in ("subject_id", "object_id", "predicate_id"):
            if column not in row:
                raise InputError(f"{where} has no {column}", _REMEDY)
        yield _mapping(row, names, where)


def _rows(
    text: str, path: Path, mark: str, needed: Sequence[str], first: int
) -> Iterator[tuple[str, dict[str, str]]]:
    """Where each row stands, and its cells by their columns.

    :param first: number of the line with the heading.
    """
    csv.field_size_limit(_LONGEST_CELL)
    table = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        heading = next(table, [])
        missing = [column for column in needed if column not in heading]
        if missing:
            raise InputError(f"{path}, line {first} has no column {missing[0]}", FORMS)
        for row in table:
            where = f"{path}, line {first + table.line_num - 1}"
            if not any(row):
                continue
            if len(row) > len(heading):
                raise InputError(f"{where} has {len(row)} columns, its heading {len(heading)}", _REMEDY)
            yield where, dict(zip(heading, [*row, *[""] * (len(heading) - len(row))], strict=True))
    except csv.Error as error:
        where = f"{path}, line {first + table.line_num - 1}"
        raise InputError(f"{where} can't be read: {error}", _REMEDY) from error


def _metadata(head: str, path: Path) -> dict[str, Any]:
    if len(head) > _LONGEST_HEAD:
        raise InputError(f"The metadata of {path} are longer than {_LONGEST_HEAD:,} characters", _REMEDY)
    try:
        told = yaml.safe_load(head) if head else {}
    except (yaml.YAMLError, RecursionError) as error:
        said = " ".join(str(error).split())[:200]
        raise InputError(f"The metadata of {path}, behind #, are no YAML: {said}", _REMEDY) from error
    return told if isinstance(told, dict) else {}


def _names(told: Mapping[str, Any], path: Path) -> dict[str, str]:
    """Prefix → namespace."""
    given = _strings(told.get("curie_map"))
    for prefix, space in FIXED.items():
        if given.get(prefix, space) != space:
            raise InputError(f"{path} gives the prefix {prefix} another meaning than SSSOM", _REMEDY)
    return given | FIXED


def _strings(found: object) -> dict[str, str]:
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if isinstance(key, str) and isinstance(value, str)}


def _usual(told: Mapping[str, Any]) -> dict[str, str]:
    """What the set says of all its mappings."""
    names = ("mapping_tool", "mapping_date", "author_id", "author_label", "creator_id", "creator_label")
    return {name: _text(told[name]) for name in names if told.get(name)}


def _text(value: object) -> str:
    """A value as text, several with bars between; nothing of what is nested, which YAML lets grow."""
    plain = (str, int, float, date)
    several = value if isinstance(value, list) else [value]
    return "|".join(str(each) for each in several if isinstance(each, plain))


def _mapping(row: Mapping[str, str], names: Mapping[str, str], where: str) -> Decision | None:
    """A mapping of SSSOM; None where it leaves things open."""
    if row.get("subject_type", "").endswith("property"):
        return None  # it is about the vocabularies
    predicate = _iri(row["predicate_id"], names, where)
    refused = row.get("predicate_modifier", "") == "Not"
    if row.get("predicate_modifier", "") not in ("", "Not"):
        raise InputError(f"{where}: {short(row['predicate_modifier'])} is no predicate modifier", _REMEDY)
    ends = [
        "" if row[column] == NOTHING else _iri(row[column], names, where)
        for column in ("subject_id", "object_id")
    ]
    if not any(ends):
        raise InputError(f"{where} names nothing", _REMEDY)
    left, right = ends
    if predicate == _DIFFERENT:
        relation, verdict = Relation.EXACT, Verdict.SAME if refused else Verdict.DIFFERENT
    elif predicate in _RELATIONS:
        relation, verdict = _RELATIONS[predicate], Verdict.DIFFERENT if refused else Verdict.SAME
        if refused and relation is not Relation.EXACT:
            return None  # that they are not close says nothing of whether they are the same
    else:
        raise InputError(f"{where}: {short(predicate)} is no predicate of mappings", _REMEDY)
    if not (left and right):
        verdict, relation = Verdict.NOTHING, Relation.EXACT
    if relation is Relation.CLOSE and row.get("comment", "").startswith("undecided:"):
        return None  # what kgalign itself leaves to people
    return Decision(
        left,
        right,
        verdict,
        relation,
        by=_who(row, names),
        at=row.get("mapping_date", "")[:40],
        why=row.get("comment", "")[:_LONGEST_TEXT],
        source=where.rpartition(", ")[0].rpartition("/")[2],
    )


def _who(row: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Who decided, several with bars between; a CURIE in full."""
    for column in ("author_id", "author_label", "reviewer_id", "reviewer_label", "creator_id"):
        if row.get(column):
            people = [each.partition(":") for each in row[column].split("|")]
            known = (names.get(prefix) if colon else None for prefix, colon, _ in people)
            return "|".join(
                "".join(each) if space is None else space + each[2]
                for space, each in zip(known, people, strict=True)
            )[:_LONGEST_TEXT]
    return ""


def _iri(text: str, names: Mapping[str, str], where: str) -> str:
    """A CURIE or an IRI in full."""
    iri = bare(text.strip())
    prefix, colon, local = iri.partition(":")
    if not colon:
        raise InputError(f"{where}: {short(iri)} is no CURIE and no IRI", _REMEDY)
    if local.startswith("//") or prefix == "_":
        return iri
    if prefix in names:
        return names[prefix] + local
    if prefix.lower() in ("urn", "tag", "mailto", "doi", "info", "did", "file"):
        return iri
    raise InputError(
        f"{where}: nothing says what the prefix {short(prefix)} stands for", "Add it to curie_map"
    )
