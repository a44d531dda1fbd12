"""What the runs have on record of a test: what the evidence holds, and what the votes came to."""

from pathlib import Path

import pytest

from bench.compare.comparing import compare
from bench.compare.recorded import Voted, ask_evidence, ask_teacher
from bench.compare.systems import Systems
from kgalign.errors import InputError
from kgalign.ledger import Ledger
from kgalign.records.votes import Decision, Status
from kgalign.run.start import run as start
from kgalign.train.answering import question_of
from kgalign.train.data import Example, read_data
from kgalign.train.runs import Run
from kgalign.train.targets import read_back
from tests.conftest import Pair


def examples_of(data: Path) -> list[Example]:
    return [each for part in read_data(data)[1].values() for each in part]


def test_without_the_run_the_examples_say_what_the_evidence_holds(
    run: Path, data: Path, tmp_path: Path
) -> None:
    test = read_data(data)[1]["test"]
    known, told = ask_evidence([Voted(Run(run), test)], test), ask_evidence([], test)
    assert told.choices == known.choices
    for id, shares in known.probabilities.items():
        assert told.probabilities[id] == pytest.approx(shares, abs=1e-6)
    found = compare([data], tmp_path / "out", Systems(judges=("scripted",)))
    assert "evidence" in {each.system for each in found.rows}


def test_a_run_of_other_graphs_is_refused(data: Path, elements: Pair, tmp_path: Path) -> None:
    start(elements.left, elements.right, tmp_path / "run")
    with pytest.raises(InputError, match="knows none of the questions"):
        compare([data], tmp_path / "out", Systems(runs=(tmp_path / "run",)))


def test_the_teacher_is_what_the_votes_came_to(run: Path, data: Path) -> None:
    opened, test = Run(run), examples_of(data)
    records = Voted(opened, test)
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
