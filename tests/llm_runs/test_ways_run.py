"""Runs in which the way of asking is found out: what is tried, what is taken, what is said of it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kgalign.ledger import Ledger
from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import running
from tests.conftest import Pair
from tests.llm import copying
from tests.llm.servers import serving
from tests.llm_runs import runs

AUTO = {"answer": "auto"}


@pytest.fixture(scope="module")
def judged(doubtful: Pair, evidence: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a model that always gives the first label, and takes for likely what was said before."""
    return runs.by_likelihood(doubtful, evidence, tmp_path_factory.mktemp("ways") / "run", "auto")


def test_where_labels_are_no_better_than_chance_likelihood_is_asked(judged: Path) -> None:
    step = runs.step(judged)
    assert step.notes["way"].startswith("asked by likelihood (better than chance)")
    assert "choice was no better than chance: right on" in step.notes["way"]
    with Ledger.open(judged / "votes.sqlite", write=False) as ledger:
        votes = list(ledger.votes())
        calls = ledger.connection.execute("SELECT count(*) FROM call").fetchone()[0]
    assert {vote.question.template for vote in votes} == {"likelihood@2"}
    assert step.figures["calls"] == calls, "the controls of what was tried are counted"
    assert step.figures["calls_now"] == calls
    told = runs.call([*runs.COMMAND, "votes", "stats", str(judged)])
    assert "Way of asking: asked by likelihood" in told.stdout
    runs.assert_sound(judged)


def test_a_replay_and_going_on_ask_in_the_same_way(doubtful: Pair, judged: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(judged, tmp_path / "run"))
    before, figures = runs.results(out), runs.step(out).figures
    runs.run(doubtful, out, "http://localhost:1/v1", judge={"judge": "replay"}, force=True)
    assert runs.results(out) == before
    replayed = runs.step(out)
    assert replayed.notes["way"] == runs.step(judged).notes["way"]
    assert replayed.figures["calls"] == figures["calls"]
    with serving(echo=copying.completion) as server:
        runs.run(doubtful, out, server.url, llm=AUTO, force=True)
    assert runs.results(out) == before
    assert runs.step(out).figures["calls_now"] == 0


def test_a_model_that_answers_well_with_a_label_is_asked_for_no_more(
    doubtful: Pair, begun: Callable[[str], Path]
) -> None:
    out = begun("run")
    with running(ScriptedSettings()) as server:
        done = runs.call(
            runs.command(doubtful, out, "--judge", "llm", "--llm-url", server.url, "--answer", "auto")
        )
    assert done.returncode == 0, done.stderr
    assert "It was asked by choice, the cheapest way that works" in done.stdout + done.stderr
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        assert {vote.sampling.max_tokens for vote in ledger.votes()} == {8}


def test_where_a_limit_is_low_nothing_else_is_tried(doubtful: Pair, begun: Callable[[str], Path]) -> None:
    out = begun("run")
    with serving(echo=copying.completion) as server:
        runs.run(doubtful, out, server.url, llm=AUTO, votes={"max_calls": 60})
    step = runs.step(out)
    assert "likelihood, json not tried, because of a limit" in step.notes["way"]
    assert step.figures["calls"] <= 60
