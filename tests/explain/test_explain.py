import json
import math
from itertools import pairwise

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.errors import InputError
from kgalign.explain import Explainer, PairExplanation, Side, nearest
from kgalign.explain.values import chain
from kgalign.judge.votes.with_votes import logit, with_votes
from kgalign.llm.protocol import Sampling
from kgalign.records import Feature, Hearing, Outcome
from kgalign.records.votes import NONE, Answer, Direction, Question, QuestionKind, Status, View, Vote
from tests.evaluate.small import alignment, candidates, profile, verdicts

LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
LEFT = profile(
    ["http://l/aachen", "http://l/bonn", "http://l/celle", "http://both/x"],
    ["Aachen", "Bonn", "Celle", "X"],
    values={
        0: {LABEL: ["Aachen", "Aix"], "http://l/code": ["AC"]},
        1: {LABEL: ["Bonn"]},
        2: {LABEL: [f"Celle {i}" for i in range(9)]},
    },
    edges=[(0, "http://l/near", 1)],
)
RIGHT = profile(
    ["http://r/1", "http://r/2", "http://r/3", "http://both/x"],
    ["Aix-la-Chapelle", "Bonn am Rhein", "Essen", "X"],
    values={0: {LABEL: ["Aix-la-Chapelle"], "http://r/kfz": ["AC"]}, 1: {LABEL: ["Bonn am Rhein"]}},
    edges=[(1, "http://r/bei", 0)],
)
FEATURES = (
    Feature("prior", "prior", ("every candidate",), (-2.0,)),
    Feature("names", "name", ("different", "alike", "the same"), (-1.0, 0.5, 2.0)),
    Feature("code = kfz", "code", ("different", "the same"), (-3.0, 4.0), 0, 0),
)
FOUND = candidates([(0, 0, 1, 2), (0, 2, 2, 0), (1, 1, 1, 1), (1, 0, 3, 0), (2, 2, 1, 0)])
JUDGED = verdicts(
    [(0, 0, 0.95), (0, 2, 0.01), (1, 1, 0.4), (1, 0, 0.6), (2, 2, 0.02)],
    features=FEATURES,
    contributions=[[-2, 0.5, 4.0], [-2, -1, -3], [-2, 1.5, 0], [-2, 0.5, 2], [-2, -1, 0]],
)
LINKED = alignment([(0, 0, 0.95, Outcome.MATCH), (1, 1, 0.4, Outcome.UNDECIDED)])
EXPLAINER = Explainer(LEFT, RIGHT, FOUND, JUDGED, LINKED)


def only(pairs: tuple[PairExplanation, ...]) -> PairExplanation:
    (pair,) = pairs
    return pair


def test_the_chosen_and_the_runner_up() -> None:
    told = EXPLAINER.entity("http://l/aachen")
    assert [pair.role for pair in told.pairs] == ["chosen", "runner-up"]
    chosen, other = told.pairs
    assert (chosen.right.name, chosen.outcome) == ("Aix-la-Chapelle", "match")
    assert (other.right.name, other.outcome) == ("Essen", "no match")
    assert told.summary == (
        "Aachen <http://l/aachen> (left) was linked with Aix-la-Chapelle <http://r/1>, one of 2 candidates"
    )


def test_the_waterfall_begins_with_the_prior_and_goes_on_by_weight() -> None:
    lines = EXPLAINER.entity("http://l/aachen").pairs[0].lines
    assert [(line.feature, line.contribution, line.running) for line in lines] == [
        ("prior", -2.0, -2.0),
        ("code = kfz", 4.0, 2.0),
        ("names", 0.5, 2.5),
    ]
    assert lines[-1].probability == pytest.approx(1 / (1 + math.exp(-2.5)))


def test_what_rivals_take_away_comes_last() -> None:
    features = (Feature("rivals", "rivals", ("all",), (0.0,)), *FEATURES)
    judged = verdicts([(0, 0, 0.9)], features=features, contributions=[[-9.0, -2.0, 1.0, 4.0]])
    pair = only(Explainer(LEFT, RIGHT, FOUND, judged, LINKED).pair("http://l/aachen", "http://r/1").pairs)
    assert [line.feature for line in pair.lines] == ["prior", "code = kfz", "names", "rivals"]


def test_lines_say_what_was_compared() -> None:
    lines = {line.feature: line for line in EXPLAINER.entity("http://l/aachen").pairs[0].lines}
    assert (lines["names"].left, lines["names"].right) == (("Aachen", "Aix"), ("Aix-la-Chapelle",))
    assert (lines["code = kfz"].left, lines["code = kfz"].right) == (("AC",), ("AC",))
    assert lines["code = kfz"].level == "the same"


def test_values_are_those_of_the_attributes_whatever_their_names() -> None:
    one, two, three = "http://one/code", "http://two/code", "http://three/code"
    left = profile(["http://l/0"], values={0: {one: ["A1"], two: ["B1"]}})
    right = profile(["http://r/0"], values={0: {one: ["A2"], three: ["C2"]}})
    features = (
        Feature("<http://one/code> = <http://three/code>", "code", ("other",), (1.0,), 0, 1),
        Feature("<http://two/code> = <http://one/code>", "code", ("other",), (1.0,), 1, 0),
        Feature("code = code", "code", ("other",), (1.0,)),
        Feature("rivals = none", "rivals", ("all",), (1.0,)),
    )
    judged = verdicts([(0, 0, 0.9)], features=features, contributions=[[4.0, 3.0, 2.0, 1.0]])
    explainer = Explainer(left, right, candidates([(0, 0, 1, 1)]), judged, alignment([]))
    lines = only(explainer.pair("http://l/0", "http://r/0").pairs).lines
    assert [(line.left, line.right) for line in lines] == [
        (("A1",), ("C2",)),
        (("B1",), ("A2",)),
        ((), ()),
        ((), ()),
    ]


def test_no_more_than_a_few_values_are_shown() -> None:
    (line,) = (line for line in EXPLAINER.entity("http://l/celle").pairs[0].lines if line.feature == "names")
    assert len(line.left) == 5
    assert line.left[-1] == "…"


def test_ranks_of_every_channel() -> None:
    pair = EXPLAINER.entity("http://l/bonn").pairs[1]
    assert (pair.rank, pair.ranks) == (2, {"names": 3, "values": 0})


def test_linked_neighbours_speak_for_a_pair() -> None:
    (beside,) = EXPLAINER.pair("http://l/bonn", "http://r/2").pairs[0].neighbours
    assert (beside.left_relation, beside.left) == ("^http://l/near", "Aachen")
    assert (beside.right_relation, beside.right) == ("http://r/bei", "Aix-la-Chapelle")


def test_an_undecided_entity_and_one_that_lost() -> None:
    told = EXPLAINER.entity("http://l/bonn")
    assert "was left undecided with Bonn am Rhein" in told.summary
    assert [pair.outcome for pair in told.pairs] == [
        "undecided",
        "no match: probable, but another pair took its place",
    ]


def test_an_entity_without_a_link_shows_its_best_candidates() -> None:
    told = EXPLAINER.entity("http://l/celle")
    assert "was linked with none of its 1 candidate" in told.summary
    assert only(told.pairs).role == "runner-up"


def test_the_right_side_is_explained_too() -> None:
    told = EXPLAINER.entity("http://r/1")
    assert "(right) was linked with Aachen" in told.summary
    assert [pair.left.name for pair in told.pairs] == ["Aachen", "Bonn"]


def test_an_entity_with_no_candidates_says_so() -> None:
    told = EXPLAINER.entity("http://both/x")
    assert "has no candidates" in told.summary
    assert "(left)" in told.summary
    assert "(right)" in EXPLAINER.entity("http://both/x", "right").summary
    assert told.pairs == ()


@pytest.mark.parametrize("turned", [False, True])
def test_a_pair_in_either_order(turned: bool) -> None:
    iris = "<http://l/aachen>", "http://r/1"
    told = EXPLAINER.pair(iris[turned], iris[not turned])
    assert only(told.pairs).left.name == "Aachen"
    assert told.summary.endswith("match, probability 0.950")


def test_a_pair_that_was_never_a_candidate_says_so() -> None:
    told = EXPLAINER.pair("http://l/celle", "http://r/1")
    assert "never a candidate pair" in told.summary
    assert told.pairs == ()


def test_an_iri_of_both_sides_makes_a_pair_with_either() -> None:
    assert "never a candidate" in EXPLAINER.pair("http://both/x", "http://both/x").summary
    assert "never a candidate" in EXPLAINER.pair("http://both/x", "http://l/aachen").summary
    assert "never a candidate" in EXPLAINER.pair("http://r/1", "http://both/x").summary


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("http://l/aachen", "http://r/9", "'http://r/9' is no entity"),
        ("http://l/9", "http://r/1", "'http://l/9' is no entity"),
    ],
)
def test_what_is_no_pair_is_refused(first: str, second: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        EXPLAINER.pair(first, second)


@pytest.mark.parametrize("side", [None, "left"])
def test_two_of_one_side_are_told_what_each_was_linked_with(side: Side | None) -> None:
    told = EXPLAINER.pair("<http://l/aachen>", "http://l/celle", side)
    assert told.summary == (
        "Aachen <http://l/aachen> and Celle <http://l/celle> are both entities of the left side, and such "
        "are not compared; the one was linked with Aix-la-Chapelle <http://r/1>, the other with nothing; "
        "no links hold them together"
    )
    assert [each.iri for each in told.asked] == ["http://l/aachen", "http://l/celle"]
    assert [(pair.role, pair.left.name, pair.right.name) for pair in told.pairs] == [
        ("chosen", "Aachen", "Aix-la-Chapelle"),
        ("runner-up", "Celle", "Essen"),
    ]
    other = EXPLAINER.pair("http://r/1", "http://r/2").summary
    assert "are both entities of the right side" in other
    assert "the one was linked with Aachen <http://l/aachen>, the other with nothing" in other


def clustered(are_one: bool | None) -> Explainer:
    """Aachen and bonn hang together by a chain of three links, celle by none."""
    rows = [(0, 0, 0.9), (1, 0, 0.8), (1, 1, 0.7), (3, 1, 0.6), (2, 2, 0.9)]
    linked = alignment([(*row, Outcome.MATCH) for row in rows], cardinality="many-to-many")
    found = candidates([(a, b, 1, 1) for a, b, _ in rows])
    are = None if are_one is None else lambda side, first, second: are_one and side == "left"
    return Explainer(LEFT, RIGHT, found, verdicts(rows), linked, are_one=are)


@pytest.mark.parametrize(
    ("second", "are_one", "said"),
    [
        ("http://l/bonn", None, "links hold them together"),
        ("http://l/bonn", True, "links hold them together, and they are one thing in the fused graph"),
        ("http://l/bonn", False, "links hold them together, but they are two things in the fused graph"),
        ("http://l/celle", False, "no links hold them together, and they are two things in the fused graph"),
        (
            "http://l/celle",
            True,
            "no links hold them together, but by what a graph itself calls the same they",
        ),
    ],
)
def test_two_of_one_side_are_told_whether_they_are_one_thing(
    second: str, are_one: bool | None, said: str
) -> None:
    assert f"; {said}" in clustered(are_one).pair("http://l/aachen", second).summary


def test_the_chain_of_links_between_two_of_one_side_is_shown() -> None:
    told = clustered(None).pair("http://both/x", "http://l/aachen", "left")
    assert [(pair.left.name, pair.right.name) for pair in told.pairs] == [
        ("X", "Bonn am Rhein"),
        ("Bonn", "Bonn am Rhein"),
        ("Bonn", "Aix-la-Chapelle"),
        ("Aachen", "Aix-la-Chapelle"),
    ]


def test_an_entity_that_is_given_twice_is_explained_once() -> None:
    told = EXPLAINER.pair("http://l/aachen", "<http://l/aachen>")
    assert "was given twice, and is an entity of the left side only" in told.summary
    assert "was linked with Aix-la-Chapelle" in told.summary
    assert [pair.role for pair in told.pairs] == ["chosen", "runner-up"]


def test_the_side_says_which_of_two_is_whose() -> None:
    iris = ["http://b/x", "http://b/y"]
    left, right = profile(iris, ["X", "Y"]), profile(iris, ["Ks", "Ypsilon"])
    judged = verdicts([(0, 1, 0.7), (1, 0, 0.2)])
    explainer = Explainer(left, right, candidates([(0, 1, 1, 1), (1, 0, 1, 1)]), judged, alignment([]))
    sides: tuple[tuple[Side | None, str], ...] = ((None, "X"), ("left", "X"), ("right", "Y"))
    for side, name in sides:
        assert only(explainer.pair(iris[0], iris[1], side).pairs).left.name == name
    with pytest.raises(InputError) as caught:
        EXPLAINER.pair("http://l/aachen", "http://r/1", "right")
    assert "is no entity of the right side" in caught.value.message
    assert "left side" in caught.value.remedy


def test_one_iri_on_both_sides_is_said_to_be_one_node() -> None:
    found, judged = candidates([(3, 3, 1, 1)]), verdicts([(3, 3, 0.9)])
    linked = alignment([(3, 3, 0.9, Outcome.MATCH)])
    explainer = Explainer(LEFT, RIGHT, found, judged, linked)
    for told in (explainer.entity("http://both/x"), explainer.pair("http://both/x", "http://both/x")):
        assert told.summary.endswith("both sides use this IRI, so that they are one node whatever is decided")
    assert "one node" not in EXPLAINER.entity("http://l/aachen").summary
    blank = profile(["_:b"]), profile(["_:b"])
    told = Explainer(*blank, candidates([(0, 0, 1, 1)]), verdicts([(0, 0, 0.9)]), alignment([])).pair(
        "_:b", "_:b"
    )
    assert "one node" not in told.summary


pairs_of_links = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12)


@given(
    links=pairs_of_links, side=st.sampled_from([0, 1]), ends=st.tuples(st.integers(0, 5), st.integers(0, 5))
)
def test_a_chain_is_a_shortest_path_of_links(
    links: list[tuple[int, int]], side: int, ends: tuple[int, int]
) -> None:
    columns = np.array(links, dtype=np.int32).reshape(-1, 2)
    found = chain((columns[:, 0], columns[:, 1]), side, *ends)
    graph = nx.Graph([((0, a), (1, b)) for a, b in links])
    start, end = ((side, each) for each in ends)
    if ends[0] == ends[1] or start not in graph or end not in graph or not nx.has_path(graph, start, end):
        assert found == []
        return
    assert len(found) == nx.shortest_path_length(graph, start, end)
    assert set(found) <= set(links)
    assert {found[0][side], found[-1][side]} == set(ends)
    for one, other in pairwise(found):
        assert one[0] == other[0] or one[1] == other[1]


def test_unknown_entities_get_the_nearest_by_iri_and_by_name() -> None:
    with pytest.raises(InputError) as caught:
        EXPLAINER.entity("http://l/achen")
    assert "http://l/aachen" in caught.value.remedy
    assert nearest([LEFT, RIGHT], "Aix la Chapelle").startswith("http://r/1")
    assert nearest([profile([])], "x") == "none: there are no entities"


def test_a_known_pair_says_so() -> None:
    judged = verdicts([(0, 0, 1.0)], given=[0])
    linked = alignment([(0, 0, 1.0, Outcome.CONFIRMED)])
    told = Explainer(LEFT, RIGHT, FOUND, judged, linked).pair("http://l/aachen", "http://r/1")
    assert "confirmed, which was known from the start" in told.summary


def test_is_plain_json() -> None:
    again = json.loads(json.dumps(EXPLAINER.entity("http://l/aachen").to_dict()))
    assert again["pairs"][0]["lines"][1]["feature"] == "code = kfz"


log_odds = st.lists(st.floats(-30, 30, width=32), min_size=3, max_size=3)


@given(rows=st.lists(log_odds, min_size=1, max_size=4))
def test_contributions_add_up_to_the_log_odds(rows: list[list[float]]) -> None:
    judged = verdicts([(0, place, 0.5) for place in range(len(rows))], features=FEATURES, contributions=rows)
    explainer = Explainer(LEFT, RIGHT, candidates([]), judged, alignment([]))
    for place in range(len(rows)):
        pair = only(explainer.pair("http://l/aachen", RIGHT.entity_iri[place].as_py()).pairs)
        assert sum(line.contribution for line in pair.lines) == pytest.approx(pair.log_odds, abs=1e-4)
        running = np.cumsum([line.contribution for line in pair.lines])
        assert [line.running for line in pair.lines] == pytest.approx(running.tolist())


VOTED = Hearing(
    judging="j",
    row=np.array([0, 2], dtype=np.int32),
    prior=np.array([0.9, 0.5], dtype=np.float32),
    probability=np.array([0.99, 0.5], dtype=np.float32),
    outcome=np.array([Outcome.MATCH, Outcome.NOT_ASKED], dtype=np.uint8),
    case=pa.array(["http://l/aachen", "http://l/bonn"], pa.large_string()),
    vote_row=np.array([0, 0], dtype=np.int32),
    vote_number=np.array([0, 2], dtype=np.int32),
    vote_log_odds=np.array([3.0, logit(0.99) - logit(0.9) - 3.0], dtype=np.float32),
)


def vote(number: int, kind: QuestionKind, direction: Direction, choice: str | None) -> Vote:
    question = Question(
        *("http://l/aachen", number, kind, direction, View.BOTH, "http://l/aachen", (), (), "t", "h", (), ())
    )
    answer = Answer(Status.OK if choice is not None else Status.UNREADABLE, choice, 1)
    return Vote("k", "j", "m", "", question, answer, Sampling(), "", "stop", 1, 1, 0, 0.1, 1, "2026-01-01")


def voted(*votes: Vote) -> Explainer:
    return Explainer(
        *(LEFT, RIGHT, FOUND, with_votes(JUDGED, VOTED), LINKED),
        hearing=VOTED,
        votes=lambda case: [each for each in votes if each.question.case == case],
    )


def test_each_vote_that_counts_is_a_line_and_the_sum_is_that_of_the_verdict() -> None:
    explainer = voted(
        vote(0, QuestionKind.SELECT, Direction.LEFT_ASKS, "http://r/1"),
        vote(1, QuestionKind.VERIFY, Direction.LEFT_ASKS, None),
        vote(2, QuestionKind.VERIFY, Direction.RIGHT_ASKS, NONE),
    )
    pair = only(explainer.pair("http://l/aachen", "http://r/1").pairs)
    *evidence, alone, first, second = pair.lines
    assert [line.kind for line in evidence] == ["prior", "code", "name"]
    assert (alone.feature, alone.kind) == ("one partner", "alone")
    assert (first.feature, first.kind, first.level) == ("vote 1", "vote", "select, left asks, both")
    assert (first.left, first.right) == ((), ("Aix-la-Chapelle",))
    assert (second.feature, second.level) == ("vote 3", "verify, right asks, both")
    assert (second.left, second.right) == (("no",), ())
    assert second.running == pytest.approx(pair.log_odds, abs=1e-5)
    assert second.probability == pytest.approx(pair.probability, abs=1e-6) == pytest.approx(0.99, abs=1e-6)


def test_a_vote_that_is_gone_from_the_ledger_still_counts_in_the_sum() -> None:
    pair = only(voted().pair("http://l/aachen", "http://r/1").pairs)
    assert [line.level for line in pair.lines if line.kind == "vote"] == ["not in the ledger any more"] * 2
    assert pair.lines[-1].running == pytest.approx(pair.log_odds, abs=1e-5)


def test_a_pair_that_nobody_was_asked_about_shows_its_evidence_alone() -> None:
    pair = only(voted().pair("http://l/bonn", "http://r/2").pairs)
    assert not [line for line in pair.lines if line.kind in ("alone", "vote")]
    assert pair.lines[-1].running == pytest.approx(pair.log_odds)
    assert pair.outcome == "undecided"
