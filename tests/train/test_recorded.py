"""What the evidence of the runs holds of a test."""

from pathlib import Path

import pytest

from kgalign.config import Config
from kgalign.links.gold import read_pairs
from kgalign.run.start import run as start
from kgalign.train.data import Example, number_of, read_data
from kgalign.train.examples import make_examples
from kgalign.train.recorded import Records, evidence_of
from kgalign.train.runs import Run
from kgalign.train.settings import Settings
from tests.conftest import Pair


def examples_of(data: Path) -> list[Example]:
    return [each for part in read_data(data)[1].values() for each in part]


def test_the_pairs_of_a_question_are_those_that_are_shown(pair: Pair, run: Path, data: Path) -> None:
    gold = set(read_pairs(pair.gold))
    examples = [each for each in examples_of(data) if each.origin == "gold"]
    records = Records(Run(run), examples)
    asks = set()
    for example in examples:
        pairs = records.pairs(example)
        assert pairs is not None
        right = [both in gold for both in zip(pairs.left, pairs.right, strict=True)]
        assert [number for number, each in enumerate(right, start=1) if each] == (
            [number_of(example, example.answer)] if any(right) else []
        )
        assert any(right) == (example.answer != example.labels[-1])
        asks.add((example.kind, len(set(pairs.left)) == 1, example.answer == example.labels[-1]))
    assert ("select", False, False) in asks, "some are asked by the partner"
    assert ("select", True, True) in asks


def test_the_evidence_says_what_the_verdicts_hold(run: Path, data: Path) -> None:
    opened, test = Run(run), read_data(data)[1]["test"]
    verdicts = opened.evidence
    probability = {
        (opened.iri(a), opened.right_iri(b)): p
        for a, b, p in zip(
            verdicts.left.tolist(), verdicts.right.tolist(), verdicts.probability.tolist(), strict=True
        )
    }
    records = Records(opened, test)
    said = evidence_of([records], test)
    hidden = 0
    for example in test:
        pairs = records.pairs(example)
        assert pairs is not None
        shown = list(zip(pairs.left, pairs.right, strict=True))
        side = 0 if len(set(pairs.left)) == 1 else 1
        own = {each: p for each, p in probability.items() if each[side] == shown[0][side]}
        partner = max(own, key=lambda each: own[each])
        sure = own[partner] >= 1 - sum(own.values())
        if example.answer == example.labels[-1] and sure and partner not in shown:
            hidden += 1
            assert example.id not in said, "it has seen whom the question leaves out"
            continue
        odds = [probability.get(each, 0.0) for each in shown]
        best = max(odds)
        expected = odds.index(best) + 1 if best > 1 - sum(odds) else 0
        shares = said[example.id]
        assert shares.index(max(shares)) == expected
        assert sum(shares) == pytest.approx(1)
    assert 0 < hidden < sum(each.answer == each.labels[-1] for each in test)


def test_links_that_the_run_was_told_are_no_test_of_the_evidence(pair: Pair, tmp_path: Path) -> None:
    told = tmp_path / "told"
    config = Config.model_validate({"judge": {"known": [str(pair.gold)]}})
    start(pair.left, pair.right, told, config)
    make_examples([told], tmp_path / "data", Settings(sources=("person", "evidence")))
    test = [each for each in read_data(tmp_path / "data")[1]["test"] if each.origin == "person"]
    assert test
    assert not evidence_of([Records(Run(told), test)], test)
