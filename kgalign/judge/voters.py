"""Several voters: who is asked first, what the others are asked, and what is told of them.

All are asked what is known, each by itself and in its own way. Then the one that knows most of it is asked
about all cases, the next one about those that are still open, and so on: a second opinion is asked for where
the first one leaves doubt, so that most cases cost no more than with one voter. Who is no better than chance
is asked nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kgalign.base.progress import Progress
from kgalign.judge.asking.asked import AskedCase
from kgalign.judge.asking.cases import Case
from kgalign.judge.asking.session import Asking
from kgalign.judge.terms import Plan
from kgalign.judge.votes.ballots import Ballots
from kgalign.judge.votes.competence import Competence, not_asked, told_of
from kgalign.judge.votes.learning import estimate
from kgalign.judge.votes.model import standing
from kgalign.judge.ways import Tried, not_asked_in_any

SEPARATOR = " + "
"""Between the names of voters."""


def name_of(model: str, adapter: str) -> str:
    """What a voter is called."""
    return f"{model} with {adapter}" if adapter else model


@dataclass(frozen=True, slots=True)
class Voter:
    """Who has been asked what is known, and is ready to be asked about cases."""

    asking: Asking
    plan: Plan
    found: tuple[Competence, ...] = ()
    """How it did on controls, by form; empty where nothing was asked or answered."""
    because: str = ""
    """Which way of asking was chosen and why, where there was a choice."""
    tried: tuple[Tried, ...] = ()
    """The ways that were tried, where there were several."""

    @property
    def name(self) -> str:
        """What it is called."""
        return name_of(self.asking.judging.model, self.asking.judging.adapter)

    @property
    def share_right(self) -> float:
        """Of the controls."""
        return sum(each.right for each in self.found) / max(1, sum(each.asked for each in self.found))


async def hear(voters: Sequence[Voter], cases: Sequence[Case], progress: Progress) -> list[AskedCase]:
    """Ask the voters one after the other, the best one first.

    :param voters: of equally good ones the first goes first.
    :returns: the cases in their order, none where nobody is worth asking.
    :raises KgalignError: a server is gone, or the ledger can't be written.
    """
    done: dict[str, AskedCase] = {}
    for voter in sorted(voters, key=lambda each: -each.share_right):
        if not voter.asking.kinds:
            continue
        asking = voter.asking
        others = [other.asking for other in voters if other is not voter]
        asking.known_elsewhere = [each for other in others for each in other.known_ballots()]
        asking.before = dict(done)
        for each in await asking.ask(_still_open(cases, asking), progress):
            done[each.case.name] = each
    return [done[case.name] for case in cases] if done else []


def told_of_all(voters: Sequence[Voter], way: str) -> dict[str, str]:
    """What the controls told of each voter, in words.

    :param way: in which ways they are asked and why, empty where nothing was found out.
    """
    known = [voter for voter in voters if voter.found]
    if not known:
        return {}
    goes_on = any(voter.asking.kinds for voter in voters)
    lines = [
        told_of(voter.found) if len(voters) == 1 else f"{voter.name}: {told_of(voter.found)}"
        for voter in known
    ]
    dropped = [
        _not_asked(voter, voter.name if len(voters) > 1 else voter.asking.judging.model, others_go_on=goes_on)
        for voter in known
        if not voter.asking.kinds
    ]
    notes = {"controls": "; ".join(lines)}
    if way:
        notes["way"] = way
    if dropped:
        notes["dropped" if goes_on else "not asked"] = ". ".join(dropped)
    return notes


def _not_asked(voter: Voter, name: str, *, others_go_on: bool) -> str:
    if len(voter.tried) > 1:
        return not_asked_in_any(name, voter.tried, others_go_on=others_go_on)
    return not_asked(name, voter.found, others_go_on=others_go_on)


def _still_open(cases: Sequence[Case], voter: Asking) -> list[Case]:
    """The cases of which those that were heard before leave doubt: all, where nobody was."""
    if not voter.before:
        return list(cases)
    heard = {name: Ballots(each.case.prior, each.ballots) for name, each in voter.before.items()}
    known = [*voter.known_elsewhere, *voter.known_ballots()]
    model = estimate([*known, *heard.values()])
    return [
        case
        for case in cases
        if not voter.before[case.name].complete
        or standing(heard[case.name], model).posterior.max() < voter.rules.confidence
    ]
