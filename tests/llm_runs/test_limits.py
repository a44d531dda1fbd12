"""Limits on what is spent, and that nothing depends on when answers come."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kgalign.errors import RunError
from kgalign.ledger import Ledger, used
from kgalign.llm.scripted import Fault, ScriptedSettings
from kgalign.llm.scripted.server import Running, running
from kgalign.records.votes import Vote
from kgalign.run.executing import Execution
from tests.conftest import Pair
from tests.llm import servers
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
    """Answers come back in another order where failed attempts are made again later. Each of these attempts
    is a call, so that a limit on calls leaves fewer for other questions.
    """
    ways: list[tuple[int, ScriptedSettings]] = [(1, ScriptedSettings()), (32, ScriptedSettings(latency=0.01))]
    if "max_calls" not in limit:
        faults = dict.fromkeys(_FAULTS, 0.15)
        ways.append((7, ScriptedSettings(latency=0.003, faults=faults)))
    found = []
    for number, (at_once, settings) in enumerate(ways):
        out = begun(f"run{number}")
        with running(settings) as server:
            runs.run(doubtful, out, server.url, llm={"concurrency": at_once}, votes=limit)
        found.append((runs.answers(out), runs.results(out)))
    assert all(each == found[0] for each in found)


_FAULTS = (Fault.BUSY, Fault.CLOSED)


@pytest.mark.parametrize("most", [0, 13, 40])
def test_what_failed_counts_in_the_limit_on_calls(doubtful: Pair, begun: Begun, most: int) -> None:
    """Over two sessions: the second one has nothing left to send."""
    out = begun("run")
    with running(ScriptedSettings(faults=dict.fromkeys((Fault.ERROR, *_FAULTS), 0.12))) as server:
        for _ in range(2):
            runs.run(doubtful, out, server.url, votes={"max_calls": most, "controls": 0})
            assert len(runs.questions(server)) == most
    assert len(runs.answers(out)) < max(1, most)
    step = runs.step(out)
    assert step.figures["requests"] == most
    assert step.figures["not_asked"] > 0
    assert "failed" not in step.figures
    runs.assert_sound(out)


def test_a_server_that_fails_whatever_it_is_asked_uses_up_the_limit_over_many_sessions(
    doubtful: Pair, begun: Begun
) -> None:
    out = begun("run")

    def fails(question: str, _: int) -> servers.Fault | None:
        return servers.status(500) if "Record: {" in question or "First: {" in question else None

    ended = []
    with servers.serving(unlucky=fails) as server:
        for _ in range(4):
            try:
                runs.run(doubtful, out, server.url, votes={"max_calls": 50}, llm={"retries": 1})
                ended.append("limit")
            except RunError:
                ended.append("gone")
        assert sum(fails(question, 1) is not None for question in server.questions) == 50
    assert ended[-1] == "limit"


def test_one_budget_for_all_judgings_of_a_run_folder(doubtful: Pair, begun: Begun) -> None:
    """Other temperatures, and a server that shows other capabilities: nothing begins to be counted anew."""
    out = begun("run")
    with running(ScriptedSettings()) as server:
        runs.run(doubtful, out, server.url, votes={"max_calls": 60})
        assert len(runs.questions(server)) == 60
        for temperature in (0.3, 0.7):
            runs.run(doubtful, out, server.url, votes={"max_calls": 60}, llm={"temperature": temperature})
        assert len(runs.questions(server)) == 60
        assert runs.step(out).figures["not_asked"] > 0
        assert runs.step(out).figures["requests"] == 60
        runs.run(doubtful, out, server.url, votes={"max_calls": 75}, llm={"temperature": 0.7})
        assert len(runs.questions(server)) == 75
    with running(ScriptedSettings(logprobs=False)) as other:
        runs.run(doubtful, out, other.url, votes={"max_calls": 85})
        assert len(runs.questions(other)) == 10
    told = runs.call([*runs.COMMAND, "votes", "stats", str(out)])
    assert "Sent from this folder: 85 requests" in told.stdout


@pytest.mark.parametrize("limit", [{"max_tokens": 20_000}, {"max_cost": 4.0}])
def test_tokens_and_money_are_one_budget_as_well(
    doubtful: Pair, begun: Begun, limit: dict[str, float]
) -> None:
    out = begun("run")
    with running(ScriptedSettings()) as server:
        for temperature in (0.0, 0.3, 0.7):
            runs.run(doubtful, out, server.url, votes=limit, llm={"temperature": temperature, **PRICES})
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        spent = used(ledger)
    cost = (200 * spent.tokens_in + 1000 * spent.tokens_out) / 1e6
    assert spent.tokens_in + spent.tokens_out <= limit.get("max_tokens", math.inf)
    assert cost <= limit.get("max_cost", math.inf)


def test_what_changed_since_the_last_session_is_said_before_anything_is_asked(
    doubtful: Pair, begun: Begun
) -> None:
    out = begun("run")
    with running(ScriptedSettings()) as server:
        first = runs.call(runs.command(doubtful, out, *runs.asking(server.url)))
        assert (first.returncode, first.stderr) == (0, "")
        whole = len(runs.answers(out))
        assert runs.call(runs.command(doubtful, out, *runs.asking(server.url), "--ask", "all")).stderr == ""
    with running(ScriptedSettings(logprobs=False)) as other:
        words = runs.command(doubtful, out, *runs.asking(other.url, "--max-calls", whole))
        done = runs.call(words)
        assert done.returncode == 0
        assert len(runs.questions(other)) == 0
    assert "no log-probabilities any more" in done.stderr
    assert "can't be used" in done.stderr
    assert "0 questions" in done.stderr
