"""Students of a comparison: those that are there, and those that are trained for it."""

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.compare.answers import Answers, Kept
from bench.compare.sets import DataSet, check_apart, file_name
from kgalign.base import files
from kgalign.base.progress import Progress
from kgalign.errors import InputError
from kgalign.judge.student import check
from kgalign.judge.student.model import Student, read_card
from kgalign.judge.student.student_fit import join
from kgalign.llm.weights import weights_mark
from kgalign.run.folder import writing
from kgalign.train.data import About, Example
from kgalign.train.student import StudentSettings, train_student

if TYPE_CHECKING:
    from kgalign.arrays import Doubles

_AT_ONCE = 200
"""Questions that are scored between two reports of progress."""
THIS, OTHERS, UNKNOWN = "this set", "other sets", "unknown"
"""From which data sets something learned, seen from the one that it is tested on."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A student or an adapter that was trained for the comparison."""

    name: str
    kind: str
    folder: Path
    examples: int
    valid_accuracy: float | None
    seconds: float | None
    """Of the training; None where it was done in several parts."""
    figures: dict[str, Any]
    """What else is known of it."""

    def about(self) -> dict[str, Any]:
        """What is said of it in the comparison."""
        return {
            "name": f"{self.kind}: {self.name}",
            "examples": self.examples,
            "valid_accuracy": self.valid_accuracy,
            "seconds": self.seconds,
            **self.figures,
        }


def known_by(model: str) -> str:
    """What a model's weights are known by, as one may be replaced in its place; else its name."""
    return weights_mark(Path(model)) if os.path.isdir(model) else model  # noqa: PTH112 - whatever the name is


def trained_once(folder: Path, begun: Path, train: Callable[[], object]) -> float | None:
    """Train what is not there yet; the seconds that it took, None where it was done in several parts.

    They are kept beside what was trained.

    :param folder: of what is trained.
    :param begun: what is there while it is not finished.
    """
    kept = folder.with_name(f"{folder.name}.json")
    if not folder.is_dir():
        with writing(kept):
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.unlink(missing_ok=True)
        whole, start = not begun.exists(), time.monotonic()
        train()
        if whole:
            content = {"seconds": round(time.monotonic() - start, 1)}
            with writing(kept):
                files.write_text(kept, json.dumps(content) + "\n")
    try:
        return float(json.loads(kept.read_text(encoding="utf8"))["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


class StudentTraining:
    """Trains students, or takes those that were trained before from the same.

    :param folder: where they lie.
    :param encoder: what they begin from.
    :param threads: of the processor.
    """

    kind = "student"

    def __init__(
        self, folder: Path, encoder: str, settings: StudentSettings, threads: int | None, progress: Progress
    ) -> None:
        self._folder, self._encoder, self._settings = folder, encoder, settings
        self._threads, self._progress = threads, progress

    def train(self, name: str, data: Path, about: About) -> Fitted:
        """The student of a folder of examples.

        :raises KgalignError: the examples or the encoder can't be used.
        """
        folder = self._folder / file_name(name, about.digest, asdict(self._settings), known_by(self._encoder))
        seconds = trained_once(
            folder,
            folder.with_name(f".{folder.name}.partial"),
            lambda: train_student(
                data, self._encoder, folder, self._settings, threads=self._threads, progress=self._progress
            ),
        )
        card = read_card(folder)
        figures = {
            "settings": {name: value for name, value in card.settings.items() if name != "data"},
            "base_digest": card.base_digest,
            "weights_digest": card.weights_digest,
        }
        valid = card.scores.get("valid accuracy")
        return Fitted(name, self.kind, folder, card.counts["train"], valid, seconds, figures)


def ask_student(
    folder: Path, sets: Sequence[DataSet], kept: Kept, threads: int | None, progress: Progress
) -> dict[str, Answers]:
    """Ask a student the tests of some data sets; it is loaded only if need be.

    :returns: data set → what it said.
    :raises KgalignError: there is no student, it is damaged, or there is not enough memory.
    """
    check(str(folder))
    mark = read_card(folder).digest
    found: dict[str, Answers] = {}
    student: Student | None = None
    for data in sets:
        answers = kept.load("student", mark, data.digest)
        if answers is None:
            student = student or Student(folder, threads=threads)
            answers = _ask(student, data, progress)
            kept.save(answers, "student", mark, data.digest)
        found[data.name] = answers
    return found


def _ask(student: Student, data: DataSet, progress: Progress) -> Answers:
    said: list[Doubles] = []
    began = time.perf_counter()
    with progress.task(f"ask a student about {data.name}", len(data.test), "questions") as task:
        for start in range(0, len(data.test), _AT_ONCE):
            part = data.test[start : start + _AT_ONCE]
            said += student.probabilities([(each.asker, each.options) for each in part])
            task.advance(len(part))
    seconds = round(time.perf_counter() - began, 3)
    ids = [each.id for each in data.test]
    return Answers(
        {id: int(each.argmax()) for id, each in zip(ids, said, strict=True)},
        calls=len(ids),
        seconds=seconds,
        probabilities={id: each.tolist() for id, each in zip(ids, said, strict=True)},
    )


def with_evidence(evidence: Answers, student: Answers, test: Sequence[Example]) -> Answers:
    """Student and evidence together, as a run joins them: without anybody saying which is good."""
    ids = [each.id for each in test if each.id in evidence.probabilities and each.id in student.probabilities]
    priors, said = ([np.array(answers.probabilities[id]) for id in ids] for answers in (evidence, student))
    joined = join(priors, said).probability
    return Answers(
        {id: int(each.argmax()) for id, each in zip(ids, joined, strict=True)},
        calls=student.calls,
        seconds=student.seconds,
        probabilities={id: each.tolist() for id, each in zip(ids, joined, strict=True)},
    )


def learned_from(digest: str, name: str, data: DataSet, sets: Sequence[DataSet]) -> str:
    """From which data sets something learned whose examples have a digest, seen from one of them.

    :param name: what it is called in errors.
    :raises InputError: it learned from entities of the test.
    """
    for each in sets:
        for arm in each.arms:
            if arm.about.digest == digest:
                check_apart(arm.learned, data.test, f"{name}, tested on {data.name},")
                return THIS if each is data else OTHERS
    return UNKNOWN


def check_options(sets: Sequence[DataSet]) -> None:
    """See that the examples show as many options as they have labels.

    :raises InputError: one does not.
    """
    for data in sets:
        for example in data.test:
            if len(example.options) != len(example.labels) - 1:
                raise InputError(
                    f"The example {example.id} has {len(example.options)} options and "
                    f"{len(example.labels)} labels",
                    "Make the examples again",
                )
