"""A voter whose word would count for nothing in cases that are harder than what is known."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kgalign.ledger import Ledger
from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import running
from kgalign.records.votes import Decision
from tests.conftest import Pair
from tests.llm_runs import runs


def _begun(evidence: Path, out: Path) -> Path:
    return Path(shutil.copytree(evidence, out))


def _decisions(out: Path) -> dict[str, Decision]:
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        judging = ledger.latest()
        assert judging is not None
        return {each.case: each for each in ledger.decisions(judging.name)}


@pytest.fixture
def url() -> Iterator[str]:
    """Of a judge that is right in one of two cases."""
    with running(ScriptedSettings(accuracy=0.5)) as server:
        yield server.url


def test_cases_in_which_a_word_counts_for_nothing_are_not_asked(
    doubtful: Pair, evidence: Path, tmp_path: Path, url: str
) -> None:
    out, all_of_them = _begun(evidence, tmp_path / "some"), _begun(evidence, tmp_path / "all")
    runs.run(doubtful, out, url)
    runs.run(doubtful, all_of_them, url, votes={"ask_anyway": True})
    notes = runs.step(out).notes
    told = re.search(r"in (\d+) of (\d+) cases its answer would count for nothing", notes["dropped"])
    assert told is not None, notes
    asked, every = _decisions(out), _decisions(all_of_them)
    assert 0 < int(told[1]) < int(told[2]) == len(every)
    assert len(asked) == len(every) - int(told[1])
    assert "dropped" not in runs.step(all_of_them).notes
    for name in every.keys() - asked.keys():
        one = every[name]
        assert one.chosen == one.evidence_choice
        assert one.probability == pytest.approx(one.evidence_probability, abs=0.06)
    assert {name: each.chosen for name, each in asked.items()} == {name: every[name].chosen for name in asked}


def test_it_is_the_same_when_replayed(doubtful: Pair, evidence: Path, tmp_path: Path, url: str) -> None:
    out = _begun(evidence, tmp_path / "some")
    runs.run(doubtful, out, url)
    before = runs.results(out), runs.step(out).notes["dropped"]
    done = runs.call(runs.command(doubtful, out, "--judge", "replay", "--force"))
    assert done.returncode == 0, done.stderr
    assert (runs.results(out), runs.step(out).notes["dropped"]) == before
    assert "would count for nothing" in " ".join(done.stdout.split())
