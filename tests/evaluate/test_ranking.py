import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.evaluate import PairIndex, recall_at
from kgalign.evaluate.ranking import judged_ranks, ranking, retrieved_ranks
from tests.evaluate.small import candidates, profile, verdicts

LEFT = profile(["http://l/0", "http://l/1", "http://l/2"])
RIGHT = profile(["http://r/0", "http://r/1", "http://r/2"])
FOUND = candidates([(0, 1, 1, 0), (0, 0, 2, 1), (1, 1, 0, 3), (2, 0, 1, 2), (2, 1, 2, 1), (2, 2, 3, 0)])


def ids(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int32)


def test_ranks_of_gold_pairs_and_0_where_they_are_no_candidates() -> None:
    assert retrieved_ranks(FOUND, ids(0, 1, 1, 2, -1), ids(0, 1, 0, 2, 0)).tolist() == [2, 1, 0, 3, 0]


def test_partners_that_stand_above_do_not_push_a_pair_down() -> None:
    assert retrieved_ranks(FOUND, ids(2, 2), ids(2, 0)).tolist() == [2, 1]


def test_judged_ranks_follow_the_log_odds() -> None:
    judged = verdicts([(0, 1, 0.2), (0, 0, 0.9), (1, 1, 0.5), (2, 0, 0.5), (2, 1, 0.5), (2, 2, 0.9)])
    assert judged_ranks(judged, ids(0, 0, 2, 2), ids(0, 1, 0, 2)).tolist() == [1, 1, 1, 1]
    assert judged_ranks(judged, ids(0, 2), ids(1, 1)).tolist() == [2, 3]


def test_sums_up_ranks() -> None:
    result = ranking(np.array([1, 2, 11, 0]))
    assert (result.hits_at_1, result.hits_at_10) == (0.25, 0.5)
    assert result.mrr == pytest.approx((1 + 1 / 2 + 1 / 11) / 4)
    assert ranking(np.array([], dtype=np.int64)).mrr == 0.0


def test_recall_per_channel_and_of_the_union() -> None:
    gold = [("http://l/0", "http://r/0"), ("http://l/1", "http://r/1"), ("http://l/2", "http://r/2")]
    assert recall_at(FOUND, LEFT, RIGHT, gold, at=(1, 2)) == {
        "names": {"1": 0.0, "2": pytest.approx(1 / 3), "any": pytest.approx(2 / 3)},
        "values": {"1": pytest.approx(1 / 3), "2": pytest.approx(1 / 3), "any": pytest.approx(2 / 3)},
        "union": {"1": pytest.approx(1 / 3), "2": pytest.approx(2 / 3), "any": 1.0},
    }


def test_unknown_entities_count_as_missed() -> None:
    gold = [("http://l/0", "http://r/0"), ("http://l/9", "http://r/0")]
    assert recall_at(FOUND, LEFT, RIGHT, gold)["union"]["any"] == 0.5


pairs = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), unique=True)


@given(there=pairs, asked=pairs)
def test_an_index_finds_what_a_dictionary_finds(
    there: list[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    rows = {pair: row for row, pair in enumerate(there)}
    columns = np.array(there, dtype=np.int32).reshape(-1, 2)
    wanted = np.array(asked, dtype=np.int32).reshape(-1, 2)
    index = PairIndex(columns[:, 0], columns[:, 1])
    assert index.rows(wanted[:, 0], wanted[:, 1]).tolist() == [rows.get(pair, -1) for pair in asked]
    assert [index.row(*pair) for pair in asked] == [rows.get(pair, -1) for pair in asked]
    by_left = sorted(there, key=lambda pair: pair[0])
    ordered = np.array(by_left, dtype=np.int32).reshape(-1, 2)
    index = PairIndex(ordered[:, 0], ordered[:, 1])
    assert [index.row(*pair) for pair in (*asked, (-1, 0))] == [
        by_left.index(pair) if pair in rows else -1 for pair in (*asked, (-1, 0))
    ]
