"""Splits by entity: what is one stays together, shares are kept, the same entities give the same splits."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from kgalign.train.splitting import Together, drawn, split_entities


def apart(count: int, seed: int = 0) -> list[Together]:
    """Cases that have nothing to do with each other."""
    return [
        Together(f"http://l/{seed}/{i}", (f"http://r/{seed}/{i}",), (f"http://o/{seed}/{i}",))
        for i in range(count)
    ]


@st.composite
def tangled(draw: st.DrawFn) -> list[Together]:
    """Cases of which many share candidates and some share partners."""
    count = draw(st.integers(1, 60))
    rights = st.integers(0, count)
    return [
        Together(
            f"http://l/{i}",
            tuple(f"http://r/{each}" for each in draw(st.sets(rights, max_size=2))),
            tuple(f"http://r/{each}" for each in draw(st.sets(rights, max_size=4))),
        )
        for i in range(count)
    ]


@given(tangled(), st.integers(0, 5), st.randoms(use_true_random=False))
def test_partners_are_never_parted_and_the_order_makes_no_difference(
    cases: list[Together], seed: int, dice: random.Random
) -> None:
    splits = split_entities(cases, valid=0.2, test=0.2, seed=seed)
    assert splits.keys() == {iri for each in cases for iri in (each.case, *each.tied, *each.near)}
    for each in cases:
        assert {splits[iri] for iri in each.tied} <= {splits[each.case]}
    mixed = cases[:]
    dice.shuffle(mixed)
    assert split_entities(mixed, valid=0.2, test=0.2, seed=seed) == splits


def test_shares_are_kept_and_the_seed_draws_others() -> None:
    cases = apart(1000)
    splits = split_entities(cases, valid=0.1, test=0.2, seed=1)
    counts = Counter(splits[each.case] for each in cases)
    assert counts["test"] == 200
    assert counts["valid"] == 100
    other = split_entities(cases, valid=0.1, test=0.2, seed=2)
    assert {each.case for each in cases if splits[each.case] == "test"} != {
        each.case for each in cases if other[each.case] == "test"
    }


def test_no_share_no_split() -> None:
    cases = apart(50)
    assert set(split_entities(cases, valid=0.0, test=0.0, seed=0).values()) == {"train"}


def test_small_components_stay_whole() -> None:
    """Five entities around one candidate each: no edge between splits is needed, and there is none."""
    cases = [
        Together(f"http://l/{group}/{i}", (), (f"http://hub/{group}",))
        for group in range(100)
        for i in range(5)
    ]
    splits = split_entities(cases, valid=0.1, test=0.1, seed=3)
    for each in cases:
        assert splits[each.case] == splits[each.near[0]]


def test_in_one_large_component_few_candidates_are_lost() -> None:
    """Entities on a ring know their neighbours: cut in pieces, only the ends of the pieces lose some."""
    size = 500
    cases = [
        Together(f"http://l/{i}", (f"http://r/{i}",), tuple(f"http://r/{(i + d) % size}" for d in (1, 2, 3)))
        for i in range(size)
    ]
    splits = split_entities(cases, valid=0.1, test=0.1, seed=0)
    lost = sum(splits[iri] != splits[each.case] for each in cases for iri in each.near)
    # Drawn one by one, a third of all would be: 1 - .8² - .1² - .1² = .34.
    assert lost / (3 * size) < 0.34 / 2


def test_what_is_held_out_is_the_test_and_nothing_else_is() -> None:
    cases = apart(30)
    kept = [Together(each.case, each.tied, each.near, held_out=True) for each in apart(10, seed=9)]
    splits = split_entities([*cases, *kept], valid=0.2, test=0.5, seed=0)
    assert {splits[each.case] for each in kept} == {"test"}
    assert {splits[each.case] for each in cases} == {"train", "valid"}


def test_draws_are_the_same_on_every_machine() -> None:
    assert drawn(0, "split", "http://e/1") == 5400976704799071828
