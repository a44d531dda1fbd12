"""Which channel finds what, and how they are united."""

from dataclasses import fields
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.config import RetrieveConfig
from kgalign.evaluate import recall_at
from kgalign.records import Candidates, Profile
from kgalign.retrieve import retrieve
from tests.evaluate.small import Values, profile

NAMES = ["Ada Lovelace", "Alan Turing", "Grace Hopper", "Edsger Dijkstra", "Barbara Liskov", "Donald Knuth"]
L, R = "http://l.example/", "http://r.example/"


def side(base: str, values: Values, count: int = 0, **more: Any) -> Profile:  # noqa: ANN401 - of `profile`
    size = max([count, *(entity + 1 for entity in values)])
    return profile([f"{base}{number}" for number in range(size)], values=values, **more)


def named(base: str, names: list[str], **more: Any) -> Profile:  # noqa: ANN401 - of `profile`
    return side(base, {number: {"x:label": [name]} for number, name in enumerate(names)}, len(names), **more)


def pairs(candidates: Candidates) -> list[tuple[int, int]]:
    return list(zip(candidates.left.tolist(), candidates.right.tolist(), strict=True))


def firsts(candidates: Candidates) -> dict[int, int]:
    rows = candidates.rank == 1
    return dict(zip(candidates.left[rows].tolist(), candidates.right[rows].tolist(), strict=True))


def rank_in(candidates: Candidates, channel: str, pair: tuple[int, int]) -> int:
    return int(candidates.channel_rank[pairs(candidates).index(pair), candidates.channels.index(channel)])


def test_names_are_found_in_another_order_and_with_slips() -> None:
    right = [
        "Turing, Alan M.",
        "Hoper, Grace",
        "LOVELACE, ADA",
        "Liskov B.",
        "Dijkstra (Edsger)",
        "D. E. Knuth",
    ]
    found = retrieve(named(L, NAMES), named(R, right), RetrieveConfig(channels=("names",)))
    assert found.channels == ("names",)
    assert firsts(found) == {0: 2, 1: 0, 2: 1, 3: 4, 4: 3, 5: 5}
    assert (found.channel_score >= 0).all()
    assert (found.channel_score <= 1 + 1e-6).all()


def test_values_find_what_has_no_name() -> None:
    left = side(L, {0: {"l:isbn": ["978-0201896831"], "l:year": ["1997"]}, 1: {"l:isbn": ["978-0262033848"]}})
    right = side(R, {0: {"r:code": ["9780262033848"]}, 1: {"r:code": ["978 0201896831"], "r:in": ["1997"]}})
    found = retrieve(left, right, RetrieveConfig())
    assert found.channels == ("names", "values")
    assert (0, 1) in pairs(found)
    assert rank_in(found, "values", (0, 1)) == 1
    assert rank_in(found, "names", (0, 1)) == 0


def test_structure_finds_what_only_has_neighbours() -> None:
    """Two works without a name or a value hang on an author each."""
    edges = [(6, "wrote", 0), (7, "wrote", 3)]
    left = side(L, {n: {"x:label": [name]} for n, name in enumerate(NAMES)}, 8, edges=edges)
    right = side(
        R,
        {n: {"x:label": [name]} for n, name in enumerate(reversed(NAMES))},
        8,
        edges=[(5, "autor", 6), (2, "autor", 7)],
    )
    found = retrieve(left, right, RetrieveConfig())
    assert found.channels == ("names", "values", "structure")
    assert firsts(found)[6] == 6
    assert firsts(found)[7] == 7
    assert rank_in(found, "structure", (6, 6)) == 1


def test_one_iri_on_both_sides_is_a_channel_and_the_label_of_a_blank_node_is_none() -> None:
    left = profile(["_:b0", "http://x.example/1", "http://x.example/2"], values={0: {"x:label": ["Ada"]}})
    right = profile(["_:b0", "http://x.example/2", "http://x.example/3"], values={0: {"x:label": ["Alan"]}})
    found = retrieve(left, right, RetrieveConfig())
    assert "iri" in found.channels
    assert pairs(found) == [(2, 1)]
    assert "iri" not in retrieve(left, named(R, NAMES), RetrieveConfig()).channels


def test_only_the_channels_asked_for_are_used() -> None:
    left, right = named(L, NAMES, edges=[(0, "p", 1)]), named(R, NAMES, edges=[(0, "p", 1)])
    for channels in (("names",), ("values",), ("names", "structure")):
        found = retrieve(left, right, RetrieveConfig(channels=channels))
        assert found.channels == channels
        assert found.channel_rank.shape == found.channel_score.shape == (len(found), len(channels))


def test_sides_with_nothing_in_common_have_no_candidates() -> None:
    found = retrieve(named(L, ["aaaa"]), named(R, ["zzzz"]), RetrieveConfig())
    assert len(found) == 0
    assert found.channel_rank.shape == (0, len(found.channels))


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_a_right_entity_that_no_left_one_prefers_asks_for_itself(k: int) -> None:
    """Ten right records of the very name leave no room for an eleventh among the left one's best."""
    right = ["Grace Hopper"] * 10 + ["Grace Hoper Murray Brewster"]
    sides = named(L, ["Grace Hopper", "Ada"]), named(R, right)
    found = retrieve(*sides, RetrieveConfig(k=k, channels=("names",)))
    assert (0, 10) in pairs(found)
    # Its rank in the channel is the one among all that were found for the left entity, whoever asked.
    assert rank_in(found, "names", (0, 10)) == 11
    gold = [(f"{L}0", f"{R}10")]
    assert recall_at(found, *sides, gold)["names"] == {"1": 0, "5": 0, "10": 0, "20": 1, "50": 1, "any": 1}


@pytest.mark.parametrize("k", [1, 2, 5, 10])
def test_k_bounds_the_candidates(k: int) -> None:
    names = [
        f"{given} {family}"
        for given in "Ada Alan Grace Edsger".split()
        for family in "Turing Knuth Hopper".split()
    ]
    found = retrieve(named(L, names), named(R, names), RetrieveConfig(k=k))
    assert len(found) <= 2 * k * len(names)
    assert set(found.left.tolist()) == set(range(len(names)))
    if k == 1:
        assert len(found) == len(names)


def equal(one: Candidates, other: Candidates) -> bool:
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(Candidates)
    )


name_lists = st.lists(
    st.lists(
        st.sampled_from(["ada", "alan", "grace", "turing", "hopper", "17", "x-22"]), min_size=1, max_size=3
    ).map(" ".join),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25)
@given(name_lists, name_lists, st.integers(1, 6))
def test_candidates_are_in_order_distinct_and_repeatable(left: list[str], right: list[str], k: int) -> None:
    sides = named(L, left, edges=[(0, "p", 0)]), named(R, right, edges=[(0, "p", 0)])
    found = retrieve(*sides, RetrieveConfig(k=k))
    assert equal(found, retrieve(*sides, RetrieveConfig(k=k)))
    rows = list(zip(found.left.tolist(), found.rank.tolist(), found.score.tolist(), strict=True))
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    for _, group in groupby(rows, key=lambda row: row[0]):
        ranked = list(group)
        assert [rank for _, rank, _ in ranked] == list(range(1, len(ranked) + 1))
        assert all(a[2] >= b[2] for a, b in pairwise(ranked))
    assert len(set(pairs(found))) == len(found)
    # Whoever carries the same name is found, where so few are looked at.
    if k == 6:
        for a, name in enumerate(left):
            if right.count(name) == 1 and left.count(name) == 1:
                assert (a, right.index(name)) in pairs(found)


@settings(max_examples=50)
@given(name_lists, name_lists, st.integers(1, 4))
def test_either_side_asks_for_as_many(left: list[str], right: list[str], k: int) -> None:
    """Which side is which makes no difference to what is found."""
    sides, config = (named(L, left), named(R, right)), RetrieveConfig(k=k)
    turned = retrieve(*sides[::-1], config)
    assert set(pairs(retrieve(*sides, config))) == {(a, b) for b, a in pairs(turned)}


@settings(max_examples=50)
@given(name_lists, name_lists, st.integers(1, 4))
def test_whatever_a_channel_found_has_a_rank_in_it(left: list[str], right: list[str], k: int) -> None:
    found = retrieve(named(L, left), named(R, right), RetrieveConfig(k=k))
    assert (found.channel_rank > 0).any(axis=1).all()
    assert ((found.channel_rank > 0) == (found.channel_score > 0)).all()
