"""Limits on what is spent, and that nothing depends on when answers come."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kgalign.ledger import Ledger
from kgalign.llm.scripted import Fault, ScriptedSettings
from kgalign.llm.scripted.server import Running, running
from kgalign.records.votes import Vote
from kgalign.run.steps import Execution
from tests.conftest import Pair
from tests.llm_runs import runs

Begun = Callable[[str], Path]
PRICES = {"price_in": 200.0, "price_out": 1000.0}


def votes(out: Path) -> list[Vote]:
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        return list(ledger.votes())


def limited(doubtful: Pair, out: Path, server: Running, prices: bool, **limit: float) -> Execution:
    llm: dict[str, Any] = PRICES if prices else {}
    return runs.run(doubtful, out, server.url, votes=limit, llm=llm)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.6, 1.0, 1.1])
def test_never_more_calls_than_allowed_and_without_the_limit_it_goes_on(
    doubtful: Pair, begun: Begun, undisturbed: Path, share: float
) -> None:
    out = begun("run")
    whole = len(runs.answers(undisturbed))
    assert whole > 50
    most = round(share * whole)
    with running(ScriptedSettings(latency=0.002)) as server:
        limited(doubtful, out, server, False, max_calls=most)
        asked = runs.step(out)
        assert len(runs.questions(server)) == len(runs.answers(out)) == min(most, whole)
        assert asked.figures["calls"] == min(most, whole)
        assert (asked.figures.get("not_asked", 0) > 0) == (most < whole)
        if most >= whole:
            assert runs.results(out) == runs.results(undisturbed)
        limited(doubtful, out, server, False)
        assert len(runs.questions(server)) == whole
        assert runs.answered_again(server) == 0
    assert "not_asked" not in runs.step(out).figures
    assert runs.results(out) == runs.results(undisturbed)


@pytest.mark.parametrize("most", [0, 700, 12_000])
def test_never_more_tokens_than_allowed(doubtful: Pair, begun: Begun, undisturbed: Path, most: int) -> None:
    out = begun("run")
    with running(ScriptedSettings(latency=0.002)) as server:
        limited(doubtful, out, server, False, max_tokens=most)
        spent = sum(vote.prompt_tokens + vote.completion_tokens for vote in votes(out))
        assert spent <= most
        assert spent >= most - 1500
        assert runs.step(out).figures["not_asked"] > 0
        limited(doubtful, out, server, False)
        # Below the limit no controls were asked, so that a few cases are asked in another order now.
        assert runs.answered_again(server) <= 5
    assert runs.results(out) == runs.results(undisturbed)


@pytest.mark.parametrize("most", [0.0, 0.3, 5.0])
def test_never_more_money_than_allowed(doubtful: Pair, begun: Begun, undisturbed: Path, most: float) -> None:
    out = begun("run")
    with running(ScriptedSettings(latency=0.002)) as server:
        limited(doubtful, out, server, True, max_cost=most)
        tokens = [(vote.prompt_tokens, vote.completion_tokens) for vote in votes(out)]
        spent = sum(200 * read + 1000 * written for read, written in tokens) / 1e6
        figures = runs.step(out).figures
        assert spent == pytest.approx(figures["cost"])
        assert spent <= most
        assert spent >= most - 0.5
        assert figures["not_asked"] > 0
        limited(doubtful, out, server, True)
        assert runs.answered_again(server) <= 5
    assert runs.results(out) == runs.results(undisturbed)


@pytest.mark.parametrize("limit", [{"max_tokens": 12_000}, {"max_cost": 3.0}])
def test_what_a_server_does_not_report_is_estimated_and_held_to_the_limits(
    doubtful: Pair, begun: Begun, limit: dict[str, float], caplog: pytest.LogCaptureFixture
) -> None:
    """Over two sessions, and no further request is sent in a third."""
    out = begun("run")
    with running(ScriptedSettings(usage=False)) as server:
        limited(doubtful, out, server, True, **limit)
        asked, figures = len(runs.questions(server)), runs.step(out).figures
        told = [each.getMessage() for each in caplog.records if "estimated" in each.getMessage()]
        limited(doubtful, out, server, True, **limit)
        runs.run(doubtful, out, server.url, force=True, votes=limit, llm=PRICES)
        assert len(runs.questions(server)) == asked > 0
    assert figures["not_asked"] > 0
    assert all(vote.prompt_tokens > 0 and vote.completion_tokens > 0 for vote in votes(out))
    spent = sum(vote.prompt_tokens + vote.completion_tokens for vote in votes(out))
    assert figures["tokens_in"] + figures["tokens_out"] == spent
    if "max_tokens" in limit:
        assert limit["max_tokens"] - 2000 <= spent <= limit["max_tokens"]
    else:
        assert limit["max_cost"] - 0.6 <= figures["cost"] <= limit["max_cost"]
    assert len(told) == 1, "it is said once"
    assert "tokens are estimated" in told[0]
    assert runs.step(out).figures["tokens_in"] == figures["tokens_in"]


def test_where_a_server_reports_what_it_read_nothing_is_estimated(
    doubtful: Pair, begun: Begun, caplog: pytest.LogCaptureFixture
) -> None:
    out = begun("run")
    with running(ScriptedSettings()) as server:
        limited(doubtful, out, server, False, max_calls=20)
    assert "estimated" not in caplog.text
    assert "tokens" not in runs.step(out).notes


def test_a_limit_is_said_at_the_end_and_is_no_error(doubtful: Pair, begun: Begun) -> None:
    out = begun("run")
    with running(ScriptedSettings()) as server:
        done = runs.call(runs.command(doubtful, out, *runs.asking(server.url, "--max-calls", 5)))
    assert (done.returncode, done.stderr) == (0, "")
    assert "5 votes" in done.stdout
    figures = runs.step(out).figures
    assert f"{figures['not_asked']:,.0f} of them not to the end, because of a limit" in done.stdout


@pytest.mark.parametrize("limit", [{}, {"max_calls": 40}, {"max_tokens": 20_000}])
def test_what_is_asked_does_not_depend_on_when_answers_come(
    doubtful: Pair, begun: Begun, limit: dict[str, int]
) -> None:
    """Answers come back in another order where failed attempts are made again later."""
    ways: list[tuple[int, ScriptedSettings]] = [
        (1, ScriptedSettings()),
        (32, ScriptedSettings(latency=0.01)),
        (7, ScriptedSettings(latency=0.003, faults=dict.fromkeys(_FAULTS, 0.15))),
    ]
    found = []
    for number, (at_once, settings) in enumerate(ways):
        out = begun(f"run{number}")
        with running(settings) as server:
            runs.run(doubtful, out, server.url, llm={"concurrency": at_once}, votes=limit)
        found.append((runs.answers(out), runs.results(out)))
    assert found[0] == found[1] == found[2]


_FAULTS = (Fault.BUSY, Fault.CLOSED)
