"""``kgalign plan`` as a user calls it."""

import json
import re
from pathlib import Path

from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import running
from tests.conftest import Pair
from tests.llm_runs import runs

NOBODY = "http://127.0.0.1:9/v1"


def plan(pair: Pair, *options: object) -> list[str]:
    return [*runs.COMMAND, "plan", str(pair.left), str(pair.right), *map(str, options)]


def test_it_needs_no_server_and_names_limits(doubtful: Pair) -> None:
    done = runs.call(plan(doubtful, *runs.asking(NOBODY, "--max-calls", 5, "--rate", 2)))
    assert (done.returncode, done.stderr) == (0, "")
    for expected in (
        "Entities: 80 left, 80 right",
        "Candidates: 1,496, of which 0 are known",
        "To ask about: ",
        "Cost: unknown: give llm.price_in and llm.price_out",
        "Nothing was asked.",
        "The limit max_calls, 5 ends it then, before all is asked",
    ):
        assert expected in done.stdout


def test_where_the_server_is_there_ten_questions_tell_how_long_it_takes(
    doubtful: Pair, tmp_path: Path
) -> None:
    with running(ScriptedSettings(latency=0.02)) as server:
        done = runs.call(plan(doubtful, *runs.asking(server.url, "-o", tmp_path / "run")))
        assert (done.returncode, done.stderr) == (0, "")
        assert len(runs.questions(server)) == 10
    assert "10 questions were asked to find out." in done.stdout
    assert re.search(r"Time: [\d,]+ s, at [\d.]+ votes per second", done.stdout), done.stdout
    assert not (tmp_path / "run" / "votes.sqlite").exists()


def test_a_server_that_is_not_there_is_told_of_and_is_an_error_if_it_was_asked_for(doubtful: Pair) -> None:
    done = runs.call(plan(doubtful, *runs.asking(NOBODY)))
    assert (done.returncode, done.stderr) == (0, "")
    assert "can't be reached" in done.stdout
    assert "so nothing was tried out" in done.stdout
    runs.assert_one_line(runs.call(plan(doubtful, *runs.asking(NOBODY, "--probe"))), "can't be reached")


def test_a_rate_that_is_no_number(doubtful: Pair) -> None:
    done = runs.call(plan(doubtful, "--rate", "nan"))
    assert done.returncode == 2
    assert "nan is no finite number" in done.stderr


def test_a_run_goes_on_from_a_plan_and_a_plan_leaves_a_run_as_it_is(doubtful: Pair, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with running(ScriptedSettings()) as server:
        asking = runs.asking(server.url, "-o", out)
        told = json.loads(runs.call(plan(doubtful, *asking, "--no-probe", "--json")).stdout)
        assert server.requests == 0
        assert 20 < told["asked_about"] < 50
        assert not (out / "votes.sqlite").exists()
        execution = runs.run(doubtful, out, server.url)
        assert execution.done == (
            *("ask", "assign", "verdicts.parquet", "worklist", "worklist.csv", "vocabularies", "links"),
            *("names", "fuse", "fused.ttl", "fused.trig", "conflicts.parquet", "report.html"),
        )
        before, asked = runs.results(out), len(runs.questions(server))
        assert runs.call(plan(doubtful, *asking, "--no-probe")).returncode == 0
        assert runs.results(out) == before
        assert runs.run(doubtful, out, server.url).done == ()
        assert len(runs.questions(server)) == asked


def test_after_a_plan_for_other_options_nothing_is_shown_that_does_not_fit(
    doubtful: Pair, tmp_path: Path
) -> None:
    """The pairs of the plan are others: what was decided on those of the run can't be read beside them."""
    out = tmp_path / "run"
    with running(ScriptedSettings()) as server:
        runs.run(doubtful, out, server.url)
        before, asked = runs.results(out), len(runs.questions(server))
        assert runs.call(plan(doubtful, "-o", out, "-k", "3", "--judge", "llm")).returncode == 0
        iri = doubtful.left.read_text(encoding="utf8").partition(">")[0][1:]
        explained = runs.call([*runs.COMMAND, "explain", str(out), iri])
        runs.assert_one_line(explained, "isn't finished", "Run the same `kgalign run` again")
        runs.run(doubtful, out, server.url)
        assert len(runs.questions(server)) == asked
        assert runs.results(out) == before
    assert runs.call([*runs.COMMAND, "explain", str(out), iri]).returncode == 0


def test_wrong_options_are_one_sentence(doubtful: Pair, tmp_path: Path) -> None:
    done = runs.call(plan(doubtful, "--judge", "nonsense", "--max-calls", "-1", "-o", tmp_path / "run"))
    runs.assert_one_line(done, "2 faults", "--judge", "--max-calls")
    missing = Pair(tmp_path / "missing.ttl", doubtful.right, doubtful.gold, doubtful.links)
    runs.assert_one_line(runs.call(plan(missing)), "missing.ttl")
