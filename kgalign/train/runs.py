"""A finished run as a source of examples: its entities, who came near to whom, and how it words questions."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from kgalign.arrays import Doubles, Flags, flags
from kgalign.config import Config
from kgalign.errors import RunError
from kgalign.judge.asking.questions import Questions
from kgalign.judge.asking.templates import Templates, load_templates
from kgalign.ledger import FILE as LEDGER_FILE
from kgalign.ledger import Ledger
from kgalign.links.pairs import entity_ids, is_link
from kgalign.pipeline import ASK, RETRIEVE
from kgalign.records import Profile
from kgalign.records.votes import Judging, QuestionKind
from kgalign.run.finished import Finished

LEAST = 0.01
"""Least probability of having no partner, as the judge has it: the evidence knows the candidates alone."""


class Run:
    """What a run folder holds, as far as examples are made from it. Nothing in the folder is changed."""

    def __init__(self, path: Path) -> None:
        """Look into a run folder.

        Raises:
            KgalignError: there is no finished run, or its votes were cast on other prompts than those of now.
        """
        self.path = path
        try:
            self.name = path.resolve().name
        except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
            raise RunError(
                f"{path} can't be read: {error}", "Give the folder that `kgalign run -o` wrote"
            ) from error
        self.finished = Finished(path)
        self.config: Config = self.finished.config
        self.left: Profile = self.finished.left
        self.right: Profile = self.finished.right
        self.evidence = self.finished.evidence
        self.alignment = self.finished.alignment
        folder = self.config.votes.templates
        self.templates: Templates = load_templates(Path(folder) if folder else None)
        self.judging = self._judging()
        self.seed, self.question_tokens = self._wording()
        self.start = np.searchsorted(self.evidence.left, np.arange(len(self.left) + 1))
        """(left entities + 1,) where the rows of each begin in the verdicts; they are in order of rank."""

    @property
    def ledger(self) -> Path:
        """The file of the ledger, whether it is there or not."""
        return self.path / LEDGER_FILE

    def _judging(self) -> Judging | None:
        """The judging that the run's votes were counted in; None where nobody was asked."""
        name = self.finished.get(ASK).judging
        if not name or not self.ledger.is_file():
            return None
        with Ledger.open(self.ledger, write=False) as ledger:
            return next((each for each in ledger.judgings() if each.name == name), None)

    def _wording(self) -> tuple[int, int]:
        """Seed and length of questions, as the judging had them."""
        if self.judging is None:
            return self.config.seed, self.config.llm.question_tokens
        try:
            settings = json.loads(self.judging.settings)
            asked = dict(settings["templates"])
            seed, tokens = int(settings["seed"]), int(settings["question_tokens"])
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"The settings of the judging in {self.ledger} can't be read: {error}", "Run with --force"
            ) from error
        changed = sorted({name for name, _ in asked.items() ^ self.hashes.items()})
        if changed:
            raise RunError(
                f"The votes in {self.path} were cast on other prompts: {', '.join(changed)} changed since",
                "Give the prompts of then as votes.templates, or run it again",
            )
        return seed, tokens

    @cached_property
    def hashes(self) -> dict[str, str]:
        """Name and version of each prompt → SHA-256 of its text."""
        return {each.label: each.sha256 for kind in QuestionKind for each in self.templates.of(kind)}

    def questions(self, right: Profile | None = None) -> Questions:
        """What puts questions in words, as the judge does.

        :param right: a right side with further entities, in place of the run's own.
        """
        return Questions(
            self.left,
            right or self.right,
            templates=self.templates,
            budget_tokens=self.question_tokens,
            seed=self.seed,
        )

    @property
    def most_options(self) -> int:
        """Most options of a question."""
        return self.config.votes.options

    @property
    def several_right(self) -> bool:
        """Whether a left entity may have several partners: then the judge asks about pairs alone."""
        return self.alignment.cardinality in ("one-to-many", "many-to-many")

    @property
    def one_to_one(self) -> bool:
        """Whether each entity has one partner at most."""
        return self.alignment.cardinality == "one-to-one"

    def rows(self, left: int) -> range:
        """Rows of an entity's candidates in the verdicts, by rank."""
        return range(int(self.start[left]), int(self.start[left + 1]))

    def candidates(self, left: int) -> list[int]:
        """Right entities that came near to a left one, the nearest first."""
        rows = self.rows(left)
        return [int(each) for each in self.evidence.right[rows.start : rows.stop]]

    @cached_property
    def _by_right(self) -> tuple[Sequence[int], Sequence[int]]:
        """Rows of the verdicts by right entity, the likeliest first, and where those of each begin."""
        verdicts = self.evidence
        order = np.lexsort((verdicts.left, -verdicts.log_odds, verdicts.right))
        start = np.searchsorted(verdicts.right[order], np.arange(len(self.right) + 1))
        return verdicts.left[order].tolist(), start.tolist()

    def rivals(self, right: int) -> list[int]:
        """Left entities that a right one may belong to, the likeliest first."""
        lefts, start = self._by_right
        return list(lefts[start[right] : start[right + 1]])

    @cached_property
    def total(self) -> Doubles:
        """(left entities,) sum of the probabilities of an entity's candidates."""
        odds = self.evidence.probability.astype(np.float64)
        total = np.bincount(self.evidence.left, weights=odds, minlength=len(self.left))
        return np.asarray(total, np.float64)

    @cached_property
    def doubt(self) -> Doubles:
        """(left entities,) how much the likeliest partner, or none, leaves open by the evidence, 0 to 1."""
        best = np.zeros(len(self.left))
        np.maximum.at(best, self.evidence.left, self.evidence.probability.astype(np.float64))
        none = np.maximum(LEAST, 1 - self.total)
        return np.asarray(1 - np.maximum(none, best) / (none + self.total))

    def likeliest(self, left: int) -> int:
        """The right entity that the evidence has for a left one, -1 where it has none."""
        rows = self.rows(left)
        if not len(rows):
            return -1
        odds = self.evidence.probability[rows.start : rows.stop]
        best = int(odds.argmax())
        return int(self.evidence.right[rows.start + best]) if odds[best] >= 1 - float(odds.sum()) else -1

    @cached_property
    def linked(self) -> dict[int, tuple[int, ...]]:
        """Left entity → the right ones that the run linked it with, votes and people counted in."""
        found: dict[int, list[int]] = {}
        rows = is_link(self.alignment)
        for a, b in zip(self.alignment.left[rows].tolist(), self.alignment.right[rows].tolist(), strict=True):
            found.setdefault(a, []).append(b)
        return {left: tuple(rights) for left, rights in found.items()}

    @cached_property
    def similarity(self) -> Doubles:
        """(left entities, 2) similarity of the two nearest candidates in retrieval, summed over channels."""
        candidates = self.finished.get(RETRIEVE)
        score = candidates.channel_score.sum(axis=1, dtype=np.float64)
        order = np.lexsort((-score, candidates.left))
        left, score = candidates.left[order], score[order]
        start = np.searchsorted(left, np.arange(len(self.left) + 1))
        found = np.zeros((len(self.left), 2))
        for place in (0, 1):
            there = start[:-1] + place < start[1:]
            found[there, place] = score[start[:-1][there] + place]
        return found

    @cached_property
    def related(self) -> tuple[Flags, Flags]:
        """Which entities of each side have relations to others."""
        left, right = (
            flags(len(side), np.concatenate([side.edge_head, side.edge_tail]))
            for side in (self.left, self.right)
        )
        return left, right

    def iri(self, left: int) -> str:
        """The IRI of a left entity."""
        return str(self.left.entity_iri[left].as_py())

    def right_iri(self, right: int) -> str:
        """The IRI of a right entity."""
        return str(self.right.entity_iri[right].as_py())

    def ids(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[int, int]]:
        """Entity ids of pairs of IRIs, in whichever order each was written; (-1, -1) where it names none."""
        sides = [
            [entity_ids(side, [pair[end] for pair in pairs]).tolist() for end in (0, 1)]
            for side in (self.left, self.right)
        ]
        (left, turned_left), (turned_right, right) = sides
        found = []
        for a, b, c, d in zip(left, right, turned_left, turned_right, strict=True):
            found.append((a, b) if min(a, b) >= 0 else (c, d) if min(c, d) >= 0 else (-1, -1))
        return found
