"""What it takes to ask a voter, and the plan by which each is asked, found out by controls."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from kgalign.base.progress import Progress
from kgalign.config import Config, LlmConfig
from kgalign.judge.asking.budget import Budget, Estimates, Spent
from kgalign.judge.asking.controls import Control, affordable, find_controls
from kgalign.judge.asking.questions import Questions
from kgalign.judge.asking.session import Asking
from kgalign.judge.asking.templates import Templates
from kgalign.judge.changed import Asked, changed
from kgalign.judge.terms import Plan, PlannedVoter, of_several, planned, ways_of
from kgalign.judge.voters import SEPARATOR, Voter, name_of
from kgalign.judge.votes.competence import Competence, competence, worth_asking
from kgalign.judge.ways import Tried, best_of, may_try_another, why
from kgalign.ledger import Ledger
from kgalign.llm.pool import Pool
from kgalign.llm.protocol import Backend, Capabilities, Way
from kgalign.records import Profile, Verdicts
from kgalign.records.votes import Judging, QuestionKind

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be asked."""

    backend: Backend
    found: Capabilities
    """What its server can do."""
    llm: LlmConfig
    pool: Pool

    @property
    def names(self) -> tuple[str, str]:
        """Of the model and its adapter."""
        return self.backend.name, self.backend.adapter


@dataclass(frozen=True, slots=True)
class Work:
    """All that it takes to ask, by whatever plan."""

    left: Profile
    right: Profile
    verdicts: Verdicts
    templates: Templates
    config: Config
    ledger: Ledger
    progress: Progress
    estimates: Estimates = field(default_factory=Estimates)
    """Of all voters, in whatever way they are asked."""
    used: Spent = field(default_factory=Spent)
    """What was ever sent from the run folder: one purse for all of them."""

    def begin(
        self, plan: Plan, judging: Judging, pool: Pool | None = None, budget: Budget | None = None
    ) -> Asking:
        """Ready to ask by a plan; what was spent in other ways is spent.

        :param pool: None to take answers from the ledger alone.
        :param budget: what several voters may spend together; None for one of its own.
        """
        questions = Questions(
            self.left,
            self.right,
            templates=self.templates,
            budget_tokens=plan.question_tokens,
            seed=plan.seed,
            way=plan.way,
        )
        return Asking(
            questions,
            self.ledger,
            judging,
            pool,
            plan.votes,
            plan.llm(self.config),
            plan.sampling,
            seed=plan.seed,
            budget=budget or self.budget(plan),
            offset=plan.offset,
        )

    def budget(self, plan: Plan) -> Budget:
        """What may be spent by a plan."""
        llm = plan.llm(self.config)
        return Budget(plan.votes, llm, Spent(*plan.spent), self.used, estimates=self.estimates)

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

    def plans(self, model: Model, number: int = 0, voters: int = 1) -> list[Plan]:
        """The plans by which a voter can be asked, one for each way, in the order in which they are tried.

        :param number: which of the voters, from 0.
        :raises ConfigError: it can't be asked as is wanted.
        """
        ways = ways_of(model.llm.answer, model.found, model.backend.adapter)

        def by(way: Way) -> Plan:
            plan = planned(self.config, model.llm, self.templates, model.found, way)
            return of_several(plan, number, voters)

        plans = [by(way) for way in ways]
        if len(plans) > 1 and not self.controls(plans[0]):  # nothing tells which of them works
            return [by(model.found.ways[0])]
        return plans


async def settled(work: Work, model: Model, plans: Sequence[Plan]) -> Voter:
    """Try ways of asking a voter until one works, and be ready to ask by the best of them.

    :param plans: one for each way, in the order in which they are tried.
    """
    tried: list[Tried] = []
    new = 0
    for plan in plans:
        asking = work.begin(plan, work.ledger.begin(*model.names, plan.settings()), model.pool)
        found = await work.ask_controls(asking, plan)
        new += asking.new
        if not found and not tried:
            return Voter(asking, plan)
        if not found:
            continue  # nothing came back in this way
        tried.append(Tried(plan.way, found, asking.budget.spent))
        questions = affordable(plan.votes, asking.llm)
        if len(plans) == 1 or not may_try_another(tried, plan.votes, asking.llm, questions):
            break
    if len(plans) == 1:
        return Voter(asking, plan, found)
    chosen = best_of(tried)
    because = why(tried, chosen, [each.way for each in plans])
    if len(tried) == 1 and plan.way == chosen.way:
        return Voter(asking, plan, found, because)
    others = [each.spent for each in tried if each is not chosen]
    plan = replace(
        next(each for each in plans if each.way == chosen.way),
        because=because,
        spent=_sum([(0, 0, 0), *((each.calls, each.tokens_in, each.tokens_out) for each in others)]),
    )
    # A judging of its own, that says what was tried; the answers to its controls are in the ledger.
    asking = work.begin(plan, work.ledger.begin(*model.names, plan.settings()), model.pool)
    found = await work.ask_controls(asking, plan)
    asking.new += new
    return Voter(asking, plan, found, because, tuple(tried))


def ways_to_ask(work: Work, models: Sequence[Model], cases: int) -> list[list[Plan]]:
    """The plans by which each model can be asked; what makes answers of before unusable is said.

    :param cases: how many will be asked about.
    :returns: of each model one for each way, in the order in which they are tried.
    :raises ConfigError: one can't be asked as is wanted.
    """
    choices = [work.plans(model, number, len(models)) for number, model in enumerate(models)]
    rules, llm = work.config.votes, work.config.llm
    questions = cases * rules.max_votes + affordable(rules, llm) * len(models)
    if rules.max_calls is not None:
        questions = max(0, min(questions, rules.max_calls - work.used.calls))
    asked = [Asked(*model.names, plans) for model, plans in zip(models, choices, strict=True)]
    if told := changed(work.ledger, asked, questions):
        log.warning("%s", told)
    return choices


async def all_settled(
    work: Work, models: Sequence[Model], choices: Sequence[Sequence[Plan]]
) -> tuple[Plan, Judging, list[Voter]]:
    """Find out in which way each model is asked, and be ready to ask it.

    :param models: one alone has a judging of its own; several have one together, by one plan.
    :param choices: the plans by which each can be asked.
    """
    if len(models) == 1:
        alone = await settled(work, models[0], choices[0])
        return alone.plan, alone.asking.judging, [alone]
    tried: list[Voter | None] = []
    plans: list[Plan] = []
    for model, choice in zip(models, choices, strict=True):
        tried.append(await settled(work, model, choice) if len(choice) > 1 else None)
        plans.append(choice[0] if tried[-1] is None else tried[-1].plan)
    reasons = ["" if each is None else each.because for each in tried]
    plan = _joined(replace(plans[0], votes=work.config.votes), plans, reasons, models)
    names, adapters = zip(*(each.names for each in models), strict=True)
    judging = work.ledger.begin(
        SEPARATOR.join(names), SEPARATOR.join(filter(None, adapters)), plan.settings()
    )
    voters = await begun(work, plan, judging, [each.pool for each in models])
    for number, before in enumerate(tried):  # the answers to its controls are in the ledger
        if before is not None:
            voters[number].asking.new += before.asking.new
            voters[number] = replace(voters[number], because=before.because, tried=before.tried)
    return plan, judging, voters


async def begun(work: Work, plan: Plan, judging: Judging, pools: Sequence[Pool] = ()) -> list[Voter]:
    """Ask every voter of a judging what is known; they spend from one purse.

    :param pools: of each voter, in the same order; empty to take answers from the ledger alone.
    """
    budget = work.budget(plan)
    voters = []
    for number, (own, by) in enumerate(plan.each(judging)):
        asking = work.begin(by, own, pools[number] if pools else None, budget)
        voters.append(Voter(asking, by, await work.ask_controls(asking, by)))
    return voters


def _joined(plan: Plan, plans: Sequence[Plan], reasons: Sequence[str], models: Sequence[Model]) -> Plan:
    """One plan for several voters.

    :param plan: with what holds for all of them.
    :param plans: of each, in the order in which they were named.
    :param reasons: why each is asked as it is, empty where there was no choice.
    """
    told = [
        f"{name_of(*model.names)}: {reason or f'asked by {each.way}'}"
        for model, each, reason in zip(models, plans, reasons, strict=True)
    ]
    differ = any(reasons) or len({each.way for each in plans}) > 1
    return replace(
        plan,
        question_tokens=max(each.question_tokens for each in plans),
        because="; ".join(told) if differ else "",
        spent=_sum([each.spent for each in plans]),
        voters=tuple(
            PlannedVoter(*model.names, each.way, each.sampling, each.question_tokens)
            for model, each in zip(models, plans, strict=True)
        ),
    )


def _sum(spent: Sequence[tuple[int, int, int]]) -> tuple[int, int, int]:
    """Of calls, tokens read and tokens written."""
    calls, read, written = (sum(column) for column in zip(*spent, strict=True))
    return calls, read, written
