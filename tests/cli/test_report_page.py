"""``kgalign report``: what a run does not know of itself, on a page of its own."""

from pathlib import Path

import pytest

from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import running
from tests.cli.run_folders import CARBON, KOHLENSTOFF, files_of
from tests.commands import Kgalign, assert_one_line
from tests.conftest import Pair, write_elements
from tests.llm_runs import runs
from tests.report.pages import harmless


@pytest.fixture
def asked(doubtful: Pair, tmp_path: Path) -> Path:
    """A run over which a careless judge was asked, who makes things up."""
    with running(ScriptedSettings(accuracy=0.8, hallucination=0.3)) as server:
        runs.run(doubtful, tmp_path / "asked", server.url, votes={"controls": 0})
    return tmp_path / "asked"


def test_gold_and_another_run_and_costs_are_told_and_the_folder_stays_as_it_is(
    made: Path, run: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    gold = write_elements(tmp_path / "again").gold
    assert kgalign("unmerge", run, CARBON).returncode == 0
    before = files_of(run), files_of(made)
    page = tmp_path / "page.html"
    done = kgalign("report", run, "--gold", gold, "--closed", "--against", made, "-o", page)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Report: {page} (")
    assert (files_of(run), files_of(made)) == before
    text = page.read_text(encoding="utf8")
    told = " ".join(harmless(text).texts)
    assert "links +0 −1, 0 changed; 23 the same" in told
    assert "a person took it apart" in told
    assert "23 links, 23 of them counted, 23 right; 24 gold pairs (complete gold)" in told
    assert "taken back by a person" in told
    assert "seconds in all" in told
    assert "left.ttl" in told
    own = (run / "report.html").read_text(encoding="utf8")
    assert "How right it is" not in own
    assert kgalign("verify", run).returncode == 0


def test_what_people_decided_is_held_against_the_probabilities(
    run: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    decided = kgalign("decisions", "add", run, CARBON, KOHLENSTOFF, "--same", "--by", "Ada")
    assert decided.returncode == 0, decided.stderr
    done = kgalign("report", run, "-o", "-")
    assert done.returncode == 0, done.stderr
    assert "Of 1 pair a person said whether they are the same" in done.stdout
    harmless(done.stdout)


def test_votes_are_told_and_what_was_made_up_is_shown(
    asked: Path, doubtful: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    own = (asked / "report.html").read_text(encoding="utf8")
    told = " ".join(harmless(own).texts)
    assert "Votes of a language model" in told
    assert "Flip rate" in told
    assert "A hallucination" in told
    assert "Such a vote does not count" in told
    with running(ScriptedSettings(accuracy=0.8, hallucination=0.3)) as server:
        runs.run(doubtful, tmp_path / "once more", server.url, votes={"controls": 0})
    assert (tmp_path / "once more" / "report.html").read_text(encoding="utf8") == own
    (asked / "votes.sqlite").write_bytes(b"no ledger")
    assert kgalign("fuse", asked, "--canonical", "right").returncode == 0
    text = (asked / "report.html").read_text(encoding="utf8")
    assert "Flip rate" not in text
    harmless(text)


def test_what_the_run_wrote_is_not_overwritten(run: Path, kgalign: Kgalign) -> None:
    before = (run / "report.html").read_bytes()
    assert_one_line(kgalign("report", run, "-o", run / "report.html"), "is what the run wrote itself", "-o")
    assert_one_line(kgalign("report", run, cwd=run), "is what the run wrote itself")
    assert (run / "report.html").read_bytes() == before
    assert_one_line(kgalign("report", run / "nothing"), "is not a run folder")
