"""The work of a comparison: what is on record, what is trained, who is asked."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.compare.adapters import AdapterTraining, Asking
from bench.compare.answers import Answers, Kept
from bench.compare.asking import ask_judge
from bench.compare.recorded import Voted, ask_evidence, ask_teacher, teacher_name
from bench.compare.report import EVIDENCE, Comparison, System, compared
from bench.compare.sets import Arm, DataSet, file_name, others
from bench.compare.students import (
    OTHERS,
    THIS,
    UNKNOWN,
    Fitted,
    StudentTraining,
    ask_student,
    learned_from,
    with_evidence,
)
from bench.compare.systems import Systems, adapters_of, with_adapter
from kgalign.base.progress import Progress
from kgalign.config import Config
from kgalign.errors import InputError
from kgalign.judge.student.model import read_card
from kgalign.train.adapters import CONFIG, read_record
from kgalign.train.data import About
from kgalign.train.runs import Run
from kgalign.train.student import ENCODER


@dataclass(frozen=True, slots=True)
class Lesson:
    """What something is trained on, and the data set that it is tested on then."""

    name: str
    data: DataSet
    arm: Arm
    folder: Path
    about: About
    learned: str

    def system(self, kind: str) -> str:
        """What is trained by it is called, the same in all data sets."""
        return f"{kind}, {self.arm.name}" if self.arm.name else kind


class Work:
    """Asks one system after the other.

    :param out: the comparison's folder.
    """

    def __init__(
        self, out: Path, sets: Sequence[DataSet], systems: Systems, config: Config, progress: Progress
    ) -> None:
        self.out, self.sets, self.wanted, self.config, self.progress = out, sets, systems, config, progress
        self.kept = Kept(out / "answers")
        self.systems: dict[System, None] = {}
        self.said: dict[tuple[str, System], Answers] = {}
        self.notes: list[str] = []
        self.fitted: list[dict[str, Any]] = []

    def found(self) -> Comparison:
        """All of it."""
        return compared(
            self.sets,
            list(self.systems),
            self.said,
            seed=self.config.seed,
            trained=self.fitted,
            notes=self.notes,
        )

    def _add(self, data: DataSet, system: System, answers: Answers) -> None:
        self.systems.setdefault(system)
        self.said[data.name, system] = answers

    def recorded(self, runs: Iterable[Path]) -> None:
        """What the runs have on record."""
        opened = [Run(path) for path in dict.fromkeys(runs)]
        known = False
        for data in self.sets:
            records = [Voted(run, data.test) for run in opened]
            known |= any(each.pairs(example) is not None for each in records for example in data.test)
            evidence, teacher = ask_evidence(records, data.test), ask_teacher(records, data.test)
            if evidence.choices:
                self._add(data, System(EVIDENCE), evidence)
            if teacher.choices:
                name = f"teacher: {teacher_name(records)}"
                self._add(data, System(name), teacher)
                if set(evidence.choices) - set(teacher.choices):
                    both = replace(teacher, choices={**evidence.choices, **teacher.choices})
                    self._add(data, System(f"{EVIDENCE}, then {name}"), both)
            unknown = len(data.test) - len(evidence.choices)
            if unknown and (opened or evidence.choices):
                self.notes.append(
                    f"Of {len(data.test):,} questions in the test of {data.name} the evidence is not asked "
                    f"{unknown:,}: the runs do not know them, were told the answer, or have found a partner "
                    "that was left out so that none is right"
                )
        if opened and not known:
            raise InputError(
                f"The run {opened[0].path} knows none of the questions that are asked",
                "Give the runs that the examples were made of",
            )

    def students(self) -> None:
        """Students that are there."""
        folders = list(dict.fromkeys(self.wanted.students))
        names = [each.resolve().name for each in folders]
        for folder, name in zip(folders, names, strict=True):
            called = name if names.count(name) == 1 else str(folder)
            self._student(f"student: {called}", folder, self.sets)

    def _student(self, name: str, folder: Path, sets: Sequence[DataSet], learned: str | None = None) -> None:
        """Ask a student, and join it with the evidence.

        :param learned: from which data sets it learned; None to tell by its card.
        """
        card = read_card(folder)
        origin = {
            each.name: learned or learned_from(card.data_digest, f"The student {folder}", each, self.sets)
            for each in sets
        }
        if ENCODER in card.settings:
            self._note_encoder(name)
        if UNKNOWN in origin.values():
            self._note_unknown(name)
        for each, answers in ask_student(folder, sets, self.kept, self.wanted.threads, self.progress).items():
            data = self._set(each)
            self._add(data, System(name, origin[each]), answers)
            evidence = self.said.get((each, System(EVIDENCE)))
            if evidence is not None:
                both = with_evidence(evidence, answers, data.test)
                self._add(data, System(f"{name} + {EVIDENCE}", origin[each]), both)

    def trained(self) -> None:
        """Students and adapters that are trained for the comparison: all of them before any is asked."""
        wanted = self.wanted
        lessons = list(self._lessons()) if wanted.encoder or wanted.base else []
        if wanted.encoder:
            students = StudentTraining(
                self.out / "students", wanted.encoder, wanted.training, wanted.threads, self.progress
            )
            for lesson, fitted in self._fit(students, lessons):
                self._student(lesson.system(students.kind), fitted.folder, [lesson.data], lesson.learned)
        if wanted.base:
            adapters = AdapterTraining(
                self.out / "adapters", wanted.base, wanted.recipe, wanted.templates, self.progress
            )
            trained = self._fit(adapters, lessons)
            most = self.config.llm.answer_tokens
            asking = Asking(wanted.base, wanted.recipe, most, self.kept, self.progress)
            for name, answers in asking.ask(asking.name, None, self.sets).items():
                self._add(self._set(name), System(f"base: {asking.name}"), answers)
            for lesson, fitted in trained:
                system = System(lesson.system(adapters.kind), lesson.learned)
                said = asking.ask(fitted.name, fitted.folder, [lesson.data])
                self._add(lesson.data, system, said[lesson.data.name])

    def _fit(
        self, training: StudentTraining | AdapterTraining, lessons: Sequence[Lesson]
    ) -> list[tuple[Lesson, Fitted]]:
        found = [(each, training.train(each.name, each.folder, each.about)) for each in lessons]
        self.fitted += [fitted.about() for _, fitted in found]
        return found

    def _lessons(self) -> Iterator[Lesson]:
        """What is trained: on each data set in each way, and on all others if that is wanted."""
        if self.wanted.leave_one_out and len(self.sets) < 2:
            raise InputError(
                "There is one data set alone: nothing is left to learn from without it",
                "Give more data sets, or leave --leave-one-out out",
            )
        for data in self.sets:
            for arm in data.arms:
                yield Lesson(f"{data.name} {arm.name}".strip(), data, arm, arm.folder, arm.about, THIS)
                if not self.wanted.leave_one_out:
                    continue
                name = f"without {data.name} {arm.name}".strip()
                folder = self.out / "examples" / file_name(name)
                about, dropped = others(self.sets, data, arm, folder)
                if dropped:
                    self.notes.append(
                        f"{dropped:,} examples of the other data sets show entities of the test of "
                        f"{data.name}: what is tested there did not learn from them"
                    )
                yield Lesson(name, data, arm, folder, about, OTHERS)

    def _set(self, name: str) -> DataSet:
        return next(each for each in self.sets if each.name == name)

    def judges(self) -> None:
        """Language models, without and with each of the adapters."""
        for judge in dict.fromkeys(self.wanted.judges):
            for adapter in adapters_of(judge, self.wanted, self.config):
                self._judge(judge, adapter)

    def _judge(self, judge: str, adapter: str) -> None:
        learned = self.learned(adapter) if adapter else {}
        asked = ask_judge(judge, with_adapter(self.config, adapter), self.sets, self.kept, self.progress)
        for data in self.sets:
            self._add(data, System(asked.name, learned.get(data.name, "")), asked.answers[data.name])
        if UNKNOWN in learned.values():
            self._note_unknown(asked.name)
        if asked.failed:
            self.notes.append(
                f"{asked.name} gave no answer to {asked.failed:,} questions; they count as wrong, and are "
                "asked again the next time"
            )
        if asked.structure == "none":
            self.notes.append(f"The server of {asked.name} holds answers to no form")

    def learned(self, adapter: str) -> dict[str, str]:
        """Data set → from which an adapter learned, as far as its folder is here and tells.

        :raises InputError: from one that shows entities of a test.
        """
        folder = Path(adapter)
        record = read_record(folder) if (folder / CONFIG).is_file() else None
        if record is None:
            return {each.name: UNKNOWN for each in self.sets}
        name = f"The adapter {folder}"
        return {each.name: learned_from(record.data, name, each, self.sets) for each in self.sets}

    def _note_encoder(self, name: str) -> None:
        told = (
            f"What {name} began from learned from entities of runs: whether of entities of the tests can't "
            "be told"
        )
        if told not in self.notes:
            self.notes.append(told)

    def _note_unknown(self, name: str) -> None:
        self.notes.append(
            f"What {name} learned from is none of the folders: whether it knows the tests can't be told"
        )
