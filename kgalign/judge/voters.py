"""Several voters: who is asked first, what the others are asked, and what is told of them.

All are asked what is known, each by itself and in its own way. Then the one that knows most of it is asked
about all cases, the next one about those that are still open, and so on: a second opinion is asked for where
the first one leaves doubt, so that most cases cost no more than with one voter. Who is no better than chance
is asked nothing, and nobody is asked about cases so much harder than what is known that its word would count
for nothing there.
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


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of asking."""

    done: list[AskedCase]
    """The cases that somebody was asked about, in the order of all cases."""
    too_hard: dict[str, tuple[int, int]]
    """Voter → in how many cases its word would count for nothing, so that it was not asked; of how many."""


async def hear(voters: Sequence[Voter], cases: Sequence[Case], progress: Progress) -> Heard:
    """Ask the voters one after the other, the best one first.

    :param voters: of equally good ones the first goes first.
    :raises KgalignError: a server is gone, or the ledger can't be written.
    """
    done: dict[str, AskedCase] = {}
    too_hard: dict[str, tuple[int, int]] = {}
    for voter in sorted(voters, key=lambda each: -each.share_right):
        if not voter.asking.kinds:
            continue
        asking = voter.asking
        others = [other.asking for other in voters if other is not voter]
        asking.known_elsewhere = [each for other in others for each in other.known_ballots()]
        asking.before = dict(done)
        still_open = _still_open(cases, asking)
        told = still_open if asking.rules.ask_anyway else _can_tell(still_open, asking)
        if len(told) < len(still_open):
            too_hard[voter.name] = len(still_open) - len(told), len(still_open)
        for each in await asking.ask(told, progress) if told else ():
            done[each.case.name] = each
    return Heard([done[case.name] for case in cases if case.name in done], too_hard)


def told_of_all(voters: Sequence[Voter], heard: Heard, way: str) -> dict[str, str]:
    """What the controls told of each voter, in words.

    :param way: in which ways they are asked and why, empty where nothing was found out.
    """
    known = [voter for voter in voters if voter.found]
    if not known:
        return {}
    goes_on = bool(heard.done)
    lines = [
        told_of(voter.found) if len(voters) == 1 else f"{voter.name}: {told_of(voter.found)}"
        for voter in known
    ]
    dropped = [
        _not_asked(voter, voter.name if len(voters) > 1 else voter.asking.judging.model, others_go_on=goes_on)
        for voter in known
        if not voter.asking.kinds
    ]
    dropped += [_too_hard(each, *heard.too_hard[each.name]) for each in known if each.name in heard.too_hard]
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


def _too_hard(voter: Voter, passed_over: int, cases: int) -> str:
    where = "all" if passed_over == cases else f"{passed_over:,} of"
    return (
        f"{voter.name} was {told_of(voter.found)}, and what is in doubt is harder: in {where} {cases:,} "
        "cases its answer would count for nothing, so that it was not asked (--ask-anyway asks it all the "
        "same)"
    )


def _can_tell(cases: Sequence[Case], voter: Asking) -> list[Case]:
    """The cases in which the word of a voter counts for anything."""
    known = voter.known_ballots()
    model = estimate(known)
    names = sorted({ballot.voter for each in known for ballot in each.ballots})
    return [case for case in cases if not names or any(model.can_tell(name, case.prior) for name in names)]


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
        if case.name not in voter.before
        or not voter.before[case.name].complete
        or standing(heard[case.name], model).posterior.max() < voter.rules.confidence
    ]
