"""Lists for people, against what a loop over all pairs finds."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.export.lists import Side, undecided_table, unmatched_table
from kgalign.export.tables import write_list
from kgalign.records import Outcome
from tests.evaluate.small import alignment, profile, verdicts

SIZE = 5
LEFT = profile([f"http://l/{n}" for n in range(SIZE)])
RIGHT = profile([f"http://r/{n}" for n in range(SIZE)])

outcomes = st.sampled_from([Outcome.MATCH, Outcome.UNDECIDED, Outcome.FAILED, Outcome.REJECTED, None])
ends = st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1))
shares = st.integers(0, 8).map(lambda eighths: eighths / 8)
judged = st.dictionaries(ends, st.tuples(shares, outcomes), max_size=12)
Judged = dict[tuple[int, int], tuple[float, Outcome | None]]


def _records(found: Judged) -> tuple[object, ...]:
    rows = sorted(found)
    judged = verdicts([(*pair, found[pair][0]) for pair in rows])
    kept = [(n, pair, *found[pair]) for n, pair in enumerate(rows)]
    taken = [(n, (*pair, share, outcome)) for n, pair, share, outcome in kept if outcome is not None]
    made = alignment([row for _, row in taken])
    made.verdict[:] = [n for n, _ in taken]
    return made, judged, LEFT, RIGHT


@given(found=judged)
def test_what_is_left_to_people_comes_by_margin(found: Judged) -> None:
    def margin(pair: tuple[int, int]) -> float:
        rivals = [
            share
            for other, (share, _) in found.items()
            if other != pair and (other[0] == pair[0] or other[1] == pair[1])
        ]
        return abs(found[pair][0] - max(rivals, default=0.0))

    left_open = [pair for pair, (_, how) in found.items() if how in (Outcome.UNDECIDED, Outcome.FAILED)]
    expected = sorted((margin(pair), *pair) for pair in left_open)
    rows = undecided_table(*_records(found)).to_pylist()  # type: ignore[arg-type]
    told = [(row["margin"], int(row["left"][-1]), int(row["right"][-1])) for row in rows]
    assert told == expected


@given(found=judged, side=st.sampled_from(["left", "right"]))
def test_who_found_nobody_comes_with_the_likeliest_candidate(found: Judged, side: Side) -> None:
    own = ("left", "right").index(side)
    linked = {pair[own] for pair, (_, how) in found.items() if how is Outcome.MATCH}
    best: dict[int, tuple[float, int]] = {}
    for pair, (share, _) in sorted(found.items()):
        if pair[own] not in best or (-share, pair[1 - own]) < (-best[pair[own]][0], best[pair[own]][1]):
            best[pair[own]] = share, pair[1 - own]
    alone = [entity for entity in range(SIZE) if entity not in linked]
    alone.sort(key=lambda entity: (entity not in best, -best.get(entity, (0.0, 0))[0], entity))
    rows = unmatched_table(side, *_records(found)).to_pylist()  # type: ignore[arg-type]
    assert [int(row[side][-1]) for row in rows] == alone
    assert [row["probability"] for row in rows] == [best[each][0] if each in best else None for each in alone]
    nearest = [None if row["nearest"] is None else int(row["nearest"][-1]) for row in rows]
    assert nearest == [best[each][1] if each in best else None for each in alone]


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_is_only_mentioned_is_not_listed_and_formulas_are_none(tmp_path: Path, side: Side) -> None:
    left, right = profile(["http://l/0", "http://l/1"], ["=1+1", "B"]), profile(["http://r/0"], ["=1+1"])
    left.described[1] = False
    table = unmatched_table(side, alignment([]), verdicts([(0, 0, 0.25)]), left, right)
    assert write_list(tmp_path / "list.csv", table) == 1
    with (tmp_path / "list.csv").open(encoding="utf8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row[f"{side}_name"], row["nearest_name"], row["probability"]) == ("'=1+1", "'=1+1", "0.25")
