"""What asking a language model will cost, said before anything is spent."""

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kgalign.config import Config
from kgalign.judge.asking.cases import Case, find_cases
from kgalign.judge.asking.next_question import Ask, Stop, next_step
from kgalign.judge.asking.questions import Questions, question_tokens
from kgalign.judge.asking.templates import load_templates
from kgalign.judge.votes.ballots import Ballot, Ballots
from kgalign.judge.votes.learning import estimate
from kgalign.records import Profile, Verdicts

_SAMPLE = 300
"""Cases that are played through."""
_ACCURACY = 0.85
"""How often the imagined model is right."""
_ANSWER_TOKENS = 60
"""Tokens of an answer: the choice, two or three values, a short sentence."""


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
    """Expected questions, by playing through a sample with a model that is right so often: ``accuracy``."""
    most_calls: int
    tokens_in: float
    tokens_out: float
    cost: float
    """At the prices of the configuration; 0 where it has none."""
    seconds: float | None
    """At ``rate`` votes per second; None where no rate was given."""
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
) -> Plan:
    """Count what would be asked, and play a sample through to see what it would take.

    :param rate: votes per second that the server is expected to give.
    :raises KgalignError: the prompts can't be read.
    """
    templates = load_templates(Path(config.votes.templates) if config.votes.templates else None)
    questions = Questions(
        left, right, templates=templates, budget_tokens=config.llm.question_tokens, seed=config.seed
    )
    cases = find_cases(verdicts, left, right, config.votes, config.assign.cardinality)
    sample = _spread(cases)
    played = [_play(case, questions, config) for case in sample]
    factor = len(cases) / len(sample) if sample else 0.0
    calls = factor * sum(len(each) for each in played)
    tokens_in = factor * sum(sum(each) for each in played)
    tokens_out = calls * min(_ANSWER_TOKENS, config.llm.answer_tokens)
    cost = (tokens_in * config.llm.price_in + tokens_out * config.llm.price_out) / 1e6
    return Plan(
        left_entities=len(left),
        right_entities=len(right),
        candidates=len(verdicts),
        known=int(verdicts.given.sum()),
        asked_about=len(cases),
        calls=round(calls, 1),
        most_calls=len(cases) * config.votes.max_votes,
        tokens_in=round(tokens_in),
        tokens_out=round(tokens_out),
        cost=cost,
        seconds=round(calls / rate, 1) if rate else None,
        accuracy=_ACCURACY,
        sample=len(sample),
        limited=_limited(config, calls, tokens_in + tokens_out, cost),
    )


def _limited(config: Config, calls: float, tokens: float, cost: float) -> str:
    rules = config.votes
    if rules.max_calls is not None and calls > rules.max_calls:
        return f"max_calls, {rules.max_calls:,}"
    if rules.max_tokens is not None and tokens > rules.max_tokens:
        return f"max_tokens, {rules.max_tokens:,}"
    if rules.max_cost is not None and cost > rules.max_cost:
        return f"max_cost, {rules.max_cost:,g}"
    return ""


def _spread(cases: Sequence[Case]) -> Sequence[Case]:
    """A sample from the widest doubt to the least."""
    step = max(1, len(cases) // _SAMPLE)
    return cases[::step][:_SAMPLE]


def _play(case: Case, questions: Questions, config: Config) -> list[int]:
    """Tokens of each question that a case would take, if its truth is drawn from what the evidence says."""
    chance = random.Random(f"{config.seed} {case.name}")
    truth = chance.choices(range(len(case.prior)), weights=case.prior.tolist())[0]
    model = estimate([])
    asked: list[Ask] = []
    ballots: list[Ballot] = []
    tokens: list[int] = []
    while True:
        step = next_step(
            Ballots(case.prior, tuple(ballots)),
            asked,
            model,
            config.votes,
            seed=config.seed,
            case=case.name,
            has_relations=case.has_relations,
            several=case.several,
            rivals=case.contested,
        )
        if isinstance(step, Stop):
            return tokens
        question = questions.put(case, len(asked), step, config.votes.options)
        tokens.append(question_tokens(question))
        asked.append(step)
        right = truth if truth in step.offered else 0
        wrong = [each for each in (0, *step.offered) if each != right]
        ballots.append(
            Ballot(right if chance.random() < _ACCURACY else chance.choice(wrong), step.offered, "imagined")
        )
