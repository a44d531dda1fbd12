"""Which values and types go together: what is learned, from whom, and what it is held against."""

import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from kgalign.config import SelectConfig
from kgalign.judge.evidence import associate
from kgalign.judge.evidence.associate import TYPES, Association
from kgalign.rdf import read_graph
from kgalign.records import Profile
from kgalign.select import select
from tests.evaluate.small import profile

XSD = "http://www.w3.org/2001/XMLSchema#"
COLOURS = (("red", "rot"), ("blue", "blau"), ("green", "gelb"), ("white", "weiss"))
NONE: set[tuple[int, int]] = set()


def side(folder: Path, name: str, rows: Sequence[dict[str, str]]) -> Profile:
    """A side of entities with a label of their own and some values."""
    lines = []
    for number, row in enumerate(rows):
        node = f"<http://{name}.example/e{number:04d}>"
        lines.append(f'{node} <http://www.w3.org/2000/01/rdf-schema#label> "thing {number * 7919 % 10007}"')
        lines += [f'{node} <http://{name}.example/{key}> "{value}"' for key, value in row.items()]
    path = folder / f"{name}.nt"
    path.write_text("".join(f"{line} .\n" for line in lines), encoding="utf8")
    return select(read_graph([path]), SelectConfig())


def learned(
    left: Profile,
    right: Profile,
    chance: float = 1.0,
    taken: set[tuple[int, int]] | None = None,
    count: int | None = None,
) -> dict[str, Association]:
    """What goes together where the entities of both sides match in their order."""
    n = np.arange(count or len(left), dtype=np.int32)
    found = associate.learn(left, right, n, n, np.full(len(n), chance), taken or NONE)
    types = [max(each.left.attribute, each.right.attribute) < 0 for each in found]
    return {
        TYPES if of_types else f"{each.left.name} ~ {each.right.name}": each
        for each, of_types in zip(found, types, strict=True)
    }


def test_what_goes_together_does_not_hang_on_the_order_of_the_pairs(tmp_path: Path) -> None:
    """Entities that stand by their colours: a third of them further on each has another, the same one."""
    words = [COLOURS[n // 20] for n in range(60)]
    left = side(tmp_path, "l", [{"colour": word} for word, _ in words])
    right = side(tmp_path, "r", [{"farbe": word} for _, word in words])
    n = np.arange(60, dtype=np.int32)
    for order in (n, n[::-1], np.random.default_rng(0).permutation(n)):
        found = associate.learn(left, right, order, order, np.ones(60), NONE)
        assert [(each.left.name, each.right.name) for each in found] == [("colour", "farbe")]


def test_words_that_stand_for_words_go_together(tmp_path: Path) -> None:
    words = [COLOURS[n * 7 % 11 % 4] for n in range(60)]
    left = side(tmp_path, "l", [{"colour": word} for word, _ in words])
    right = side(tmp_path, "r", [{"farbe": word} for _, word in words])
    found = learned(left, right)
    assert list(found) == ["colour ~ farbe"]
    n = np.arange(60, dtype=np.int32)
    comparison = associate.compare(found["colour ~ farbe"], n, np.roll(n, 1).astype(np.int32))
    same = np.array([words[i] == words[i - 1] for i in range(60)])
    assert comparison.position[same].min() > 3 > comparison.position[~same].max()


def test_doubtful_pairs_and_fewer_than_twenty_teach_nothing(tmp_path: Path) -> None:
    words = [COLOURS[n * 7 % 11 % 4] for n in range(60)]
    left = side(tmp_path, "l", [{"colour": word} for word, _ in words])
    right = side(tmp_path, "r", [{"farbe": word} for _, word in words])
    assert not learned(left, right, chance=0.69)
    assert not learned(left, right, count=19)
    assert learned(left, right, count=20)


def test_what_goes_together_by_chance_alone_does_not_go_together(tmp_path: Path) -> None:
    """Twelve shelves and twelve drawers, drawn apart: so few pairs seem to say much of each other."""
    dice = np.random.default_rng(0)
    left = side(tmp_path, "l", [{"shelf": f"s{n}"} for n in dice.integers(12, size=70)])
    right = side(tmp_path, "r", [{"drawer": f"d{n}"} for n in dice.integers(12, size=70)])
    assert not learned(left, right)


def test_what_is_compared_value_by_value_is_left_alone(tmp_path: Path) -> None:
    words = [COLOURS[n * 7 % 11 % 4] for n in range(60)]
    left = side(tmp_path, "l", [{"colour": word} for word, _ in words])
    right = side(tmp_path, "r", [{"farbe": word} for _, word in words])
    pair = (
        learned(left, right)["colour ~ farbe"].left.attribute,
        learned(left, right)["colour ~ farbe"].right.attribute,
    )
    assert not learned(left, right, taken={pair})


def test_an_attribute_that_repeats_another_says_nothing_again(tmp_path: Path) -> None:
    words = [COLOURS[n * 7 % 11 % 4] for n in range(60)]
    left = side(tmp_path, "l", [{"colour": word} for word, _ in words])
    right = side(tmp_path, "r", [{"farbe": word, "lack": word.upper()} for _, word in words])
    assert len(learned(left, right)) == 1


def test_types_are_held_against_all_entities() -> None:
    """Of 60 cities and 40 rivers a side the cities match each other, and none of the rivers anything."""
    types = ["City"] * 60 + ["River"] * 40
    kinds = ["Stadt"] * 60 + ["Fluss"] * 40
    sides = [profile([f"{n}" for n in range(100)], types=each) for each in (types, kinds)]
    found = learned(sides[0], sides[1], count=60)[TYPES]
    city, river = sides[0].types.index("City"), sides[0].types.index("River")
    stadt, fluss = sides[1].types.index("Stadt"), sides[1].types.index("Fluss")
    expected = {
        (city, stadt): (60, 21.6),
        (city, fluss): (0, 14.4),
        (river, stadt): (0, 14.4),
        (river, fluss): (0, 9.6),
    }
    for (left, right), (seen, chance) in expected.items():
        ratio = found.ratio(np.array([left]), np.array([right]))
        assert ratio == pytest.approx(np.log((seen + 0.5) / (chance + 0.5)), abs=1e-5)


def test_of_very_many_types_the_pairs_that_were_seen_alone_are_held() -> None:
    """Of 1,000 types a side three entities have each: a type goes with its own, and no pair is looked up
    in a table of all of them.
    """
    number = np.arange(3_000)
    types = [[f"{kind}{n % 1_000:04d}" for n in number.tolist()] for kind in ("t", "k")]
    sides = [profile([f"{n}" for n in number.tolist()], types=each) for each in types]
    tracemalloc.start()
    try:
        found = learned(sides[0], sides[1])[TYPES]
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1_000 * 1_000 * 8
    n = np.arange(1_000)
    assert found.ratio(n, n) == pytest.approx(np.log(3.5 / 0.503), abs=1e-5)
    assert found.ratio(n, np.roll(n, 1)) == pytest.approx(np.log(0.5 / 0.503), abs=1e-5)


def test_one_type_on_each_side_tells_nothing() -> None:
    sides = [profile([f"{n}" for n in range(40)], types=[kind] * 40) for kind in ("City", "Stadt")]
    assert TYPES not in learned(sides[0], sides[1])
