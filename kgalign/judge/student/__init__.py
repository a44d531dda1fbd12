"""Between the evidence and the language model: a student looks at what the evidence leaves in doubt.

It is shown the same cases in the same words as a language model would be, each once. What it says is one
vote with probabilities; the reducer that weighs the votes of language models weighs it with the evidence,
and learns how good it is by how far both agree over all cases (:mod:`kgalign.judge.student.student_fit`).
No gold is needed, and a student that is bad at this data counts for little.
"""

import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from kgalign.arrays import Doubles
from kgalign.base.progress import NoProgress, Progress
from kgalign.config import Config, VotesConfig
from kgalign.errors import MissingExtra
from kgalign.judge.asking.cases import Case, find_cases
from kgalign.judge.asking.rendering import Side, show
from kgalign.judge.student.model import Question, Student, read_card
from kgalign.judge.student.others import Probabilities, open_other
from kgalign.judge.student.student_fit import Joined, join
from kgalign.judge.votes.with_votes import no_opinion
from kgalign.records import Opinion, Profile, Verdicts
from kgalign.records.votes import View

_AT_ONCE = 200
"""Cases that are scored between two reports of progress."""
_LEAST = 1e-6


def check(folder: str) -> None:
    """See whether a student can be asked, before the evidence takes its time.

    :raises MissingExtra: PyTorch or transformers is not installed.
    :raises InputError: there is no such student.
    """
    if any(importlib.util.find_spec(name) is None for name in ("torch", "transformers")):
        raise MissingExtra("A student", "train")
    read_card(Path(folder))


def ask_student(
    left: Profile, right: Profile, verdicts: Verdicts, config: Config, *, progress: Progress | None = None
) -> Opinion:
    """Ask a student, or a judge that a package brings, where the evidence is not sure of a partner.

    :raises KgalignError: there is no student, it is damaged, or there is not enough memory.
    :raises MissingExtra: PyTorch or transformers is not installed.
    """
    if config.judge.asks_student is None and config.judge.asks_other is None:
        return no_opinion()
    cases = find_cases(verdicts, left, right, _rules(config.votes), config.assign.cardinality)
    if not cases:
        return no_opinion({"asked": "nobody: the evidence leaves nothing in doubt"})
    ask, notes = _opened(config)
    said: list[Doubles] = []
    questions = put(cases, left, right, config.llm.question_tokens)
    with (progress or NoProgress()).task("asking the student", len(cases), "entities") as task:
        for start in range(0, len(cases), _AT_ONCE):
            part = questions[start : start + _AT_ONCE]
            said += ask(part)
            task.advance(len(part))
    return _opinion(cases, said, join([case.prior for case in cases], said), notes)


def _opened(config: Config) -> tuple[Probabilities, dict[str, str]]:
    """Who is asked, and what is to be known of it."""
    if config.judge.asks_other is not None:
        return open_other(config.judge.asks_other)
    student = Student(Path(config.judge.asks_student or ""))
    notes = {"base": student.card.base, "examples": student.card.data_digest}
    return student.probabilities, notes


def _rules(rules: VotesConfig) -> VotesConfig:
    """The student is asked even where no language model is to be."""
    return rules.model_copy(update={"ask": "uncertain"}) if rules.ask == "none" else rules


def put(cases: Iterable[Case], left: Profile, right: Profile, tokens: int) -> list[Question]:
    """The question of each case: its entity and its options, as a language model is shown them.

    :param tokens: most that all records of a question may have, as for a language model.
    """
    sides = Side(left), Side(right)
    view = View.BOTH if all(side.has_relations for side in sides) else View.ATTRIBUTES
    questions: list[Question] = []
    for case in cases:
        options = [sides[1].entity(each) for each in case.options]
        (asker, *records), _ = show(sides[0].entity(case.left), options, view, tokens)
        questions.append((asker.text, [each.text for each in records]))
    return questions


def _opinion(
    cases: Sequence[Case], said: Sequence[Doubles], together: Joined, notes: dict[str, str]
) -> Opinion:
    rows = np.array([row for case in cases for row in case.rows], dtype=np.int32)
    order = np.argsort(rows)

    def column(parts: Iterable[Doubles]) -> Doubles:
        return np.concatenate([each[1:] for each in parts])[order]

    own = np.clip(column(said), _LEAST, 1 - _LEAST)
    before = [int(case.prior.argmax()) for case in cases]
    now = [int(each.argmax()) for each in together.probability]
    return Opinion(
        row=rows[order],
        log_odds=(np.log(own) - np.log1p(-own)).astype(np.float32),
        prior=column(case.prior for case in cases).astype(np.float32),
        probability=column(together.probability).astype(np.float32),
        figures={
            "entities_in_doubt": float(len(cases)),
            "other_choices": float(sum(a != b for a, b in zip(before, now, strict=True))),
            "scale_here": together.scale,
            "none_here": together.none,
        },
        notes=notes,
    )
