"""Tier 2 as a whole: from verdicts in doubt to what the votes of a language model say of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter

from kgalign.base.progress import NoProgress, Progress
from kgalign.config import Config, JudgeConfig, LlmConfig, VotesConfig
from kgalign.errors import ConfigError, KgalignError, RunError
from kgalign.judge.asking.cases import find_cases
from kgalign.judge.asking.controls import affordable, find_controls
from kgalign.judge.asking.questions import Questions
from kgalign.judge.asking.session import AskedCase, Asking
from kgalign.judge.asking.templates import Templates, load_templates
from kgalign.judge.votes.competence import competence, not_asked, told_of, worth_asking
from kgalign.judge.votes.decisions import Count
from kgalign.judge.votes.with_votes import no_hearing
from kgalign.ledger import Ledger
from kgalign.ledger.statistics import summarise
from kgalign.llm.backends import open_backend
from kgalign.llm.pool import Pool, run_to_end
from kgalign.llm.protocol import Capabilities, Sampling, Way
from kgalign.records import Hearing, Profile, Verdicts
from kgalign.records.votes import Decision, Judging, QuestionKind

_MARGIN = 64
"""Tokens of the context that a chat template may take."""
_LEAST_QUESTION = 200
_WRITTEN: Mapping[Way, int] = {"choice": 8, "pair": 1, "likelihood": 1}
"""Tokens that an answer takes where it is no JSON."""
_THRESHOLDS = ("match_probability", "undecided_probability")


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

    def settings(self) -> dict[str, Any]:
        """As JSON holds it."""
        settings: dict[str, Any] = _PLAN.dump_python(self, mode="json", exclude={"votes": {"templates"}})
        return settings

    def llm(self, config: Config) -> LlmConfig:
        """How the model is asked by this plan."""
        read, written = self.prices
        planned = {"price_in": read, "price_out": written, "question_tokens": self.question_tokens}
        return config.llm.model_copy(update=planned)

    def counting(self, config: Config) -> JudgeConfig:
        """What makes a match by this plan."""
        return config.judge.model_copy(update=dict(zip(_THRESHOLDS, self.thresholds, strict=True)))


_PLAN = TypeAdapter(Plan)


def ask(
    left: Profile,
    right: Profile,
    verdicts: Verdicts,
    config: Config,
    *,
    ledger: Path,
    progress: Progress | None = None,
) -> Hearing:
    """Ask a language model about the entities of whose partner the evidence is not sure.

    :param ledger: the file of the ledger; it is made if need be.
    :raises KgalignError: no server, no such model, a ledger that can't be used, prompts that can't be read.
    """
    if config.judge.judge == "replay":
        return run_to_end(_replay(left, right, verdicts, config, ledger, progress or NoProgress()))
    return run_to_end(_ask(left, right, verdicts, config, ledger, progress or NoProgress()))


def check(config: Config, ledger: Path) -> None:
    """See whether votes can be had as configured, before the evidence takes its time; nothing is asked.

    :param ledger: the file of the ledger, whether it is there yet or not.
    :raises KgalignError: a server that is not there or can't be used, no such model, a context too short,
        prompts that can't be read, a ledger that can't be used.
    """
    templates = load_templates(Path(config.votes.templates) if config.votes.templates else None)
    if ledger.is_file():
        Ledger.open(ledger, write=True).close()
    if config.judge.judge != "llm":
        return

    async def look() -> None:
        backend = open_backend(config.judge.judge, config.llm)
        try:
            found = await backend.probe()
        finally:
            await backend.close()
        _check_structure(found, config.llm)
        _plan(config, templates, found)

    run_to_end(look())


def _check_structure(found: Capabilities, config: LlmConfig) -> None:
    if found.structure == "none" and not config.unstructured:
        raise KgalignError(
            "The language model server does not hold answers to a form: it gives neither JSON by a schema "
            "nor one of the words that were offered",
            "Start it with structured output, or set llm.unstructured = true to ask it all the same",
        )


async def _ask(
    left: Profile,
    right: Profile,
    verdicts: Verdicts,
    config: Config,
    path: Path,
    progress: Progress,
) -> Hearing:
    templates = load_templates(Path(config.votes.templates) if config.votes.templates else None)
    cases = find_cases(verdicts, left, right, config.votes, config.assign.cardinality)
    if not cases:
        return no_hearing({"asked": "nobody: the evidence leaves nothing in doubt"})
    backend = open_backend(config.judge.judge, config.llm)
    try:
        found = await backend.probe()
        _check_structure(found, config.llm)
        plan = _plan(config, templates, found)
        with Ledger.open(path, write=True) as ledger:
            judging = ledger.begin(backend.name, backend.adapter, plan.settings())
            pool = Pool(backend, config.llm, seed=config.seed)
            try:
                asking = _asking(left, right, templates, plan, config, ledger, judging, pool)
                told = await _ask_controls(asking, left, right, verdicts, plan, progress)
                done = await asking.ask(cases, progress) if asking.kinds else []
            finally:
                await pool.close()
            return _count(done, asking, plan, config, right, _notes(found, judging) | told)
    finally:
        await backend.close()


async def _replay(
    left: Profile, right: Profile, verdicts: Verdicts, config: Config, path: Path, progress: Progress
) -> Hearing:
    templates = load_templates(Path(config.votes.templates) if config.votes.templates else None)
    if not path.is_file():
        raise RunError(
            f"There is nothing to replay: {path} is missing", "Run with --judge llm first, in the same folder"
        )
    with Ledger.open(path, write=True) as ledger:
        judging = ledger.latest()
        if judging is None:
            raise RunError(f"There is nothing to replay: {path} holds no votes", "Run with --judge llm first")
        plan = _planned(judging, templates, path)
        if "reducer" in config.votes.model_fields_set:  # how votes are counted is nothing that was asked
            plan = replace(plan, votes=plan.votes.model_copy(update={"reducer": config.votes.reducer}))
        cases = find_cases(verdicts, left, right, plan.votes, plan.cardinality)
        asking = _asking(left, right, templates, plan, config, ledger, judging, None)
        told = await _ask_controls(asking, left, right, verdicts, plan, progress)
        done = await asking.ask(cases, progress) if asking.kinds else []
        notes = {"judging": judging.name, "model": judging.model, "adapter": judging.adapter} | told
        return _count(done, asking, plan, config, right, notes | {"server": "none: replayed from the ledger"})


async def _ask_controls(
    asking: Asking, left: Profile, right: Profile, verdicts: Verdicts, plan: Plan, progress: Progress
) -> dict[str, str]:
    """Ask what is known first; the forms in which the voter is no better than chance are not asked further.

    :returns: what was found, in words.
    """
    rules = plan.votes
    if plan.way == "pair":
        asking.kinds = frozenset({QuestionKind.VERIFY})
    wanted = affordable(rules, asking.llm)
    controls = find_controls(
        verdicts,
        left,
        right,
        rules,
        plan.cardinality,
        questions=wanted,
        pairs_only=plan.way == "pair",
        seed=plan.seed,
    )
    if not controls:
        return {}
    await asking.ask_controls(controls, progress)
    votes = [vote for each in asking.controls for vote in each.votes_as_read]
    if not votes:
        return {}
    found = competence(votes)
    if not rules.ask_anyway:
        asking.kinds &= worth_asking(found)
    told = {"controls": told_of(found)}
    return told if asking.kinds else told | {"not asked": not_asked(asking.judging.model, found)}


def _plan(config: Config, templates: Templates, found: Capabilities) -> Plan:
    llm = config.llm
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
    way = _way(config.llm.answer, found)
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


def _way(wanted: str, found: Capabilities) -> Way:
    """How the model is asked.

    :raises ConfigError: it can't be asked as is wanted.
    """
    if wanted == "auto":
        return found.ways[0]
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
    return ways[wanted]


def _planned(judging: Judging, templates: Templates, path: Path) -> Plan:
    """The plan that a judging was made by."""
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


def _asking(
    left: Profile,
    right: Profile,
    templates: Templates,
    plan: Plan,
    config: Config,
    ledger: Ledger,
    judging: Judging,
    pool: Pool | None,
) -> Asking:
    questions = Questions(
        left,
        right,
        templates=templates,
        budget_tokens=plan.question_tokens,
        seed=plan.seed,
        way=plan.way,
    )
    return Asking(
        questions, ledger, judging, pool, plan.votes, plan.llm(config), plan.sampling, seed=plan.seed
    )


def _count(
    done: list[AskedCase],
    asking: Asking,
    plan: Plan,
    config: Config,
    right: Profile,
    notes: dict[str, str],
) -> Hearing:
    """Reduce the votes, write the decisions into the ledger, and say what they mean for the pairs."""
    count = Count(done, plan.votes, plan.counting(config), asking.known_ballots())
    decisions = count.decisions(asking.judging.name, right)
    asking.ledger.decide(decisions)
    spent = asking.budget.spent
    outcomes = [count.outcome(each)[0] for each in done]
    figures = {
        "entities_in_doubt": float(len(done)),
        "controls": float(sum(len(each.votes) for each in asking.controls)),
        "calls": float(spent.calls),
        "calls_now": float(asking.new),
        "tokens_in": float(spent.tokens_in),
        "tokens_out": float(spent.tokens_out),
        "tokens_cached": float(asking.budget.cached),
        "cost": spent.cost,
        **{f"{outcome.name.lower()}": float(outcomes.count(outcome)) for outcome in sorted(set(outcomes))},
    }
    if done:
        notes["voter"] = _voter(done, decisions)
    shortened = sum(vote.question.shortened for each in done for vote in each.votes)
    if shortened:
        notes["shortened"] = f"{shortened:,} questions were shortened to {plan.question_tokens:,} tokens"
    return replace(count.hearing(asking.judging.name), figures=figures, notes=notes)


def _voter(done: Sequence[AskedCase], decisions: Sequence[Decision]) -> str:
    """How the voter did on doubtful cases, in words."""
    figures = summarise((vote for each in done for vote in each.votes), decisions)
    answers = sum(each.votes for each in figures.rates)
    invented = sum(each.hallucinated * each.votes for each in figures.rates) / max(1, answers)
    changed = figures.agreement
    others = changed.link_to_none + changed.none_to_link + changed.changed_partner
    parts = [
        ""
        if figures.flips.rate is None
        else f"{figures.flips.rate:.0%} of repeated questions answered otherwise",
        f"{invented:.0%} of answers invented",
        f"{others:,} of {len(decisions):,} choices of the evidence changed",
    ]
    return ", ".join(part for part in parts if part)


def _notes(found: Capabilities, judging: Judging) -> dict[str, str]:
    """The model and what its server was found to do, for ``run.json``."""
    return {
        "judging": judging.name,
        "model": judging.model,
        "adapter": judging.adapter,
        "server": found.server,
        "structure": found.structure,
        "logprobs": str(found.logprobs),
        "context": str(found.context or "unknown"),
        "adapters": ", ".join(found.adapters),
        **{f"server: {name}": text for name, text in found.notes.items()},
    }
