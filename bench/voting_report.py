"""What the voting study found, in tables."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from bench.results import table
from bench.voting import (
    BLIND,
    FIXED,
    FULL,
    LEAD,
    ONE,
    PLACES,
    PRIOR,
    SHOWN,
    SHUFFLED,
    STRICT,
    Places,
    Row,
)
from bench.voting_draws import Setting

_HEADS = (ONE, FIXED, SHUFFLED, STRICT, LEAD)
_JUDGES = (BLIND, PLACES, PRIOR, FULL)
_HALLUCINATION = 0.05
_DEFAULT = 0.95


@dataclass(frozen=True, slots=True)
class Compared:
    """A judge beside a rule on one setting."""

    setting: Setting
    gain: float | None
    """Share of right answers above the rule's, at the rule's calls; None where the judge asks more."""
    saved: float | None
    """Calls below the rule's, at its share of right answers; None where the judge doesn't reach that."""
    error: float
    """Two standard errors of the gain."""


def compare(rows: Sequence[Row], system: str, rule: str) -> list[Compared]:
    """A judge beside a rule, setting by setting, along the line through the judge's confidences."""
    found = []
    for other in (row for row in rows if row.system == rule):
        same = [row for row in rows if row.system == system and row.setting == other.setting]
        line = sorted((row.calls, row.right) for row in same)
        calls = np.array([each[0] for each in line])
        right = np.maximum.accumulate([each[1] for each in line])
        gain = float(np.interp(other.calls, calls, right)) - other.right if other.calls >= calls[0] else None
        saved = None
        if right[-1] >= other.right:
            # Where several confidences reach it, the one with fewest calls counts.
            first = int(np.searchsorted(right, other.right))
            part = slice(max(0, first - 1), first + 1)
            saved = other.calls - float(np.interp(other.right, right[part], calls[part]))
        share = other.right if gain is None else other.right + gain
        spread = (share * (1 - share) + other.right * (1 - other.right)) / other.questions
        found.append(Compared(other.setting, gain, saved, 2 * float(np.sqrt(max(spread, 0.0)))))
    return found


def _shown(rows: Sequence[Row], system: str) -> dict[Setting, Row]:
    """The rows of a system that are shown: of a judge, those at the confidence shown."""
    return {row.setting: row for row in rows if row.system == system and row.confidence in (0.0, SHOWN)}


def by_setting(rows: Sequence[Row]) -> str:
    """Share right and calls, by accuracy and bias, at one rate of hallucination."""
    systems = {system: _shown(rows, system) for system in (*_HEADS, *_JUDGES)}
    settings = [each for each in systems[ONE] if each.hallucination == _HALLUCINATION]
    lines = []
    for setting in settings:
        cells = [f"{setting.accuracy:.2f}", f"{setting.bias:.0%}"]
        for system, found in systems.items():
            row = found[setting]
            cells.append(f"{row.right:.3f} / {row.calls:.1f}")
            if system == STRICT:
                cells[-1] = f"{row.right:.3f} ({row.abstained:.0%})"
        lines.append(cells)
    return table(("accuracy", "bias", *systems), lines, words=0)


def over_grid(rows: Sequence[Row]) -> str:
    """Means over the grid."""
    lines = []
    for system in (*_HEADS, *_JUDGES):
        found = list(_shown(rows, system).values())
        sure = system in _JUDGES
        lines.append(
            [
                system,
                f"{np.mean([row.right for row in found]):.4f}",
                f"{np.mean([row.calls for row in found]):.2f}",
                f"{np.mean([row.abstained for row in found]):.2%}",
                f"{np.mean([row.calibration_error for row in found]):.3f}" if sure else "",
            ]
        )
    return table(("system", "right", "calls", "abstains", "ECE"), lines)


def against_lead(rows: Sequence[Row]) -> str:
    """Each judge beside the lead of two, by bias."""
    lines = []
    biases = sorted({row.setting.bias for row in rows})
    for system in _JUDGES:
        compared = compare(rows, system, LEAD)
        for bias in biases:
            part = [each for each in compared if each.setting.bias == bias]
            gains = [each.gain for each in part if each.gain is not None]
            saved = [each.saved for each in part if each.saved is not None]
            signs = [_sign(each) for each in part]
            lines.append(
                [
                    system,
                    f"{bias:.0%}",
                    *(str(signs.count(sign)) for sign in (1, 0, -1)),
                    _points(gains),
                    f"{np.mean(saved):+.2f}" if saved else "",
                    f"{min(saved):+.2f}" if saved else "",
                ]
            )
    head = ("judge", "bias", "above", "level", "below", "points: mean, least", "calls saved", "least")
    return table(head, lines, words=2)


def _sign(each: Compared) -> int:
    """1 above, 0 level, -1 below: in accuracy at equal calls, or else in calls at equal accuracy."""
    if each.gain is not None:
        return 0 if abs(each.gain) <= each.error else 1 if each.gain > 0 else -1
    return 1 if each.saved is not None and each.saved > 0 else -1


def _points(gains: Sequence[float]) -> str:
    return f"{100 * float(np.mean(gains)):+.2f}, {100 * min(gains):+.2f}" if gains else ""


def against_shuffled(rows: Sequence[Row]) -> str:
    """Each judge, at the least and the most confidence of interest, beside five shuffled rounds."""
    others = {row.setting: row for row in rows if row.system == SHUFFLED}
    lines = []
    for system in _JUDGES:
        for confidence in (_DEFAULT, SHOWN):
            same = [row for row in rows if row.system == system and row.confidence == confidence]
            gains, signs = [], []
            for row in same:
                error = 2 * np.sqrt(row.right * (1 - row.right) / row.questions * 2)
                gains.append(row.right - others[row.setting].right)
                signs.append(0 if abs(gains[-1]) <= error else int(np.sign(gains[-1])))
            counts = (str(signs.count(sign)) for sign in (1, 0, -1))
            calls = float(np.mean([row.calls for row in same]))
            lines.append([system, f"{confidence}", *counts, _points(gains), f"{calls:.2f}"])
    head = ("judge", "confidence", "above", "level", "below", "points: mean, least", "calls")
    return table(head, lines)


def by_place(places: Sequence[Places]) -> str:
    """How far what is decided depends on the first order."""
    lines = []
    for row in places:
        right, won = 100 * np.array(row.right), 100 * np.array(row.won)
        lines.append(
            [
                row.system,
                f"{row.setting.accuracy:.2f}",
                *(f"{each:.1f}" for each in right),
                f"{np.ptp(right):.2f}",
                f"{np.ptp(won):.2f}",
            ]
        )
    head = ("system", "accuracy", *(f"truth at {place}" for place in range(1, 6)), "spread", "spread of wins")
    return table(head, lines)


def as_markdown(rows: Sequence[Row], places: Sequence[Places]) -> str:
    """All tables, with what they hold."""
    settings = len({row.setting for row in rows})
    questions = rows[0].questions
    return "\n\n".join(
        [
            _intro(settings, questions),
            over_grid(rows),
            f"Right / calls, hallucination {_HALLUCINATION:.0%} "
            "(*more than half*: right, and how many abstain):",
            by_setting(rows),
            _LEAD,
            against_lead(rows),
            "Beside five shuffled rounds:",
            against_shuffled(rows),
            _by_place(places),
            by_place(places),
        ]
    )


def _intro(settings: int, questions: int) -> str:
    return (
        f"{settings} settings, {questions:,} questions each, five options, one of which is right. The "
        "scripted judge gives an unusable answer with the probability *hallucination*; else takes what "
        "is shown first with the probability *bias*; else is right with *accuracy*, and takes any other "
        "answer, none of them included, otherwise; each time anew. All questions are of the form select. "
        "Where heads are counted the most frequent answer wins and lots break ties; *more than half* "
        "abstains instead. *judge* is this package's: balanced orders, a model of the voter learned as "
        "it goes (after 64 and 512 questions), 2 to 7 votes, and here neither a prior (all answers "
        "alike, none of them included) nor probabilities. *prior*: it has that of a first tier that is "
        "right in 60 % of the questions, and calibrated. *probabilities*: it has those of the first "
        "token, from which it takes the prior of the places; the scripted judge's are made so that this "
        "can be taken off, more cleanly than a real model's may. The figures are those at a confidence "
        f"of {SHOWN}; unusable answers count as calls. No judge is told the settings. ECE is the "
        "calibration error of its probability; without a prior nothing says how far a voter can be "
        "trusted, and it stays as cautious as it began."
    )


_LEAD = (
    "Beside the lead of two: accuracy at its number of calls, and calls saved at its accuracy, on the "
    "straight line through the judge's confidences (.7 to .995); above and below mean by more than two "
    "standard errors. Without a bias and without a prior all votes are alike, and a lead of two is as "
    "good a test as there is: there the judge can at best be level. It loses a little where an option "
    "ties with none of them, which it then holds to be as likely as any option, though it is never right "
    "here."
)


def _by_place(places: Sequence[Places]) -> str:
    setting, questions = places[0].setting, places[0].questions
    return (
        "Share right in per cent by where the truth stands in the first order, and the spread of the "
        f"shares in points, at a bias of {setting.bias:.0%} and a hallucination of "
        f"{setting.hallucination:.0%}; {questions:,} questions, each put five times with all else equal, "
        "with the truth at each place once. Spread of wins: how much more often one place of the first "
        "order wins than another, in points."
    )


def as_json(rows: Sequence[Row], places: Sequence[Places]) -> str:
    """The rows as JSON, for other programs."""
    content = {"settings": [asdict(row) for row in rows], "places": [asdict(row) for row in places]}
    return json.dumps(content, indent=1) + "\n"
