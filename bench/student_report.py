"""What came of students: one row per system and test, and the tables of the results."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from bench.results import table
from kgalign.judge.student.model import Card

TEACHER = "qwen_32"
REDUCER = "weighted"
"""What joins the labels of all teachers."""
BOTH = "student + evidence"
CLEAR = 0.9
"""How sure a tier must be, for the next not to be asked: as ``votes.doubt`` has it by default."""
HEAD = ("test", "system", "questions", "accuracy", "interval", "F1", "interval", "seconds")


@dataclass(frozen=True, slots=True)
class Row:
    """One system on one test."""

    test: str
    system: str
    questions: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    """Of 95 %, by drawing the questions again."""
    f1: float
    """Of the options chosen; "none" is no link."""
    f1_interval: tuple[float, float]
    seconds: float | None = None

    def cells(self) -> list[str]:
        """The row as it is shown."""
        return [
            self.test,
            self.system,
            str(self.questions),
            f"{self.accuracy:.3f}",
            "{:.3f} to {:.3f}".format(*self.accuracy_interval),
            f"{self.f1:.3f}",
            "{:.3f} to {:.3f}".format(*self.f1_interval),
            "" if self.seconds is None else f"{self.seconds:.0f}",
        ]


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much accuracy student and evidence together are above another system, question by question."""

    test: str
    over: str
    accuracy: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Chain:
    """Evidence, then the student where that is unsure, then a large model where both are."""

    test: str
    model: str
    evidence: float
    """Share of the questions that each decides."""
    student: float
    llm: float
    llm_without: float
    """The same where there is no student."""
    accuracy: float
    accuracy_without: float


@dataclass(frozen=True, slots=True)
class Found:
    """All that was measured."""

    rows: list[Row] = field(default_factory=list)
    gains: list[Gain] = field(default_factory=list)
    chains: list[Chain] = field(default_factory=list)
    cards: dict[str, Card] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    """Test → its questions that show a record that was shown in training."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Student → seconds of training; none of one whose training was stopped in between."""


def line(cells: Sequence[str]) -> str:
    """One row for the terminal, in columns."""
    test, system, *figures = cells
    return f"{test:<22}{system:<24}" + "".join(f"{cell:>17}" for cell in figures)


def as_markdown(found: Found) -> str:
    """The tables of the results."""
    chosen = next(iter(found.cards.values())).settings
    gains = [
        [each.test, each.over, f"{each.accuracy:+.3f}", "{:+.3f} to {:+.3f}".format(*each.interval)]
        for each in found.gains
    ]
    chain = ("test", "model", "evidence", "student", "model asked", "asked without", "accuracy", "without")
    paragraphs = [
        f"Labels are the recorded answers of `{TEACHER}`, or of all four models by `{REDUCER}` with the "
        "evidence; no gold is seen. `abt_buy` are further questions on the data of one of the sets, asked of "
        "students of all of them and of a student of the others; each set was left out once. "
        + _seen(found)
        + "Settings, fixed beforehand: "
        f"{chosen['epochs']} epochs, {chosen['batch']} questions a step, up to {chosen['options']} options "
        f"each, {chosen['max_tokens']} tokens a pair. Intervals are of 95 %, by drawing the questions again. "
        f"`{BOTH}` joins the two as a run does, by the reducer `weighted` and without labels.",
        table(HEAD, [row.cells() for row in found.rows], words=2),
        f"Accuracy of `{BOTH}` above others, by the same questions:",
        table(("test", "over", "difference", "interval"), gains, words=2),
        f"Evidence, then the student where the evidence gives less than {CLEAR} to its choice, then the "
        "model where both together do; beside it, without a student:",
        table(chain, [_chain_cells(each) for each in found.chains], words=2),
        "The students; `as taught` is accuracy on the valid split against the teacher:",
        table(
            ("student", "questions", "pairs an epoch", "as taught", "first loss", "last loss", "seconds"),
            [_student_cells(name, card, found) for name, card in found.cards.items()],
        ),
    ]
    return "\n\n".join(paragraphs)


def _seen(found: Found) -> str:
    shown = ", ".join(f"{count:,} in `{test}`" for test, count in found.seen.items() if count)
    return f"Questions that show a record that was shown in training: {shown or 'none'}. "


def _chain_cells(chain: Chain) -> list[str]:
    shares = (chain.evidence, chain.student, chain.llm, chain.llm_without)
    accuracies = (chain.accuracy, chain.accuracy_without)
    return [
        chain.test,
        chain.model,
        *(f"{each:.1%}" for each in shares),
        *(f"{each:.3f}" for each in accuracies),
    ]


def _student_cells(name: str, card: Card, found: Found) -> list[str]:
    limit = card.settings["max_pairs"]
    return [
        name,
        str(card.counts["train"]),
        "all" if limit is None else f"up to {limit:,}",
        f"{card.scores.get('valid accuracy', float('nan')):.3f}",
        f"{card.scores['loss of epoch 1']:.3f}",
        f"{card.scores['loss of epoch ' + str(card.settings['epochs'])]:.3f}",
        f"{found.seconds[name]:.0f}" if name in found.seconds else "",
    ]


def as_json(found: Found) -> str:
    """All figures as JSON, for other programs."""
    return json.dumps(asdict(found), indent=1) + "\n"
