"""Clusters: what does not hold together is cut, and what would be too large; what was given never is."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, product
from random import Random

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.assign import assign, cut_to_size, cut_warnings
from kgalign.assign.clusters import hold_together
from kgalign.config import AssignConfig, JudgeConfig
from kgalign.links.nodes import Nodes
from kgalign.rdf.graph import Ids
from kgalign.records import Alignment, Outcome, Verdicts
from tests.evaluate.small import profile, verdicts

SIZE = 7
Pair = tuple[int, int]
Rows = list[tuple[int, int, float]]
LINKS = (Outcome.MATCH, Outcome.CONFIRMED)

chances = st.integers(0, 16).map(lambda sixteenths: sixteenths / 16)
"""Sums of them are exact, in whatever order."""
rows_of_pairs = st.dictionaries(
    st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)), chances, max_size=36
).map(lambda drawn: [(a, b, p) for (a, b), p in sorted(drawn.items())])
picks = st.lists(st.integers(0, 40), max_size=4)


def judged(rows: Rows, given_rows: Sequence[int] = (), voted: Sequence[int] = ()) -> Verdicts:
    """Verdicts of which some were given, and some decided by votes: as they stand, for or against."""
    some = sorted({pick % len(rows) for pick in given_rows}) if rows else []
    found = verdicts(rows, given=some)
    if rows:
        asked = np.array([pick % len(rows) for pick in voted], dtype=np.int64)
        found.voted[asked] = np.where(found.probability[asked] >= 0.5, Outcome.MATCH, Outcome.NO_MATCH)
    return found


def aligned(found: Verdicts, k: int = 15) -> Alignment:
    many = AssignConfig(cardinality="many-to-many")
    return assign(found, SIZE, SIZE, many, JudgeConfig(), k=k)


def pairs(alignment: Alignment, *outcomes: Outcome) -> set[Pair]:
    rows = np.isin(alignment.outcome, outcomes)
    return set(zip(alignment.left[rows].tolist(), alignment.right[rows].tolist(), strict=True))


def cut(found: Verdicts, rows: Ids) -> set[Pair]:
    return set(zip(found.left[rows].tolist(), found.right[rows].tolist(), strict=True))


def uncut(alignment: Alignment) -> Alignment:
    """As it was before anything was cut."""
    outcome = alignment.outcome.copy()
    outcome[np.isin(alignment.verdict, alignment.loose)] = Outcome.MATCH
    return replace(alignment, outcome=outcome, loose=alignment.loose[:0], figures={})


def clique(lefts: Sequence[int], rights: Sequence[int], chance: float = 0.9) -> Rows:
    return [(a, b, chance) for a, b in product(lefts, rights)]


def test_two_cliques_with_one_weak_link_are_cut_there() -> None:
    found = verdicts(sorted([*clique((0, 1), (0, 1)), *clique((2, 3), (2, 3)), (1, 2, 0.7)]))
    alignment = aligned(found)
    assert cut(found, alignment.loose) == {(1, 2)}
    assert pairs(alignment, Outcome.UNDECIDED) == {(1, 2)}
    assert len(pairs(alignment, Outcome.MATCH)) == 8
    assert alignment.figures == {"loose clusters": 1.0}


def test_a_clique_stays_and_so_does_one_of_which_a_link_is_missing() -> None:
    whole = clique((0, 1, 2), (0, 1, 2))
    assert len(aligned(verdicts(whole)).loose) == 0
    lacking = [row for row in whole if row[:2] != (1, 1)]
    assert len(aligned(verdicts(lacking)).loose) == 0
    assert pairs(aligned(verdicts(lacking)), Outcome.MATCH) == {row[:2] for row in lacking}


def test_a_chain_is_cut_in_its_weak_middle() -> None:
    found = verdicts([(0, 0, 0.9), (1, 0, 0.6), (1, 1, 0.9)])
    alignment = aligned(found)
    assert pairs(alignment, Outcome.MATCH) == {(0, 0), (1, 1)}
    assert cut(found, alignment.loose) == {(1, 0)}


def test_what_is_probable_but_no_match_helps_a_cluster_to_hold() -> None:
    rows: Rows = [(0, 0, 0.9), (0, 1, 0.4375), (1, 0, 0.625), (1, 1, 0.9)]
    assert len(aligned(verdicts(rows)).loose) == 0
    # The sum of what lies between the two halves falls below one of two.
    rows[1] = (0, 1, 0.3125)
    assert len(aligned(verdicts(rows)).loose) == 1


def test_stars_hold_together() -> None:
    rows = [(0, b, 0.5 + b / 16) for b in range(6)]
    assert len(aligned(verdicts(rows)).loose) == 0


@pytest.mark.parametrize("firm", ["given", "voted"])
def test_what_was_given_or_voted_for_is_never_cut(firm: str) -> None:
    rows: Rows = [(0, 0, 0.9), (1, 0, 0.6), (1, 1, 0.9)]
    found = judged(rows, given_rows=[1] if firm == "given" else [], voted=[1] if firm == "voted" else [])
    alignment = aligned(found)
    # It joins its ends before all others. Then 0 and 0 speak of no further pair, but 1 and 1 do.
    assert pairs(alignment, *LINKS) == {(0, 0), (1, 0)}
    assert cut(found, alignment.loose) == {(1, 1)}


def test_what_votes_refused_joins_nobody() -> None:
    found = verdicts([(0, 0, 0.9), (0, 1, 0.4), (1, 0, 0.4), (1, 1, 0.9)])
    found.voted[1:3] = Outcome.NO_MATCH
    alignment = aligned(found)
    assert pairs(alignment, Outcome.MATCH) == {(0, 0), (1, 1)}
    assert len(alignment.loose) == 0


def test_pairs_that_no_list_had_room_for_say_nothing() -> None:
    # 40 records a side of one thing, of which each was compared with its 20 nearest on a ring.
    found = verdicts([(a, (a + step) % 40, 0.95) for a in range(40) for step in range(20)])
    many = AssignConfig(cardinality="many-to-many")
    few, all_ = (assign(found, 40, 40, many, JudgeConfig(), k=k) for k in (20, 40))
    # Where the lists had room for all 40, half of what they could hold was found to be different.
    assert len(few.loose) < len(all_.loose)
    assert len(few.loose) < 0.1 * len(found)


def test_where_little_makes_a_match_as_little_holds_a_cluster_together() -> None:
    found = verdicts([*clique((0, 1), (0, 1), 0.3), (2, 2, 0.3), (2, 3, 0.3), (3, 2, 0.3), (4, 4, 0.3)])
    many = AssignConfig(cardinality="many-to-many")
    alignment = assign(found, SIZE, SIZE, many, JudgeConfig(match_probability=0.3))
    assert {(0, 0), (0, 1), (1, 0), (1, 1), (4, 4)} <= pairs(alignment, Outcome.MATCH)
    assert len(alignment.loose) == 1


@given(rows_of_pairs, picks, picks)
def test_cutting_only_makes_matches_undecided(rows: Rows, given_rows: list[int], voted: list[int]) -> None:
    found = judged(rows, given_rows, voted)
    after = aligned(found)
    before = uncut(after)
    assert np.array_equal(after.verdict, before.verdict)
    changed = after.outcome != before.outcome
    assert set(after.verdict[changed].tolist()) == set(after.loose.tolist())
    assert (after.outcome[changed] == Outcome.UNDECIDED).all()
    assert not found.given[after.loose].any()
    assert not (found.voted[after.loose] == Outcome.MATCH).any()
    again = hold_together(after, found, 0.5, 15)
    assert np.array_equal(again.outcome, after.outcome)


@given(rows_of_pairs, picks, picks, st.sampled_from([1, 2, 15]))
def test_clusters_are_what_agglomeration_by_sets_makes_of_the_links(
    rows: Rows, given_rows: list[int], voted: list[int], k: int
) -> None:
    found = judged(rows, given_rows, voted)
    after = aligned(found, k)
    links = pairs(uncut(after), *LINKS)
    parts = _by_sets(found, links, k)
    kept = {(a, b) for a, b in links if any(("l", a) in part and ("r", b) in part for part in parts)}
    assert pairs(after, *LINKS) == kept


def _by_sets(found: Verdicts, links: set[Pair], k: int) -> list[set[tuple[str, int]]]:
    """The same, written down as it is meant: sets of entities, and sums over all pairs between them."""
    ends = zip(found.left.tolist(), found.right.tolist(), strict=True)
    refused = (found.voted == Outcome.NO_MATCH) & (found.probability < 0.5) & ~found.given
    row = {pair: number for number, pair in enumerate(ends) if not refused[number]}
    chance = {pair: float(found.probability[number]) for pair, number in row.items()}
    likely = {pair for pair, probability in chance.items() if probability >= 0.02}
    room: dict[tuple[str, int], int] = {
        **{("l", a): max(k, sum(pair[0] == a for pair in row)) for a in range(SIZE)},
        **{("r", b): max(k, sum(pair[1] == b for pair in row)) for b in range(SIZE)},
    }
    parts = [{node} for node in room]

    def between(one: set[tuple[str, int]], other: set[tuple[str, int]]) -> list[Pair]:
        return [(a, b) for (s, a), (t, b) in product(one, other) if (s, t) == ("l", "r")]

    def free(part: set[tuple[str, int]], side: str) -> int:
        inside = [pair for pair in between(part, part) if pair in likely and same_cluster(pair)]
        return sum(room[node] for node in part if node[0] == side) - len(inside)

    graph = nx.Graph([(("l", a), ("r", b)) for a, b in links])
    component = {node: number for number, each in enumerate(nx.connected_components(graph)) for node in each}

    def same_cluster(pair: Pair) -> bool:
        return component.get(("l", pair[0]), -1) == component.get(("r", pair[1]), -2)

    def firm(pair: Pair) -> bool:
        return bool(found.given[row[pair]] or found.voted[row[pair]] == Outcome.MATCH)

    for a, b in sorted(links, key=lambda pair: (not firm(pair), -found.log_odds[row[pair]], pair)):
        one = next(part for part in parts if ("l", a) in part)
        other = next(part for part in parts if ("r", b) in part)
        if one is other:
            continue
        counted = sum(
            min(len(between(x, y)), free(x, "l"), free(y, "r")) for x, y in ((one, other), (other, one))
        )
        all_ = {*between(one, other), *between(other, one)} & likely
        if firm((a, b)) or sum(chance[pair] for pair in all_) >= 0.5 * counted:
            parts = [part for part in parts if part is not one and part is not other] + [one | other]
    return parts


@given(rows_of_pairs, picks, picks, st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_does_not_count(
    rows: Rows, given_rows: list[int], voted: list[int], dice: Random
) -> None:
    found = judged(rows, given_rows, voted)
    order = list(range(len(rows)))
    dice.shuffle(order)
    other = replace(
        judged([rows[place] for place in order]), given=found.given[order], voted=found.voted[order]
    )
    one, same = aligned(found), aligned(other)
    for outcome in (*LINKS, Outcome.UNDECIDED):
        assert pairs(one, outcome) == pairs(same, outcome)
    sizes = np.ones(2 * SIZE, dtype=np.int32)
    nodes = Nodes(np.arange(SIZE, dtype=np.int32), np.arange(SIZE, 2 * SIZE, dtype=np.int32), sizes)
    smaller = [cut_to_size(uncut(a), v, nodes, 3) for a, v in ((one, found), (same, other))]
    assert pairs(smaller[0], *LINKS) == pairs(smaller[1], *LINKS)


def nodes_of(sizes: Sequence[int], shared: Sequence[int] = ()) -> Nodes:
    """Left and right entities as nodes of their own, but for those that both sides share."""
    right = np.arange(SIZE, 2 * SIZE, dtype=np.int32)
    right[list(shared)] = list(shared)
    return Nodes(np.arange(SIZE, dtype=np.int32), right, np.array(sizes, dtype=np.int32))


def largest(alignment: Alignment, nodes: Nodes, *outcomes: Outcome) -> int:
    """Nodes of the largest thing that links make."""
    edges = [(int(nodes.left[a]), int(nodes.right[b])) for a, b in pairs(alignment, *outcomes)]
    parts = nx.connected_components(nx.Graph(edges))
    sizes: list[int] = [int(nodes.size[list(part)].sum()) for part in parts]
    return max([0, *sizes])


def test_a_star_that_is_too_large_loses_its_weakest_links() -> None:
    found = verdicts([(0, b, 0.9 - b / 16) for b in range(6)])
    alignment = assign(found, SIZE, SIZE, AssignConfig(cardinality="one-to-many"), JudgeConfig())
    smaller = cut_to_size(alignment, found, nodes_of([1] * 14), 4)
    assert pairs(smaller, Outcome.MATCH) == {(0, 0), (0, 1), (0, 2)}
    assert pairs(smaller, Outcome.UNDECIDED) == {(0, 3), (0, 4), (0, 5)}
    assert cut(found, smaller.oversize) == {(0, 3), (0, 4), (0, 5)}
    assert smaller.figures == {"oversize clusters": 1.0}


def test_equal_links_go_by_the_ids_of_their_ends() -> None:
    found = verdicts([(0, b, 0.9) for b in range(6)][::-1])
    alignment = assign(found, SIZE, SIZE, AssignConfig(cardinality="one-to-many"), JudgeConfig())
    assert pairs(cut_to_size(alignment, found, nodes_of([1] * 14), 3), Outcome.MATCH) == {(0, 0), (0, 1)}


def test_links_that_votes_decided_are_the_last_to_go() -> None:
    found = verdicts([(0, 0, 0.9), (0, 1, 0.8), (0, 2, 0.7)])
    found.voted[2] = Outcome.MATCH
    alignment = assign(found, SIZE, SIZE, AssignConfig(cardinality="one-to-many"), JudgeConfig())
    assert pairs(cut_to_size(alignment, found, nodes_of([1] * 14), 2), Outcome.MATCH) == {(0, 2)}


def test_what_is_one_without_a_link_counts() -> None:
    found = verdicts([(0, 0, 0.9), (1, 1, 0.8)])
    alignment = aligned(found)
    assert len(cut_to_size(alignment, found, nodes_of([1] * 14), 2).oversize) == 0
    # The first left entity is one with two other nodes of its graph.
    smaller = cut_to_size(alignment, found, nodes_of([3, *[1] * 13]), 3)
    assert pairs(smaller, Outcome.MATCH) == {(1, 1)}
    # An entity that carries one IRI on both sides is one node, and both its links hold it.
    chained = verdicts([(0, 1, 0.9), (2, 0, 0.8)])
    assert largest(aligned(chained), nodes_of([1] * 14, shared=[0]), *LINKS) == 3
    smaller = cut_to_size(aligned(chained), chained, nodes_of([1] * 14, shared=[0]), 2)
    assert pairs(smaller, Outcome.MATCH) == {(0, 1)}


@given(
    rows_of_pairs,
    picks,
    st.lists(st.integers(1, 3), min_size=2 * SIZE, max_size=2 * SIZE),
    st.sets(st.integers(0, SIZE - 1), max_size=2),
    st.integers(2, 8),
)
def test_no_cluster_is_too_large_but_by_what_was_given(
    rows: Rows, given_rows: list[int], sizes: list[int], shared: set[int], most: int
) -> None:
    found = judged(rows, given_rows)
    nodes = nodes_of(sizes, sorted(shared))
    before = uncut(aligned(found))
    after = cut_to_size(before, found, nodes, most)
    fixed = max(largest(before, nodes, Outcome.CONFIRMED), max(sizes))
    assert largest(after, nodes, *LINKS) <= max(most, fixed)
    assert pairs(after, Outcome.CONFIRMED) == pairs(before, Outcome.CONFIRMED)
    assert pairs(after, Outcome.MATCH) | cut(found, after.oversize) == pairs(before, Outcome.MATCH)
    assert pairs(after, Outcome.MATCH).isdisjoint(cut(found, after.oversize))
    if largest(before, nodes, *LINKS) <= most:
        assert after is before
    # No link that was cut would fit in now.
    parts = nx.Graph([(int(nodes.left[a]), int(nodes.right[b])) for a, b in pairs(after, *LINKS)])
    parts.add_nodes_from([*nodes.left.tolist(), *nodes.right.tolist()])
    for a, b in cut(found, after.oversize):
        ends = (
            nx.node_connected_component(parts, int(side[x]))
            for side, x in ((nodes.left, a), (nodes.right, b))
        )
        assert sum(int(nodes.size[node]) for node in set[int]().union(*ends)) > most


def test_people_are_told_which_links_were_cut() -> None:
    rows = [*clique((0, 1), (0, 1)), *clique((2, 3), (2, 3)), (1, 2, 0.75)]
    found = verdicts(sorted(rows))
    sides = (profile([f"a:{n}" for n in range(SIZE)]), profile([f"b:{n}" for n in range(SIZE)]))
    alignment = aligned(found)
    assert cut_warnings(alignment, found, sides, 1000) == (
        "1 cluster of which the members do not match each other was cut: "
        "1 link became undecided, a:1 with b:2",
    )
    smaller = cut_to_size(alignment, found, nodes_of([1] * 14), 2)
    (_, told) = cut_warnings(smaller, found, sides, 2)
    assert told == (
        "2 clusters of more than 2 nodes were cut: 4 links became undecided, "
        "a:0 with b:1; a:1 with b:0; a:2 with b:3; and 1 more"
    )
    assert cut_warnings(uncut(alignment), found, sides, 1000) == ()


def test_only_many_to_many_can_make_what_does_not_hold_together() -> None:
    rows = [(a, b, 0.9) for a, b in combinations(range(SIZE), 2)]
    for cardinality in ("one-to-one", "one-to-many", "many-to-one"):
        alignment = assign(
            verdicts(rows),
            SIZE,
            SIZE,
            AssignConfig.model_validate({"cardinality": cardinality}),
            JudgeConfig(),
        )
        assert len(alignment.loose) == 0
        assert len(hold_together(alignment, verdicts(rows), 0.5, 15).loose) == 0
