"""The terms on which a language model is asked: all that decides what is asked and how it is counted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter

from kgalign.config import Config, JudgeConfig, LlmConfig, VotesConfig
from kgalign.errors import ConfigError, KgalignError, RunError
from kgalign.judge.asking.budget import share_of_limits
from kgalign.judge.asking.controls import QUESTIONS_EACH
from kgalign.judge.asking.templates import Templates, load_templates
from kgalign.judge.ways import ways_to_try
from kgalign.llm.protocol import Capabilities, Sampling, Way
from kgalign.records.votes import Judging, QuestionKind

_MARGIN = 64
"""Tokens of the context that a chat template may take."""
_LEAST_QUESTION = 200
_WRITTEN: Mapping[Way, int] = {"choice": 8, "pair": 1, "likelihood": 1}
"""Tokens that an answer takes where it is no JSON."""
_THRESHOLDS = ("match_probability", "undecided_probability")
_OF_SEVERAL: Mapping[str, object] = {"offset": 0, "voters": []}
"""Settings that one voter alone does not have, and what they are for it."""


@dataclass(frozen=True, slots=True)
class PlannedVoter:
    """One of several voters, and how it is asked."""

    model: str
    adapter: str
    way: Way
    sampling: Sampling
    question_tokens: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides what is asked and how it is counted; it goes into the ledger for a replay.

    Where the server is and how fast it may be asked makes no difference.
    """

    judge: str
    votes: VotesConfig
    prices: tuple[float, float]
    """Of tokens read and written."""
    sampling: Sampling
    question_tokens: int
    templates: dict[str, str]
    """Name → SHA-256."""
    seed: int
    cardinality: str
    thresholds: tuple[float, float]
    """Probabilities of a match, and of what is left to people."""
    way: Way = "json"
    """How questions are answered."""
    because: str = ""
    """Which way was chosen and why, where several were tried."""
    spent: tuple[int, int, int] = (0, 0, 0)
    """Calls, tokens read and tokens written of the controls in the other ways that were tried: they count in
    the limits."""
    offset: int = 0
    """Number of the first question about a control: those of several voters differ."""
    voters: tuple[PlannedVoter, ...] = ()
    """Where there are several: how each is asked. The rest of the plan holds for all of them."""

    def settings(self) -> dict[str, Any]:
        """As JSON holds it."""
        settings: dict[str, Any] = _PLAN.dump_python(self, mode="json", exclude={"votes": {"templates"}})
        return {
            name: value
            for name, value in settings.items()
            if name not in _OF_SEVERAL or value != _OF_SEVERAL[name]
        }

    def each(self, judging: Judging) -> "list[tuple[Judging, Plan]]":
        """Each voter under its own name, and the plan by which it is asked."""
        if not self.voters:
            return [(judging, self)]
        return [
            (
                replace(judging, model=voter.model, adapter=voter.adapter),
                replace(
                    of_several(self, number, len(self.voters)),
                    way=voter.way,
                    because="",
                    sampling=voter.sampling,
                    question_tokens=voter.question_tokens,
                    spent=(0, 0, 0),
                    voters=(),
                ),
            )
            for number, voter in enumerate(self.voters)
        ]

    def llm(self, config: Config) -> LlmConfig:
        """How the model is asked by this plan."""
        read, written = self.prices
        planned = {"price_in": read, "price_out": written, "question_tokens": self.question_tokens}
        return config.llm.model_copy(update=planned)

    def counting(self, config: Config) -> JudgeConfig:
        """What makes a match by this plan."""
        return config.judge.model_copy(update=dict(zip(_THRESHOLDS, self.thresholds, strict=True)))


_PLAN = TypeAdapter(Plan)


def of_several(plan: Plan, number: int, voters: int) -> Plan:
    """A plan as that of one of several voters: its questions have numbers, its controls limits of their own.

    :param number: which of them, from 0.
    """
    return replace(plan, votes=share_of_limits(plan.votes, voters), offset=number * QUESTIONS_EACH)


def models_of(config: Config) -> tuple[LlmConfig, ...]:
    """How each model is reached that a configuration asks: several where it names several, behind servers."""
    return config.llm.voters() if config.judge.judge == "llm" else (config.llm,)


def check_structure(found: Capabilities, config: LlmConfig) -> None:
    """See whether a server holds answers to a form.

    :raises KgalignError: it does not, and is not to be asked all the same.
    """
    if found.structure == "none" and not config.unstructured:
        raise KgalignError(
            "The language model server does not hold answers to a form: it gives neither JSON by a schema "
            "nor one of the words that were offered",
            "Start it with structured output, or set llm.unstructured = true to ask it all the same",
        )


def planned(config: Config, llm: LlmConfig, templates: Templates, found: Capabilities, way: Way) -> Plan:
    """The plan by which a model is asked.

    :param llm: of this model.
    :param found: what its server can do.
    :param way: how questions are answered.
    :raises ConfigError: its context is too short for a question.
    """
    question_tokens = llm.question_tokens
    if found.context:
        question_tokens = min(question_tokens, found.context - llm.answer_tokens - _MARGIN)
    if question_tokens < _LEAST_QUESTION:
        raise ConfigError(
            [
                f"the model reads {found.context:,} tokens at once, of which an answer may take "
                f"{llm.answer_tokens:,}: too few are left for a question"
            ],
            "the context",
        )
    sampling = Sampling(
        temperature=llm.temperature,
        top_p=llm.top_p,
        max_tokens=_WRITTEN.get(way, llm.answer_tokens),
        seed=config.seed,
        # Each label may be spelled in a few ways; more alternatives make answers several times as long.
        logprobs=min(found.logprobs, 2 * (config.votes.options + 1)),
    )
    return Plan(
        judge=config.judge.judge,
        votes=config.votes,
        prices=(llm.price_in, llm.price_out),
        sampling=sampling,
        question_tokens=question_tokens,
        templates=_hashes(templates),
        seed=config.seed,
        cardinality=config.assign.cardinality,
        thresholds=(config.judge.match_probability, config.judge.undecided_probability),
        way=way,
    )


def ways_of(wanted: str, found: Capabilities, adapter: str) -> tuple[Way, ...]:
    """The ways in which a model is tried, in their order; one where there is nothing to choose.

    :param wanted: value of ``llm.answer``.
    :param found: what its server can do.
    :param adapter: name of the adapter that it is asked with, empty for none.
    :raises ConfigError: it can't be asked as is wanted.
    """
    if wanted == "auto":
        return ways_to_try(found, adapter)
    if len(found.ways) == 1 and found.ways[0] != "json" and wanted != found.ways[0]:
        raise ConfigError(
            [f"llm.answer: the model was trained to answer in the way {found.ways[0]} alone, not {wanted}"],
            "the judge",
        )
    if wanted == "likelihood" and "likelihood" not in found.ways:
        raise ConfigError(
            ["llm.answer: likelihood needs the log-probabilities of prompts, and the server gives none"],
            "the judge",
        )
    if wanted not in ("json", "likelihood") and not found.logprobs:
        raise ConfigError(
            [f"llm.answer: {wanted} needs log-probabilities, and the server gives none"], "the judge"
        )
    ways: dict[str, Way] = {each: each for each in get_args(Way)}
    return (ways[wanted],)


def stored_plan(judging: Judging) -> Plan | None:
    """The plan that a judging was made by, whatever the prompts are now; None where it can't be read."""
    try:
        return _PLAN.validate_json(judging.settings)
    except ValueError:
        return None


def plan_of(judging: Judging, templates: Templates, path: Path) -> Plan:
    """The plan that a judging was made by.

    :param path: of the ledger, for messages.
    :raises RunError: it can't be read, or the prompts have changed since.
    """
    try:
        plan = _PLAN.validate_json(judging.settings)
    except ValueError as error:
        raise RunError(
            f"The settings of the last judging in {path} can't be read: {error}", "Run with --judge llm again"
        ) from error
    # A phrasing that was added counts as well: which one a case begins with goes by how many there are.
    changed = sorted({name for name, _ in plan.templates.items() ^ _hashes(templates).items()})
    if changed:
        raise RunError(
            f"The votes in {path} were cast on other prompts: {', '.join(changed)} changed since",
            "Give the prompts of then as votes.templates, or run with --judge llm again",
        )
    return plan


def _hashes(templates: Templates) -> dict[str, str]:
    return {each.label: each.sha256 for kind in QuestionKind for each in templates.of(kind)}


def prompts_digest(folder: str | None) -> str:
    """Hash of the prompts that a configuration leads to.

    :raises KgalignError: they can't be read.
    """
    return load_templates(Path(folder) if folder else None).digest
