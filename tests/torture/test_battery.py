"""A small share of the battery; ``make torture`` runs all of it."""

from pathlib import Path

import pytest

from tests.torture.damage import damage
from tests.torture.kills import kill
from tests.torture.servers import ask_hostile


@pytest.mark.slow
def test_commands_that_are_killed_go_on_as_if_nobody_had(tmp_path: Path) -> None:
    tally = kill(tmp_path, 8, seed=1)
    assert (tally.trials, tally.broken) == (8, [])
    assert sum(count for outcome, count in tally.counts.items() if outcome.endswith("went on")) > 2


@pytest.mark.slow
def test_whatever_a_server_does_limits_hold_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    tally = ask_hostile(tmp_path, 5, seed=1)
    assert (tally.trials, tally.broken) == (5, [])
    assert tally.counts["asked"] > 1


@pytest.mark.slow
def test_what_is_damaged_is_noticed_and_made_again_or_refused(tmp_path: Path) -> None:
    tally = damage(tmp_path, 12, seed=1)
    assert (tally.trials, tally.broken) == (12, [])
    assert tally.counts["noticed and made again"] > 6
