"""A whole `kgalign run --judge llm` through a real vLLM over HTTP: the protocol, not the model's wits."""

import json
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.vllm.conftest import Served

pytestmark = pytest.mark.vllm

COUNTRIES = Path(__file__).parents[2] / "examples" / "countries"
GRAPHS = COUNTRIES / "left.ttl", COUNTRIES / "right.jsonld", "--config", COUNTRIES / "config.toml"
CALLS = 16
Command = Callable[..., "subprocess.CompletedProcess[str]"]
Row = tuple[object, ...]


def _rows(run: Path, query: str) -> list[Row]:
    with closing(sqlite3.connect(run / "votes.sqlite")) as ledger:
        return list(ledger.execute(query))


def _run(kgalign: Command, run: Path, *flags: object) -> str:
    result = kgalign("run", *GRAPHS, "-o", run, *flags)
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


@pytest.fixture(scope="module")
def run(served: Served, kgalign: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of the countries, judged by the model with its adapter."""
    folder = tmp_path_factory.mktemp("judged") / "run"
    flags = ("--judge", "llm", "--llm-url", served.url, "--model", served.model, "--adapter", served.adapter)
    _run(kgalign, folder, *flags, "--ask", "all", "--max-calls", CALLS)
    return folder


def test_every_vote_is_on_record_in_form_and_with_probabilities(run: Path, served: Served) -> None:
    calls = _rows(
        run,
        "SELECT model, adapter, answered, labels, reply, finish, probabilities, cached_tokens FROM call",
    )
    assert len(calls) == CALLS
    assert {call[:3] for call in calls} == {(served.model, served.adapter, 1)}
    for _, _, _, labels, reply, finish, probabilities, _ in calls:
        if finish == "stop":
            said = json.loads(str(reply), strict=False)
            assert said.keys() == {"choice", "values", "reason"}
            assert said["choice"] in json.loads(str(labels))
        assert sum(json.loads(str(probabilities))) == pytest.approx(1)
    # What all questions share stands first: most calls find it read already.
    assert sum(int(str(call[-1])) > 0 for call in calls) > CALLS / 2
    statuses = [status for (status,) in _rows(run, "SELECT status FROM vote")]
    assert len(statuses) == CALLS
    # The server holds every answer to its form; that a value was in the question it can't see to.
    assert set(statuses) <= {"ok", "invented", "cut-off"}
    assert "ok" in statuses


def test_what_the_server_can_do_is_in_the_runs_record(run: Path) -> None:
    record = (run / "run.json").read_text(encoding="utf8")
    for expected in ("vllm", "json_schema"):
        assert expected in record


def test_the_run_is_replayed_without_a_server(run: Path, kgalign: Command) -> None:
    links, calls = (run / "links.nt").read_bytes(), _rows(run, "SELECT COUNT(*) FROM call")
    _run(kgalign, run, "--judge", "replay", "--force")
    assert (run / "links.nt").read_bytes() == links
    assert _rows(run, "SELECT COUNT(*) FROM call") == calls
    assert kgalign("votes", "verify", run).returncode == 0
