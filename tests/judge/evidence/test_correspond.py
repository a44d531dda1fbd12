"""Which attributes are taken to correspond: on small sides where only one thing tells."""

import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from kgalign.config import SelectConfig
from kgalign.judge.evidence.correspond import (
    AttributeComparisons,
    Correspondence,
    shared_kind,
    value_similarity,
)
from kgalign.judge.evidence.texts import prepare
from kgalign.rdf import read_graph
from kgalign.records import Attribute, Profile
from kgalign.select import select
from kgalign.values.kinds import ValueKind
from kgalign.values.predicates import path_names
from tests.evaluate.small import profile

LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
XSD = "http://www.w3.org/2001/XMLSchema#"
Rows = Sequence[Mapping[str, str | tuple[str, ...]]]


def side(folder: Path, name: str, rows: Rows) -> Profile:
    """A side of entities that are called ``e000``, ``e001`` …, each with a label of its own."""
    lines = []
    for number, row in enumerate(rows):
        node = f"<http://{name}.example/e{number:04d}>"
        lines.append(f"{node} <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://{name}.example/T>")
        if "label" not in row:
            lines.append(f'{node} <{LABEL}> "thing {number * 7919 % 10007} {number * 31 % 97}"')
        for key, values in row.items():
            predicate = LABEL if key == "label" else f"http://{name}.example/{key}"
            for value in (values,) if isinstance(values, str) else values:
                literal = value if value.startswith('"') else f'"{value}"'
                lines.append(f"{node} <{predicate}> {literal}")
    path = folder / f"{name}.nt"
    path.write_text("".join(f"{line} .\n" for line in lines), encoding="utf8")
    found = select(read_graph([path]), SelectConfig())
    assert found.entity_iri.to_pylist() == [f"http://{name}.example/e{n:04d}" for n in range(len(rows))]
    return found


def learned(
    folder: Path, left: Rows, right: Rows, chance: Sequence[float] | None = None
) -> tuple[dict[str, Correspondence], AttributeComparisons]:
    """What is found between sides whose entities stand in the same order, by the names of both."""
    sides = side(folder, "left", left), side(folder, "right", right)
    n = np.arange(len(left), dtype=np.int32)
    probability = np.array(chance if chance is not None else [1.0] * len(left))
    found = AttributeComparisons.learned(*sides, prepare(*sides), n, n, probability)
    names = [path_names(each.path for each in one.attributes) for one in sides]
    return {f"{names[0][each.left]} = {names[1][each.right]}": each for each in found.found}, found


def word(number: int) -> str:
    """A short word of its own for each number."""
    return "".join("bdfgklmnprst"[number * k // 12 % 12] + "aeiou"[number * k % 5] for k in (7, 31, 101))


def date(number: int, years: int = 0) -> str:
    value = f"{1900 + number * 37 % 90 + years}-{number * 5 % 12 + 1:02d}-{number * 11 % 28 + 1:02d}"
    return f'"{value}"^^<{XSD}date>'


def test_what_agrees_no_more_than_at_random_does_not_correspond(tmp_path: Path) -> None:
    """All matches agree in the country, as nearly all pairs do; in the town only matches do."""
    left = [{"land": "Norway" if n % 40 else "Chile", "town": word(n)} for n in range(80)]
    right = [{"country": row["land"], "place": row["town"]} for row in left]
    found, _ = learned(tmp_path, left, right)
    assert found["town = place"].gain > 0.5
    assert "land = country" not in found


@pytest.mark.parametrize("other", ["aaaaaa", "zzzzzz"])
def test_of_several_values_the_best_counts_whichever_comes_first(tmp_path: Path, other: str) -> None:
    left = [{"town": (word(n), f"{other} {word(n * 13 + 700)}")} for n in range(60)]
    right = [{"place": word(n), "seal": word(n * 17 + 300)} for n in range(60)]
    found, _ = learned(tmp_path, left, right)
    assert found["town = place"].agreement == 1.0


def test_what_is_held_does_not_grow_with_all_pairs_of_attributes(tmp_path: Path) -> None:
    """Of 600 attributes a side each entity has ten: far fewer pairs are seen than there are."""
    left, right = (
        side(tmp_path, name, [{f"p{n * 10 + k}": word(n + k) for k in range(10)} for n in range(60)])
        for name in ("left", "right")
    )
    texts, n = prepare(left, right), np.arange(60, dtype=np.int32)
    tracemalloc.start()
    try:
        AttributeComparisons.learned(left, right, texts, n, n, np.ones(60))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < len(left.attributes) * len(right.attributes) * 8


def test_a_handful_of_pairs_that_have_both_teaches_nothing(tmp_path: Path) -> None:
    left = [{"town": word(n)} | ({"seal": word(n + 500)} if n < 3 else {}) for n in range(40)]
    right = [{"place": word(n)} | ({"stamp": word(n + 500)} if n < 3 else {}) for n in range(40)]
    found, _ = learned(tmp_path, left, right)
    assert "town = place" in found
    assert "seal = stamp" not in found


def test_fewer_than_five_pairs_teach_nothing(tmp_path: Path) -> None:
    left = [{"town": word(n)} for n in range(4)]
    found, _ = learned(tmp_path, left, [{"place": row["town"]} for row in left])
    assert not found


@pytest.mark.parametrize(("sure", "support"), [(40, 40), (39, 60)])
def test_where_enough_pairs_are_sure_they_teach_alone(tmp_path: Path, sure: int, support: int) -> None:
    left = [{"town": word(n)} for n in range(70)]
    right = [{"place": word(n)} for n in range(70)]
    chance = [0.8] * sure + [0.6] * (60 - sure) + [0.4] * 10
    found, _ = learned(tmp_path, left, right, chance)
    assert found["town = place"].support == support


def test_pairs_are_drawn_evenly_and_not_the_first_ones(tmp_path: Path) -> None:
    """Of 900 pairs the last three hundred alone have a town."""
    left = [{"town": word(n)} if n >= 600 else {"seal": word(n)} for n in range(900)]
    right = [{"place": word(n)} if n >= 600 else {"stamp": word(n)} for n in range(900)]
    found, _ = learned(tmp_path, left, right)
    assert found["town = place"].support == 200
    assert found["seal = stamp"].support == 400


def test_an_attribute_corresponds_with_the_one_that_says_the_same(tmp_path: Path) -> None:
    """Who was born in a year died in the next one: near, but nearer lies the other date of birth."""
    left = [{"born": date(n), "died": date(n, 1)} for n in range(60)]
    right = [{"birth": date(n), "death": date(n, 1)} for n in range(60)]
    found, _ = learned(tmp_path, left, right)
    assert found.keys() >= {"born = birth", "died = death"}
    assert not found.keys() & {"born = death", "died = birth"}


def test_many_facts_with_a_fair_gain_come_before_a_few_with_a_large_one(tmp_path: Path) -> None:
    left = [{"born": date(n)} for n in range(60)]
    right = [{"near": date(n, 1)} | ({"exact": date(n)} if n < 6 else {}) for n in range(60)]
    found, _ = learned(tmp_path, left, right)
    assert list(found) == ["born = near", "born = exact"]


def test_names_that_are_now_a_label_and_now_a_synonym_are_left_to_all_names(tmp_path: Path) -> None:
    """Half of the labels are the other side's synonyms: each pair of attributes is wrong half the time."""
    left = [{"label": f"{word(n)} {word(n + 300)}", "altLabel": word(n + 900)} for n in range(60)]
    right = [
        {"label": row["label"], "altLabel": row["altLabel"]}
        if n % 2
        else {"label": row["altLabel"], "altLabel": row["label"]}
        for n, row in enumerate(left)
    ]
    found, learner = learned(tmp_path, left, right)
    assert sum(each.is_name for each in learner.sides[0].attributes) == 2, "both are names"
    assert not found


def test_the_one_name_that_things_have_is_left_to_the_comparison_of_names(tmp_path: Path) -> None:
    left = [{"label": f"{word(n)} {word(n + 300)}", "town": word(n + 600)} for n in range(60)]
    right = [{"label": row["label"], "place": row["town"]} for row in left]
    found, _ = learned(tmp_path, left, right)
    assert set(found) == {"town = place"}


def test_a_given_name_and_a_surname_are_compared_apart() -> None:
    """Each agrees as much more than at random as all names do: there too strangers are alike in part."""
    names = [(f"Anna{word(n)}", f"{word(n + 300)}sson") for n in range(60)]
    sides = [
        profile(
            [f"e{n}" for n in range(60)],
            values={
                n: {"given-label": [given], "label": [family]} for n, (given, family) in enumerate(names)
            },
        )
        for _ in range(2)
    ]
    n = np.arange(60, dtype=np.int32)
    found = AttributeComparisons.learned(sides[0], sides[1], prepare(*sides), n, n, np.ones(60)).found
    assert {(each.left, each.right) for each in found} == {(0, 0), (1, 1)}
    assert max(each.gain for each in found) < 0.9


def test_the_pairs_that_teach_are_the_same_ones_in_whatever_order_they_stand(tmp_path: Path) -> None:
    """Of 900 pairs 600 teach; half of the values agree, so that others would teach something else."""
    left = [{"colour": word(n), "size": word(n % 97)} for n in range(900)]
    right = [{"farbe": word(n if n % 2 else n + 1), "masse": word((n * n) % 97)} for n in range(900)]
    sides = side(tmp_path, "left", left), side(tmp_path, "right", right)
    n = np.arange(900, dtype=np.int32)
    found = []
    for order in (n, n[::-1], np.random.default_rng(0).permutation(n)):
        pairs = AttributeComparisons.learned(*sides, prepare(*sides), order, order, np.ones(900))
        found.append(pairs.found)
    assert found[0] == found[1] == found[2]
    assert found[0]


def test_sharing_a_rare_value_is_a_better_level_than_sharing_a_common_one(tmp_path: Path) -> None:
    """Of 60 surnames half are Smith, two are Young, and the others are each held by one."""
    names = ["Smith" if n < 30 else "Young" if n < 32 else word(n) for n in range(60)]
    left = [{"family": name} for name in names]
    found, learner = learned(tmp_path, left, [{"surname": name} for name in names])
    assert "family = surname" in found
    n = np.array([0, 31, 40], dtype=np.int32)
    comparison = next(each for each in learner.compare(n, n) if each.name == "family = surname")
    levels = [comparison.labels[round(float(each))] for each in comparison.position]
    assert levels == ["the same, common", "the same, uncommon", "the same, rare"]


def test_a_difference_of_unit_is_none_within_a_side(tmp_path: Path) -> None:
    left = [{"height": f'"{50 + n * 7 % 41}"^^<{XSD}integer>'} for n in range(60)]
    right = [{"size": f'"{(50 + n * 7 % 41) * 2.54:.2f}"^^<{XSD}decimal>'} for n in range(60)]
    found, learner = learned(tmp_path, left, right)
    assert found["height = size"].factor == pytest.approx(2.54, rel=1e-3)
    n = np.arange(60, dtype=np.int32)
    for sides in ((0, 1), (0, 0), (1, 1)):
        (comparison,) = learner.compare(n, n, sides)
        assert (comparison.position >= 6).all(), sides


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (ValueKind.NUMBER, ValueKind.NUMBER, ValueKind.NUMBER),
        (ValueKind.NUMBER, ValueKind.CODE, ValueKind.CODE),
        (ValueKind.CODE, ValueKind.NUMBER, ValueKind.CODE),
        (ValueKind.NUMBER, ValueKind.DATE, ValueKind.NAME),
        (ValueKind.TEXT, ValueKind.CODE, ValueKind.NAME),
    ],
)
def test_kinds_that_differ_are_compared_as_what_both_are(
    left: ValueKind, right: ValueKind, expected: ValueKind
) -> None:
    attributes = [Attribute(("p",), kind, 1, 1.0, 1.0, 1.0, 1.0) for kind in (left, right)]
    assert shared_kind(*attributes) == expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("1990-01-31", "1990-01-31", 1.0),
        ("1990-01-31", "1990-02-02", 0.85),
        ("1990-01-01", "1990-01-31", 0.7),
        ("1990-01-01", "1990-06-01", 0.55),
        ("1990-06-01", "1991-01-01", 0.4),
        ("1990-01-01", "1995-01-01", 0.2),
        ("1990-01-01", "2005-01-01", 0.0),
        ("1990", "1990-05-05", 0.55),
    ],
)
def test_dates_are_near_by_what_they_have_in_common(left: str, right: str, expected: float) -> None:
    sides = [profile(["e"], values={0: {"p": [text]}}, kind=ValueKind.DATE) for text in (left, right)]
    one = np.zeros(1, dtype=np.int32)
    (found,) = value_similarity(ValueKind.DATE, prepare(*sides), one, one)
    assert found == pytest.approx(expected)
