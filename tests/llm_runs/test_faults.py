"""A server that fails in every way that servers fail in changes nothing but the time that a run takes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kgalign.ledger import Ledger
from kgalign.llm.scripted import TRANSPORT, Fault, ScriptedSettings
from kgalign.llm.scripted.server import Running, running
from kgalign.records.votes import Status
from tests.conftest import Pair
from tests.llm_runs import runs

Begun = Callable[[str], Path]
SHARE = 0.2


def statuses(out: Path) -> dict[Status, int]:
    """Status → votes that have it."""
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        found = [vote.answer.status for vote in ledger.votes()]
    return {status: found.count(status) for status in set(found)}


def assert_all_decided(out: Path) -> None:
    asked = runs.step(out)
    assert not asked.incomplete
    assert "failed" not in asked.figures
    assert "not_asked" not in asked.figures
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        decisions = list(ledger.decisions())
    assert len(decisions) == asked.figures["entities_in_doubt"] > 20
    assert {decision.stopped for decision in decisions} <= {"sure", "most"}


@pytest.mark.parametrize("fault", TRANSPORT)
def test_each_fault_on_the_way_leaves_every_verdict_as_it_is(
    doubtful: Pair, undisturbed: Path, begun: Begun, fault: Fault
) -> None:
    out = begun("run")
    with running(ScriptedSettings(faults={fault: SHARE}, retry_after=0.05)) as server:
        runs.run(doubtful, out, server.url, llm={"timeout": 1 if fault is Fault.SILENT else 10})
        met = server.faults[fault]
        again = 0 if fault is Fault.SILENT else runs.answered_again(server)
    assert met > 5
    assert again == 0
    assert_all_decided(out)
    assert runs.results(out) == runs.results(undisturbed)
    assert runs.answers(out) == runs.answers(undisturbed)


@pytest.mark.parametrize(
    ("fault", "status"), [(Fault.LANGUAGE, Status.UNREADABLE), (Fault.EMPTY, Status.UNREADABLE)]
)
def test_an_answer_that_says_nothing_is_a_status_and_is_not_believed(
    doubtful: Pair, begun: Begun, fault: Fault, status: Status
) -> None:
    out = begun("run")
    with running(ScriptedSettings(faults={fault: SHARE})) as server:
        runs.run(doubtful, out, server.url, votes={"controls": 0})
        asked, again = server.faults[fault], runs.answered_again(server)
    assert again == 0
    assert_all_decided(out)
    found = statuses(out)
    assert set(found) == {Status.OK, status}
    assert 5 < found[status] <= asked
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        counted = sum(decision.counted for decision in ledger.decisions())
    assert counted == found[Status.OK]


@pytest.mark.slow
def test_all_faults_at_once_through_real_processes(doubtful: Pair, begun: Begun) -> None:
    content = {Fault.LANGUAGE: SHARE / 2, Fault.EMPTY: SHARE / 2}
    mixed = {**dict.fromkeys(TRANSPORT, SHARE / len(TRANSPORT)), **content}
    outs = [begun("calm"), begun("mixed")]
    servers: list[Running] = []
    options = doubtful.gold.parent / "short.toml"
    options.write_text("[llm]\ntimeout = 1\n", encoding="utf8")
    for out, faults in zip(outs, (content, mixed), strict=True):
        with running(ScriptedSettings(faults=faults)) as server:
            asking = runs.asking(server.url, "--config", options, "--ask", "all")
            done = runs.call(runs.command(doubtful, out, *asking))
            servers.append(server)
        assert (done.returncode, done.stderr) == (0, "")
        assert_all_decided(out)
        runs.assert_sound(out)
    assert set(servers[1].faults) == set(Fault)
    assert runs.results(outs[0]) == runs.results(outs[1])
    assert runs.answers(outs[0]) == runs.answers(outs[1])
