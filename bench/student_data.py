"""Recorded questions as examples for a student, and as questions to test it on."""

import gzip
import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.questions import FILE, Question, evidence
from kgalign.errors import InputError
from kgalign.judge.asking.questions import LETTERS, NO_OPTION
from kgalign.judge.votes.ballots import Ballot, Ballots
from kgalign.judge.votes.reducers import REDUCERS
from kgalign.train.data import About, Example, Split, example_id, write_data

TEST_FILE = "select_test_abt_buy.jsonl.gz"
_VALID = 0.12
"""Share of the questions that the calibration is fitted on."""
_LARGE = 0.05
"""Questions that share records are split together; those of a group of more than this share all train."""
_CHARACTERS = 200
"""Most characters of a value, as a judge is shown."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a question is taught to be answered with."""

    answer: int
    weight: float


def read_test(folder: Path) -> list[Question]:
    """The further questions on one set, with the answers of other models.

    Raises:
        InputError: where the file can't be read, or a line is no question.
    """
    path = folder / TEST_FILE
    try:
        with gzip.open(path, "rt", encoding="utf8") as lines:
            return [_test_question(json.loads(line)) for line in lines if line.strip()]
    except (OSError, EOFError, AttributeError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} can't be read: {error!r}", f"Give a folder with {FILE} and {TEST_FILE} as --data"
        ) from error


def _test_question(row: dict[str, Any]) -> Question:
    answers = {model: given["answer"] for model, given in row["recorded"].items()}
    return Question(
        set=str(row["set"]),
        query=row["query"],
        candidates=tuple(row["candidates"]),
        identifiers=tuple(map(str, row["candidate_ids"])),
        gold=int(row["gold"]),
        answers=answers,
    )


def shown(record: Mapping[str, Any]) -> str:
    """A record as a judge would be shown it."""
    cut = {key: str(value)[:_CHARACTERS] for key, value in record.items() if value not in (None, "", [])}
    return json.dumps(cut, ensure_ascii=False)


def by_teacher(questions: Sequence[Question], model: str) -> list[Label | None]:
    """The answers of one model; None where it gave none."""
    answers = [question.answers.get(model) for question in questions]
    return [None if answer is None else Label(answer, 1.0) for answer in answers]


def by_all(questions: Sequence[Question], reducer: str) -> list[Label | None]:
    """The answers of all models as votes, reduced with the evidence; each set as a run of its own."""
    labels: list[Label | None] = [None] * len(questions)
    for name in sorted({question.set for question in questions}):
        rows = [row for row, question in enumerate(questions) if question.set == name]
        part = [questions[row] for row in rows]
        cases = []
        for question, prior in zip(part, evidence(part), strict=True):
            offered = tuple(range(1, len(prior)))
            votes = ((model, answer) for model, answer in question.answers.items() if answer is not None)
            ballots = tuple(Ballot(answer, offered, voter=model) for model, answer in votes)
            cases.append(Ballots(prior, ballots))
        for row, tally in zip(rows, REDUCERS[reducer](cases), strict=True):
            if tally.leader is not None:
                labels[row] = Label(tally.leader, round(float(tally.probability[tally.leader]), 6))
    return labels


def write_examples(
    folder: Path, questions: Sequence[Question], labels: Sequence[Label | None], teacher: str
) -> About:
    """Write questions with their labels as a folder of examples; the valid split shares no record."""
    valid = _held_out(questions)
    splits: dict[Split, list[Example]] = {"train": [], "valid": [], "test": []}
    for row, (question, label) in enumerate(zip(questions, labels, strict=True)):
        if label is not None and question.candidates:
            splits["valid" if row in valid else "train"].append(_example(row, question, label))
    sets = sorted({question.set for question in questions})
    return write_data(folder, splits, About({}, {}, {}, {"teacher": teacher, "sets": sets}))


def _example(row: int, question: Question, label: Label) -> Example:
    labels = (*LETTERS[: len(question.candidates)], NO_OPTION)
    answer = labels[label.answer - 1]
    asker, options = shown(question.query), tuple(map(shown, question.candidates))
    asked = {"role": "user", "content": "\n".join((asker, *options))}
    return Example(
        id=example_id([asked]),
        kind="select",
        case=f"{question.set} {row}",
        entities=_records(row, question),
        origin="votes",
        messages=(asked, {"role": "assistant", "content": answer}),
        labels=labels,
        answer=answer,
        weight=label.weight,
        asker=asker,
        options=options,
        template="none",
    )


def _records(row: int, question: Question) -> tuple[str, ...]:
    return (f"{question.set} query {row}", *(f"{question.set} {each}" for each in question.identifiers))


def _held_out(questions: Sequence[Question]) -> set[int]:
    """Rows of the valid split: groups of questions that share records with no other, by lot."""
    root: dict[str, str] = {}

    def find(name: str) -> str:
        root.setdefault(name, name)
        while root[name] != name:
            root[name] = root[root[name]]
            name = root[name]
        return name

    for row, question in enumerate(questions):
        first, *others = _records(row, question)
        for other in others:
            root[find(other)] = find(first)
    groups: dict[str, list[int]] = defaultdict(list)
    for row, question in enumerate(questions):
        groups[find(_records(row, question)[0])].append(row)
    order = sorted(groups.values(), key=lambda rows: hashlib.sha256(str(rows[0]).encode()).digest())
    chosen: set[int] = set()
    for rows in order:
        if len(rows) <= _LARGE * len(questions) and len(chosen) < _VALID * len(questions):
            chosen.update(rows)
    return chosen


def most_similar(questions: Sequence[Question]) -> list[int]:
    """The candidate most similar by TF-IDF of character 3- to 5-grams; never none of them.

    Each set has frequencies of its own, over all its queries and candidates.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    found = [0] * len(questions)
    for name in sorted({question.set for question in questions}):
        rows = [row for row, question in enumerate(questions) if question.set == name]
        texts = [_text(questions[row].query) for row in rows]
        texts += [_text(each) for row in rows for each in questions[row].candidates]
        vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5)).fit_transform(texts)
        start = len(rows)
        for place, row in enumerate(rows):
            end = start + len(questions[row].candidates)
            if end > start:
                similarity = (vectors[start:end] @ vectors[place].T).toarray()[:, 0]
                found[row] = int(similarity.argmax()) + 1
            start = end
    return found


def _text(record: Mapping[str, Any]) -> str:
    return " ".join(str(value) for value in record.values() if value not in (None, ""))
