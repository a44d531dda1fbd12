"""What the prior is learned from: the pairs of a set that lead, with what the evidence measures of them."""

import json
from itertools import islice
from pathlib import Path

import pytest

from bench.prior import FINAL, START, cases, gather
from bench.sets import find_sets
from kgalign.judge.evidence.prior import FILE
from tests.bench.set_folder import write_set
from tests.conftest import Pair


@pytest.mark.parametrize(("model", "measures"), [("start", START), ("final", FINAL)])
def test_each_measure_of_a_model_is_gathered_of_pairs_that_lead(
    model: str, measures: dict[str, object], elements: Pair, tmp_path: Path
) -> None:
    write_set(elements, tmp_path / "sets" / "elements")
    told: list[str] = []
    (case,) = islice(cases(find_sets(tmp_path / "sets"), told.append), 1)
    name, rows, _ = gather((case, json.loads(FILE.read_text(encoding="utf8")), model))
    assert name == "elements"
    assert told == ["elements"]
    assert rows is not None
    assert rows.measures.keys() >= measures.keys()
    assert {len(each) for each in rows.measures.values()} == {len(rows.match)}
    assert rows.match.sum() == len(elements.links)
    assert len(rows.match) < len(case.candidates)
