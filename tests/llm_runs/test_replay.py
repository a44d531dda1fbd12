"""A run can be repeated from its ledger, without a server."""

import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from kgalign.errors import RunError
from kgalign.llm.scripted import Fault, ScriptedSettings
from kgalign.llm.scripted.server import running
from kgalign.run.start import run
from tests.conftest import Pair
from tests.llm_runs import runs

Begun = Callable[[str], Path]
NOWHERE = "http://127.0.0.1:1/v1"
REPLAY = {"judge": "replay"}


def test_a_replay_with_no_server_gives_the_same_bytes(
    doubtful: Pair, undisturbed: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(undisturbed, tmp_path / "run"))
    before, whole = runs.results(out), len(runs.answers(undisturbed))
    for name in before:
        (out / name).unlink()
    done = runs.call(runs.command(doubtful, out, "--judge", "replay", "--force"))
    assert (done.returncode, done.stderr) == (0, "")
    assert runs.results(out) == before
    asked = runs.step(out)
    assert asked.figures["calls_now"] == 0
    assert asked.figures["calls"] == whole
    assert asked.notes["server"] == "none: replayed from the ledger"
    runs.assert_sound(out)


@pytest.mark.parametrize(
    "votes",
    [
        {"ask": "all", "reducer": "weighted", "options": 2},
        {"max_calls": 31, "reducer": "dawid_skene"},
        {"max_votes": 3, "min_votes": 1, "confidence": 0.8, "reducer": "majority"},
    ],
)
def test_a_replay_goes_by_the_settings_of_then(
    doubtful: Pair, begun: Begun, votes: dict[str, object]
) -> None:
    """Limits, reducer and whom to ask are part of what is repeated; nobody has to give them again."""
    out = begun("run")
    with running(ScriptedSettings(faults={Fault.EMPTY: 0.1}, hallucination=0.1)) as server:
        runs.run(doubtful, out, server.url, votes=votes)
    before = runs.results(out)
    runs.run(doubtful, out, NOWHERE, judge=REPLAY, force=True)
    assert runs.results(out) == before
    assert runs.step(out).figures["calls_now"] == 0


def test_a_replay_of_a_run_that_failed_in_part_leaves_the_same_open(doubtful: Pair, begun: Begun) -> None:
    out = begun("run")
    with running(ScriptedSettings(faults={Fault.ERROR: 0.2})) as server:
        runs.run(doubtful, out, server.url, llm={"retries": 0})
    asked = runs.step(out)
    assert asked.figures["failed"] > 0
    runs.run(doubtful, out, NOWHERE, judge=REPLAY, force=True)
    again = runs.step(out)
    assert again.figures["not_asked"] == asked.figures["failed"]
    assert not again.incomplete
    assert again.figures["calls"] == asked.figures["calls"]


@pytest.mark.parametrize("name", ["select-2", "select-4"])
def test_other_prompts_are_told_in_one_sentence(
    doubtful: Pair, undisturbed: Path, tmp_path: Path, name: str
) -> None:
    """A changed one as well as a new one."""
    out = Path(shutil.copytree(undisturbed, tmp_path / "run"))
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    text = (files("kgalign.judge.asking") / "prompts" / "select-2.txt").read_text(encoding="utf8")
    text = text.replace("name: select-2", f"name: {name}") + "\nThink well.\n"
    (prompts / f"{name}.txt").write_text(text, encoding="utf8")
    options = tmp_path / "options.toml"
    options.write_text(f'[votes]\ntemplates = "{prompts}"\n', encoding="utf8")
    words = runs.command(doubtful, out, "--judge", "replay", "--force", "--config", options)
    runs.assert_one_line(runs.call(words), f"cast on other prompts: {name}@2 changed since")
    runs.run(doubtful, out, NOWHERE, judge=REPLAY)
    assert runs.results(out) == runs.results(undisturbed)


def test_there_must_be_something_to_replay(doubtful: Pair, begun: Begun) -> None:
    with pytest.raises(RunError, match="There is nothing to replay"):
        run(doubtful.left, doubtful.right, begun("run"), runs.config(NOWHERE, judge=REPLAY))
