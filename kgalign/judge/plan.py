"""What asking a language model will cost, said before it is spent: counted, played through, tried out."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kgalign.config import Config
from kgalign.judge.asking.budget import share_of_limits
from kgalign.judge.asking.cases import Case, find_cases
from kgalign.judge.asking.controls import Control, affordable, find_controls
from kgalign.judge.asking.questions import Questions, question_tokens
from kgalign.judge.asking.templates import load_templates
from kgalign.judge.imagined import Imagined
from kgalign.judge.terms import models_of
from kgalign.judge.trial import Asked, Trial, try_out
from kgalign.llm.pool import run_to_end
from kgalign.records import Profile, Verdicts
from kgalign.records.votes import Question

_SAMPLE = 300
"""Cases that are played through; fewer ones are played through so often that it is as many plays."""
_ACCURACY = 0.85
"""Share of the controls that a model is right on, where nothing is known of it."""
_ANSWER_TOKENS = 40
"""Tokens of an answer: the choice, two or three values, a short sentence."""
_TRIED = 10
"""Questions that a model is tried out with."""
_TOKENS = 0.9
"""Tokens of a question for each one that is counted here: that count is on the safe side."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Expected costs; nothing has been asked."""

    left_entities: int
    right_entities: int
    candidates: int
    known: int
    """Pairs known from the start."""
    asked_about: int
    """Entities that the model will be asked about."""
    calls: float
    """Expected questions, by playing through a sample with a model that is right on such a share of what is
    known: ``accuracy``; no more than the limits allow for, and so are tokens, cost and time.
    """
    most_calls: int
    tokens_in: float
    tokens_out: float
    cost: float
    """At the prices of the configuration; 0 where it has none."""
    seconds: float | None
    """At ``rate`` votes per second; None where that is not known."""
    rate: float | None
    """Votes per second: as given, or as tried out."""
    tried: int
    """Questions that the model was asked to find out about its pace and its answers."""
    accuracy: float
    sample: int
    """Cases that were played through."""
    limited: str
    """Which limit will end it before that, empty where none will."""

    def to_dict(self) -> dict[str, Any]:
        """The same as a plain dictionary, for JSON."""
        return asdict(self)


def make_plan(
    left: Profile,
    right: Profile,
    verdicts: Verdicts,
    config: Config,
    *,
    rate: float | None = None,
    tries: bool = False,
) -> Plan:
    """Count what would be asked, and play a sample through to see what it would take.

    Of several models all are asked the controls; how much the first one leaves open for the others nobody
    knows beforehand, so that it is not among the expected calls.

    :param rate: votes per second that the server is expected to give.
    :param tries: whether the model is asked ten of the questions, to see how fast and at what length it
        answers and how often it is right on what is known; nothing of that is kept.
    :raises KgalignError: the prompts can't be read, or there is no model to be tried out.
    """
    templates = load_templates(Path(config.votes.templates) if config.votes.templates else None)
    questions = Questions(
        left, right, templates=templates, budget_tokens=config.llm.question_tokens, seed=config.seed
    )
    cases = find_cases(verdicts, left, right, config.votes, config.assign.cardinality)
    voters = len(models_of(config))
    controls = _controls(left, right, verdicts, config, voters) if cases else []
    known = [each for control in controls for each in _about(control, questions, config)]
    trial = Trial(0, None, _TOKENS, _ANSWER_TOKENS, 1.0, _ACCURACY)
    if tries and known:
        trial = run_to_end(try_out(known[:_TRIED], config, _ACCURACY))
    imagined = Imagined(questions, config, trial, known)
    calls, tokens = _expected(imagined, cases, [question for *_, question in known], voters)
    tokens_in = tokens * trial.tokens
    tokens_out = calls * min(trial.answer_tokens, config.llm.answer_tokens)
    cost = (tokens_in * config.llm.price_in + tokens_out * config.llm.price_out) / 1e6
    limited, share = _limited(config, calls, tokens_in + tokens_out, cost)
    calls *= share
    rate = rate or trial.rate
    return Plan(
        left_entities=len(left),
        right_entities=len(right),
        candidates=len(verdicts),
        known=int(verdicts.given.sum()),
        asked_about=len(cases),
        calls=round(calls, 1),
        most_calls=len(known) * voters + len(cases) * config.votes.max_votes * voters,
        tokens_in=round(tokens_in * share),
        tokens_out=round(tokens_out * share),
        cost=cost * share,
        seconds=round(calls / rate, 1) if rate else None,
        rate=rate,
        tried=trial.calls,
        accuracy=trial.accuracy,
        sample=len(_spread(cases)[0]),
        limited=limited,
    )


def _expected(
    imagined: Imagined, cases: Sequence[Case], known: Sequence[Question], voters: int
) -> tuple[float, float]:
    """Questions and their tokens, by playing a sample of the cases through.

    :param known: what each voter is asked first.
    """
    sample, step = _spread(cases)
    played = imagined.play(sample, step, repeats=math.ceil(_SAMPLE / len(sample)) if sample else 0)
    factor = len(cases) / len(played) if played else 0.0
    first = sum(map(question_tokens, known))
    further = sum(question_tokens(question) for each in played for question in each)
    return voters * len(known) + factor * sum(map(len, played)), voters * first + factor * further


def _controls(
    left: Profile, right: Profile, verdicts: Verdicts, config: Config, voters: int
) -> list[Control]:
    """What every voter is asked about first: what is known."""
    wanted = affordable(share_of_limits(config.votes, voters), config.llm)
    return find_controls(
        verdicts, left, right, config.votes, config.assign.cardinality, questions=wanted, seed=config.seed
    )


def _about(control: Control, questions: Questions, config: Config) -> list[Asked]:
    """The questions about a control, each with what it asks."""
    return [
        (control.case, step, questions.put(control.case, number, step, config.votes.options))
        for number, step in enumerate(control.steps)
    ]


def _limited(config: Config, calls: float, tokens: float, cost: float) -> tuple[str, float]:
    """Which limit ends it before all is asked, empty for none, and after which share of it."""
    rules = config.votes
    shares = [("", 1.0)]
    if rules.max_calls is not None and calls > rules.max_calls:
        shares.append((f"max_calls, {rules.max_calls:,}", rules.max_calls / calls))
    if rules.max_tokens is not None and tokens > rules.max_tokens:
        shares.append((f"max_tokens, {rules.max_tokens:,}", rules.max_tokens / tokens))
    if rules.max_cost is not None and cost > rules.max_cost:
        shares.append((f"max_cost, {rules.max_cost:,g}", rules.max_cost / cost))
    return min(shares, key=lambda each: each[1])


def _spread(cases: Sequence[Case]) -> tuple[Sequence[Case], int]:
    """A sample from the widest doubt to the least, and for how many cases each of it stands."""
    step = max(1, len(cases) // _SAMPLE)
    return cases[::step][:_SAMPLE], step
