"""What a finished run holds, read when it is asked for."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from kgalign import pipeline
from kgalign.config import Config
from kgalign.decisions import FILE as DECISIONS_FILE
from kgalign.decisions.people import Words, words_in_stores
from kgalign.errors import RunError
from kgalign.rdf.graph import Graph
from kgalign.records import Alignment, Candidates, Hearing, Profile, Verdicts
from kgalign.records.fused import Fusion, fused_graph
from kgalign.records.vocabularies import Vocabularies
from kgalign.run.folder import RunFolder, RunRecord
from kgalign.run.steps import AnyStep, Inputs, Step, Work

T = TypeVar("T")


class Finished(Work):
    """The records of a run folder. Nothing in the folder is changed.

    :raises RunError: there is no run, or another version of kgalign wrote it.
    """

    folder: RunFolder

    def __init__(self, path: Path) -> None:
        folder = RunFolder(path)
        self.record = folder.read()
        super().__init__(Inputs(_config(folder, self.record), self.record.inputs), folder=folder)

    def offers(self, step: AnyStep) -> bool:
        """Whether a step is finished."""
        return step.name in self.record.steps

    def get(self, step: Step[T]) -> T:
        """Output of a step.

        :raises RunError: the step isn't finished, or its output is damaged.
        """
        if not self.has(step):
            self.put(step, self.folder.load(step.name, step.record))
        return super().get(step)

    @property
    def left(self) -> Profile:
        """The left side."""
        return self.get(pipeline.SELECT_LEFT)

    @property
    def right(self) -> Profile:
        """The right side."""
        return self.get(pipeline.SELECT_RIGHT)

    @property
    def candidates(self) -> Candidates:
        """What was worth judging."""
        return self.get(pipeline.RETRIEVE)

    @property
    def alignment(self) -> Alignment:
        """What was decided."""
        return self.get(pipeline.ASSIGN)

    @property
    def evidence(self) -> Verdicts:
        """The verdicts without the votes."""
        return self.get(pipeline.JUDGE)

    @property
    def hearing(self) -> Hearing:
        """What a language model said."""
        return self.get(pipeline.ASK)

    @property
    def verdicts(self) -> Verdicts:
        """The verdicts with the student and the votes in them."""
        return pipeline.verdicts_of(self)

    def fusion(self) -> Fusion:
        """What became of every statement."""
        return self.get(pipeline.FUSE)

    def words(self) -> Words:
        """Who decided on a pair, and why.

        :raises RunError: the store of decisions is damaged.
        """
        return words_in_stores([self.folder.file(DECISIONS_FILE)])

    def vocabularies(self) -> Vocabularies:
        """Which properties and classes correspond."""
        return self.get(pipeline.VOCABULARIES)

    def fused(self) -> Graph:
        """The fused graph; all else that was loaded is let go."""
        graph = fused_graph(self.fusion())
        self.keep_only(set())
        return graph


def _config(folder: RunFolder, record: RunRecord) -> Config:
    try:
        return Config.model_validate(record.config)
    except ValidationError as error:
        raise RunError(
            f"{folder} was made by kgalign {record.version}, whose configuration this version doesn't know",
            "Run again with --force",
        ) from error
