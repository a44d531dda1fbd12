"""A ledger as a file for other programs: JSON lines, Parquet, CSV or Turtle.

The same ledger gives the same bytes, and a file gets its name only when it is complete. Votes are read and
written one after the other; of a judging's decisions a mark each is held in memory for Turtle, nothing else.

JSON lines and Turtle hold everything: judgings, decisions, votes. CSV and Parquet are one table, of the votes
or of the decisions. In all but Turtle ``none`` stands where a choice is none of the options, which no IRI and
no blank node is called, and nothing (null, an empty cell) where the choice can't be told.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from kgalign.base.files import replacing
from kgalign.ledger import turtle
from kgalign.ledger.store import Ledger
from kgalign.ledger.turtle import storable
from kgalign.records.votes import Decision, Judging, Vote
from kgalign.values.text import no_formula

Format = Literal["jsonl", "parquet", "csv", "ttl"]
FORMATS: tuple[Format, ...] = get_args(Format)
Table = Literal["votes", "decisions"]
TABLES: tuple[Table, ...] = get_args(Table)

Record = dict[str, Any]
"""Plain values, as JSON has them."""

NONE_WORD = "none"
_BATCH = 4096
"""Rows of a row group in Parquet."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    judgings: int = 0
    decisions: int = 0
    votes: int = 0


def export(
    ledger: Ledger, path: Path, form: Format, *, judging: str | None = None, table: Table = "votes"
) -> Exported:
    """Write what is on record to a file.

    :param ledger: what to read.
    :param path: where to; what stood there is replaced in one step.
    :param form: the format.
    :param judging: name of the one judging to write, None for all.
    :param table: what CSV and Parquet hold.
    :raises RunError: no room, or no permission to write; or the ledger can't be read.
    """
    judgings = [each for each in ledger.judgings() if judging in (None, each.name)]
    with replacing(path) as file:
        if form in ("jsonl", "ttl"):
            counted = _Counted(ledger, judgings)
            (_write_json_lines if form == "jsonl" else _write_turtle)(file, counted)
            return counted.counts
        rows = _rows(ledger, judgings, table)
        schema = SCHEMAS[table]
        written = (_write_csv if form == "csv" else _write_parquet)(file, schema, rows)
    return Exported(len(judgings), **{table: written})


def votes_table(votes: Iterable[Vote]) -> pa.Table:
    """Votes as a table, a row each, with the columns that Parquet has."""
    return _arrow(map(vote_record, votes), SCHEMAS["votes"])


def judging_record(judging: Judging) -> Record:
    """A judging as plain values; its settings as the object that they are."""
    return {"record": "judging", **asdict(judging), "settings": _json_or_text(judging.settings)}


def vote_record(vote: Vote) -> Record:
    """A vote as plain values, without a level of its own for question, answer and sampling."""
    question, answer, sampling = vote.question, vote.answer, vote.sampling
    return {
        "record": "vote",
        "key": vote.key,
        "judging": vote.judging,
        "model": vote.model,
        "adapter": vote.adapter,
        "case": question.case,
        "number": question.number,
        "kind": question.kind.value,
        "direction": question.direction.value,
        "view": question.view.value,
        "asker": question.asker,
        "options": list(question.options),
        "labels": list(question.labels),
        "template": question.template,
        "template_hash": question.template_hash,
        "messages": [{"role": each.role, "content": each.content} for each in question.messages],
        "values": list(question.values),
        "shortened": question.shortened,
        "status": answer.status.value,
        "choice": None if answer.choice is None else answer.choice or NONE_WORD,
        "place": answer.place,
        "citations": [{"value": each.value, "found": each.found} for each in answer.citations],
        "reason": answer.reason,
        "probabilities": None if answer.probabilities is None else list(answer.probabilities),
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed,
        "logprobs": sampling.logprobs,
        "reply": vote.reply,
        "finish": vote.finish,
        "prompt_tokens": vote.prompt_tokens,
        "completion_tokens": vote.completion_tokens,
        "cached_tokens": vote.cached_tokens,
        "seconds": vote.seconds,
        "attempts": vote.attempts,
        "asked_at": vote.asked_at,
        "served": vote.served,
    }


def decision_record(decision: Decision) -> Record:
    """A decision as plain values."""
    return {
        "record": "decision",
        **asdict(decision),
        "chosen": decision.chosen or NONE_WORD,
        "evidence_choice": decision.evidence_choice or NONE_WORD,
        "options": list(decision.options),
        "probabilities": list(decision.probabilities),
    }


def json_text(record: Record | list[Any], indent: int | None = None) -> str:
    """A record as JSON, on one line unless it is indented; characters beyond ASCII stand as they are."""
    text = json.dumps(record, ensure_ascii=False, allow_nan=False, indent=indent)
    # JSON lets these stand in a string, but some programs take them for the end of a line.
    return storable(text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085"))


class _Counted:
    """The judgings of a ledger with what belongs to them, counted as it is read."""

    def __init__(self, ledger: Ledger, judgings: Iterable[Judging]) -> None:
        self._ledger = ledger
        self.judgings = list(judgings)
        self._decisions = self._votes = 0

    def decisions(self, judging: Judging) -> Iterator[Decision]:
        for decision in self._ledger.decisions(judging.name):
            self._decisions += 1
            yield decision

    def votes(self, judging: Judging) -> Iterator[Vote]:
        for vote in self._ledger.votes(judging.name):
            self._votes += 1
            yield vote

    @property
    def counts(self) -> Exported:
        return Exported(len(self.judgings), self._decisions, self._votes)


def _write_json_lines(file: IO[bytes], read: _Counted) -> None:
    for judging in read.judgings:
        file.write(json_text(judging_record(judging)).encode() + b"\n")
        for decision in read.decisions(judging):
            file.write(json_text(decision_record(decision)).encode() + b"\n")
        for vote in read.votes(judging):
            file.write(json_text(vote_record(vote)).encode() + b"\n")


def _write_turtle(file: IO[bytes], read: _Counted) -> None:
    turtle.write(
        (
            triple
            for judging in read.judgings
            for triple in turtle.judging_triples(judging, read.decisions(judging), read.votes(judging))
        ),
        file,
    )


def _rows(ledger: Ledger, judgings: Iterable[Judging], table: Table) -> Iterator[Record]:
    for judging in judgings:
        if table == "decisions":
            yield from map(decision_record, ledger.decisions(judging.name))
        else:
            yield from map(vote_record, ledger.votes(judging.name))


def _write_csv(file: IO[bytes], schema: pa.Schema, rows: Iterable[Record]) -> int:
    """RFC 4180 with a heading; lists as JSON.

    These cells hold what strangers wrote: what a spreadsheet would take for a formula gets an apostrophe, see
    :func:`~kgalign.values.text.no_formula`.
    """
    text = io.TextIOWrapper(file, encoding="utf8", newline="", write_through=True)
    try:
        table = csv.writer(text, lineterminator="\r\n")
        table.writerow(schema.names)
        count = 0
        for row in rows:
            table.writerow([_cell(row[name]) for name in schema.names])
            count += 1
    finally:
        text.detach()
    return count


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return no_formula(storable(value))
    return json_text(value) if isinstance(value, list) else repr(value)


def _write_parquet(file: IO[bytes], schema: pa.Schema, rows: Iterable[Record]) -> int:
    count, rest = 0, iter(rows)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while batch := list(islice(rest, _BATCH)):
            writer.write_table(_arrow(batch, schema))
            count += len(batch)
    return count


def _arrow(rows: Iterable[Record], schema: pa.Schema) -> pa.Table:
    safe = [{name: _storable(row[name]) for name in schema.names} for row in rows]
    return pa.Table.from_pylist(safe, schema=schema)


def _storable(value: Any) -> Any:  # noqa: ANN401 - any plain value
    """The value with every text in it as UTF-8 can hold it."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable(each) for each in value]
    if isinstance(value, dict):
        return {key: _storable(each) for key, each in value.items()}
    return value


def _json_or_text(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


_TYPES: dict[pa.DataType, str] = {
    pa.int64(): "number place max_tokens seed logprobs prompt_tokens completion_tokens cached_tokens "
    "attempts asked counted most",
    pa.float64(): "temperature top_p seconds probability evidence_probability",
    pa.bool_(): "shortened",
    pa.list_(pa.string()): "options labels values",
    pa.list_(pa.float64()): "probabilities",
    pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])): "messages",
    pa.list_(pa.struct([("value", pa.string()), ("found", pa.bool_())])): "citations",
}
"""Types of the columns that are no texts."""


def _schema(names: str) -> pa.Schema:
    types = {name: kind for kind, listed in _TYPES.items() for name in listed.split()}
    return pa.schema([(name, types.get(name, pa.string())) for name in names.split()])


SCHEMAS: Mapping[Table, pa.Schema] = {
    "votes": _schema(
        "key judging model adapter case number kind direction view asker options labels template "
        "template_hash messages values shortened status choice place citations reason probabilities "
        "temperature top_p max_tokens seed logprobs reply finish prompt_tokens completion_tokens "
        "cached_tokens seconds attempts asked_at served"
    ),
    "decisions": _schema(
        "judging case outcome chosen probability evidence_choice evidence_probability options probabilities "
        "asked counted most stopped"
    ),
}
"""Columns of the tables; ``probabilities`` are in the order of ``options`` with none of them last in a vote,
and first in a decision."""
