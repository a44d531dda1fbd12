"""What holds of all decisions: the last word, undo, disagreement and contradiction."""

from collections.abc import Sequence

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from kgalign.decisions import Decision, Relation, Standing, Verdict, standing


def _said(left: str, right: str, verdict: Verdict, by: str = "Ada", **more: str) -> Decision:
    return Decision(left, right, verdict, by=by, **more)  # type: ignore[arg-type]


def test_the_last_word_of_a_person_counts() -> None:
    first, last = _said("a", "x", Verdict.SAME, at="1"), _said("a", "x", Verdict.DIFFERENT, at="2")
    assert standing([first, last]).apart == [("a", "x")]
    assert standing([last, first]).same == [("a", "x")]


def test_an_undo_gives_back_what_was_said_before_and_an_undo_of_it_takes_it_again() -> None:
    first, last = _said("a", "x", Verdict.SAME, at="1"), _said("a", "x", Verdict.DIFFERENT, at="2")
    undo = _said("a", "x", Verdict.DIFFERENT, undoes=last.id, at="3")
    assert standing([first, last, undo]).same == [("a", "x")]
    again = _said("a", "x", Verdict.DIFFERENT, undoes=undo.id, at="4")
    assert standing([first, last, undo, again]).apart == [("a", "x")]


def test_where_people_disagree_nobody_counts() -> None:
    both = [_said("a", "x", Verdict.SAME), _said("a", "x", Verdict.DIFFERENT, by="Bob")]
    found = standing(both)
    assert (found.same, found.apart) == ([], [])
    assert found.disagreements == (tuple(both),)


def test_what_corresponds_in_another_way_is_not_one() -> None:
    found = standing([_said("a", "x", Verdict.SAME, relation=Relation.BROAD)])
    assert (found.same, found.apart) == ([], [("a", "x")])


def test_a_contradiction_is_named_with_its_weakest_link() -> None:
    links = [
        Decision("a", "x", Verdict.SAME, probability=0.9),
        Decision("b", "x", Verdict.SAME, probability=0.4),
        Decision("b", "y", Verdict.SAME, probability=0.8),
    ]
    no = Decision("a", "y", Verdict.DIFFERENT)
    [found] = standing([*links, no]).contradictions
    assert found.different == no
    assert found.same == tuple(links)
    assert found.weakest == links[1]
    assert standing([*links[:2], no]).contradictions == ()


_ENDS = st.sampled_from("abc")
_DECISIONS = st.lists(
    st.builds(
        Decision,
        _ENDS,
        st.sampled_from("xyz"),
        st.sampled_from([Verdict.SAME, Verdict.DIFFERENT, Verdict.UNSURE]),
        by=st.sampled_from(["Ada", "Bob"]),
        at=st.sampled_from("123"),
    ),
    max_size=12,
)


def _by_hand(decisions: Sequence[Decision]) -> dict[tuple[str, str], set[Verdict]]:
    last = {(each.pair, each.by): each.verdict for each in decisions}
    found: dict[tuple[str, str], set[Verdict]] = {}
    for (pair, _), verdict in last.items():
        found.setdefault(pair, set()).add(verdict)
    return found


def _agreed(found: Standing) -> dict[tuple[str, str], set[Verdict]]:
    lists = {Verdict.SAME: found.same, Verdict.DIFFERENT: found.apart, Verdict.UNSURE: found.unsure}
    return {pair: {verdict} for verdict, pairs in lists.items() for pair in pairs}


@given(_DECISIONS)
def test_every_pair_is_what_all_who_looked_last_say(decisions: list[Decision]) -> None:
    found = standing(decisions)
    expected = _by_hand(decisions)
    assert _agreed(found) == {pair: said for pair, said in expected.items() if len(said) == 1}
    assert {each[0].pair for each in found.disagreements} == {
        p for p, said in expected.items() if len(said) > 1
    }


@given(_DECISIONS)
def test_there_is_a_contradiction_exactly_where_links_join_what_is_different(
    decisions: list[Decision],
) -> None:
    found = standing(decisions)
    graph = nx.Graph(found.same)
    joined = {pair for pair in found.apart if all(end in graph for end in pair) and nx.has_path(graph, *pair)}
    assert {each.different.pair for each in found.contradictions} == joined
    for each in found.contradictions:
        assert each.same[0].left == each.different.left
        assert each.same[-1].right == each.different.right
        assert each.weakest in each.same
