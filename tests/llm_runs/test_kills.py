"""A run that is killed, interrupted, or left alone by its server goes on where it was."""

import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import Running, running
from tests.conftest import Pair
from tests.llm_runs import runs

Begun = Callable[[str], Path]
KILLS = 20
AT_ONCE = 4
LATENCY = 0.02


def _kill_in_the_middle(words: list[str], server: Running, more: int, seconds: float) -> None:
    """Start a command, and kill it some time after it has asked so many further questions."""
    wanted = len(runs.questions(server)) + more
    process = runs.begin(words)
    while process.is_alive() and len(runs.questions(server)) < wanted:
        time.sleep(0.001)
    time.sleep(seconds)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL, "it ended before it was killed"
    process.close()


def _begin(words: list[str], server: Running, more: int) -> "subprocess.Popen[str]":
    """Start a command, and come back once it has asked so many further questions, or has ended."""
    wanted = len(runs.questions(server)) + more
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, encoding="utf8")
    while process.poll() is None and len(runs.questions(server)) < wanted:
        time.sleep(0.001)
    return process


def _config(folder: Path) -> Path:
    """Few questions at once, so that all of a run's questions take a while."""
    path = folder / "slow.toml"
    path.write_text(f"[llm]\nconcurrency = {AT_ONCE}\n", encoding="utf8")
    return path


@pytest.mark.slow
def test_killed_at_twenty_moments_nothing_is_lost_and_nothing_asked_twice(
    doubtful: Pair, begun: Begun, tmp_path: Path
) -> None:
    whole, killed = begun("whole"), begun("killed")
    with running(ScriptedSettings()) as server:
        runs.run(doubtful, whole, server.url, votes={"ask": "all"})
    dice = random.Random(20)
    kept: dict[str, str] = {}
    with running(ScriptedSettings(latency=LATENCY)) as server:
        asking = runs.asking(server.url, "--ask", "all", "--config", _config(tmp_path), "-q")
        words = runs.command(doubtful, killed, *asking)
        for _ in range(KILLS):
            _kill_in_the_middle(words, server, dice.randint(1, 12), dice.random() * LATENCY)
            if (killed / "votes.sqlite").exists():
                now = runs.answers(killed)
                assert kept.items() <= now.items()
                kept = now
        done = runs.call(words)
        assert (done.returncode, done.stderr) == (0, "")
        again = runs.answered_again(server)
        sent = len(runs.questions(server))
    assert len(kept) > KILLS
    # What was on its way at a kill is asked again, nothing else.
    assert again <= KILLS * AT_ONCE
    assert sent <= len(runs.answers(killed)) + KILLS * AT_ONCE
    runs.assert_sound(killed)
    assert runs.answers(killed) == runs.answers(whole)
    assert runs.results(killed) == runs.results(whole)


def test_an_interrupted_run_says_so_in_one_line_and_goes_on(
    doubtful: Pair, begun: Begun, undisturbed: Path, tmp_path: Path
) -> None:
    out = begun("run")
    with running(ScriptedSettings(latency=LATENCY)) as server:
        words = runs.command(doubtful, out, *runs.asking(server.url, "--config", _config(tmp_path)), "-q")
        process = _begin(words, server, 20)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
        assert process.returncode == 130
        assert stderr.split("\n") == [
            "", "Interrupted. What is finished is kept: the same command goes on from there.", ""
        ]  # fmt: skip
        kept = runs.answers(out)
        assert len(kept) >= 20 - AT_ONCE
        runs.assert_sound(out)
        assert runs.call(words).returncode == 0
        assert runs.answered_again(server) <= AT_ONCE
    assert kept.items() <= runs.answers(out).items()
    assert runs.results(out) == runs.results(undisturbed)


@pytest.mark.slow
def test_a_server_that_goes_away_ends_the_run_with_one_sentence_and_the_same_command_goes_on(
    doubtful: Pair, begun: Begun, undisturbed: Path, tmp_path: Path
) -> None:
    out = begun("run")
    with running(ScriptedSettings(latency=LATENCY)) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        words = runs.command(doubtful, out, *runs.asking(server.url, "--config", _config(tmp_path)), "-q")
        process = _begin(words, server, 20)
        first = server
    _, stderr = process.communicate()
    gone = subprocess.CompletedProcess(words, process.returncode, "", stderr)
    runs.assert_one_line(gone, "scripted", "What it answered is kept", "run the same command again")
    kept = runs.answers(out)
    assert len(kept) >= 20 - AT_ONCE
    runs.assert_sound(out)
    with running(ScriptedSettings(latency=LATENCY), port=port) as server:
        assert runs.call(words).returncode == 0
        asked = len(runs.questions(server))
    assert asked == len(runs.answers(out)) - len(kept)
    assert asked + len(runs.questions(first)) <= len(runs.answers(out)) + AT_ONCE
    assert runs.results(out) == runs.results(undisturbed)
