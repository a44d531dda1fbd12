"""A server that fails for some questions: the rest is decided, and those are asked again."""

import json
from collections.abc import Callable
from pathlib import Path

from kgalign.llm.scripted import Fault, ScriptedSettings
from kgalign.llm.scripted.server import running
from kgalign.records import Alignment, Outcome, Verdicts
from kgalign.run.folder import RunFolder
from tests.conftest import Pair
from tests.llm_runs import runs

Begun = Callable[[str], Path]


def test_what_failed_is_said_and_asked_again_by_the_same_command(
    doubtful: Pair, begun: Begun, undisturbed: Path, tmp_path: Path
) -> None:
    out = begun("run")
    options = tmp_path / "options.toml"
    options.write_text("[llm]\nretries = 0\n", encoding="utf8")
    failed: list[float] = []
    with running(ScriptedSettings(faults={Fault.ERROR: 0.2})) as server:
        words = runs.command(doubtful, out, *runs.asking(server.url, "--config", options))
        while not failed or failed[-1]:
            done = runs.call(words)
            assert (done.returncode, done.stderr) == (0, "")
            failed.append(runs.step(out).figures.get("failed", 0.0))
            if failed[-1]:
                assert f"{failed[-1]:,.0f} of them not to the end, because questions failed" in done.stdout
                assert all(runs.step(out, name).incomplete for name in ("ask", "assign", "links"))
            assert len(failed) < 10
        assert runs.answered_again(server) == 0
    assert failed[0] > failed[-1] == 0
    assert "questions failed" not in done.stdout
    assert "Nothing to do" in runs.call(words).stdout
    runs.assert_sound(out)
    assert runs.results(out) == runs.results(undisturbed)


def test_a_run_killed_after_it_asked_again_does_not_keep_what_came_of_the_failures(
    doubtful: Pair, begun: Begun, undisturbed: Path
) -> None:
    """What was made from failed questions is made anew, even where the process dies in between."""
    out = begun("run")
    with running(ScriptedSettings(faults={Fault.ERROR: 0.2})) as server:
        runs.run(doubtful, out, server.url, llm={"retries": 0})
    assert runs.step(out).figures["failed"] > 0
    before = (out / "run.json").read_text(encoding="utf8")
    with running(ScriptedSettings()) as server:
        runs.run(doubtful, out, server.url)
        assert runs.step(out).figures.get("failed") is None
        # As if it had died right after the questions: only that step is new.
        record, old = json.loads((out / "run.json").read_text(encoding="utf8")), json.loads(before)
        record["steps"] = {**old["steps"], "ask": record["steps"]["ask"]}
        del record["digest"]
        (out / "run.json").write_text(json.dumps(record), encoding="utf8")
        execution = runs.run(doubtful, out, server.url)
    assert "ask" not in execution.done
    assert {"assign", "links", "verdicts.parquet"} <= set(execution.done)
    assert runs.results(out) == runs.results(undisturbed)


def test_what_failed_is_left_to_the_evidence(doubtful: Pair, begun: Begun) -> None:
    out = begun("run")
    with running(ScriptedSettings(faults={Fault.ERROR: 0.2})) as server:
        runs.run(doubtful, out, server.url, llm={"retries": 0})
    folder = RunFolder(out)
    verdicts, alignment = folder.load("judge", Verdicts), folder.load("assign", Alignment)
    rows = alignment.verdict[alignment.outcome == Outcome.FAILED]
    assert len(rows) == runs.step(out, "assign").counts["failed"] > 0
    assert (alignment.probability[alignment.outcome == Outcome.FAILED] == verdicts.probability[rows]).all()
    links = (out / "links.nt").read_text(encoding="utf8")
    assert links.count("sameAs") == runs.step(out, "assign").counts["matches"]
