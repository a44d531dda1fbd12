"""What asking a language model will cost, said before it is spent: counted, played through, tried out."""

import math
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kgalign.config import Config
from kgalign.judge.asking.budget import share_of_limits
from kgalign.judge.asking.cases import Case, find_cases
from kgalign.judge.asking.controls import affordable, find_controls
from kgalign.judge.asking.next_question import Ask, Stop, next_step
from kgalign.judge.asking.questions import Questions, question_tokens
from kgalign.judge.asking.templates import load_templates
from kgalign.judge.terms import models_of
from kgalign.judge.trial import TRUST, Trial, try_out
from kgalign.judge.votes.ballots import Ballot, Ballots
from kgalign.judge.votes.learning import estimate
from kgalign.llm.pool import run_to_end
from kgalign.records import Profile, Verdicts
from kgalign.records.votes import Question

_SAMPLE = 300
"""Cases that are played through; fewer ones are played through so often that it is as many plays."""
_ACCURACY = 0.85
"""How often the imagined model answers what it tends to, where nothing is known of the model."""
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
    """Expected questions, by playing through a sample with a model that answers what it tends to so often:
    ``accuracy``; no more than the limits allow for, and so are tokens, cost and time.
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
        answers and how its answers go with the evidence; nothing of that is kept.
    :raises KgalignError: the prompts can't be read, or there is no model to be tried out.
    """
    templates = load_templates(Path(config.votes.templates) if config.votes.templates else None)
    questions = Questions(
        left, right, templates=templates, budget_tokens=config.llm.question_tokens, seed=config.seed
    )
    cases = find_cases(verdicts, left, right, config.votes, config.assign.cardinality)
    sample = _spread(cases)
    usual = Trial(0, None, _TOKENS, _ANSWER_TOKENS, 1.0, _ACCURACY)
    trial = usual
    if tries and sample:
        asked = [
            (case, *_play(case, questions, config, usual, turn=0)[:2][-(place % 2)])
            for place, case in _few(sample)
        ]
        trial = run_to_end(try_out(asked, config, _ACCURACY))
    repeats = math.ceil(_SAMPLE / len(sample)) if sample else 0
    played = [_play(case, questions, config, trial, turn) for case in sample for turn in range(repeats)]
    factor = len(cases) / len(played) if played else 0.0
    voters = len(models_of(config))
    known = _controls(left, right, verdicts, config, questions) * voters if cases else []
    calls = len(known) + factor * sum(len(each) for each in played)
    tokens = sum(map(question_tokens, known)) + factor * sum(
        question_tokens(question) for each in played for _, question in each
    )
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
        most_calls=len(known) + len(cases) * config.votes.max_votes * voters,
        tokens_in=round(tokens_in * share),
        tokens_out=round(tokens_out * share),
        cost=cost * share,
        seconds=round(calls / rate, 1) if rate else None,
        rate=rate,
        tried=trial.calls,
        accuracy=trial.accuracy,
        sample=len(sample),
        limited=limited,
    )


def _controls(
    left: Profile, right: Profile, verdicts: Verdicts, config: Config, questions: Questions
) -> list[Question]:
    """What is asked first, about what is known."""
    wanted = affordable(share_of_limits(config.votes, len(models_of(config))), config.llm)
    found = find_controls(
        verdicts, left, right, config.votes, config.assign.cardinality, questions=wanted, seed=config.seed
    )
    return [
        questions.put(each.case, number, step, config.votes.options)
        for each in found
        for number, step in enumerate(each.steps)
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


def _few(sample: Sequence[Case]) -> list[tuple[int, Case]]:
    """Ten cases, from the widest doubt to the least, or as many as there are."""
    few = min(_TRIED, len(sample))
    return [(number, sample[number * len(sample) // few]) for number in range(few)]


def _spread(cases: Sequence[Case]) -> Sequence[Case]:
    """A sample from the widest doubt to the least."""
    step = max(1, len(cases) // _SAMPLE)
    return cases[::step][:_SAMPLE]


def _play(
    case: Case, questions: Questions, config: Config, trial: Trial, turn: int
) -> list[tuple[Ask, Question]]:
    """The questions that a case would take, if its truth is drawn from what the evidence says.

    The imagined model makes up its mind about the case once, mostly for the truth, and answers accordingly
    most of the time, as :mod:`kgalign.judge.votes.model` has it; some answers can't be used.
    """
    chance = random.Random(f"{config.seed} {turn} {case.name}")
    options = range(len(case.prior))
    mind = chance.choices(options, weights=case.prior.tolist())[0]
    if len(options) > 1 and chance.random() >= TRUST:
        mind = chance.choice([each for each in options if each != mind])
    model = estimate([])
    played: list[tuple[Ask, Question]] = []
    ballots: list[Ballot] = []
    counted: list[int] = []
    while True:
        step = next_step(
            Ballots(case.prior, tuple(ballots)),
            [asked for asked, _ in played],
            model,
            config.votes,
            seed=config.seed,
            case=case.name,
            has_relations=case.has_relations,
            several=case.several,
            counted=counted,
            rivals=case.contested,
        )
        if isinstance(step, Stop):
            return played
        question = questions.put(case, len(played), step, config.votes.options)
        if any(question.messages == other.messages for _, other in played):
            return played  # asked again it would be answered as before
        played.append((step, question))
        if chance.random() >= trial.usable:
            continue
        right = mind if mind in step.offered else 0
        wrong = [each for each in (0, *step.offered) if each != right]
        choice = right if chance.random() < trial.accuracy else chance.choice(wrong)
        shares = None
        if trial.sure:
            sure = chance.choice(trial.sure)
            rest = (1 - sure) / len(step.offered)
            shares = tuple(sure if each == choice else rest for each in (*step.offered, 0))
        ballots.append(Ballot(choice, step.offered, "imagined", shares))
        counted.append(len(played) - 1)
