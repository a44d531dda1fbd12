"""What neighbours that match are worth, on graphs so small that it can be worked out by hand."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from kgalign.judge.evidence.neighbours import Neighbours
from tests.evaluate.small import profile

SURPRISES = (0.0, 0.3, 0.7, 1.2, 2.0, 3.5, 6.0)
SHARES = (0.0, 0.1, 0.25, 0.4, 0.6, 0.8, 1.0)
Edges = Sequence[tuple[int, str, int]]
Pair = tuple[int, int]
Found = dict[Pair, tuple[float, float] | None]


def compare(left: Edges, right: Edges, pairs: Mapping[Pair, float], size: int) -> Found:
    """Per pair the surprise of its shared neighbours, natural, and which share of the comparable is shared.

    :param pairs: how probable each pair is; ``size`` entities of each side.
    """
    sides = [profile([f"{name}{n}" for n in range(size)], edges=e) for name, e in (("l", left), ("r", right))]
    a, b = np.array(list(pairs), dtype=np.int32).T.copy()
    compare_part = Neighbours(sides[0], sides[1], a, b).comparisons(np.array(list(pairs.values())))
    surprise, share = (each(slice(None)) for each in compare_part)
    values = [
        np.interp(each.position, np.arange(len(knots)), knots)
        for each, knots in ((surprise, SURPRISES), (share, SHARES))
    ]
    assert (np.isnan(surprise.position) == np.isnan(share.position)).all()
    logs = math.log(2 + 2 * size)
    found: Found = {}
    for row, pair in enumerate(pairs):
        missing = np.isnan(surprise.position[row])
        found[pair] = None if missing else (float(values[0][row]) * logs, float(values[1][row]))
    return found


def close(*values: float) -> object:
    return pytest.approx(values, abs=1e-4)


def test_one_neighbour_by_one_relation() -> None:
    found = compare([(0, "p", 1)], [(0, "r", 1)], {(0, 0): 1, (1, 1): 1}, 2)
    # Both directions of p were seen once and mirrored: 3 in 4 on the whole, and each is drawn to it.
    agreement = (1 + 3 * 0.75) / (1 + 3)
    assert found[0, 0] == close(agreement * math.log(2), agreement)


def test_a_neighbour_counts_once_however_many_relations_lead_to_it() -> None:
    left = [(0, "p", 1), (0, "q", 1), (1, "q", 0)]
    right = [(0, "r", 1), (0, "s", 1), (1, "s", 0)]
    once = compare(left[:1], right[:1], {(0, 0): 1, (1, 1): 1}, 2)[0, 0]
    thrice = compare(left, right, {(0, 0): 1, (1, 1): 1}, 2)[0, 0]
    assert once is not None
    assert thrice is not None
    # q leads both ways, so that it has more facts; p is mirrored by all right ones.
    assert thrice[0] < 1.5 * math.log(3)
    assert 0.75 < thrice[1] <= 1


def test_of_several_relations_to_one_neighbour_the_best_counts() -> None:
    """0 and 1 stand by p and by q, as 2 and 3 do by q alone, which the right side does not mirror there."""
    left = [(0, "p", 1), (0, "q", 1), (2, "q", 3), (4, "q", 5)]
    right = [(0, "r", 1)]
    sure = {(n, n): 1.0 for n in range(6)}
    found = compare(left, right, sure, 6)
    # Mirrored: p of one, both ways; q of one in three.
    overall = (2 * (1 + 1) + 1) / (2 * (1 + 3) + 2)
    assert found[0, 0] is not None
    assert found[0, 0][0] == pytest.approx((1 + 3 * overall) / (1 + 3) * math.log(2), abs=1e-4)


def test_a_neighbour_that_many_have_says_little() -> None:
    """Three live in 9, one in 8: of the country of many the surprise is small."""
    edges = [(0, "in", 9), (1, "in", 9), (2, "in", 9), (3, "in", 8)]
    sure = {(n, n): 1.0 for n in (0, 1, 2, 3, 8, 9)}
    found = compare(edges, edges, sure, 10)
    common, rare = found[0, 0], found[3, 3]
    assert common is not None
    assert rare is not None
    assert common[0] / rare[0] == pytest.approx(math.log(5 / 3) / math.log(5), abs=1e-4)


def test_the_side_on_which_it_says_less_counts() -> None:
    """On the right six others stand with 9 too."""
    left = [(0, "in", 9), (1, "in", 8)]
    right = [*left, *[(n, "in", 9) for n in range(2, 8)]]
    sure = {(n, n): 1.0 for n in (0, 1, 8, 9)}
    ways = [compare(left, right, sure, 10)[0, 0], compare(right, left, sure, 10)[0, 0]]
    for found in ways:
        assert found is not None
        assert found[0] < math.log(9 / 7) + 1e-6


def test_neighbours_count_as_far_as_they_match() -> None:
    edges = [(0, "p", 1), (2, "p", 3)]
    sure = compare(edges, edges, {(0, 0): 1, (1, 1): 1, (2, 2): 1, (3, 3): 1}, 4)
    less = compare(edges, edges, {(0, 0): 1, (1, 1): 0.2, (2, 2): 1, (3, 3): 1}, 4)
    assert sure[0, 0] is not None
    assert less[0, 0] is not None
    agreements = (2 + 3 * 5 / 6) / 5, (1 + 3 * 0.75) / 4
    assert sure[0, 0] == close(agreements[0] * math.log(3), agreements[0])
    # What a relation is worth is learned from pairs likelier than not; 1 counts a fifth, and could no more.
    assert less[0, 0] == close(0.2 * agreements[1] * math.log(3), agreements[1])


def test_who_has_no_probable_partner_is_no_neighbour_to_share() -> None:
    """Left 1 hardly is right 1; right 1 is left 4, so that there is something to share."""
    edges = [(0, "p", 1), (2, "p", 3)]
    sure = {(0, 0): 1.0, (2, 2): 1.0, (3, 3): 1.0}
    left, right = [*edges, (0, "p", 4)], [*edges, (0, "q", 1)]
    found = compare(left, right, sure | {(1, 1): 0.09, (4, 1): 0.9, (4, 4): 0.0}, 5)
    alone = compare(left, right, sure | {(4, 1): 0.9, (4, 4): 0.0}, 5)
    assert found[0, 0] == alone[0, 0]
    # Where a neighbour's partner is hardly one, and not likelier, it is none at all.
    assert compare(edges, edges, sure, 4)[0, 0] is None


def test_the_two_likeliest_partners_of_a_neighbour_are_looked_at() -> None:
    """Left 1 may be right 1, 2 or 3; right 0 stands with another of them each time."""
    teach = [(4, "p", 5)]
    chances = {(0, 0): 1.0, (1, 1): 0.4, (1, 2): 0.3, (1, 3): 0.3, (4, 4): 1.0, (5, 5): 1.0}
    found = [compare([(0, "p", 1), *teach], [(0, "p", n), *teach], chances, 6)[0, 0] for n in (1, 2, 3)]
    agreement = (1 + 3 * 0.75) / 4
    shares = [each[0] / (agreement * math.log(3)) if each else None for each in found]
    assert shares == [pytest.approx(0.4, abs=1e-4), pytest.approx(0.3, abs=1e-4), 0]


def test_what_is_shared_is_held_against_the_side_that_has_less() -> None:
    """Left 0 knows three, right 0 one of them: all that could be shared is."""
    left = [(0, "p", 1), (0, "p", 2), (0, "p", 3)]
    sure = {(n, n): 1.0 for n in range(4)}
    few, many = compare(left, left[:1], sure, 4)[0, 0], compare(left[:1], left, sure, 4)[0, 0]
    assert few is not None
    assert many is not None
    assert many[1] == pytest.approx((1 + 3 * 0.75) / 4, abs=1e-4)
    # Each way of p's is held against what p does on the whole: one in three is mirrored.
    agreement = (1 + 3 * (2 + 1) / (6 + 2)) / (3 + 3)
    assert few[1] == pytest.approx(agreement * math.log(2) / math.log(2), abs=1e-4)


def test_a_relation_that_is_mirrored_by_another_says_little_of_this_one() -> None:
    """Right 0 and 1 both stand with 9: as p, which p mirrors in all other pairs, and as q, which it never is.

    0 and 1 are alike else; so the relation alone tells which of the two left 0 is.
    """
    others = [(n, "p", n + 4) for n in range(2, 6)] + [(n + 4, "q", n) for n in range(2, 6)]
    left = [(0, "p", 10), *others]
    right = [(0, "p", 10), (1, "q", 10), *others]
    chances = {(0, 0): 0.5, (0, 1): 0.5} | {(n, n): 1.0 for n in range(2, 11)}
    found = compare(left, right, chances, 11)
    same, other = found[0, 0], found[0, 1]
    assert same is not None
    assert other is not None
    assert same[0] > 0.5
    assert other[0] == 0


def test_of_a_relation_between_doubtful_pairs_hardly_anything_is_known() -> None:
    """Nobody who stands with another by p is likelier than not: it agrees a fifth of the usual."""
    edges = [(0, "p", 1), (2, "q", 3)]
    chances = {(0, 0): 0.5, (1, 1): 0.5, (2, 2): 1.0, (3, 3): 1.0}
    found = compare(edges, edges, chances, 4)
    assert found[0, 0] == close(0.2 * 0.75 * math.log(2) * 0.5, 0.2 * 0.75)


def test_a_relation_seen_once_keeps_close_to_what_relations_do() -> None:
    """Ten facts of p are not mirrored; the one of q that is may be by chance."""
    people = [(n, "p", n + 10) for n in range(10)]
    right = [(20, "q", 21)]
    sure = {(n, n): 1.0 for n in range(22)}
    found = compare([*people, (20, "q", 21)], right, sure, 22)
    overall = (2 + 1) / (22 + 2)
    agreement = (1 + 3 * overall) / 4
    assert found[20, 20] == close(agreement * math.log(2), agreement)
