"""Tier 2 as a whole: from verdicts in doubt to what the votes of a language model say of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kgalign.base.progress import NoProgress, Progress
from kgalign.config import Config
from kgalign.errors import RunError
from kgalign.judge.asking.asked import AskedCase
from kgalign.judge.asking.budget import ESTIMATED, Spent
from kgalign.judge.asking.cases import find_cases
from kgalign.judge.asking.templates import Templates, load_templates
from kgalign.judge.settling import Model, Work, all_settled, begun, ways_to_ask
from kgalign.judge.terms import Plan, check_structure, models_of, plan_of, planned, ways_of
from kgalign.judge.voters import Voter, hear, name_of, told_of_all
from kgalign.judge.votes.decisions import Count
from kgalign.judge.votes.with_votes import no_hearing
from kgalign.ledger import Ledger, used
from kgalign.ledger.statistics import summarise
from kgalign.llm.backends import open_backend
from kgalign.llm.pool import Pool, run_to_end
from kgalign.llm.protocol import Backend, Capabilities
from kgalign.records import Hearing, Profile, Verdicts
from kgalign.records.votes import Decision, Judging


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


def check(config: Config, ledger: Path | None) -> None:
    """See whether votes can be had as configured, before the evidence takes its time; nothing is asked.

    :param ledger: the file of the ledger, whether it is there yet or not; None where there will be none.
    :raises KgalignError: a judge that is not installed or does not exist, a server that is not there or can't
        be used, no such model, a context too short, prompts that can't be read, a ledger that can't be used,
        nothing to replay.
    """
    templates = load_templates(Path(config.votes.templates) if config.votes.templates else None)
    if config.judge.judge == "replay":
        with _recorded(ledger) as opened:
            _to_replay(opened, templates)
        return
    if ledger is not None and ledger.is_file():
        Ledger.open(ledger, write=True).close()

    async def look() -> None:
        for each in models_of(config):
            backend = open_backend(config.judge.judge, each)
            try:
                found = await _known_early(config, backend)
            finally:
                await backend.close()
            if found is None:
                continue
            check_structure(found, each)
            for way in ways_of(each.answer, found, backend.adapter):
                planned(config, each, templates, found, way)

    run_to_end(look())


async def _known_early(config: Config, backend: Backend) -> Capabilities | None:
    """What a judge can do, where it need not be loaded or started to tell."""
    there = config.judge.judge.partition(":")[0] in ("llm", "scripted") and config.llm.workers == 1
    return await backend.probe() if there else None


def _recorded(path: Path | None) -> Ledger:
    """The ledger that is to be replayed.

    :raises RunError: there is none, or it can't be used.
    """
    if path is None or not path.is_file():
        missing = "no ledger is given" if path is None else f"{path} is missing"
        raise RunError(
            f"There is nothing to replay: {missing}", "Run with --judge llm first, in the same folder"
        )
    return Ledger.open(path, write=True)


def _to_replay(ledger: Ledger, templates: Templates) -> tuple[Judging, Plan]:
    """The judging that is replayed, and its plan.

    :raises RunError: there is none, it or a vote of it is not what was written, or the prompts have changed.
    """
    judging = ledger.latest()
    if judging is None:
        raise RunError(
            f"There is nothing to replay: {ledger.path} holds no votes", "Run with --judge llm first"
        )
    ledger.check(judging)
    return judging, plan_of(judging, templates, ledger.path)


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
    backends = [(open_backend(config.judge.judge, each), each) for each in models_of(config)]
    try:
        found = [await backend.probe() for backend, _ in backends]
        for capabilities in found:
            check_structure(capabilities, config.llm)
        with Ledger.open(path, write=True) as ledger:
            models = [
                Model(backend, capabilities, llm, Pool(backend, llm, seed=config.seed))
                for (backend, llm), capabilities in zip(backends, found, strict=True)
            ]
            work = Work(left, right, verdicts, templates, config, ledger, progress, used=_used(ledger))
            try:
                plan, judging, voters = await all_settled(work, models, ways_to_ask(work, models, len(cases)))
                heard = await hear(voters, cases, progress)
            finally:
                for each in models:
                    await each.pool.close()
            notes = _notes(found, judging, plan)
            notes |= told_of_all(voters, heard, plan.because or voters[0].because)
            notes |= _served(models)
            if work.estimates.count:
                notes["tokens"] = f"{ESTIMATED}: the server reports no usage"
            return _count(heard.done, voters, judging, plan, config, right, notes)
    finally:
        for backend, _ in backends:
            await backend.close()


async def _replay(
    left: Profile, right: Profile, verdicts: Verdicts, config: Config, path: Path, progress: Progress
) -> Hearing:
    templates = load_templates(Path(config.votes.templates) if config.votes.templates else None)
    with _recorded(path) as ledger:
        judging, plan = _to_replay(ledger, templates)
        if "reducer" in config.votes.model_fields_set:  # how votes are counted is nothing that was asked
            plan = replace(plan, votes=plan.votes.model_copy(update={"reducer": config.votes.reducer}))
        cases = find_cases(verdicts, left, right, plan.votes, plan.cardinality)
        work = Work(left, right, verdicts, templates, config, ledger, progress, used=_used(ledger))
        voters = await begun(work, plan, judging)
        heard = await hear(voters, cases, progress)
        notes = _named(judging) | told_of_all(voters, heard, plan.because)
        notes["server"] = "none: replayed from the ledger"
        return _count(heard.done, voters, judging, plan, config, right, notes)


def _used(ledger: Ledger) -> Spent:
    """What was sent so far, in whatever judging and session."""
    found = used(ledger)
    return Spent(found.requests, found.tokens_in, found.tokens_out)


def _count(
    done: list[AskedCase],
    voters: Sequence[Voter],
    judging: Judging,
    plan: Plan,
    config: Config,
    right: Profile,
    notes: dict[str, str],
) -> Hearing:
    """Reduce the votes, write the decisions into the ledger, and say what they mean for the pairs."""
    askings = [each.asking for each in voters]
    known = [each for asking in askings for each in asking.known_ballots()]
    count = Count(done, plan.votes, plan.counting(config), known)
    decisions = count.decisions(judging.name, right)
    askings[0].ledger.decide(decisions)
    budget = askings[0].budget  # of all of them together
    spent = budget.spent
    controls = sum(len(each.votes) for asking in askings for each in asking.controls)
    outcomes = [count.outcome(each)[0] for each in done]
    figures = {
        "entities_in_doubt": float(len(done)),
        "controls": float(plan.spent[0] + controls),
        "calls": float(spent.calls),
        "calls_now": float(sum(asking.new for asking in askings)),
        "requests": float(budget.used.calls),
        "tokens_in": float(spent.tokens_in),
        "tokens_out": float(spent.tokens_out),
        "tokens_cached": float(budget.cached),
        "cost": spent.cost,
        **{f"{outcome.name.lower()}": float(outcomes.count(outcome)) for outcome in sorted(set(outcomes))},
    }
    if done:
        notes["voter"] = _voter(done, decisions)
    shortened = sum(vote.question.shortened for each in done for vote in each.votes)
    if shortened:
        lengths = " or ".join(f"{each:,}" for each in sorted({own.plan.question_tokens for own in voters}))
        notes["shortened"] = f"{shortened:,} questions were shortened to {lengths} tokens"
    return replace(count.hearing(judging.name), figures=figures, notes=notes)


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


def _named(judging: Judging) -> dict[str, str]:
    return {"judging": judging.name, "model": judging.model, "adapter": judging.adapter}


def _served(models: Sequence[Model]) -> dict[str, str]:
    """What each of several servers of a model did in this session."""
    return {
        f"{name_of(*each.names)}: {name}" if len(models) > 1 else name: text
        for each in models
        for name, text in each.pool.told().items()
    }


def _notes(found: Sequence[Capabilities], judging: Judging, plan: Plan) -> dict[str, str]:
    """The models and what their servers were found to do, for ``run.json``."""
    notes = _named(judging)
    for (own, _), capabilities in zip(plan.each(judging), found, strict=True):
        before = f"{name_of(own.model, own.adapter)}: " if plan.voters else ""
        notes |= {
            f"{before}server": capabilities.server,
            f"{before}structure": capabilities.structure,
            f"{before}logprobs": str(capabilities.logprobs),
            f"{before}context": str(capabilities.context or "unknown"),
            f"{before}adapters": ", ".join(capabilities.adapters),
            **{f"{before}server: {name}": text for name, text in capabilities.notes.items()},
        }
    return notes
