"""How far people agree where several were asked the same."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from kgalign.decisions import Decision, standing


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two people, and how far they agree."""

    first: str
    second: str
    both: int
    """Pairs of which both said something."""
    agreed: int
    """Of them, those of which they said the same."""
    kappa: float | None
    """Cohen's kappa: agreement beyond chance, 1 at most, 0 for what chance gives; None where it is not
    defined, because both always say one and the same, or there is nothing."""


@dataclass(frozen=True, slots=True)
class AllAgreement:
    """How far everybody agrees."""

    pairs: tuple[Agreement, ...]
    disagreements: tuple[tuple[Decision, ...], ...]
    """The last words on pairs of which people say different things."""


def agreement(decisions: Iterable[Decision]) -> AllAgreement:
    """Compare what each two people said last of the same pairs."""
    found = standing(decisions)
    said: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    for each in found.said:
        said[each.by][each.pair] = f"{each.verdict} {each.relation}"
    pairs = tuple(
        made for one, other in combinations(sorted(said), 2) if (made := _of(one, other, said)).both
    )
    return AllAgreement(pairs, found.disagreements)


def _of(one: str, other: str, said: dict[str, dict[tuple[str, str], str]]) -> Agreement:
    both = sorted(said[one].keys() & said[other].keys())
    words = [(said[one][pair], said[other][pair]) for pair in both]
    return Agreement(one, other, len(both), sum(a == b for a, b in words), kappa(words))


def kappa(words: list[tuple[str, str]]) -> float | None:
    """Cohen's kappa of what two people said, thing by thing; None where it is not defined.

    J. Cohen: A coefficient of agreement for nominal scales. Educational and Psychological Measurement 20
    (1960).
    """
    number = len(words)
    if not number:
        return None
    seen = sum(a == b for a, b in words) / number
    first, second = Counter(a for a, _ in words), Counter(b for _, b in words)
    chance = sum(first[word] * second[word] for word in first) / number**2
    return None if chance == 1.0 else (seen - chance) / (1.0 - chance)
