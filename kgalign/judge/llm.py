"""Tier 2 as a whole: from verdicts in doubt to what the votes of a language model say of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kgalign.base.progress import NoProgress, Progress
from kgalign.config import Config
from kgalign.errors import RunError
from kgalign.judge.asking.asked import AskedCase
from kgalign.judge.asking.budget import Spent
from kgalign.judge.asking.cases import find_cases
from kgalign.judge.asking.controls import Control, affordable, find_controls
from kgalign.judge.asking.questions import Questions
from kgalign.judge.asking.session import Asking
from kgalign.judge.asking.templates import Templates, load_templates
from kgalign.judge.terms import Plan, check_structure, plan_of, planned, ways_of
from kgalign.judge.votes.competence import Competence, competence, not_asked, told_of, worth_asking
from kgalign.judge.votes.decisions import Count
from kgalign.judge.votes.with_votes import no_hearing
from kgalign.judge.ways import Tried, best_of, may_try_another, not_asked_in_any, why
from kgalign.ledger import Ledger
from kgalign.ledger.statistics import summarise
from kgalign.llm.backends import open_backend
from kgalign.llm.pool import Pool, run_to_end
from kgalign.llm.protocol import Capabilities
from kgalign.records import Hearing, Profile, Verdicts
from kgalign.records.votes import Decision, Judging, QuestionKind

_SPENT = ("calls", "tokens_in", "tokens_out")


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
        check_structure(found, config.llm)
        for way in ways_of(config.llm.answer, found, backend.adapter):
            planned(config, templates, found, way)

    run_to_end(look())


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
        check_structure(found, config.llm)
        ways = ways_of(config.llm.answer, found, backend.adapter)
        with Ledger.open(path, write=True) as ledger:
            pool = Pool(backend, config.llm, seed=config.seed)
            work = _Work(left, right, verdicts, templates, config, ledger, pool, progress)
            try:
                plans = [planned(config, templates, found, way) for way in ways]
                if len(plans) > 1 and not work.controls(plans[0]):  # nothing tells which of them works
                    plans = [planned(config, templates, found, found.ways[0])]
                asking, plan, told = await _settled(work, plans, backend.name, backend.adapter)
                done = await asking.ask(cases, progress) if asking.kinds else []
            finally:
                await pool.close()
            return _count(done, asking, plan, config, right, _notes(found, asking.judging) | told)
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
        plan = plan_of(judging, templates, path)
        if "reducer" in config.votes.model_fields_set:  # how votes are counted is nothing that was asked
            plan = replace(plan, votes=plan.votes.model_copy(update={"reducer": config.votes.reducer}))
        cases = find_cases(verdicts, left, right, plan.votes, plan.cardinality)
        work = _Work(left, right, verdicts, templates, config, ledger, None, progress)
        asking = work.begin(plan, judging)
        told = _told(plan, asking, await work.ask_controls(asking, plan))
        done = await asking.ask(cases, progress) if asking.kinds else []
        notes = {"judging": judging.name, "model": judging.model, "adapter": judging.adapter} | told
        return _count(done, asking, plan, config, right, notes | {"server": "none: replayed from the ledger"})


@dataclass(frozen=True, slots=True)
class _Work:
    """All that it takes to ask, by whatever plan."""

    left: Profile
    right: Profile
    verdicts: Verdicts
    templates: Templates
    config: Config
    ledger: Ledger
    pool: Pool | None
    progress: Progress

    def begin(self, plan: Plan, judging: Judging) -> Asking:
        """Ready to ask by a plan; what was spent in other ways is spent."""
        questions = Questions(
            self.left,
            self.right,
            templates=self.templates,
            budget_tokens=plan.question_tokens,
            seed=plan.seed,
            way=plan.way,
        )
        rules, llm = plan.votes, plan.llm(self.config)
        asking = Asking(questions, self.ledger, judging, self.pool, rules, llm, plan.sampling, seed=plan.seed)
        asking.budget.spent = Spent(*plan.spent)
        return asking

    def controls(self, plan: Plan) -> list[Control]:
        """What is asked first by a plan."""
        return find_controls(
            self.verdicts,
            self.left,
            self.right,
            plan.votes,
            plan.cardinality,
            questions=affordable(plan.votes, plan.llm(self.config)),
            pairs_only=plan.way == "pair",
            seed=plan.seed,
        )

    async def ask_controls(self, asking: Asking, plan: Plan) -> tuple[Competence, ...]:
        """Ask what is known first; forms in which the voter is no better than chance are asked no further.

        :returns: how the voter did in each form; nothing where nothing was asked or answered.
        """
        if plan.way == "pair":
            asking.kinds = frozenset({QuestionKind.VERIFY})
        controls = self.controls(plan)
        if not controls:
            return ()
        await asking.ask_controls(controls, self.progress)
        found = tuple(competence([vote for each in asking.controls for vote in each.votes_as_read]))
        if found and not plan.votes.ask_anyway:
            asking.kinds &= worth_asking(found)
        return found


async def _settled(
    work: _Work, plans: Sequence[Plan], model: str, adapter: str
) -> tuple[Asking, Plan, dict[str, str]]:
    """Try ways of asking until one works, and be ready to ask by the best of them.

    :param plans: one for each way, in the order in which they are tried.
    :returns: What asks, by which plan, and what was found, in words.
    """
    tried: list[Tried] = []
    new = 0
    for plan in plans:
        asking = work.begin(plan, work.ledger.begin(model, adapter, plan.settings()))
        found = await work.ask_controls(asking, plan)
        new += asking.new
        if not found and not tried:
            return asking, plan, {}
        if not found:
            continue  # nothing came back in this way
        tried.append(Tried(plan.way, found, asking.budget.spent))
        questions = affordable(plan.votes, asking.llm)
        if len(plans) == 1 or not may_try_another(tried, plan.votes, asking.llm, questions):
            break
    if len(plans) == 1:
        return asking, plan, _told(plan, asking, found)
    chosen = best_of(tried)
    because = why(tried, chosen, [each.way for each in plans])
    if len(tried) == 1:
        return asking, plan, _told(plan, asking, found) | {"way": because}
    others = [each.spent for each in tried if each is not chosen]
    plan = replace(
        next(each for each in plans if each.way == chosen.way),
        because=because,
        spent=tuple(sum(getattr(each, name) for each in others) for name in _SPENT),
    )
    # A judging of its own, that says what was tried; the answers to its controls are in the ledger.
    asking = work.begin(plan, work.ledger.begin(model, adapter, plan.settings()))
    told = _told(plan, asking, await work.ask_controls(asking, plan))
    asking.new += new
    if not asking.kinds:
        told["not asked"] = not_asked_in_any(model, tried)
    return asking, plan, told


def _told(plan: Plan, asking: Asking, found: Sequence[Competence]) -> dict[str, str]:
    """What controls told of a model, in words."""
    if not found:
        return {}
    told = {"controls": told_of(found)}
    if plan.because:
        told["way"] = plan.because
    return told if asking.kinds else told | {"not asked": not_asked(asking.judging.model, found)}


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
        "controls": float(plan.spent[0] + sum(len(each.votes) for each in asking.controls)),
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
