"""Answers in the ledger that somebody changed decide nothing."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import running
from tests.conftest import Pair
from tests.llm_runs import runs


@pytest.fixture
def forged(undisturbed: Path, tmp_path: Path) -> tuple[Path, int]:
    """A finished run whose stored answers say B where they said A, and how many these are."""
    out = Path(shutil.copytree(undisturbed, tmp_path / "run"))
    with closing(sqlite3.connect(out / "votes.sqlite")) as connection:
        (trigger,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'call_not_changed'"
        ).fetchone()
        connection.execute("DROP TRIGGER call_not_changed")
        changed = connection.execute(
            """UPDATE call SET reply = replace(reply, '"A"', '"B"') WHERE reply LIKE '%"A"%'"""
        ).rowcount
        connection.execute(trigger)
        connection.commit()
    assert changed > 5
    return out, changed


def test_a_replay_of_forged_answers_says_so_and_changes_nothing(
    doubtful: Pair, undisturbed: Path, forged: tuple[Path, int]
) -> None:
    out, changed = forged
    done = runs.call(runs.command(doubtful, out, "--judge", "replay", "--force"))
    runs.assert_one_line(done, f"is damaged: {changed:,} votes are not what was written. Vote ")
    assert "--judge llm" in done.stderr
    assert runs.results(out) == runs.results(undisturbed)


def test_forged_answers_are_asked_for_again(
    doubtful: Pair, undisturbed: Path, forged: tuple[Path, int]
) -> None:
    """These and no others; then everything is as it was, and can be replayed."""
    out, changed = forged
    with running(ScriptedSettings()) as server:
        done = runs.call(runs.command(doubtful, out, *runs.asking(server.url), "--force"))
        assert len(runs.questions(server)) == changed
    assert done.returncode == 0
    assert "is not what was written" in done.stderr
    assert runs.results(out) == runs.results(undisturbed)
    assert runs.step(out).figures["calls_now"] == changed
    runs.assert_sound(out)
    again = runs.call(runs.command(doubtful, out, "--judge", "replay", "--force"))
    assert again.returncode == 0
    assert runs.results(out) == runs.results(undisturbed)


def test_who_explains_or_learns_is_told_what_does_not_count(
    undisturbed: Path, forged: tuple[Path, int], tmp_path: Path
) -> None:
    out, changed = forged
    listed = runs.call([*runs.COMMAND, "votes", "list", str(out), "--json"])
    assert len(listed.stdout.splitlines()) == len(runs.answers(undisturbed)) - changed
    assert f"{changed:,} rows in all are not what was written" in listed.stderr
    taught = runs.call([*runs.COMMAND, "train", "examples", str(out), "-o", str(tmp_path / "data")])
    assert "is not what was written" in taught.stderr
