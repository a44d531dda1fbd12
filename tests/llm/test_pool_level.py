"""How many calls are under way at once: as many as the server takes, and fewer where much fails."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.llm.level import Level


@given(
    st.integers(1, 300),
    st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0, 0.2)), max_size=300),
)
def test_the_level_stays_within_its_bounds(most: int, ended: list[tuple[bool, bool, float]]) -> None:
    now = 0.0
    level = Level(most, clock=lambda: now)
    for answered, crowded, seconds in ended:
        now += seconds
        level.note(answered, now - seconds, crowded=crowded)
        assert 1 <= level.limit <= most


@pytest.mark.parametrize(("best", "most"), [(4, 256), (16, 256), (100, 256), (1000, 64), (1000, 3)])
def test_the_level_finds_what_a_server_takes(best: int, most: int) -> None:
    """A server that works on ``best`` requests at once, each taking a second; others wait in its queue."""
    now = 0.0
    level = Level(most, clock=lambda: now)
    for _ in range(20_000):
        served = min(level.limit, best)
        now += 1 / served
        level.note(True, now - level.limit / served, crowded=True)
    assert level.limit >= min(best, most) * 0.8
    assert level.limit <= max(40, best * 2)


def test_the_level_falls_where_much_fails_and_rises_again() -> None:
    now = 0.0
    level = Level(64, clock=lambda: now)
    reached = []
    for room in (64, 10, 64):
        for _ in range(4000):
            now += 1 / level.limit
            level.note(level.limit <= room, now - 1, crowded=True)
        reached.append(level.limit)
    assert reached[0] == 64
    assert reached[1] <= 14
    assert reached[2] == 64


def test_the_level_stays_where_it_makes_no_difference() -> None:
    now = 0.0
    level = Level(64, clock=lambda: now)
    before = level.limit
    for _ in range(1000):
        now += 0.1
        level.note(True, now - 0.5, crowded=False)
    assert level.limit == before
