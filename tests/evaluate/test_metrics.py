import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.evaluate import intervals, score
from kgalign.links.gold import Pair

SCORE = Path(__file__).parents[2] / ".." / "shared" / "score.py"
needs_score = pytest.mark.skipif(
    not SCORE.exists(), reason="the independent scorer ../shared/score.py is not here"
)

entities = st.integers(0, 6).map(str)
links = st.sets(
    st.tuples(entities.map(lambda e: f"http://l/{e}"), entities.map(lambda e: f"http://r/{e}")), max_size=20
)


def reference(predicted: set[Pair], gold: set[Pair], closed: bool) -> dict[str, float]:
    """Precision, recall and F1 by counting pair by pair, with no set algebra in common with the package."""
    hits = misses = 0
    for left, right in predicted:
        known = closed or any(left == a or right == b for a, b in gold)
        if (left, right) in gold:
            hits += 1
        elif known:
            misses += 1
    found = hits + misses
    precision = hits / found if found else 0.0
    recall = hits / len(gold) if gold else 0.0
    f1 = 2 * hits / (found + len(gold)) if hits else 0.0
    return {"counted": found, "precision": precision, "recall": recall, "f1": f1}


@given(predicted=links, gold=links, closed=st.booleans())
def test_agrees_with_the_reference(predicted: set[Pair], gold: set[Pair], closed: bool) -> None:
    scores = score(predicted, gold, closed=closed)
    expected = reference(predicted, gold, closed)
    assert (scores.predicted, scores.gold) == (len(predicted), len(gold))
    assert {name: getattr(scores, name) for name in expected} == pytest.approx(expected)


@needs_score
@pytest.mark.parametrize("closed", [False, True])
@settings(max_examples=5, deadline=None)
@given(predicted=links, gold=links.filter(bool))
def test_agrees_with_the_independent_scorer(
    tmp_path_factory: pytest.TempPathFactory, closed: bool, predicted: set[Pair], gold: set[Pair]
) -> None:
    folder = tmp_path_factory.mktemp("score")
    same = "http://www.w3.org/2002/07/owl#sameAs"
    (folder / "links.nt").write_text("".join(f"<{a}> <{same}> <{b}> .\n" for a, b in predicted))
    (folder / "gold.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in gold))
    command = [sys.executable, str(SCORE), str(folder / "links.nt"), str(folder / "gold.tsv")]
    command += ["--closed"] if closed else []
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    ours = score(predicted, gold, closed=closed)
    assert told == {
        "predicted": ours.predicted,
        "counted": ours.counted,
        "gold": ours.gold,
        "precision": round(ours.precision, 4),
        "recall": round(ours.recall, 4),
        "f1": round(ours.f1, 4),
    }


def test_a_link_off_the_gold_counts_only_where_the_gold_is_complete() -> None:
    gold = [("http://l/1", "http://r/1")]
    predicted = [("http://l/1", "http://r/1"), ("http://l/2", "http://r/2")]
    assert score(predicted, gold).precision == 1.0
    assert score(predicted, gold, closed=True).precision == 0.5


@given(predicted=links, gold=links, closed=st.booleans(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_intervals_lie_between_0_and_1_and_depend_on_the_seed_alone(
    predicted: set[Pair], gold: set[Pair], closed: bool, seed: int
) -> None:
    first = intervals(predicted, gold, closed=closed, seed=seed)
    assert first == intervals(sorted(predicted)[::-1], sorted(gold), closed=closed, seed=seed)
    for span in (first.precision, first.recall, first.f1):
        assert 0.0 <= span.low <= span.high <= 1.0


def pairs(good: int, wrong: int, missed: int) -> tuple[list[Pair], list[Pair]]:
    """Links and gold with so many right links, wrong links and missed pairs, no two of them connected."""
    gold = [(f"http://l/{i}", f"http://r/{i}") for i in range(good + missed + wrong)]
    right = gold[:good]
    bad = [(left, f"{other}/else") for left, other in gold[good : good + wrong]]
    return right + bad, gold


def test_intervals_hold_the_score_and_narrow_with_more_gold() -> None:
    widths = []
    for size in (1, 10, 100):
        predicted, gold = pairs(8 * size, 1 * size, 1 * size)
        scores, spans = score(predicted, gold), intervals(predicted, gold)
        for name in ("precision", "recall", "f1"):
            span = getattr(spans, name)
            assert span.low < getattr(scores, name) < span.high
        widths.append(spans.f1.high - spans.f1.low)
    assert widths[0] > 2 * widths[1] > 4 * widths[2]


def test_intervals_match_the_binomial_where_all_is_independent() -> None:
    predicted, gold = pairs(800, 0, 200)
    spans = intervals(predicted, gold)
    deviation = (0.8 * 0.2 / 1000) ** 0.5
    assert spans.recall.low == pytest.approx(0.8 - 1.96 * deviation, abs=0.003)
    assert spans.recall.high == pytest.approx(0.8 + 1.96 * deviation, abs=0.003)
    assert (spans.precision.low, spans.precision.high) == (1.0, 1.0)


def test_a_miss_and_the_wrong_link_in_its_place_are_one_unit() -> None:
    gold = [("http://l/1", "http://r/1"), ("http://l/2", "http://r/2")]
    assert intervals([("http://l/1", "http://r/2")], gold).units == 1
    assert intervals([("http://l/1", "http://r/1")], gold).units == 2
