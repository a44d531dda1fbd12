"""Recorded answers of real models, taken as votes: what the reducers make of them, with and without evidence.

No method sees the gold. Each set is a run of its own, as two graphs would be: its queries are one side, all
its candidates the other, and the evidence tier judges the recorded pairs by what their records hold.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from bench.questions import Question, evidence
from bench.reliability import Bin, bins, ece
from bench.results import table
from kgalign.arrays import Doubles, Flags, Positions
from kgalign.judge.votes.ballots import Ballot, Ballots
from kgalign.judge.votes.reducers import REDUCERS

ALL = "all"
"""Stands for all sets together."""
JOINED = "adaptive, votes + evidence"
"""The system of which something is asked: what a run does by itself."""
PLOTTED = (JOINED, "dawid_skene, votes", "evidence")
HEAD = ("system", "set", "questions", "accuracy", "precision", "recall", "F1", "ECE", "abstained")
_NAMES = ("name", "title")
"""Keys of the records that hold what a thing is called."""
_Each = TypeVar("_Each")
_Names = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Decisions:
    """What one system decided on every question."""

    system: str
    choice: Positions
    """(q,) 0 for none, else the number of an option; an abstention makes no link, so it is 0."""
    abstained: Flags
    """(q,)"""
    probability: Doubles | None
    """(q,) of its choice; None where the system gives none."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One system on one set, or on all."""

    system: str
    set: str
    questions: int
    accuracy: float
    precision: float
    recall: float
    f1: float
    """Of the options chosen; "none" is no link."""
    abstained: int
    ece: float | None
    bins: tuple[Bin, ...]
    unsettled: int
    """Questions without a partner by the gold though a candidate has the very name that was asked about."""
    settled_accuracy: float
    settled_ece: float | None
    """The same figures without these."""

    def cells(self) -> list[str]:
        """The row as it is shown."""
        shares = (self.accuracy, self.precision, self.recall, self.f1)
        error = "" if self.ece is None else f"{self.ece:.3f}"
        shown = [f"{share:.3f}" for share in shares]
        return [self.system, self.set, str(self.questions), *shown, error, str(self.abstained)]


@dataclass(frozen=True, slots=True)
class Found:
    """All that was measured."""

    figures: tuple[Figures, ...]
    best: str
    """The model that is best by the gold, which no system may know."""
    agree: float
    """Share of the questions on which all models agree."""
    agree_right: float
    """Share of those on which they are right."""
    any_right: float
    """Share of all on which some model is right."""

    def of(self, system: str, name: str = ALL) -> Figures:
        """The figures of a system on a set."""
        return next(each for each in self.figures if (each.system, each.set) == (system, name))


def measure(questions: Sequence[Question], tell: Callable[[Figures], None]) -> Found:
    """Let every model, the evidence and every reducer decide, and score them.

    Args:
        questions: of any number of sets.
        tell: called with the figures of each system over all sets as soon as they are there.
    """
    sets = np.array([question.set for question in questions])
    gold = np.array([question.gold for question in questions])
    settled = np.array([not _is_unsettled(question) for question in questions])
    models = sorted({model for question in questions for model in question.answers})
    answers = np.array([_answers(questions, model) for model in models])
    figures: list[Figures] = []
    for decisions in _decide(questions, sets, dict(zip(models, answers, strict=True))):
        of_all, *of_sets = _figures(decisions, gold, settled, sets)
        tell(of_all)
        figures += [of_all, *of_sets]
    right = answers == gold
    agree = (answers == answers[0]).all(axis=0)
    return Found(
        figures=tuple(figures),
        best=models[int(right.sum(axis=1).argmax())],
        agree=float(agree.mean()),
        agree_right=float(right[0][agree].mean()) if agree.any() else 0.0,
        any_right=float(right.any(axis=0).mean()),
    )


def _is_unsettled(question: Question) -> bool:
    """Whether the gold knows no partner, and a candidate has the very name of what was asked about.

    Gold that is a sample lacks partners; what of it is lacking can't be told from here.
    """
    names = {str(name).casefold() for key in _NAMES if (name := question.query.get(key))}
    shown = {
        str(name).casefold() for each in question.candidates for key in _NAMES if (name := each.get(key))
    }
    return not question.gold and bool(names & shown)


def _answers(questions: Sequence[Question], model: str) -> Positions:
    """(q,) what a model said; an answer that could not be read makes no link."""
    return np.array([question.answers.get(model) or 0 for question in questions], dtype=np.int64)


def _decide(
    questions: Sequence[Question], sets: _Names, answers: dict[str, Positions]
) -> Iterator[Decisions]:
    never = np.zeros(len(questions), dtype=bool)
    for model, answer in answers.items():
        yield Decisions(model, answer, never, None)
    priors = by_set(sets, lambda rows: evidence([questions[row] for row in rows]))
    choice = np.array([int(prior.argmax()) for prior in priors])
    yield Decisions("evidence", choice, never, np.array([float(prior.max()) for prior in priors]))
    even = [np.full(len(prior), 1 / len(prior)) for prior in priors]
    for name, each in (("votes", even), ("votes + evidence", priors)):
        cases = [evidence_and_votes(question, prior) for question, prior in zip(questions, each, strict=True)]
        for reducer in REDUCERS:
            yield _reduced(f"{reducer}, {name}", reducer, cases, sets)


def by_set(sets: _Names, work: Callable[[list[int]], Sequence[_Each]]) -> list[_Each]:
    """What work makes of the rows of each set, in the order of the questions."""
    found: dict[int, _Each] = {}
    for name in np.unique(sets):
        rows = np.flatnonzero(sets == name).tolist()
        found.update(zip(rows, work(rows), strict=True))
    return [found[row] for row in range(len(sets))]


def evidence_and_votes(question: Question, prior: Doubles) -> Ballots:
    """The answers of all models to a question as votes."""
    offered = tuple(range(1, len(prior)))
    given = ((model, answer) for model, answer in question.answers.items() if answer is not None)
    return Ballots(prior, tuple(Ballot(answer, offered, voter=model) for model, answer in given))


def _reduced(system: str, reducer: str, cases: Sequence[Ballots], sets: _Names) -> Decisions:
    tallies = by_set(sets, lambda rows: REDUCERS[reducer]([cases[row] for row in rows]))
    choice = [tally.leader or 0 for tally in tallies]
    probability = [float(tally.probability[k]) for tally, k in zip(tallies, choice, strict=True)]
    abstained = np.array([tally.leader is None for tally in tallies])
    return Decisions(system, np.array(choice), abstained, np.array(probability))


def _figures(decisions: Decisions, gold: Positions, settled: Flags, sets: _Names) -> Iterator[Figures]:
    """Of all sets together, then of each."""
    for name in (ALL, *np.unique(sets).tolist()):
        rows = np.ones(len(gold), dtype=bool) if name == ALL else sets == name
        choice, truth = decisions.choice[rows], gold[rows]
        hits = float(((choice == truth) & (choice > 0)).sum())
        precision, recall = hits / max((choice > 0).sum(), 1), hits / max((truth > 0).sum(), 1)
        claimed = decisions.probability
        found = None if claimed is None else bins(claimed[rows], choice == truth)
        kept = settled & rows
        right = decisions.choice[kept] == gold[kept]
        yield Figures(
            system=decisions.system,
            set=name,
            questions=len(truth),
            accuracy=float((choice == truth).mean()),
            precision=float(precision),
            recall=float(recall),
            f1=float(2 * precision * recall / max(precision + recall, 1e-12)),
            abstained=int(decisions.abstained[rows].sum()),
            ece=None if found is None else ece(found),
            bins=tuple(found or ()),
            unsettled=int((rows & ~settled).sum()),
            settled_accuracy=float(right.mean()) if len(right) else 0.0,
            settled_ece=None if claimed is None else ece(bins(claimed[kept], right)),
        )


def line(cells: Sequence[str]) -> str:
    """One row for the terminal, in columns."""
    system, name, *figures = cells
    return f"{system:<32}{name:<6}" + "".join(f"{cell:>11}" for cell in figures)


def as_markdown(found: Found, plot: str) -> str:
    """The tables of the results; ``plot`` is the file name of the reliability plot."""
    best, ours = found.of(found.best), found.of(JOINED)
    sets = [each.set for each in found.figures if each.system == JOINED and each.set != ALL]
    systems = list(dict.fromkeys(each.system for each in found.figures))
    by_set = [
        [
            system,
            *(f"{found.of(system, name).accuracy:.3f} / {found.of(system, name).f1:.3f}" for name in sets),
        ]
        for system in systems
    ]
    overall = [[cell for k, cell in enumerate(found.of(system).cells()) if k != 1] for system in systems]
    reliability = [
        [f"{b.low:.1f} to {b.high:.1f}", str(b.count), f"{b.probability:.3f}", f"{b.accuracy:.3f}"]
        for b in ours.bins
    ]
    errors = [
        [
            name,
            str(now.questions),
            f"{now.accuracy:.3f}",
            f"{now.ece:.3f}",
            str(now.unsettled),
            f"{now.settled_accuracy:.3f}",
            f"{now.settled_ece:.3f}",
        ]
        for name in sets
        for now in [found.of(JOINED, name)]
    ]
    paragraphs = [
        f"All models agree on {found.agree:.1%} of the questions and are right on {found.agree_right:.1%} of "
        f"those; some model is right on {found.any_right:.1%}. The best single model, which only the gold "
        f"knows, is `{found.best}` with accuracy {best.accuracy:.3f} and F1 {best.f1:.3f}; `{JOINED}` "
        f"reaches {ours.accuracy:.3f} and {ours.f1:.3f} and does not know which it is.",
        'An answer that could not be read, and an abstention, make no link and count as "none". F1 is of '
        "the options chosen. Each set is a run of its own; `evidence` is that tier alone, `votes` have an "
        "even prior and `votes + evidence` the probabilities of the evidence tier.",
        table([HEAD[0], *HEAD[2:]], overall),
        "Accuracy / F1 by set:",
        table(["system", *sets], by_set),
        f"Reliability of `{JOINED}`, all sets ([plot]({plot})):",
        table(["claimed", "decisions", "mean claimed", "right"], reliability, words=0),
        f"`{JOINED}` by set. *Unsettled* are questions without a partner by the gold though a candidate has "
        "the very name of what was asked about: of a gold that is a sample nobody knows whether it is wrong "
        "to choose that one. The last two columns leave them out, of every set and whatever was chosen.",
        table(["set", "questions", "accuracy", "ECE", "unsettled", "accuracy", "ECE"], errors),
    ]
    return "\n\n".join(paragraphs)


def as_json(found: Found) -> str:
    """All figures as JSON, for other programs."""
    return json.dumps(asdict(found), indent=1) + "\n"
