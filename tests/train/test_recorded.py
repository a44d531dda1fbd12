"""What the runs have on record of a test: what the evidence holds, and what the votes came to."""

from pathlib import Path

import pytest

from kgalign.config import Config
from kgalign.errors import InputError
from kgalign.ledger import Ledger
from kgalign.links.gold import read_pairs
from kgalign.records.votes import Decision, Status
from kgalign.run.start import run as start
from kgalign.train.compare import compare
from kgalign.train.compare_asking import question_of
from kgalign.train.compare_sets import number_of
from kgalign.train.compare_systems import Systems
from kgalign.train.data import Example, read_data
from kgalign.train.examples import make_examples
from kgalign.train.recorded import Records, ask_evidence, ask_teacher
from kgalign.train.runs import Run
from kgalign.train.settings import Settings
from kgalign.train.targets import read_back
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
    said = ask_evidence([records], test)
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
            assert example.id not in said.choices, "it has seen whom the question leaves out"
            continue
        odds = [probability.get(each, 0.0) for each in shown]
        best = max(odds)
        expected = odds.index(best) + 1 if best > 1 - sum(odds) else 0
        assert said.choices[example.id] == expected
        assert sum(said.probabilities[example.id]) == pytest.approx(1)
    assert 0 < hidden < sum(each.answer == each.labels[-1] for each in test)


def test_without_the_run_the_examples_say_what_the_evidence_holds(
    run: Path, data: Path, tmp_path: Path
) -> None:
    test = read_data(data)[1]["test"]
    known, told = ask_evidence([Records(Run(run), test)], test), ask_evidence([], test)
    assert told.choices == known.choices
    for id, shares in known.probabilities.items():
        assert told.probabilities[id] == pytest.approx(shares, abs=1e-6)
    found = compare([data], tmp_path / "out", Systems(judges=("scripted",)))
    assert "evidence" in {each.system for each in found.rows}


def test_a_run_of_other_graphs_is_refused(data: Path, elements: Pair, tmp_path: Path) -> None:
    start(elements.left, elements.right, tmp_path / "run")
    with pytest.raises(InputError, match="knows none of the questions"):
        compare([data], tmp_path / "out", Systems(runs=(tmp_path / "run",)))


def test_links_that_the_run_was_told_are_no_test_of_the_evidence(pair: Pair, tmp_path: Path) -> None:
    told = tmp_path / "told"
    config = Config.model_validate({"judge": {"known": [str(pair.gold)]}})
    start(pair.left, pair.right, told, config)
    make_examples([told], tmp_path / "data", Settings(sources=("person", "evidence")))
    test = [each for each in read_data(tmp_path / "data")[1]["test"] if each.origin == "person"]
    assert test
    assert not ask_evidence([Records(Run(told), test)], test).choices


def test_the_teacher_is_what_the_votes_came_to(run: Path, data: Path) -> None:
    opened, test = Run(run), examples_of(data)
    records = Records(opened, test)
    said = ask_teacher([records], test)
    decided = {each.case: each for each in _decisions(opened)}
    known = [each for each in test if each.id in said.choices]
    assert 0 < len(known) < len(test)
    for example in test:
        pairs = records.pairs(example)
        assert pairs is not None
        chosen = decided[example.case].chosen if example.case in decided else None
        hides = example.answer == example.labels[-1] and chosen not in ("", *pairs.right)
        if len(set(pairs.left)) == 1:
            assert (example in known) == (chosen is not None and not hides)
        if example in known and example.kind == "verify":
            assert said.choices[example.id] == (decided[example.case].chosen == pairs.right[0])
    assert said.calls >= len({each.case for each in known})
    assert said.tokens_in > said.tokens_out > 0


def _decisions(run: Run) -> list[Decision]:
    with Ledger.open(run.ledger, write=False) as ledger:
        return [each for each in ledger.decisions() if each.outcome in ("match", "no_match", "undecided")]


def test_an_example_reads_as_its_question(data: Path) -> None:
    """What an answer cites is looked for in what the example shows."""
    cited = 0
    for example in examples_of(data):
        answer = read_back(question_of(example), example.messages[-1]["content"])
        assert answer.status is Status.OK
        cited += len(answer.citations)
        invented = read_back(
            question_of(example), '{"choice": "none", "values": ["Qx-7719-zz"], "reason": ""}'
        )
        assert invented.status in (Status.INVENTED, Status.NOT_OFFERED)
    assert cited > len(examples_of(data)) / 2
