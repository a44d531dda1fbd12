"""Adapters that are trained for a comparison, and asked in this process beside the model that they change.

Nothing holds their answers to a form: what can't be read counts as wrong, of the base as of the adapters. A
server that holds them to one asks the same adapters by ``--judge``.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.compare.answers import Answers, Asked, Kept, Log
from bench.compare.asking import choice_of
from bench.compare.sets import DataSet, file_name
from bench.compare.students import Fitted, known_by, trained_once
from kgalign.base.memory import explained_memory
from kgalign.base.progress import Progress
from kgalign.errors import RunError
from kgalign.judge.asking.answers import read_answer
from kgalign.llm.protocol import Reply
from kgalign.llm.weights import files_digest
from kgalign.train.adapters import WEIGHTS, read_record
from kgalign.train.answering import answers as write_answers
from kgalign.train.answering import question_of, text_of
from kgalign.train.base import Base, find_base, load_model, open_base
from kgalign.train.data import About
from kgalign.train.recipes import Recipe
from kgalign.train.sft import train_sft
from kgalign.train.trainer import quiet

_LESS = "Give a --preset of smaller batches or of 4 bit, or a smaller model with --base"
_SIDE_BY_SIDE = 4
"""Questions that are asked at once, as a multiple of those that are learned from at once."""


class AdapterTraining:
    """Trains adapters, or takes those that were trained before from the same.

    :param folder: where they lie.
    :param base: the model that they change.
    :param templates: folder of prompts in place of the package's.
    """

    kind = "adapter"

    def __init__(
        self, folder: Path, base: str, recipe: Recipe, templates: Path | None, progress: Progress
    ) -> None:
        self._folder, self._base, self._recipe = folder, base, recipe
        self._templates, self._progress = templates, progress

    def train(self, name: str, data: Path, about: About) -> Fitted:
        """The adapter of a folder of examples.

        :raises KgalignError: the examples or the model can't be used.
        """
        folder = self._folder / file_name(name, about.digest, asdict(self._recipe), known_by(self._base))
        seconds = trained_once(
            folder,
            folder.with_name(f"{folder.name}.partial"),
            lambda: train_sft(
                self._base, data, folder, self._recipe, templates=self._templates, score=0,
                progress=self._progress,
            ),
        )  # fmt: skip
        record = read_record(folder)
        if record is None:
            raise RunError(f"{folder} holds no adapter that was trained here", "Delete it and run again")
        figures = {"base": record.base, "training": record.training, "settings": record.settings}
        return Fitted(name, self.kind, folder, record.counts["examples"], None, seconds, figures)


class Asking:
    """Asks a model and adapters on it; the model is loaded once, and only if need be.

    :param base: the model.
    :param recipe: how its adapters are trained: whether in 4 bit, and how many questions fit at once.
    :param most: most tokens of an answer.
    """

    def __init__(self, base: str, recipe: Recipe, most: int, kept: Kept, progress: Progress) -> None:
        with quiet():
            self._base: Base = open_base(base, find_base(base))
        self._recipe, self._most, self._kept, self._progress = recipe, most, kept, progress
        self._model: Any = None
        self.name = self._base.name

    def ask(self, name: str, adapter: Path | None, sets: Sequence[DataSet]) -> dict[str, Answers]:
        """Ask the tests of some data sets.

        :param adapter: folder of the adapter; None to ask the model itself.
        :returns: data set → what was said.
        :raises KgalignError: there is not enough memory.
        """
        mark = files_digest([adapter / WEIGHTS]) if adapter else ""
        how = [self._recipe.four_bit, self._recipe.batch]
        log = self._kept.log(name, self._base.mark, mark, self._most, how)
        model: Any = None
        for data in sets:
            if all(each.id in log.asked for each in data.test):
                continue
            what = f"Memory ran out while {name} was asked {self._side_by_side} questions at once"
            with explained_memory(what, _LESS):
                model = self._loaded(adapter) if model is None else model
                with quiet():
                    self._put(model, data, log, name)
        if model is not None and adapter:
            self._model = model.unload()
        return {data.name: log.answers(each.id for each in data.test) for data in sets}

    @property
    def _side_by_side(self) -> int:
        return _SIDE_BY_SIDE * self._recipe.batch

    def _loaded(self, adapter: Path | None) -> Any:  # noqa: ANN401 - a model of transformers or peft
        with quiet():
            if self._model is None:
                self._model = load_model(self._base, four_bit=self._recipe.four_bit).eval()
            if adapter is None:
                return self._model
            from peft import PeftModel

            return PeftModel.from_pretrained(self._model, str(adapter)).eval()

    def _put(self, model: Any, data: DataSet, log: Log, name: str) -> None:  # noqa: ANN401
        """Ask side by side, always the same questions: what stands beside a question may tip a tie."""
        log.round += 1
        begun = time.perf_counter()
        size = self._side_by_side
        with self._progress.task(f"ask {name} about {data.name}", len(data.test), "questions") as task:
            for start in range(0, len(data.test), size):
                part = data.test[start : start + size]
                if not all(each.id in log.asked for each in part):
                    written = write_answers(model, self._base, part, self._most)
                    at = round(time.perf_counter() - begun, 3)
                    for example, ids in zip(part, written, strict=True):
                        length = next((k + 1 for k, each in enumerate(ids) if each in self._base.stops), 0)
                        reply = Reply(text_of(self._base, ids), "stop" if length else "length")
                        question = question_of(example)
                        choice = choice_of(read_answer(question, reply))
                        read = len(self._base.prompt(example.question))
                        log.add(Asked(example.id, choice, read, length or len(ids), log.round, at))
                task.advance(len(part))
