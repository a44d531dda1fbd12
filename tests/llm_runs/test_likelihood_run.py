"""A run in which a model is asked without an instruction: what is learned, kept and replayed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kgalign.errors import ConfigError
from kgalign.ledger import Ledger
from kgalign.records.votes import QuestionKind, Vote, known_partner
from tests.conftest import Pair
from tests.llm import copying
from tests.llm.servers import serving
from tests.llm_runs import runs

LIKELIHOOD = {"answer": "likelihood"}


def _votes(out: Path) -> list[Vote]:
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        return list(ledger.votes())


def _rows(out: Path) -> int:
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        return int(ledger.connection.execute("SELECT count(*) FROM vote").fetchone()[0])


@pytest.fixture(scope="module")
def judged(doubtful: Pair, evidence: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, judged by a model that takes for likely what was said before."""
    return runs.by_likelihood(doubtful, evidence, tmp_path_factory.mktemp("likely") / "run", "likelihood")


def test_partners_are_told_from_look_alikes_by_likelihood_alone(judged: Path) -> None:
    step = runs.step(judged)
    assert "not asked" not in step.notes, step.notes
    votes = _votes(judged)
    assert {vote.question.template for vote in votes} == {"likelihood@2"}
    selections = [
        vote
        for vote in votes
        if known_partner(vote.question.case) and vote.question.kind is QuestionKind.SELECT
    ]
    right = sum(vote.answer.choice == known_partner(vote.question.case) for vote in selections)
    assert len(selections) >= 6
    assert right > len(selections) / 2
    assert any(known_partner(vote.question.case) is None for vote in votes), (
        "it was asked about what is in doubt"
    )


def test_what_is_kept_of_an_answer_are_its_scores(judged: Path) -> None:
    for vote in _votes(judged):
        asker, *options = [message.content for message in vote.question.messages]
        scores = json.loads(vote.reply)["scores"]
        assert list(scores) == list(vote.question.labels[:-1])
        wanted = [copying.score(asker, option) for option in options]
        assert list(scores.values()) == pytest.approx(wanted, abs=1e-3)
        given = vote.answer.probabilities
        assert given is not None
        assert sum(given) == pytest.approx(1)
        if vote.answer.place:  # of the options it chose the best, whatever the threshold of none
            assert max(scores.values()) == scores[vote.question.labels[vote.answer.place - 1]]
    runs.assert_sound(judged)


def test_a_replay_repeats_it_and_going_on_adds_nothing(doubtful: Pair, judged: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(judged, tmp_path / "run"))
    before, rows = runs.results(out), _rows(out)
    runs.run(doubtful, out, "http://localhost:1/v1", judge={"judge": "replay"}, force=True)
    assert runs.results(out) == before
    with serving(echo=copying.completion) as server:
        runs.run(doubtful, out, server.url, llm=LIKELIHOOD, force=True)
    assert runs.results(out) == before
    assert runs.step(out).figures["calls_now"] == 0
    assert _rows(out) == rows


def test_the_votes_can_be_looked_at(judged: Path) -> None:
    case = next(vote.question for vote in _votes(judged) if known_partner(vote.question.case) is None)
    shown = runs.call([*runs.COMMAND, "votes", "show", str(judged), case.case])
    assert shown.returncode == 0, shown.stderr
    assert "likelihood@2" in shown.stdout
    assert '"scores"' in shown.stdout
    told = runs.call([*runs.COMMAND, "votes", "stats", str(judged)])
    assert told.returncode == 0, told.stderr
    controls = runs.step(judged).notes["controls"].removeprefix("right on ").partition(" controls")[0]
    assert f"Controls: right on {controls} questions" in told.stdout


def test_a_server_that_gives_no_likelihoods_is_refused(doubtful: Pair, begun: Callable[[str], Path]) -> None:
    with serving() as server, pytest.raises(ConfigError, match="log-probabilities of prompts"):
        runs.run(doubtful, begun("run"), server.url, llm=LIKELIHOOD)
