"""Files of decisions: SSSOM as TSV and JSON, kgalign's CSV, columns with tabs, RDF.

Nothing in these files is trusted: they are read as data, with limits on their size, and every refusal names
the line.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kgalign.decisions.decision import Decision, Verdict
from kgalign.decisions.mappings import (
    DIFFERENT,
    EXACT_MATCH,
    PREDICTION,
    REMEDY,
    Said,
    as_text,
    decision_of,
    metadata,
    namespaces,
    strings,
    usual,
)
from kgalign.errors import InputError
from kgalign.links.gold import OWL_SAME_AS, columns, opened, statements, syntax_of

_STATEMENTS = {
    OWL_SAME_AS: Verdict.SAME,
    EXACT_MATCH: Verdict.SAME,
    DIFFERENT: Verdict.DIFFERENT,
}
_OUTCOMES = {
    "match": Verdict.SAME,
    "confirmed": Verdict.SAME,
    "rejected": Verdict.DIFFERENT,
}
"""Outcomes in kgalign's CSV that decide something; the others are open."""
_LONGEST_FILE = 256 * 10**6
"""Bytes, unpacked."""
_LONGEST_CELL = 1 << 20
FORMS = (
    "Give SSSOM (.sssom.tsv, .json), kgalign's CSV, two columns of IRIs with a tab between, or "
    "owl:sameAs and owl:differentFrom in RDF"
)
"""What a file of decisions may be, for messages."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says."""

    decisions: tuple[Decision, ...]
    """In the order of the lines; what leaves things open is passed over."""
    predictions: int
    """Mappings that tools made and nobody looked at: they are no decisions."""


def read_decisions(path: Path) -> Reading:
    """Read what people decided.

    :raises InputError: it can't be read, it is in none of the forms, a line is broken, or there is nothing in
        it but predictions.
    """
    found: list[Decision] = []
    predictions = 0
    for each in _read(path):
        if each is PREDICTION:
            predictions += 1
        elif isinstance(each, Decision):
            found.append(each)
    if predictions and not found:
        raise InputError(
            f"{path} holds no decisions: its {predictions:,} mappings are predictions of tools",
            "Give what people curated or reviewed (semapv:ManualMappingCuration, or a reviewer_id), or give"
            " links that you vouch for as owl:sameAs",
        )
    return Reading(tuple(found), predictions)


def _read(path: Path) -> Iterator[Said]:
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


def _csv(text: str, path: Path) -> Iterator[Said]:
    """What ``kgalign export --format csv`` writes, with or without changes of a person in ``outcome``."""
    for where, row in _rows(text, path, ",", ("left", "right", "outcome"), 1):
        verdict = _OUTCOMES.get(row["outcome"])
        left, right = (row[side].removeprefix("'") for side in ("left", "right"))
        if not left or not right:
            raise InputError(f"{where} names only one IRI", REMEDY)
        yield None if verdict is None else Decision(left, right, verdict, source=path.name)


def _sssom(text: str, path: Path) -> Iterator[Said]:
    head, body, first = [], [], 1
    lines = io.StringIO(text)
    for line in lines:
        if not line.startswith("#"):
            body.append(line)
            break
        head.append(line[1:].removeprefix(" ") if line.startswith("# ") else line[1:])
        first += 1
    told = metadata("".join(head), path)
    names = namespaces(told, path)
    rest = "".join([*body, *lines])
    for where, row in _rows(rest, path, "\t", ("subject_id", "object_id", "predicate_id"), first):
        cells = {**usual(told), **{key: value for key, value in row.items() if value}}
        yield decision_of(cells, names, where, path.name)


def _json(text: str, path: Path) -> Iterator[Said]:
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
    names = namespaces({"curie_map": {**strings(named), **strings(told.get("curie_map"))}}, path)
    for number, each in enumerate(told["mappings"], start=1):
        where = f"{path}, mapping {number}"
        if not isinstance(each, dict):
            raise InputError(f"{where} is no object", REMEDY)
        row = {**usual(told), **{key: as_text(value) for key, value in each.items() if value is not None}}
        for column in ("subject_id", "object_id", "predicate_id"):
            if column not in row:
                raise InputError(f"{where} has no {column}", REMEDY)
        yield decision_of(row, names, where, path.name)


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
                raise InputError(f"{where} has {len(row)} columns, its heading {len(heading)}", REMEDY)
            yield where, dict(zip(heading, [*row, *[""] * (len(heading) - len(row))], strict=True))
    except csv.Error as error:
        where = f"{path}, line {first + table.line_num - 1}"
        raise InputError(f"{where} can't be read: {error}", REMEDY) from error
