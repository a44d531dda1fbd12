"""Decoys of a few pairs: who loses a partner, who gets whom instead, and what that is worth.

Thing ``n`` of the left side and thing ``n`` of the right one are best pairs. Each has one more
candidate, which nobody else wants: left ``n`` the right thing ``n + SIZE``, right ``n`` the left thing
``n + SIZE``.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest

from kgalign.arrays import Doubles, Flags, Positions
from kgalign.judge.evidence.competition import dominant
from kgalign.judge.evidence.decoys import decoys
from kgalign.judge.evidence.ends import Ends
from kgalign.rdf.graph import Ids

SIZE = 6
FURTHER = 0.5
FROM_RIGHT = 20_000.0


@dataclass
class World:
    """Best pairs of a million, and a second one for each thing: 1, 2 … at the left, 20,001 … at the right."""

    size: int = SIZE
    third: bool = False
    """Whether each left thing has one more that is far worse."""
    calls: list[set[tuple[int, int]]] = field(default_factory=list)
    """Pairs that were there at each time of matching again."""

    def __post_init__(self) -> None:
        n = np.arange(self.size, dtype=np.int32)
        self.left: Ids = np.concatenate([n, n, n + self.size, n])
        self.right: Ids = np.concatenate([n, n + self.size, n, n + 2 * self.size])
        best, worse = np.full(self.size, 1e6), n - 1e5
        self.score = np.concatenate([best, n + 1.0, n + 1.0 + FROM_RIGHT, worse])
        if not self.third:
            rows = 3 * self.size
            self.left, self.right, self.score = self.left[:rows], self.right[:rows], self.score[:rows]
        self.top: Flags = self.score == 1e6

    def match_again(self, rows: Positions) -> tuple[Doubles, Flags]:
        """The log-odds of what is there, best first."""
        self.calls.append(set(zip(self.left[rows].tolist(), self.right[rows].tolist(), strict=True)))
        ends = Ends(self.left[rows]), Ends(self.right[rows])
        return self.score[rows], dominant(*ends, self.score[rows], True, True)

    def decoys(
        self,
        expected: list[float],
        *,
        several: tuple[bool, bool] = (False, False),
        alike: tuple[Ids, Ids] | None = None,
    ) -> Counter[float]:
        """The decoys, where the best pairs are expected to match so far."""
        chance = np.zeros(len(self.left))
        chance[self.top] = expected
        ends = alike or (self.left, self.right)
        found = decoys(self.left, self.right, ends, self.top, chance, self.match_again, FURTHER, several)
        return Counter(np.round(found, 6).tolist())

    def widowed(self) -> Counter[float]:
        """By the pairs that were there: the second pair of whoever lost a partner that was hidden."""
        found: Counter[float] = Counter()
        for there in self.calls:
            for n in range(self.size):
                if (n, n) not in there:
                    left_is_gone = (n, n + self.size) not in there
                    found[n + 1.0 + FROM_RIGHT if left_is_gone else n + 1.0] += 1
        return found


def test_who_lost_a_partner_is_matched_again_and_each_such_pair_is_a_decoy() -> None:
    world = World()
    found = world.decoys([1.0] * SIZE)
    assert found == world.widowed()
    assert len(world.calls) == 4, "few pairs are drawn from four times"
    assert {score > FROM_RIGHT for score in found} == {True, False}, "partners are hidden on both sides"


def test_those_taken_to_have_no_partner_get_their_second_best_and_what_the_best_is_more() -> None:
    world = World()
    found = world.decoys([0.0] * SIZE)
    second = [n + 1 + FURTHER for n in range(SIZE)] + [n + 1 + FROM_RIGHT + FURTHER for n in range(SIZE)]
    assert found == dict.fromkeys(second, 4)
    assert all((n, n) not in there for there in world.calls for n in range(SIZE))


def test_one_wrong_pair_among_five_matches() -> None:
    world = World()
    found = world.decoys([1.0] * 5 + [0.0])
    alone = {6 + FURTHER: 4, 6 + FROM_RIGHT + FURTHER: 4}
    widowed = Counter({score: n for score, n in world.widowed().items() if score not in (6, 6 + FROM_RIGHT)})
    assert found == Counter(alone) + widowed
    assert widowed


def test_a_pair_that_is_not_the_best_of_the_two_is_no_decoy() -> None:
    world = World(third=True)
    found = world.decoys([0.0] * SIZE)
    assert min(found) > 0


def test_who_gets_another_record_of_the_lost_partner_has_no_decoy() -> None:
    """The second one of each left thing may be a record of its partner; those of right things are not."""
    world = World()
    alike = np.where(world.right >= SIZE, world.right - SIZE, world.right).astype(np.int32)
    found = world.decoys([1.0] * SIZE, alike=(world.left, alike))
    assert found == Counter({score: n for score, n in world.widowed().items() if score > FROM_RIGHT})
    assert found


@pytest.mark.parametrize(("several", "of_right"), [((False, True), True), ((True, False), False)])
def test_where_one_side_has_several_only_its_things_are_looked_at(
    several: tuple[bool, bool], of_right: bool
) -> None:
    """A left thing that loses one record of its partner may have another one: it is no decoy."""
    world = World()
    found = world.decoys([1.0] * SIZE, several=several)
    assert found == world.widowed()
    assert {score > FROM_RIGHT for score in found} == {of_right}
    alone = World().decoys([0.0] * SIZE, several=several)
    assert {score > FROM_RIGHT for score in alone} == {of_right}


def test_one_draw_is_enough_of_many() -> None:
    world = World(size=2000)
    found = world.decoys([1.0] * 2000)
    assert len(world.calls) == 1
    assert found == world.widowed()
    assert 400 < found.total() < 600, "one in four is hidden"


def test_nothing_is_left_to_match() -> None:
    world = World()
    world.left, world.right, world.top = world.left[:SIZE], world.right[:SIZE], world.top[:SIZE]
    world.score = world.score[:SIZE]
    assert not world.decoys([0.0] * SIZE)
    assert not world.calls
