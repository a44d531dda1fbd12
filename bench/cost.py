"""What asking a language model costs at the default band, and what a model of a given accuracy would bring.

No model is asked: answers are drawn by the law of the scripted judge, with the truth from the gold links.
Everything else is what a run does: which entities are in doubt, what is asked next and when to stop, the
questions in words, the ledger, and the reduction of the votes.
"""

import asyncio
import hashlib
import json
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.results import table
from bench.sets import Set
from kgalign import pipeline
from kgalign.assign import assign
from kgalign.config import Config
from kgalign.evaluate import link_pairs, read_pairs
from kgalign.evaluate.metrics import Scores, score
from kgalign.judge import with_votes
from kgalign.judge.asking.answers import read_answer
from kgalign.judge.asking.cases import find_cases
from kgalign.judge.asking.questions import Questions, question_tokens
from kgalign.judge.asking.session import Asking
from kgalign.judge.asking.templates import load_templates
from kgalign.judge.votes.decisions import Count
from kgalign.ledger import FILE, Ledger
from kgalign.llm.protocol import Reply, Sampling
from kgalign.records import Verdicts
from kgalign.records.votes import Direction, Question, Vote
from kgalign.run import start

ACCURACIES = (0.8, 0.9)
BIAS, HALLUCINATION = 0.1, 0.05
ANSWER_TOKENS = 40
"""Tokens of an answer: the choice, two values, a short sentence."""

HEAD = (
    "set",
    "model",
    "precision",
    "recall",
    "F1",
    "asked about",
    "calls",
    "calls/entity",
    "tokens/entity",
    "tokens/call",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One set, judged by the evidence alone or with votes of a model of some accuracy."""

    set: str
    model: str
    precision: float
    recall: float
    f1: float
    left_entities: int
    asked_about: int
    calls: int
    tokens: int
    """Read and written, estimated as the judge estimates them."""

    def cells(self) -> list[str]:
        """The row as it is shown; entities are left entities."""
        entities = max(self.left_entities, 1)
        return [
            self.set,
            self.model,
            *(f"{value:.4f}" for value in (self.precision, self.recall, self.f1)),
            f"{self.asked_about:,}",
            f"{self.calls:,}",
            f"{self.calls / entities:.3f}",
            f"{self.tokens / entities:.0f}",
            f"{self.tokens / self.calls:.0f}" if self.calls else "",
        ]


class Simulated(Asking):
    """Asks nobody: answers are drawn from a hash of the question, with the truth at hand."""

    truth: Mapping[str, frozenset[str]]
    """IRI → the IRIs that it is truly the same as, of both sides."""
    accuracy: float

    async def _vote(self, question: Question) -> Vote | None:
        digest = hashlib.blake2b(f"{question.case} {question.number} {self.accuracy}".encode()).digest()
        draw = random.Random(digest)
        right = next((i for i, each in enumerate(question.options) if each in self._partners(question)), -1)
        label = question.labels[right]
        if draw.random() < HALLUCINATION:
            label = "of another world"
        elif draw.random() < BIAS:
            label = question.labels[0]
        elif draw.random() >= self.accuracy:
            label = draw.choice([each for each in question.labels if each != label])
        text = json.dumps({"choice": label, "values": [], "reason": ""})
        reply = Reply(text, "stop", prompt_tokens=question_tokens(question), completion_tokens=ANSWER_TOKENS)
        key = hashlib.sha256(f"{question.case} {question.number}".encode()).hexdigest()
        vote = self._record(key, question, reply, read_answer(question, reply))
        self.budget.add(vote, new=True)
        return vote

    def _partners(self, question: Question) -> frozenset[str]:
        side = "l" if question.direction is Direction.LEFT_ASKS else "r"
        return self.truth.get(f"{side} {question.asker}", frozenset())


def measure(sets: Sequence[Set], tell: Callable[[Row], None]) -> list[Row]:
    """Measure each set: the evidence alone, then with models of each accuracy."""
    rows = []
    for each in sets:
        for row in _set(each):
            tell(row)
            rows.append(row)
    return rows


def _set(each: Set) -> list[Row]:
    config = Config.model_validate(
        {
            "read": {
                "left_also": [str(path) for path in each.left_also],
                "right_also": [str(path) for path in each.right_also],
            }
        }
    )
    work = start.evidence(each.left, each.right, None, config)
    left, right = work.get(pipeline.SELECT_LEFT), work.get(pipeline.SELECT_RIGHT)
    verdicts = work.get(pipeline.JUDGE)
    gold = read_pairs(each.gold)
    truth: dict[str, set[str]] = {}
    for a, b in gold:
        truth.setdefault(f"l {a}", set()).add(b)
        truth.setdefault(f"r {b}", set()).add(a)
    frozen = {name: frozenset(partners) for name, partners in truth.items()}

    def scored(judged: Verdicts) -> Scores:
        alignment = assign(judged, len(left), len(right), config.assign, config.judge)
        return score(link_pairs(left, right, alignment), gold, closed=each.closed)

    def row(model: str, judged: Verdicts, asked_about: int = 0, calls: int = 0, tokens: int = 0) -> Row:
        found = scored(judged)
        quality = found.precision, found.recall, found.f1
        return Row(each.name, model, *quality, len(left), asked_about, calls, tokens)

    rows = [row("none", verdicts)]
    cases = find_cases(verdicts, left, right, config.votes, config.assign.cardinality)
    for accuracy in ACCURACIES:
        questions = Questions(
            left, right, templates=load_templates(), budget_tokens=config.llm.question_tokens, seed=0
        )
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as folder,
            Ledger.open(Path(folder) / FILE, write=True) as ledger,
        ):
            judging = ledger.begin("simulated", "", {"accuracy": accuracy})
            asking = Simulated(questions, ledger, judging, None, config.votes, config.llm, Sampling(), seed=0)
            asking.truth, asking.accuracy = frozen, accuracy
            done = asyncio.run(asking.ask(cases))
        judged = with_votes(verdicts, Count(done, config.votes).hearing(judging.name))
        spent = asking.budget.spent
        rows.append(row(f"right {accuracy:.0%}", judged, len(cases), spent.calls, spent.tokens))
    return rows


def as_markdown(rows: Sequence[Row]) -> str:
    """The table of the results."""
    note = (
        "No model was asked: its answers are drawn by the law of the scripted judge with the truth from the "
        f"gold, a liking for the first place of {BIAS:.0%} and {HALLUCINATION:.0%} hallucinations; its "
        "errors are independent from question to question, which those of real models are not. Questions, "
        "ledger, stopping and counting are those of a run. `none` is the evidence alone. Entities are left "
        "entities, all of them, and tokens are what a question and its answer would take, by the judge's own "
        "estimate, which errs on the high side."
    )
    return f"{note}\n\n{table(HEAD, [row.cells() for row in rows], words=2)}"


def as_json(rows: Sequence[Row]) -> str:
    """The rows as JSON, for other programs."""
    listed: list[dict[str, Any]] = [asdict(row) for row in rows]
    return json.dumps(listed, indent=1) + "\n"
