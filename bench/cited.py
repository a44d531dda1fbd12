"""Whether what an answer relies on tells right links from wrong ones, by recorded answers of real models.

The recorded answers explain themselves in prose. What an explanation quotes, and words of it with a digit in
them, stand in for cited values: an answer that names one that is not in its question is one that a check of
citations would not count. Looked at are the links that would be made against the evidence, where a check
could change something, and beside them all other answers.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from bench.questions import Question, evidence
from bench.recorded import by_set, evidence_and_votes
from bench.results import table
from kgalign.arrays import Doubles, Flags, Positions
from kgalign.judge.votes.ballots import Ballots
from kgalign.judge.votes.reducers import REDUCERS

HEAD = ("model", "links against evidence", "right", "not in question", "right", "F1", "F1 checked")
_QUOTED = re.compile(r"['\"“‘]([^'\"“”‘’]{3,80})['\"”’]")
_WITH_DIGIT = re.compile(r"\b\w*\d\w*\b")
_OPTION = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Row:
    """One model."""

    model: str
    against: int
    """Links to what the evidence does not think the likeliest, by its votes and the evidence."""
    right: int
    caught: int
    """Of these, answers that name what does not stand in the question."""
    caught_right: int
    """Of those, right ones."""
    f1: float
    f1_checked: float
    """The same if in these cases the evidence stood."""

    def cells(self) -> list[str]:
        """The row as it is shown."""
        counts = (self.against, self.right, self.caught, self.caught_right)
        return [self.model, *map(str, counts), f"{self.f1:.4f}", f"{self.f1_checked:.4f}"]


def measure(questions: Sequence[Question]) -> list[Row]:
    """Let each model decide with the evidence, and check the links against it."""
    sets = np.array([question.set for question in questions])
    gold = np.array([question.gold for question in questions])
    priors = by_set(sets, lambda rows: evidence([questions[row] for row in rows]))
    models = sorted({model for question in questions for model in question.answers})
    return [_row(model, questions, sets, gold, priors) for model in models]


def _row(
    model: str,
    questions: Sequence[Question],
    sets: "np.typing.NDArray[np.str_]",
    gold: Positions,
    priors: Sequence[Doubles],
) -> Row:
    cases = []
    for question, prior in zip(questions, priors, strict=True):
        ballots = evidence_and_votes(question, prior).ballots
        cases.append(Ballots(prior, tuple(each for each in ballots if each.voter == model)))
    told = by_set(sets, lambda rows: REDUCERS["adaptive"]([cases[row] for row in rows]))
    chosen = np.array([each.leader or 0 for each in told])
    first = np.array([int(prior.argmax()) for prior in priors])
    against = (chosen > 0) & (chosen != first)
    caught = against & np.array([bool(invented(question, model)) for question in questions])
    return Row(
        model=model,
        against=int(against.sum()),
        right=_right(against, chosen, gold),
        caught=int(caught.sum()),
        caught_right=_right(caught, chosen, gold),
        f1=_f1(chosen, gold),
        f1_checked=_f1(np.where(caught, first, chosen), gold),
    )


def invented(question: Question, model: str) -> list[str]:
    """What an answer's explanation names that does not stand in the question."""
    shown = json.dumps([question.query, question.candidates], ensure_ascii=False).casefold()
    said = _OPTION.sub("", question.explanations.get(model, ""))
    named = [*_QUOTED.findall(said), *_WITH_DIGIT.findall(said)]
    return [each for each in named if each.casefold() not in shown]


def _right(which: Flags, chosen: Positions, gold: Positions) -> int:
    return int((chosen[which] == gold[which]).sum())


def _f1(chosen: Positions, gold: Positions) -> float:
    hits = float(((chosen == gold) & (chosen > 0)).sum())
    return 2 * hits / max(1, int((chosen > 0).sum()) + int((gold > 0).sum()))


def as_markdown(rows: Sequence[Row]) -> str:
    """The section of the results."""
    text = (
        "Links that a model would make against the evidence, and those of them whose explanation quotes "
        "something, or has a word with a digit in it, that does not stand in the question: a check of "
        "citations would not count these, and the evidence would stand (`F1 checked`)."
    )
    return f"{text}\n\n{table(list(HEAD), [row.cells() for row in rows])}"


def as_json(rows: Sequence[Row]) -> str:
    """All figures as JSON, for other programs."""
    return json.dumps([asdict(row) for row in rows], indent=1) + "\n"
