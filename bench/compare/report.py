"""What a comparison found: its figures, as Markdown and as JSON."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.choices import Drawn, draw_choices, draw_gain, mean_of
from bench.compare.answers import UNUSABLE, Answers
from bench.compare.sets import DataSet
from kgalign.base.logs import printable
from kgalign.evaluate.bootstrap import Interval
from kgalign.train.data import number_of
from kgalign.train.splitting import drawn as mark_of

FORMAT = 1
EVIDENCE = "evidence"
MEAN = "mean of all"
_MARKUP = re.compile(r"[\\`<>\[\]|]")
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class System:
    """One system of the comparison."""

    name: str
    learned: str = ""
    """From which data sets it learned what it was trained for, seen from the one it is tested on."""


@dataclass(frozen=True, slots=True)
class Row:
    """One system on the test of one data set."""

    test: str
    system: str
    learned: str
    questions: int
    """Those that it was asked, or knows something of; an answer that can't be used is a wrong one."""
    cases: int
    accuracy: float
    accuracy_interval: Interval
    f1: float
    """Of the options chosen; "none" is no link."""
    f1_interval: Interval
    unusable: int | None
    calls: int | None
    tokens_in: int | None
    tokens_out: int | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much a system is better than another on the questions that both know of."""

    test: str
    system: str
    learned: str
    over: str
    questions: int
    accuracy: float
    accuracy_interval: Interval
    f1: float
    f1_interval: Interval


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that was found."""

    seed: int
    sets: list[dict[str, Any]]
    rows: list[Row]
    gains: list[Gain]
    trained: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    format: int = FORMAT


Said = Mapping[tuple[str, System], Answers]
"""Data set and system → what it said."""


def compared(
    sets: Sequence[DataSet],
    systems: Sequence[System],
    said: Said,
    *,
    seed: int,
    trained: Sequence[dict[str, Any]] = (),
    notes: Sequence[str] = (),
) -> Comparison:
    """Score all systems on all tests, and each against the evidence or, without it, the first that is there.

    :param seed: of the bootstrap.
    """
    rows: list[Row] = []
    gains: list[Gain] = []
    drawn: dict[tuple[System, System | None], list[Drawn]] = {}
    for data in sets:
        there = [each for each in systems if said.get((data.name, each), _NOTHING).choices]
        for system in there:
            answers = said[data.name, system]
            found = _drawn(data, answers, None, seed)
            assert found is not None
            drawn.setdefault((system, None), []).append(found)
            rows.append(_row(data.name, system, found, answers))
        for system in there[1:]:
            found = _drawn(data, said[data.name, system], said[data.name, there[0]], seed)
            if found is not None:
                drawn.setdefault((system, there[0]), []).append(found)
                gains.append(_gain(data.name, system, there[0], found))
    for (system, over), parts in drawn.items():
        if len(parts) == len(sets) > 1:
            whole = mean_of(parts)
            if over is None:
                rows.append(_row(MEAN, system, whole, None))
            else:
                gains.append(_gain(MEAN, system, over, whole))
    told = [each.about() for each in sets]
    return Comparison(seed, told, rows, gains, list(trained), [*_circular(sets), *notes])


_NOTHING = Answers({})


def _drawn(data: DataSet, answers: Answers, other: Answers | None, seed: int) -> Drawn | None:
    """Scores of the questions that a system knows of, or its gains on those that both do.

    Each data set has draws of its own: with the same seed those of two would go up and down together, and the
    intervals of their mean would be wrong.
    """
    seed = mark_of(seed, "bootstrap", data.name)
    both = [answers, other] if other is not None else [answers]
    test = [each for each in data.test if all(each.id in one.choices for one in both)]
    if not test:
        return None
    right = [number_of(each, each.answer) for each in test]
    cases = [each.case for each in test]
    choice, *rest = ([one.choices[each.id] for each in test] for one in both)
    if rest:
        return draw_gain(choice, rest[0], right, cases, seed=seed)
    return draw_choices(choice, right, cases, seed=seed)


def _row(test: str, system: System, drawn: Drawn, answers: Answers | None) -> Row:
    found = drawn.scores()
    bare = answers is None or not answers.calls
    return Row(
        test=test,
        system=system.name,
        learned=system.learned,
        questions=found.questions,
        cases=found.cases,
        accuracy=found.accuracy,
        accuracy_interval=found.accuracy_interval,
        f1=found.f1,
        f1_interval=found.f1_interval,
        unusable=None if answers is None else list(answers.choices.values()).count(UNUSABLE),
        calls=None if answers is None or bare else answers.calls,
        tokens_in=None if answers is None or not answers.tokens_in else answers.tokens_in,
        tokens_out=None if answers is None or not answers.tokens_in else answers.tokens_out,
        seconds=None if answers is None or bare else answers.seconds,
    )


def _gain(test: str, system: System, over: System, drawn: Drawn) -> Gain:
    found = drawn.gain()
    return Gain(
        test=test,
        system=system.name,
        learned=system.learned,
        over=over.name,
        questions=found.questions,
        accuracy=found.accuracy,
        accuracy_interval=found.accuracy_interval,
        f1=found.f1,
        f1_interval=found.f1_interval,
    )


def _circular(sets: Sequence[DataSet]) -> Iterator[str]:
    for data in sets:
        if not data.independent:
            who = " and ".join(sorted(set(data.origins) - {"gold", "person"}))
            yield (
                f"The answers in the test of {data.name} come from {who}: it is measured how well they are "
                "copied, not how right they are"
            )
        elif data.left_out:
            yield (
                f"{data.left_out:,} questions in the test of {data.name} whose answers come from votes or "
                "from the evidence are left out"
            )


HEAD = ("test", "system", "learned from", "questions", "accuracy", "95 %", "F1", "95 %", "unusable",
        "calls", "tokens", "seconds")  # fmt: skip
GAIN_HEAD = ("test", "system", "learned from", "over", "questions", "accuracy", "95 %", "F1", "95 %")
TRAINED_HEAD = ("trained", "examples", "valid accuracy", "seconds")


def cells(row: Row) -> list[str]:
    """A row as people read it."""
    tokens = None if row.tokens_in is None else row.tokens_in + (row.tokens_out or 0)
    return [
        row.test,
        row.system,
        row.learned,
        f"{row.questions:,}",
        f"{row.accuracy:.3f}",
        _span(row.accuracy_interval),
        f"{row.f1:.3f}",
        _span(row.f1_interval),
        _count(row.unusable),
        _count(row.calls),
        _count(tokens),
        "" if row.seconds is None else f"{row.seconds:,.1f}",
    ]


def gain_cells(gain: Gain) -> list[str]:
    """A gain as people read it."""
    return [
        gain.test,
        gain.system,
        gain.learned,
        gain.over,
        f"{gain.questions:,}",
        f"{gain.accuracy:+.3f}",
        _span(gain.accuracy_interval, "+"),
        f"{gain.f1:+.3f}",
        _span(gain.f1_interval, "+"),
    ]


def trained_cells(trained: Mapping[str, Any]) -> list[str]:
    """What was trained, as people read it."""
    valid, seconds = trained.get("valid_accuracy"), trained.get("seconds")
    return [
        str(trained["name"]),
        f"{trained['examples']:,}",
        "" if valid is None else f"{valid:.3f}",
        "" if seconds is None else f"{seconds:,.1f}",
    ]


def _span(interval: Interval, sign: str = "") -> str:
    return f"{interval.low:{sign}.3f} to {interval.high:{sign}.3f}"


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def as_json(found: Comparison, *, ascii_only: bool = False) -> str:
    """All figures. Made again in the same folder it is the same text; elsewhere, seconds alone differ.

    :param ascii_only: for a terminal: no character of a model's name reaches it raw.
    """
    return json.dumps(asdict(found), indent=1, sort_keys=True, ensure_ascii=ascii_only) + "\n"


def as_markdown(found: Comparison) -> str:
    """The comparison for people."""
    parts = [
        "# Comparison of judges",
        "Accuracy is the share of the questions with the right choice, none of the options among them; F1 is "
        "of the options chosen. An answer that the judge would not count is a wrong one. Intervals are of "
        f"95 %, by 2,000 draws of the cases (seed {found.seed}); differences are paired: the same draws on "
        "the questions that both systems know of. One draw tells nothing of another training: give other "
        "seeds for that.",
        "## Tests",
        _table(("test", "questions", "cases", "of them verify", "right answer none", "answers by"),
               [_told(each) for each in found.sets]),
        *(f"- {_plain(each)}." for each in found.notes),
        "## Scores",
        _table(HEAD, [cells(each) for each in found.rows], words=3),
    ]  # fmt: skip
    if found.gains:
        parts += ["## Differences", _table(GAIN_HEAD, [gain_cells(each) for each in found.gains], words=4)]
    if found.trained:
        parts += [
            "## Trained for this",
            _table(TRAINED_HEAD, [trained_cells(each) for each in found.trained]),
        ]
    return "\n\n".join(parts) + "\n"


def _told(data: Mapping[str, Any]) -> list[str]:
    share = data["none"] / max(data["questions"], 1)
    answers = ", ".join(f"{name} {count:,}" for name, count in data["answers"].items())
    counts = [f"{data[name]:,}" for name in ("questions", "cases", "verify")]
    return [data["name"], *counts, f"{share:.0%}", answers]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A table of Markdown; all columns but the first ones hold figures."""
    rule = ["---" if place < words else "---:" for place in range(len(head))]
    lines = [" | ".join(map(_plain, row)) for row in (head, rule, *rows)]
    return "\n".join(f"| {line} |" for line in lines)


def _plain(text: str) -> str:
    """Text as it is: what a server calls its model is no markup."""
    return _MARKUP.sub(r"\\\g<0>", printable(text, _LONGEST))
