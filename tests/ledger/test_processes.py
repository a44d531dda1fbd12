"""Several processes at one ledger, and processes that die."""

import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kgalign.errors import RunError
from kgalign.ledger import FILE, Ledger, verify
from tests.ledger.made import SETTINGS, a_vote, left

ROOT = Path(__file__).parents[2]

WRITER = """
import sys
from pathlib import Path
from kgalign.ledger import Ledger
from tests.ledger.made import SETTINGS, a_vote, a_decision

with Ledger.open(Path(sys.argv[1]), write=True) as ledger:
    judging = ledger.begin("judge-1b", "", SETTINGS).name
    print("ready", flush=True)
    for case in range(int(sys.argv[2]), 1_000_000):
        for number in range(3):
            ledger.keep(a_vote(judging, case, number))
            print(case, number, flush=True)
        ledger.decide([a_decision(judging, case, counted=3)])
"""

HOLDER = """
import sys
from pathlib import Path
from kgalign.ledger import Ledger

with Ledger.open(Path(sys.argv[1]), write=True):
    print("ready", flush=True)
    sys.stdin.read()
"""

READER = """
import os, sys
from pathlib import Path
from kgalign.errors import RunError
from kgalign.ledger import Ledger, verify

if os.geteuid() == 0:  # whom no permission stops
    os.setegid(65534)
    os.seteuid(65534)
try:
    with Ledger.open(Path(sys.argv[1]), write=False) as ledger:
        print(len(list(ledger.votes())), verify(ledger).sound)
    Ledger.open(Path(sys.argv[1]), write=True)
except RunError as error:
    print(error)
"""


@contextmanager
def running(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process that has said that it is ready."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def test_a_second_process_that_writes_is_refused_and_one_that_reads_is_not(tmp_path: Path) -> None:
    path = tmp_path / FILE
    with Ledger.open(path, write=True) as ledger:
        ledger.keep(a_vote(ledger.begin("judge-1b", "", SETTINGS).name))
    with running(HOLDER, path) as holder:
        with pytest.raises(RunError) as refused:
            Ledger.open(path, write=True)
        assert str(refused.value) == (
            f"Another kgalign writes to the ledger {path} (process {holder.pid}). "
            "Wait for it, or give another folder with -o."
        )
        with Ledger.open(path, write=False) as ledger:
            assert len(list(ledger.votes())) == 1
    with Ledger.open(path, write=True) as ledger:
        assert ledger.counts().votes == 1


def test_a_second_writer_in_the_same_process_is_refused_until_the_first_closes(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / FILE, write=True), pytest.raises(RunError, match="Another kgalign"):
        Ledger.open(tmp_path / FILE, write=True)
    Ledger.open(tmp_path / FILE, write=True).close()


def test_a_ledger_that_could_not_be_opened_is_not_locked(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_bytes(b"not a ledger at all, but some text that is long enough" * 100)
    for _ in range(2):
        with pytest.raises(RunError, match="is damaged"):
            Ledger.open(path, write=True)


def test_what_is_kept_is_seen_at_once_by_others_and_they_leave_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / FILE
    with Ledger.open(path, write=True) as writer, Ledger.open(path, write=False) as reader:
        judging = writer.begin("judge-1b", "", SETTINGS).name
        for number in range(3):
            writer.keep(a_vote(judging, number=number))
            assert reader.counts().votes == number + 1
    with Ledger.open(path, write=False) as reader:
        assert reader.counts().votes == 3
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [f".{FILE}.lock", FILE]


def test_nothing_that_was_kept_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    """It says that a vote is kept once it is; then it is killed at any moment, ten times."""
    path = tmp_path / FILE
    chance = random.Random(0)
    said: set[tuple[str, int]] = set()
    for start in range(0, 100_000, 10_000):
        lines: list[str] = []
        with running(WRITER, path, start) as process:
            assert process.stdout
            for _ in range(chance.randrange(1, 300)):
                lines.append(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            lines += process.stdout.readlines()
        said |= {(left(line.split()[0]), int(line.split()[1])) for line in lines if line.count(" ")}
        with Ledger.open(path, write=False) as ledger:
            kept = {(vote.question.case, vote.question.number) for vote in ledger.votes()}
            assert said <= kept
            assert len(kept - said) <= 1 + start // 10_000  # kept, and killed before it could say so
            assert verify(ledger).faults == ()
            assert len(ledger.judgings()) == 1


def test_a_process_killed_while_it_makes_the_ledger_leaves_one_that_can_be_opened(tmp_path: Path) -> None:
    """Killed at any moment from its start on."""
    path = tmp_path / FILE
    for milliseconds in range(200, 500, 60):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), "0"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=milliseconds / 1000)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with Ledger.open(path, write=True) as ledger:
            assert verify(ledger).sound
        for entry in tmp_path.iterdir():
            entry.unlink()


def test_a_ledger_in_a_folder_that_cannot_be_written_is_read() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run" / FILE
        with Ledger.open(path, write=True) as ledger:
            ledger.keep(a_vote(ledger.begin("judge-1b", "", SETTINGS).name))
        lines = _read_only(path)
        assert lines[0] == "1 True"
        assert lines[1] == (
            f"The ledger {path} can't be opened: Permission denied."
            " See that it is a file that you may read and write."
        )


def test_votes_in_a_log_that_cannot_be_read_are_not_passed_over_in_silence() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run" / FILE
        with running(WRITER, path, 0) as process:
            assert process.stdout
            process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            process.stdout.read()
        path.with_name(f"{FILE}-shm").unlink()
        assert "its last votes are in a log" in _read_only(path)[0]


def _read_only(path: Path) -> list[str]:
    """What a process says that may not write there."""
    try:
        path.parent.parent.chmod(0o755)
        for entry in path.parent.iterdir():
            entry.chmod(0o444)
        path.parent.chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", READER, str(path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()
    finally:
        path.parent.chmod(0o755)
