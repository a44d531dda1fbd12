"""What asking will take, said before anybody is asked."""

from pathlib import Path
from typing import Any

import pytest

from kgalign import pipeline
from kgalign.config import Config
from kgalign.judge.asking.cases import find_cases
from kgalign.judge.llm import ask
from kgalign.judge.plan import Plan, make_plan
from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import running
from kgalign.run.start import evidence
from kgalign.run.steps import Work
from tests.conftest import Pair
from tests.llm_runs import runs

NEAR = 0.15
"""How far a plan may be off."""
NOBODY = "http://127.0.0.1:9/v1"


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return runs.doubtful(tmp_path_factory.mktemp("doubtful"))


@pytest.fixture(scope="module")
def work(doubtful: Pair) -> Work:
    return evidence(doubtful.left, doubtful.right, None, runs.config(NOBODY))


def planned(work: Work, *, rate: float | None = None, **sections: dict[str, Any]) -> Plan:
    sides = work.get(pipeline.SELECT_LEFT), work.get(pipeline.SELECT_RIGHT)
    return make_plan(*sides, work.get(pipeline.JUDGE), runs.config(NOBODY, **sections), rate=rate)


@pytest.mark.parametrize(
    "votes",
    [{}, {"ask": "all"}, {"max_votes": 3, "min_votes": 1, "confidence": 0.8}, {"options": 2, "doubt": 0.2}],
)
def test_it_is_near_what_a_run_takes(work: Work, tmp_path: Path, votes: dict[str, Any]) -> None:
    sides = work.get(pipeline.SELECT_LEFT), work.get(pipeline.SELECT_RIGHT)
    with running(ScriptedSettings(accuracy=0.85)) as server:
        config = runs.config(server.url, votes=votes)
        plan = make_plan(*sides, work.get(pipeline.JUDGE), config, tries=True)
        done = ask(*sides, work.get(pipeline.JUDGE), config, ledger=tmp_path / "votes.sqlite")
    figures = done.figures
    assert plan.tried == 10
    assert plan.asked_about == figures["entities_in_doubt"]
    assert figures["calls"] <= plan.most_calls
    assert plan.calls == pytest.approx(figures["calls"], rel=NEAR)
    assert plan.tokens_in == pytest.approx(figures["tokens_in"], rel=NEAR)
    assert plan.tokens_out == pytest.approx(figures["tokens_out"], rel=2 * NEAR)


@pytest.mark.parametrize("limit", [{"max_calls": 30}, {"max_tokens": 20_000}])
def test_below_a_limit_it_is_what_the_limit_allows_for(
    work: Work, tmp_path: Path, limit: dict[str, Any]
) -> None:
    sides = work.get(pipeline.SELECT_LEFT), work.get(pipeline.SELECT_RIGHT)
    with running(ScriptedSettings(accuracy=0.85)) as server:
        config = runs.config(server.url, votes=limit)
        plan = make_plan(*sides, work.get(pipeline.JUDGE), config, tries=True)
        figures = ask(*sides, work.get(pipeline.JUDGE), config, ledger=tmp_path / "votes.sqlite").figures
    assert plan.limited
    assert plan.calls == pytest.approx(figures["calls"], rel=NEAR)
    assert plan.tokens_in == pytest.approx(figures["tokens_in"], rel=NEAR)


def test_it_counts_entities_candidates_and_money(work: Work) -> None:
    prices = {"price_in": 2.0, "price_out": 8.0}
    plan = planned(work, rate=4.0, llm=prices)
    cases = find_cases(
        work.get(pipeline.JUDGE),
        work.get(pipeline.SELECT_LEFT),
        work.get(pipeline.SELECT_RIGHT),
        Config().votes,
    )
    assert (plan.left_entities, plan.right_entities) == (80, 80)
    assert plan.candidates == len(work.get(pipeline.JUDGE))
    assert plan.asked_about == plan.sample == len(cases)
    assert plan.cost == pytest.approx((2 * plan.tokens_in + 8 * plan.tokens_out) / 1e6, rel=1e-3)
    assert plan.seconds == pytest.approx(plan.calls / 4, abs=0.1)
    assert plan.tried == 0
    assert planned(work).seconds is None
    assert planned(work).cost == 0.0


@pytest.mark.parametrize(
    ("votes", "limited"),
    [
        ({"max_calls": 5}, "max_calls, 5"),
        ({"max_tokens": 9000}, "max_tokens, 9,000"),
        ({"max_cost": 0.01}, "max_cost, 0.01"),
        ({"max_calls": 100_000, "max_tokens": 10**9, "max_cost": 1e6}, ""),
    ],
)
def test_the_limit_that_ends_it_is_named(work: Work, votes: dict[str, Any], limited: str) -> None:
    assert planned(work, votes=votes, llm={"price_in": 1.0, "price_out": 1.0}).limited == limited


def test_asking_nobody_takes_nothing(work: Work) -> None:
    plan = planned(work, votes={"ask": "none"})
    assert (plan.asked_about, plan.calls, plan.tokens_in, plan.cost, plan.limited) == (0, 0, 0, 0, "")


def test_the_same_seed_gives_the_same_plan(work: Work) -> None:
    assert planned(work) == planned(work)
    assert planned(work).to_dict()["calls"] == planned(work).calls


def test_a_sample_stands_for_many(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = planned(work, votes={"ask": "all"})
    monkeypatch.setattr("kgalign.judge.plan._SAMPLE", 20)
    sampled = planned(work, votes={"ask": "all"})
    assert (whole.sample, sampled.sample) == (80, 20)
    assert sampled.asked_about == whole.asked_about
    assert sampled.calls == pytest.approx(whole.calls, rel=0.25)
