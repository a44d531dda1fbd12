"""In which way a model is asked: the cheapest of those that its server offers that works, told by controls.

A label alone costs a token, a likelihood none, JSON some fifty. Which of them a model can be asked in is no
question of its size alone: small models that follow no instruction still find a record less surprising after
one of the same thing. So each way is tried on the same controls, the cheapest first, until one is better than
chance in every form of question; the controls of all that were tried count in the limits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kgalign.config import LlmConfig, VotesConfig
from kgalign.judge.asking.budget import Spent
from kgalign.judge.asking.controls import affordable
from kgalign.judge.votes.competence import Competence, told_of, worth_asking
from kgalign.llm.protocol import Capabilities, Way

CHEAPEST_FIRST: tuple[Way, ...] = ("choice", "likelihood", "json")
_CLEAR = 50.0
"""Deviations above chance that are as good as any more."""


@dataclass(frozen=True, slots=True)
class Tried:
    """How a model did on controls when it was asked in a way."""

    way: Way
    found: tuple[Competence, ...]
    """By form of question."""
    spent: Spent
    """What its controls cost."""

    @property
    def works(self) -> bool:
        """Whether it was better than chance in every form of question."""
        return len(worth_asking(self.found)) == len(self.found)

    @property
    def told(self) -> str:
        """How it did, in words."""
        return told_of(self.found)


def ways_to_try(found: Capabilities, adapter: str) -> tuple[Way, ...]:
    """The ways in which a model is tried, in their order.

    :param found: what its server can do.
    :param adapter: name of the adapter that it is asked with, empty for none: one is asked as it was trained,
        which is the first way that its server names.
    """
    if adapter or len(found.ways) == 1:
        return found.ways[:1]
    return tuple(way for way in CHEAPEST_FIRST if way in found.ways)


def may_try_another(tried: Sequence[Tried], rules: VotesConfig, llm: LlmConfig, questions: int) -> bool:
    """Whether another way can be tried: none works yet, and the limits allow for as many controls again.

    :param questions: how many are asked in each way.
    """
    if tried[-1].works:
        return False
    calls = sum(each.spent.calls for each in tried)
    tokens = sum(each.spent.tokens for each in tried)
    cost = sum(each.spent.cost for each in tried)
    return affordable(rules, llm, calls=calls, tokens=tokens, cost=cost) >= questions


def best_of(tried: Sequence[Tried]) -> Tried:
    """The way to ask in: better than chance in the most forms of question, then by most; else the first."""

    def merit(each: Tried) -> tuple[int, float]:
        above = [min(form.above, _CLEAR) for form in each.found if form.is_worth_asking]
        return len(above), sum(above)

    return max(tried, key=merit)


def why(tried: Sequence[Tried], chosen: Tried, ways: Sequence[Way]) -> str:
    """Which way was chosen and why, in a sentence without its end.

    :param ways: all that could have been tried.
    """
    others = [each for each in tried if each is not chosen]
    said = [f"{each.way} was {_merit(each)}: {each.told}" for each in others]
    left = [way for way in ways if way not in {each.way for each in tried}]
    if left and not chosen.works:
        said.append(f"{', '.join(left)} not tried, because of a limit")
    if not said:
        return (
            f"asked by {chosen.way}, the cheapest way that works"
            if chosen.works
            else f"asked by {chosen.way}"
        )
    return f"asked by {chosen.way} ({_merit(chosen)}); {'; '.join(said)}"


def not_asked_in_any(model: str, tried: Sequence[Tried], *, others_go_on: bool = False) -> str:
    """Why a model was asked no further in whatever way, in a sentence without its end.

    :param others_go_on: whether there are other voters; else the evidence stands.
    """
    rest = "and the others go on" if others_go_on else "and the evidence stands"
    said = "; ".join(f"{each.way}: {each.told}" for each in tried)
    return (
        f"{model} is no better than chance in any way of asking ({said}): it was asked no further, {rest} "
        "(--ask-anyway asks it all the same)"
    )


def _merit(each: Tried) -> str:
    forms = worth_asking(each.found)
    if len(forms) == len(each.found):
        return "better than chance"
    return f"better than chance in {', '.join(sorted(forms))} alone" if forms else "no better than chance"
