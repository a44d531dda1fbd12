"""From votes to a verdict: small pure functions behind one name.

A reducer sees all cases at once, so that it can learn from all of them how good its voters are.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from kgalign.judge.votes.ballots import Ballots, Tally
from kgalign.judge.votes.reducers.counting import majority, unanimous

Reducer = Callable[[Sequence[Ballots]], list[Tally]]
"""Votes on many cases → what comes of each, in the same order."""


def _adaptive(cases: Sequence[Ballots]) -> list[Tally]:
    from kgalign.judge.votes.reducers.adaptive import (
        adaptive,  # it imports a module that imports ballots from here
    )

    return adaptive(cases)


def _weighted(cases: Sequence[Ballots]) -> list[Tally]:
    from kgalign.judge.votes.reducers.weighted import weighted

    return weighted(cases)


def _dawid_skene(cases: Sequence[Ballots]) -> list[Tally]:
    from kgalign.judge.votes.reducers.dawid_skene import dawid_skene

    return dawid_skene(cases)


REDUCERS: Mapping[str, Reducer] = MappingProxyType(
    {
        "majority": majority,
        "adaptive": _adaptive,
        "weighted": _weighted,
        "dawid_skene": _dawid_skene,
        "unanimous": unanimous,
    }
)
"""Name, as in the configuration → reducer."""
