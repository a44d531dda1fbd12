"""What makes the answers of earlier sessions unusable, said before anything is asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kgalign.judge.terms import Plan, stored_plan
from kgalign.judge.voters import name_of
from kgalign.ledger import Ledger, answers_by
from kgalign.records.votes import Judging


@dataclass(frozen=True, slots=True)
class Asked:
    """A voter, and the ways in which it may be asked now."""

    model: str
    adapter: str
    plans: Sequence[Plan]

    @property
    def name(self) -> str:
        """What it is called."""
        return name_of(self.model, self.adapter)


def changed(ledger: Ledger, voters: Sequence[Asked], questions: int) -> str:
    """What changed since the last session so that its answers can't be used; empty where nothing did.

    :param voters: who is asked now, and how.
    :param questions: how many may be asked now at most.
    """
    judgings = ledger.judgings()
    if not judgings:
        return ""
    last = judgings[-1]
    told, lost = [], 0
    for voter in voters:
        before = _plan(last, voter)
        if before is None or any(_usable(each, voter) for each in judgings):
            continue
        lost += answers_by(ledger, last.name, voter.model, voter.adapter)
        several = f"{voter.name}: " if len(voters) > 1 else ""
        told.append(several + ", ".join(_differences(before, _now(before, voter))))
    names = {each.name for each in voters}
    if not told and names.isdisjoint(_names(last)) and not any(names & _names(each) for each in judgings):
        told.append(f"{' and '.join(sorted(names))} is asked instead of {' and '.join(sorted(_names(last)))}")
        lost = ledger.counts(last.name).answers
    if not told or not lost:
        return ""
    return (
        f"Since the last session {'; '.join(told)}: {lost:,} answers of then can't be used, and up to "
        f"{questions:,} questions are asked now"
    )


def _names(judging: Judging) -> set[str]:
    """Of the voters of a judging."""
    plan = stored_plan(judging)
    each = plan.each(judging) if plan else [(judging, None)]
    return {name_of(own.model, own.adapter) for own, _ in each}


def _plan(judging: Judging, voter: Asked) -> Plan | None:
    """By which a voter was asked in a judging; None where it was not asked, or that can't be read."""
    plan = stored_plan(judging)
    found = plan.each(judging) if plan else []
    return next((by for own, by in found if (own.model, own.adapter) == (voter.model, voter.adapter)), None)


def _usable(judging: Judging, voter: Asked) -> bool:
    """Whether the answers of a judging are answers to what would be asked now."""
    before = _plan(judging, voter)
    return before is not None and not list(_differences(before, _now(before, voter)))


def _now(before: Plan, voter: Asked) -> Plan:
    """The plan of now that is most like the one before: in the same way, if it may be asked in that."""
    return next((each for each in voter.plans if each.way == before.way), voter.plans[0])


def _differences(before: Plan, now: Plan) -> Iterator[str]:
    """What is part of the key of an answer, or of the words of a question, and is another now."""
    if before.way != now.way:
        yield f"it is asked by {now.way} instead of {before.way}"
        return
    then, by = before.sampling, now.sampling
    if then.temperature != by.temperature:
        yield f"the temperature is {by.temperature:g} instead of {then.temperature:g}"
    if then.top_p != by.top_p:
        yield f"top_p is {by.top_p:g} instead of {then.top_p:g}"
    if then.max_tokens != by.max_tokens:
        yield f"an answer may take {by.max_tokens:,} tokens instead of {then.max_tokens:,}"
    if then.logprobs != by.logprobs:
        yield _alternatives(then.logprobs, by.logprobs)
    if (then.seed, before.seed) != (by.seed, now.seed):
        yield f"the seed is {now.seed} instead of {before.seed}"
    if before.votes.options != now.votes.options:
        yield f"a question shows up to {now.votes.options} candidates instead of {before.votes.options}"
    names = sorted({name for name, _ in before.templates.items() ^ now.templates.items()})
    if names:
        yield f"the prompts changed ({', '.join(names)})"


def _alternatives(before: int, now: int) -> str:
    if not now:
        return "the server gives no log-probabilities any more"
    if not before:
        return "the server gives log-probabilities, which it did not"
    return f"{now} alternatives per token are asked for instead of {before}"
