"""Recorded questions: read, and judged by the evidence tier as two small graphs."""

import gzip
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import pyoxigraph as ox

from kgalign.arrays import Doubles
from kgalign.config import JudgeConfig, RetrieveConfig, SelectConfig
from kgalign.errors import InputError
from kgalign.judge import judge
from kgalign.rdf import read_graph
from kgalign.records import Candidates, Profile
from kgalign.retrieve import retrieve
from kgalign.select import select

FILE = "select_recorded.jsonl.gz"
_BASE = "urn:recorded:"
_THING = ox.NamedNode(_BASE + "Thing")
_TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
_ODDS = 15.0
"""Log-odds beyond which the evidence is not taken at its word."""
_Column = TypeVar("_Column", bound=npt.NDArray[Any])


@dataclass(frozen=True, slots=True)
class Question:
    """A question that was put to every model, and what each said."""

    set: str
    query: Mapping[str, Any]
    candidates: tuple[Mapping[str, Any], ...]
    identifiers: tuple[str, ...]
    """What each candidate is known by: equal ones are the same record."""
    gold: int
    """0 where none of the candidates is right, else the number of the right one from 1."""
    answers: Mapping[str, int | None]
    """Model → its answer, numbered as ``gold`` is; None where it could not be read."""
    explanations: Mapping[str, str] = field(default_factory=dict)
    """Model → why, in its own words."""


def read_questions(folder: Path) -> list[Question]:
    """The questions of a folder, in the order of the file.

    Raises:
        InputError: where the file can't be read, holds nothing, or a line is no question.
    """
    path = folder / FILE
    remedy = "Give a folder with recorded answers as --data"
    try:
        with gzip.open(path, "rt", encoding="utf8") as lines:
            questions = [_question(json.loads(line)) for line in lines if line.strip()]
    except (OSError, EOFError) as error:
        raise InputError(f"{path} can't be read: {error}", remedy) from error
    except (AttributeError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"A line of {path} is no recorded question: {error!r}", remedy) from error
    if not questions:
        raise InputError(f"{path} holds no question", remedy)
    return questions


def _question(row: dict[str, Any]) -> Question:
    candidates = tuple(row["candidates"])
    known = row.get("candidate_ids") or [json.dumps(each, sort_keys=True) for each in candidates]
    if len(known) != len(candidates):
        raise ValueError("as many candidate_ids as candidates are needed")
    if not 0 <= row["gold"] <= len(candidates):
        raise ValueError(f"gold {row['gold']} is none of {len(candidates)} candidates")
    answers = {model: given["answer"] for model, given in sorted(row["teachers"].items())}
    return Question(
        set=str(row["set"]),
        query=row["query"],
        candidates=candidates,
        identifiers=tuple(map(str, known)),
        gold=int(row["gold"]),
        answers={
            model: int(answer) if answer is not None and 0 <= answer <= len(candidates) else None
            for model, answer in answers.items()
        },
        explanations={
            model: str(given.get("explanation") or "") for model, given in sorted(row["teachers"].items())
        },
    )


def evidence(questions: Sequence[Question]) -> list[Doubles]:
    """What the evidence tier says of the questions of one set: (options + 1,) each, of none first.

    Queries are one side and all candidates the other, each record one entity of one type. As in a run, what
    retrieval finds is judged; besides, all pairs of the questions.
    """
    number: dict[str, int] = {}
    records: list[Mapping[str, Any]] = []
    for question in questions:
        for name, record in zip(question.identifiers, question.candidates, strict=True):
            if name not in number:
                number[name] = len(records)
                records.append(record)
    left = _profile((question.query for question in questions), "left")
    right = _profile(records, "right")
    rows, columns = _places(left), _places(right)
    pairs = {
        (rows[q], columns[number[name]])
        for q, question in enumerate(questions)
        for name in question.identifiers
        if q in rows and number[name] in columns
    }
    nobody = np.zeros(0, dtype=np.int32)
    verdicts = judge(left, right, _candidates(left, right, pairs), (nobody, nobody), JudgeConfig())
    weights = np.exp(np.clip(verdicts.log_odds.astype(np.float64), -_ODDS, _ODDS))
    pair = zip(verdicts.left.tolist(), verdicts.right.tolist(), strict=True)
    odds: dict[tuple[int | None, int | None], float] = dict(zip(pair, weights.tolist(), strict=True))
    found = []
    for q, question in enumerate(questions):
        keys = ((rows.get(q), columns.get(number[name])) for name in question.identifiers)
        # One option or none is right: their odds against none, side by side.
        weight = np.array([1.0, *(odds.get(key, np.exp(-_ODDS)) for key in keys)])
        found.append(weight / weight.sum())
    return found


def _profile(records: Iterable[Mapping[str, Any]], side: str) -> Profile:
    """The records of one side as a graph, read and selected as any other."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / f"{side}.nt"
        with path.open("wb") as file:
            ox.serialize(_triples(records, side), file, ox.RdfFormat.N_TRIPLES)
        graph = read_graph([path], side=side)
    return select(graph, SelectConfig(ignore_iri_names=True), types=[_THING.value], side=side)


def _triples(records: Iterable[Mapping[str, Any]], side: str) -> Iterator[ox.Triple]:
    for number, record in enumerate(records):
        subject = ox.NamedNode(f"{_BASE}{side}:{number}")
        yield ox.Triple(subject, _TYPE, _THING)
        for key, value in sorted(record.items()):
            predicate = ox.NamedNode(f"{_BASE}{quote(key, safe='')}")
            for each in value if isinstance(value, list) else [value]:
                if each is not None and str(each).strip():
                    yield ox.Triple(subject, predicate, ox.Literal(str(each)))


def _places(profile: Profile) -> dict[int, int]:
    """Number of a record → id of its entity."""
    return {int(iri.rpartition(":")[2]): row for row, iri in enumerate(profile.entity_iri.to_pylist())}


def _candidates(left: Profile, right: Profile, pairs: set[tuple[int, int]]) -> Candidates:
    """What retrieval finds, and the given pairs, with what it says of them."""
    found = retrieve(left, right, RetrieveConfig(k=1000))
    keys = found.left.astype(np.int64) * len(right) + found.right
    order = np.argsort(keys)
    given = np.array([a * len(right) + b for a, b in pairs], dtype=np.int64)
    wanted = np.union1d(given, keys[found.rank <= RetrieveConfig().k])
    place = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    row = order[place] if len(keys) else np.zeros(0, dtype=np.int64)
    there = keys[row] == wanted if len(keys) else np.zeros(len(wanted), dtype=bool)

    def column(values: _Column) -> _Column:
        taken = np.zeros((len(wanted), *values.shape[1:]), dtype=values.dtype)
        if len(keys):
            taken[there] = values[row[there]]
        return taken  # type: ignore[return-value]

    a, b, score = wanted // len(right), wanted % len(right), column(found.score)
    best = np.lexsort((b, -score, a))
    rank = np.arange(len(best)) - np.searchsorted(a, a[best]) + 1
    return Candidates(
        left=a[best].astype(np.int32),
        right=b[best].astype(np.int32),
        rank=rank.astype(np.int32),
        score=score[best],
        channels=found.channels,
        channel_rank=column(found.channel_rank)[best],
        channel_score=column(found.channel_score)[best],
    )
