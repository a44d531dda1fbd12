"""Damage in a run folder: it is noticed, told, never computed from, and made good."""

import json
import logging
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kgalign.config import as_config
from kgalign.decisions import Decision, Decisions, Verdict
from kgalign.errors import RunError
from kgalign.run import again, start
from kgalign.run.finished import Finished
from kgalign.run.verify import State, verify_run
from tests.cli.run_folders import files_of
from tests.commands import Kgalign
from tests.conftest import Pair, write_elements

SEED = 11


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return write_elements(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def whole(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, not to be changed."""
    out = tmp_path_factory.mktemp("whole") / "run"
    start.run(pair.left, pair.right, out)
    return out


@pytest.fixture
def out(whole: Path, tmp_path: Path) -> Path:
    """A copy of it for the test."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What is told in the log, even after a command has sent it elsewhere."""
    logger = logging.getLogger("kgalign")
    was, logger.propagate = logger.propagate, True
    yield caplog
    logger.propagate = was


def flip(path: Path, dice: random.Random) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    path.write_bytes(content)


def written(run: Path) -> list[str]:
    """The files of a run that have something in them."""
    files = [path for path in sorted(run.rglob("*")) if path.is_file() and path.stat().st_size]
    return [path.relative_to(run).as_posix() for path in files if path.name != ".lock"]


def damaged(run: Path) -> list[str]:
    return [each.name for each in verify_run(run) if each.state is State.DAMAGED]


def test_every_file_of_a_run_is_whole(out: Path, kgalign: Kgalign) -> None:
    done = kgalign("verify", out)
    assert (done.returncode, done.stderr) == (0, "")
    *lines, last = done.stdout.splitlines()
    assert {line.split()[-1] for line in lines} >= {*written(out)}
    assert all(line.startswith("whole ") for line in lines)
    assert last == f"{len(lines)} files: {len(lines)} whole"


def test_one_flipped_bit_in_any_file_is_noticed(out: Path) -> None:
    """In each of them, at a place by lot; in ``run.json``, where it can't be read any more, alone."""
    dice = random.Random(SEED)
    names = written(out)
    assert len(names) > 100
    for name in names:
        was = (out / name).read_bytes()
        flip(out / name, dice)
        assert damaged(out) == [name]
        (out / name).write_bytes(was)
    assert damaged(out) == []


def test_a_file_that_was_cut_off_emptied_or_lost_is_noticed(out: Path) -> None:
    dice = random.Random(SEED)
    for name in dice.sample([each for each in written(out) if each != "run.json"], 30):
        path, was = out / name, (out / name).read_bytes()
        for broken in (was[: len(was) // 2], b"", None):
            path.unlink() if broken is None else path.write_bytes(broken)
            assert damaged(out) == [name]
        path.write_bytes(was)


def test_what_is_damaged_is_made_again_at_a_check_and_nothing_else(
    out: Path, pair: Pair, warnings: pytest.LogCaptureFixture
) -> None:
    before, dice = files_of(out), random.Random(SEED)
    names = [each for each in before if each != "run.json"]
    for name in (*dice.sample(names, 12), "links.nt", "stages/judge/probability.npy"):
        if not before[name]:
            continue
        warnings.clear()
        flip(out / name, dice)
        execution = start.run(pair.left, pair.right, out, check=True)
        assert len(execution.done) == 1
        assert files_of(out) == before
        (said,) = warnings.messages
        assert said == f"{out / name} is damaged: '{execution.done[0]}' is made again"
    assert start.run(pair.left, pair.right, out, check=True).done == ()


def test_nothing_is_computed_from_what_is_damaged(
    out: Path, whole: Path, pair: Pair, tmp_path: Path, warnings: pytest.LogCaptureFixture
) -> None:
    """With other options the damaged steps are made again before what is made from them."""
    config = as_config({"judge": {"match_probability": 0.7}, "assign": {"cardinality": "one-to-one"}})
    expected = Path(shutil.copytree(whole, tmp_path / "expected"))
    right = start.run(pair.left, pair.right, expected, config).done
    for name in ("stages/select-left/entity_iri.arrow", "stages/read-right/terms/kind.npy"):
        flip(out / name, random.Random(SEED))
    done = start.run(pair.left, pair.right, out, config).done
    assert set(done) == {*right, "select-left", "read-right"}
    assert files_of(out) == files_of(expected)
    assert len(warnings.messages) == 2
    assert damaged(out) == []


def test_who_reads_a_finished_run_is_told_of_damage(out: Path, kgalign: Kgalign) -> None:
    name = "stages/assign/left.npy"
    flip(out / name, random.Random(SEED))
    with pytest.raises(RunError, match=r"left\.npy is damaged: it is not what was written\. .* --check"):
        Finished(out).alignment  # noqa: B018 - reading it is what is tried
    done = kgalign("explain", out, "http://elements.example/Iron")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "left.npy is damaged" in done.stderr


def test_a_run_whose_evidence_is_damaged_is_not_fused_again(out: Path) -> None:
    """What the assignment is made from can't be made again there: the inputs may be gone."""
    flip(out / "stages" / "judge" / "left.npy", random.Random(SEED))
    before = files_of(out)
    with pytest.raises(RunError, match=r"left\.npy is damaged"):
        again.take_back(out, "http://elements.example/Iron")
    assert files_of(out) == before


def test_a_damaged_list_of_what_is_finished_is_told(out: Path, pair: Pair, kgalign: Kgalign) -> None:
    text = (out / "run.json").read_text(encoding="utf8")
    (out / "run.json").write_text(text.replace('"peak_bytes": 1', '"peak_bytes": 2').replace("8", "9", 1))
    done = kgalign("verify", out)
    assert done.returncode == 1
    assert "run.json can't be read: it is not what was written; run again with --force" in done.stdout
    assert "no digest known" in done.stdout
    with pytest.raises(RunError, match="it is not what was written"):
        start.run(pair.left, pair.right, out)
    start.run(pair.left, pair.right, out, force=True)
    assert damaged(out) == []


def test_the_command_says_whole_damaged_or_made_by_hand(out: Path, kgalign: Kgalign) -> None:
    flip(out / "links.nt", random.Random(SEED))
    (out / "fused.ttl").unlink()
    (out / "notes [b].txt").write_text("mine", encoding="utf8")
    (out / "cache").mkdir()
    (out / "cache" / "embeddings").write_bytes(b"x")
    done = kgalign("verify", out)
    assert done.returncode == 1
    lines = {line[:17].strip(): line[17:] for line in done.stdout.splitlines() if line[:5] != "whole"}
    assert lines["made by hand"] == "notes [b].txt"
    assert lines["no digest known"] == "cache/embeddings"
    assert "damaged          fused.ttl (it is gone; run again with --check)" in done.stdout
    assert "damaged          links.nt (run again with --check)" in done.stdout
    assert ": " in done.stdout.splitlines()[-1]
    assert "2 damaged, 1 no digest known, 1 made by hand" in done.stdout.splitlines()[-1]


def test_a_folder_of_before_there_were_digests_is_read_and_not_called_damaged(
    out: Path, pair: Pair, kgalign: Kgalign
) -> None:
    record = json.loads((out / "run.json").read_text(encoding="utf8"))
    del record["digest"]
    for step in record["steps"].values():
        del step["digests"]
    (out / "run.json").write_text(json.dumps(record), encoding="utf8")
    done = kgalign("verify", out)
    assert done.returncode == 0
    states = {each.state for each in verify_run(out)}
    assert states == {State.UNKNOWN}
    assert start.run(pair.left, pair.right, out).done == ()
    with (out / "links.nt").open("a", encoding="utf8") as file:
        file.write("#\n")
    assert damaged(out) == ["links.nt"]


def test_a_forged_ledger_is_named(out: Path, kgalign: Kgalign) -> None:
    from kgalign.ledger import Ledger
    from tests.ledger.made import SETTINGS, a_vote

    with Ledger.open(out / "votes.sqlite", write=True) as ledger:
        ledger.keep(a_vote(ledger.begin("judge-1b", "", SETTINGS).name))
    assert damaged(out) == []
    with closing(sqlite3.connect(out / "votes.sqlite")) as connection:
        connection.execute("DROP TRIGGER call_not_changed")
        connection.execute("UPDATE call SET reply = 'B'")
        connection.commit()
    done = kgalign("verify", out)
    assert done.returncode == 1
    assert "damaged          votes.sqlite (Rows of call are not kept from being changed" in done.stdout


def test_decisions_are_held_against_their_digests(out: Path, kgalign: Kgalign) -> None:
    with Decisions.open(out / "decisions.sqlite") as store:
        store.add([Decision("http://l/1", "http://r/1", Verdict.SAME, why=f"reason {n}") for n in range(9)])
    (out / "decisions.sqlite").chmod(0o400)
    assert "whole            decisions.sqlite" in kgalign("verify", out).stdout
    (out / "decisions.sqlite").chmod(0o600)
    content = (out / "decisions.sqlite").read_bytes()
    for old, new in ((b"reason 4", b"reason 5"), (b"reason 7", b"reason\xff7")):
        (out / "decisions.sqlite").write_bytes(content.replace(old, new))
        done = kgalign("verify", out)
        assert done.returncode == 1
        [told] = [text for text in done.stdout.splitlines() if "decisions.sqlite" in text]
        assert told.startswith("damaged")
        assert f"row {int(old[-1:]) + 1} is not what was written" in told


def test_what_is_no_run_folder_is_one_sentence(tmp_path: Path, kgalign: Kgalign) -> None:
    done = kgalign("verify", tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "is not a run folder" in done.stderr


def test_what_stopped_writers_left_is_told_and_taken_away(out: Path, kgalign: Kgalign) -> None:
    gone = [
        ".fused.ttl.partial",
        "..links.nt.partial.4194305-0123abcd.partial",  # beyond the largest number that Linux gives
        ".mine.csv.4194305-0123abcd.partial",
        "stages/.judge.partial/left.npy",
    ]
    (out / "stages" / ".judge.partial").mkdir()
    for name in gone:
        (out / name).write_text("half", encoding="utf8")
    done = kgalign("verify", out)
    assert done.returncode == 0
    assert [each.name for each in verify_run(out) if each.state is State.LEFT_OVER] == sorted(gone)
    done = kgalign("verify", out, "--clean")
    assert done.returncode == 0
    assert done.stdout.count("taken away: ") == 4
    assert State.LEFT_OVER not in {each.state for each in verify_run(out)}
