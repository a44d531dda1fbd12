"""How much harder doubtful cases are than sure ones, by the recorded answers of real models.

Trust is learned on controls, which are sure. How far it holds where the evidence is in doubt is one constant,
:data:`kgalign.judge.votes.model.HARDER`: the slope of a logistic regression of right answers on the log-odds
of the evidence, one intercept per model and set. What is measured besides is whether it does what it is for:
a model's share of right answers to doubtful questions, as foretold from a few sure ones.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from bench.questions import Question, evidence
from bench.results import table
from kgalign.arrays import Doubles, Flags, Positions
from kgalign.judge.votes.model import SUREST, TRUST_KNOWN, in_doubt

CONTROLS = 12
"""Questions that trust is learned from, as in a run."""
_DRAWS = 200
_SURE, _DOUBT = 0.98, 0.9
"""Evidence from which on a question may be a control, and below which it is in doubt."""
_LEAST = 0.27
"""The evidence's log-odds are cut off at -1: that is this probability."""
_Names = npt.NDArray[np.str_]
HEAD = ("set", "model", "doubtful questions", "evidence right", "as on controls", "foretold", "right")


@dataclass(frozen=True, slots=True)
class Row:
    """One model on one set."""

    set: str
    model: str
    doubtful: int
    evidence: float
    """Share of the doubtful questions to which the evidence is right."""
    controls: float
    """Trust learned from controls, mean over draws."""
    foretold: float
    """The same lowered by the doubt of each question, mean over draws and questions."""
    right: float
    """Share that the model is right on."""

    def cells(self) -> list[str]:
        """The row as it is shown."""
        shares = (self.evidence, self.controls, self.foretold, self.right)
        return [self.set, self.model, str(self.doubtful), *(f"{share:.3f}" for share in shares)]


@dataclass(frozen=True, slots=True)
class Found:
    """All that was measured."""

    slope: float
    left_out: dict[str, float]
    """Set → slope without it."""
    rows: tuple[Row, ...]


def measure(questions: Sequence[Question]) -> Found:
    """Fit the slope, and foretell each model on each set from a few questions of it.

    :param questions: of several sets, each answered by the same models.
    """
    sets = np.array([question.set for question in questions])
    names = [str(name) for name in np.unique(sets)]
    models = sorted({model for question in questions for model in question.answers})
    gold = np.array([question.gold for question in questions])
    right = np.array(
        [
            [question.answers.get(model) == truth for model in models]
            for question, truth in zip(questions, gold, strict=True)
        ]
    )
    priors: dict[int, Doubles] = {}
    for name in names:
        rows = np.flatnonzero(sets == name).tolist()
        priors |= zip(rows, evidence([questions[row] for row in rows]), strict=True)
    top = np.array([priors[row].max() for row in range(len(questions))])
    chosen = np.array([int(priors[row].argmax()) for row in range(len(questions))])
    each = np.ones(len(questions), dtype=bool)
    return Found(
        slope=_slope(top, right, sets, each),
        left_out={name: _slope(top, right, sets, sets != name) for name in names},
        rows=tuple(_rows(questions, names, models, sets, top, chosen, gold, right, priors)),
    )


def _slope(top: Doubles, right: Flags, sets: _Names, used: Flags) -> float:
    from sklearn.linear_model import LogisticRegression

    inner = np.clip(top, _LEAST, 1 - 1e-3)
    margin = np.minimum(np.log(inner / (1 - inner)), SUREST)[used]
    groups = np.unique(sets[used], return_inverse=True)[1]
    models = right.shape[1]
    columns = np.zeros((models * len(margin), 1 + models * (int(groups.max()) + 1)))
    columns[:, 0] = np.repeat(margin, models)
    group = np.repeat(groups, models) * models + np.tile(np.arange(models), len(margin))
    columns[np.arange(len(columns)), 1 + group] = 1.0
    fitted = LogisticRegression(C=10.0, max_iter=1000).fit(columns, right[used].ravel())
    return float(fitted.coef_[0][0])


def _rows(
    questions: Sequence[Question],
    names: Sequence[str],
    models: Sequence[str],
    sets: _Names,
    top: Doubles,
    chosen: Positions,
    gold: Positions,
    right: Flags,
    priors: dict[int, Doubles],
) -> Iterator[Row]:
    generator = np.random.default_rng(0)
    mean, weight = TRUST_KNOWN
    for name in names:
        sure = np.flatnonzero((sets == name) & (top >= _SURE))
        doubtful = np.flatnonzero((sets == name) & (top < _DOUBT))
        if len(sure) < CONTROLS or not len(doubtful):
            continue
        draws = [generator.choice(sure, CONTROLS, replace=False) for _ in range(_DRAWS)]
        for number, model in enumerate(models):
            # What is known of a control is what the evidence says, which may be wrong; gold is not seen.
            said = [question.answers.get(model) for question in questions]
            agrees = np.array([one == other for one, other in zip(said, chosen.tolist(), strict=True)])
            trust = [(mean * weight + agrees[draw].sum()) / (weight + CONTROLS) for draw in draws]
            foretold = [
                float(in_doubt(each, priors[row][None])[0]) for each in trust for row in doubtful.tolist()
            ]
            yield Row(
                set=name,
                model=model,
                doubtful=len(doubtful),
                evidence=float((chosen[doubtful] == gold[doubtful]).mean()),
                controls=float(np.mean(trust)),
                foretold=float(np.mean(foretold)),
                right=float(right[doubtful, number].mean()),
            )


def as_markdown(found: Found) -> str:
    """The section of the results."""
    left_out = ", ".join(f"{slope:.2f} without {name}" for name, slope in found.left_out.items())
    plain = float(np.mean([abs(row.controls - row.right) for row in found.rows]))
    lowered = float(np.mean([abs(row.foretold - row.right) for row in found.rows]))
    return "\n\n".join(
        [
            f"The log-odds of a right answer rise by {found.slope:.2f} with each natural log-odds by which "
            f"the evidence is surer ({left_out}). Below, what each model is foretold on questions that are "
            f"in doubt (evidence below {_DOUBT}), from {CONTROLS} questions that the evidence is sure of "
            f"(from {_SURE} on), mean of {_DRAWS} draws: as it was on these, and lowered by the doubt of "
            f"each question. The mean error is {plain:.3f} as on controls and {lowered:.3f} as foretold.",
            table(list(HEAD), [row.cells() for row in found.rows], words=2),
        ]
    )


def as_json(found: Found) -> str:
    """All figures as JSON, for other programs."""
    return json.dumps(asdict(found), indent=1) + "\n"
