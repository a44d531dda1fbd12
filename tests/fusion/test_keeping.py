"""Names that persist, in cases that chance seldom makes."""

from pathlib import Path

from kgalign.fusion.groups import mint
from kgalign.records.names import Names
from tests.laws.naming import World, called, fused, names_in, replaced

A, B = [f"urn:a/{i}" for i in range(3)], [f"urn:b/{i}" for i in range(3)]


def _history(folder: Path, *links: list[tuple[int, int]]) -> list[Names]:
    """What things are called in one run after the other, with these links between all nodes of both sides."""
    found: list[Names] = []
    for each in links:
        of = World(frozenset(A), frozenset(B), tuple((A[i], B[j]) for i, j in each))
        found.append(names_in(fused(folder, of, found[-1] if found else None, "mint"), of))
    return found


def test_a_minted_iri_is_not_given_to_its_members_while_something_else_has_it(tmp_path: Path) -> None:
    pair, all_four = [(0, 0)], [(0, 0), (0, 1), (1, 1)]
    one, two, three, four = _history(tmp_path, pair, all_four, [(1, 1)], [(0, 0), (1, 1)])
    name = mint([A[0], B[0]])
    assert called(one)[A[0]] == name
    assert {called(two)[node] for node in (*A[:2], *B[:2])} == {name}
    assert called(three)[A[1]] == name
    assert (called(three)[A[0]], called(three)[B[0]]) == (A[0], B[0])
    assert called(four)[B[1]] == name
    assert called(four)[A[0]] == called(four)[B[0]] == mint([A[0], B[0], name])
    assert replaced(four)[A[0]] == replaced(four)[B[0]] == {called(four)[A[0]]}


def test_what_falls_apart_into_single_nodes_leaves_its_iri_to_none_and_may_have_it_again(
    tmp_path: Path,
) -> None:
    one, two, three = _history(tmp_path, [(0, 0)], [], [(0, 0)])
    name = mint([A[0], B[0]])
    assert called(two)[A[0]] == A[0]
    assert replaced(two) == {name: {A[0], B[0]}}
    assert called(three) == called(one)
    assert replaced(three) == {A[0]: {name}, B[0]: {name}}
