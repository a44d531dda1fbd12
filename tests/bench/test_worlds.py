"""Made worlds: what is cut out is whole, and what is true of it is known."""

from pathlib import Path

import pytest

from bench.battery import as_markdown, measure
from bench.generate import generate
from bench.sets import find_sets
from bench.worlds import Source, copied, opaque, unrelated, without_names


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("sets")
    generate(folder / "people", 80)
    return Source(find_sets(folder)[0])


def test_a_world_has_as_many_entities_and_partners_as_it_was_cut_with(source: Source) -> None:
    world = source.cut("test", (10, 12), 4, "a kind")
    assert world is not None
    assert (len(world.lefts), len(world.rights), len(world.gold)) == (10, 12, 4)
    assert world.gold <= set(source.gold)
    about = {row[0][1:-1] for row in world.left}
    assert world.lefts <= about
    assert not about & ({a for a, _ in source.gold} - world.lefts)
    assert source.cut("test", (10, 12), 4, "a kind") == world
    assert source.cut("other", (10, 12), 4, "a kind") != world
    assert source.cut("test", (1000, 12), 4, "a kind") is None


def test_worlds_are_changed_as_they_say(source: Source) -> None:
    world = source.cut("test", (8, 8), 8, "a kind")
    assert world is not None
    twice = copied(world, (False, True), "test")
    assert twice.cardinality == "one-to-many"
    assert len(twice.rights) >= 16
    assert len(twice.gold) == len(twice.rights)
    back = world.swapped().swapped()
    assert (back.left, back.gold) == (world.left, world.gold)
    hidden = opaque(world)
    assert not hidden.lefts & world.lefts
    assert {row[0][1:-1] for row in hidden.left} >= hidden.lefts
    assert len(without_names(world).left) < len(world.left)
    assert unrelated(world, hidden).gold == frozenset()


def test_the_battery_is_run_and_told(source: Source, tmp_path: Path) -> None:
    generate(tmp_path / "people", 80)
    rows = measure(find_sets(tmp_path), quick=True, left_out=None, tell=lambda row: None)
    kinds = {row.kind for row in rows}
    assert {"15 a side", "15 a side, 50% alone", "no true link"} <= kinds
    assert all(row.quality.f1 >= 0.9 for row in rows if row.kind == "15 a side")
    text = as_markdown(rows, None)
    assert text.count("\n| ") == len(kinds) + 3
