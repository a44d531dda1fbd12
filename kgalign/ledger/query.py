"""Reading a ledger case by case: what people look for in it."""

import heapq
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from rapidfuzz import fuzz, process

from kgalign.errors import InputError, RunError
from kgalign.ledger.connect import explained
from kgalign.ledger.rows import stored, text_of
from kgalign.ledger.stance import disagree, left_of, opposes, stance
from kgalign.ledger.store import Ledger
from kgalign.records.votes import Decision, Judging, Question, Status, Vote

_NEAREST = 3


@dataclass(frozen=True, slots=True)
class OnRecord:
    """One case of a judging: its votes, and the decision where there is one yet."""

    case: str
    decision: Decision | None
    votes: tuple[Vote, ...]
    """In the order of their numbers."""

    @property
    def flips(self) -> bool:
        """Whether its counted votes contradict each other."""
        return disagree(said for vote in self.votes if (said := stance(vote)) is not None)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which cases and votes are looked for; those that pass all of them."""

    outcomes: Collection[str] = ()
    """Outcomes of the case's decision; any if empty."""
    flips: bool = False
    """Cases alone whose votes contradict each other."""
    statuses: Collection[Status] = ()
    """Statuses of a vote; any if empty."""
    disagreement: bool = False
    """Votes alone that speak against the evidence's choice."""
    number: int | None = None
    """Number of the question within its case, from 0."""

    @property
    def of_votes(self) -> bool:
        """Whether votes are told apart, not only cases."""
        return bool(self.statuses) or self.disagreement or self.number is not None

    def takes(self, found: OnRecord) -> bool:
        """Whether a case passes."""
        outcome = None if found.decision is None else found.decision.outcome
        return (not self.outcomes or outcome in self.outcomes) and (not self.flips or found.flips)

    def votes(self, found: OnRecord) -> list[Vote]:
        """The votes of a case that pass."""
        return [
            vote
            for vote in found.votes
            if (not self.statuses or vote.answer.status in self.statuses)
            and (self.number is None or vote.question.number == self.number)
            and (not self.disagreement or (found.decision is not None and opposes(vote, found.decision)))
        ]


def find_judging(ledger: Ledger, name: str | None) -> Judging:
    """The judging of a name, which may be cut short as long as it is clear; the latest one if None.

    :raises RunError: there is none, or several begin so.
    """
    judgings = ledger.judgings()
    if not judgings:
        raise RunError(
            f"The ledger {ledger.path} is empty: nothing was asked yet", "Run `kgalign run` with --judge llm"
        )
    if name is None:
        return judgings[-1]
    found = [each for each in judgings if name and each.name.startswith(name)]
    if len(found) == 1:
        return found[0]
    said = "more than one judging" if found else "no judging"
    names = ", ".join(each.name for each in found or judgings)
    raise RunError(f"The ledger {ledger.path} has {said} {name!r}", f"Give one of {names}")


def cases(
    ledger: Ledger, judging: str | None = None, names: Collection[str] | None = None
) -> Iterator[OnRecord]:
    """The cases of a judging in their order, each with its decision and all its votes."""
    decisions = ((_order(each.case), each) for each in ledger.decisions(judging, cases=names))
    votes = ((_order(each.question.case), each) for each in ledger.votes(judging, cases=names))
    both: Iterable[tuple[tuple[bool, bytes], Decision | Vote]] = heapq.merge(decisions, votes, key=_first)
    for (_, name), rows in groupby(both, key=_first):
        found = [row for _, row in rows]
        yield OnRecord(
            case=name.decode("utf-8", "surrogatepass"),
            decision=next((each for each in found if isinstance(each, Decision)), None),
            votes=tuple(each for each in found if isinstance(each, Vote)),
        )


def find_cases(ledger: Ledger, judging: str, iri: str, other: str | None = None) -> list[str]:
    """Names of the cases that an entity belongs to: as the left one, or else as one of the options.

    :param ledger: where to look.
    :param judging: name of the judging.
    :param iri: the entity, or one of the two.
    :param other: the other one of a pair, in either order.
    :raises InputError: the judging has no such entity (the nearest ones are in the remedy), or the two were
        never asked about together.
    """
    members = _members(ledger, judging)
    known: set[str] = {left_of(case) for case in members}.union(*members.values())
    for each in (iri, other):
        if each is not None and each not in known:
            scored = process.extract(each, sorted(known), scorer=fuzz.ratio, limit=_NEAREST)
            near = [text for text, _, _ in scored]
            raise InputError(
                f"No question of the judging {judging} is about {each!r}",
                f"The nearest are {', '.join(near)}" if near else "Nothing was asked yet",
            )
    if other is None:
        own = [case for case in members if left_of(case) == iri]
        return own or [case for case, others in members.items() if iri in others]
    pairs = [
        case
        for case, others in members.items()
        if (left_of(case) == iri and other in others) or (left_of(case) == other and iri in others)
    ]
    if not pairs:
        raise InputError(
            f"No question of the judging {judging} is about {iri!r} and {other!r} together",
            "Give one of them alone to see what it was asked with",
        )
    return pairs


def offers(question: Question, iri: str, other: str) -> bool:
    """Whether an answer to a question could have said that these two are the same."""
    return any(question.asker == one and two in question.options for one, two in ((iri, other), (other, iri)))


def _members(ledger: Ledger, judging: str) -> dict[str, set[str]]:
    """Case → the right entities in its decision and its questions; in the order of the cases."""
    members: dict[str, set[str]] = {}
    with explained(ledger.path):
        for case, asker, options, right in ledger.connection.execute(
            "SELECT case_iri, asker, options, direction = 'right-asks' FROM vote WHERE judging = ?",
            (judging,),
        ):
            rights = [text_of(asker)] if right else json.loads(text_of(options))
            members.setdefault(text_of(case), set()).update(rights)
        for case, options in ledger.connection.execute(
            "SELECT case_iri, options FROM decision WHERE judging = ?", (judging,)
        ):
            members.setdefault(text_of(case), set()).update(json.loads(text_of(options)))
    return dict(sorted(members.items()))


def _order(case: str) -> tuple[bool, bytes]:
    """Where SQLite puts a case: texts by their bytes, then what is stored as bytes itself."""
    value = stored(case)
    return (False, value.encode()) if isinstance(value, str) else (True, value)


def _first(row: tuple[tuple[bool, bytes], Decision | Vote]) -> tuple[bool, bytes]:
    return row[0]
