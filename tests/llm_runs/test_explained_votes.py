"""What ``kgalign explain`` shows of votes, and what becomes of each outcome, on whole runs."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kgalign.explain import Explainer
from kgalign.judge import with_votes
from kgalign.ledger import Ledger
from kgalign.llm.scripted import Fault, ScriptedSettings
from kgalign.llm.scripted.server import running
from kgalign.records import Alignment, Candidates, Hearing, Outcome, Profile, Verdicts
from kgalign.run.folder import RunFolder
from tests.conftest import Pair
from tests.judge.generate import write_people
from tests.llm_runs import runs

Begun = Callable[[str], Path]


@pytest.mark.parametrize("reducer", ["adaptive", "majority", "weighted", "dawid_skene", "unanimous"])
def test_the_lines_of_a_pair_sum_up_whatever_the_reducer(doubtful: Pair, begun: Begun, reducer: str) -> None:
    out = begun("run")
    settings = ScriptedSettings(accuracy=0.8, hallucination=0.2, faults={Fault.EMPTY: 0.2})
    with running(settings) as server:
        runs.run(doubtful, out, server.url, votes={"reducer": reducer, "controls": 0})
    folder = RunFolder(out)
    hearing, evidence = folder.load("ask", Hearing), folder.load("judge", Verdicts)
    verdicts, alignment = with_votes(evidence, hearing), folder.load("assign", Alignment)
    assert verdicts.contribution.sum(axis=1) == pytest.approx(verdicts.log_odds, abs=1e-4)
    sides = folder.load("select-left", Profile), folder.load("select-right", Profile)
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        explainer = Explainer(
            *sides,
            folder.load("retrieve", Candidates),
            verdicts,
            alignment,
            hearing=hearing,
            votes=lambda case: ledger.votes(hearing.judging, cases=[case]),
        )
        seen = 0
        for row in hearing.row.tolist():
            a, b = (
                side.entity_iri[int(ids[row])].as_py()
                for side, ids in zip(sides, (verdicts.left, verdicts.right), strict=True)
            )
            (pair,) = explainer.pair(a, b).pairs
            running_sums = np.cumsum([line.contribution for line in pair.lines])
            assert [line.running for line in pair.lines] == pytest.approx(running_sums)
            assert running_sums[-1] == pytest.approx(pair.log_odds, abs=1e-4)
            votes = [line for line in pair.lines if line.kind == "vote"]
            assert len(votes) == int((hearing.vote_row == row).sum())
            assert all(line.left or line.right for line in votes)
            seen += len(votes)
    assert seen > 50


def test_explain_as_a_user_calls_it_shows_every_vote_that_counts(doubtful: Pair, undisturbed: Path) -> None:
    with Ledger.open(undisturbed / "votes.sqlite", write=False) as ledger:
        matches = [each for each in ledger.decisions() if each.outcome == "match"]
    decision = next(each for each in matches if len(each.options) > 1)
    words = [*runs.COMMAND, "explain", str(undisturbed), decision.case, decision.chosen]
    told = json.loads(runs.call([*words, "--json"]).stdout)
    (pair,) = told["pairs"]
    votes = [line for line in pair["lines"] if line["kind"] == "vote"]
    assert len(votes) == decision.counted
    assert votes[0]["level"] == "select, left asks, attributes"
    assert sum(line["contribution"] for line in pair["lines"]) == pytest.approx(pair["log_odds"], abs=1e-4)
    assert pair["probability"] == pytest.approx(decision.probability, abs=1e-5)
    shown = runs.call(words)
    assert shown.returncode == 0
    assert "vote 1" in shown.stdout


def test_what_the_votes_leave_undecided_is_no_link_and_goes_to_people(doubtful: Pair, begun: Begun) -> None:
    out = begun("run")
    with running(ScriptedSettings(accuracy=0.6, hallucination=0.3)) as server:
        runs.run(doubtful, out, server.url, votes={"reducer": "unanimous", "controls": 0})
    folder = RunFolder(out)
    hearing, alignment = folder.load("ask", Hearing), folder.load("assign", Alignment)
    verdicts = with_votes(folder.load("judge", Verdicts), hearing)
    undecided = hearing.row[hearing.outcome == Outcome.UNDECIDED]
    assert len(undecided) > 5
    assert not np.isin(alignment.verdict[alignment.outcome == Outcome.MATCH], undecided).any()
    probable = undecided[verdicts.probability[undecided] >= 0.5]
    assert np.isin(probable, alignment.verdict[alignment.outcome == Outcome.UNDECIDED]).any()
    links = (out / "links.nt").read_text(encoding="utf8")
    for row in undecided.tolist():
        a = folder.load("select-left", Profile).entity_iri[int(verdicts.left[row])].as_py()
        b = folder.load("select-right", Profile).entity_iri[int(verdicts.right[row])].as_py()
        assert f"<{a}> <http://www.w3.org/2002/07/owl#sameAs> <{b}>" not in links


@pytest.mark.parametrize("cardinality", ["one-to-many", "many-to-many"])
def test_where_entities_have_several_partners_pairs_are_cases_and_known_ones_are_not(
    tmp_path: Path, cardinality: str
) -> None:
    pair = write_people(tmp_path / "graphs", 20, partnered=0.7, right_copies=(1, 2), noise=0.5, seed=3)
    known = tmp_path / "known.tsv"
    given = sorted(pair.links)[:5]
    known.write_text("".join(f"{a}\t{b}\n" for a, b in given), encoding="utf8")
    out = tmp_path / "run"
    sections: dict[str, dict[str, object]] = {
        "judge": {"known": [str(known)]},
        "assign": {"cardinality": cardinality},
        "retrieve": {"k": 5},
        "votes": {"ask": "all"},
    }
    with running(ScriptedSettings()) as server:
        runs.run(pair, out, server.url, force=False, **sections)
        runs.run(pair, tmp_path / "again", server.url, force=False, **sections)
        # The second run folder has a ledger of its own: the same questions, word for word.
        assert runs.answers(out) == runs.answers(tmp_path / "again")
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        decisions = list(ledger.decisions())
        kinds = {vote.question.kind for vote in ledger.votes()}
    assert len(decisions) > 15
    assert kinds == {"verify"}
    for decision in decisions:
        a, b = decision.case.split(" ")
        assert decision.options == (b,)
        assert (a, b) not in given
        if cardinality == "one-to-many":
            assert b not in {right for _, right in given}
    assert runs.step(out, "assign").counts["confirmed"] == 5
    assert runs.results(out) == runs.results(tmp_path / "again")
