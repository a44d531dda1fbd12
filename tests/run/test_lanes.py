"""Steps side by side in two processes: the same bytes as one after the other, whatever goes wrong in one."""

import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from kgalign.base.progress import Task
from kgalign.config import Config
from kgalign.errors import InputError
from kgalign.run.early import LEAST, early
from kgalign.run.folder import RunFolder, Source
from kgalign.run.lanes import pays
from kgalign.run.measure import resident
from kgalign.run.steps import AnyStep, Inputs, Work
from tests.commands import children_of, kill, split_off
from tests.run import handed

BESIDE = ["right", "turned", "table.txt", "last.txt"]
HERE = ["left", "both", "long", "end.txt"]
ROOT = Path(__file__).parents[2]


def test_what_may_be_handed_over_is_made_by_another_process(tmp_path: Path) -> None:
    done = handed.go(tmp_path / "run")
    assert done.done == tuple(step.name for step in handed.STEPS)
    made = handed.makers(tmp_path / "run")
    assert sorted(made) == sorted(done.done)
    assert all(made[name] == [True] for name in HERE)
    # What is left at the very end is made by whoever is free.
    assert all(made[name] == [False] for name in BESIDE[:-1])
    assert handed.go(tmp_path / "run").done == ()


def test_it_makes_no_difference_to_what_comes_out(tmp_path: Path) -> None:
    two, one = (handed.go(tmp_path / name, processes=n) for name, n in (("two", 2), ("one", 1)))
    assert handed.contents(tmp_path / "two") == handed.contents(tmp_path / "one")
    assert list(two.record.steps) == list(one.record.steps) == [step.name for step in handed.STEPS]
    for name, step in two.record.steps.items():
        other = one.record.steps[name]
        assert (step.fingerprint, step.digests, step.files) == (other.fingerprint, other.digests, other.files)
        assert (step.counts, step.notes) == (other.counts, other.notes)


def test_steps_run_side_by_side(tmp_path: Path) -> None:
    """Each waits for the other to be begun: one after the other they would wait for ever."""
    begun = [tmp_path / name for name in ("left begun", "right begun")]
    program = (
        "import sys\nfrom pathlib import Path\nfrom tests.run import handed\n"
        f"orders = {{'left': ['wait for {begun[1]}'], 'right': ['wait for {begun[0]}']}}\n"
        f"handed.go(Path({str(tmp_path / 'run')!r}), orders)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    made = tmp_path / "run.made"
    try:
        _wait_for(lambda: made.exists() and {"left", "right"} <= {line.split()[0] for line in _lines(made)})
    finally:
        for each in begun:
            each.touch()
        assert process.wait(60) == 0


def test_what_it_can_not_do_is_told_as_if_it_had_been_done_here(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="turned is no good") as told:
        handed.go(tmp_path / "run", {"turned": ["refuse"]})
    assert told.value.remedy == "Mend it"
    assert list(RunFolder(tmp_path / "run").read().steps) == ["left", "right"]
    assert handed.go(tmp_path / "run").done == ("turned", "both", "table.txt", "long", "last.txt", "end.txt")


def test_the_first_of_several_errors_is_told(tmp_path: Path) -> None:
    for processes in (1, 2):
        with pytest.raises(InputError, match="left is no good"):
            orders = {"left": ["refuse"], "right": ["refuse"], "turned": ["refuse"]}
            handed.go(tmp_path / f"run {processes}", orders, processes=processes)


def test_what_was_made_beside_an_error_is_kept(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="long is no good"):
        handed.go(tmp_path / "run", {"long": [f"wait for {tmp_path / 'run/.table.txt.partial'}", "refuse"]})
    finished = set(RunFolder(tmp_path / "run").read().steps)
    assert {"left", "right", "turned", "both"} <= finished <= {"left", "right", "turned", "both", "table.txt"}


@pytest.mark.parametrize("order", ["fail beside", "die"])
@pytest.mark.parametrize("step", BESIDE[:-1])
def test_what_fails_there_alone_is_made_here(
    tmp_path: Path, step: str, order: str, caplog: pytest.LogCaptureFixture
) -> None:
    handed.go(tmp_path / "run", {step: [order]})
    handed.go(tmp_path / "whole", processes=1)
    assert handed.makers(tmp_path / "run")[step] == [False, True]
    assert handed.contents(tmp_path / "run") == handed.contents(tmp_path / "whole")
    said = "has a fault" if order == "fail beside" else "is gone (signal 9)"
    assert [said in each.message and f"'{step}'" in each.message for each in caplog.records] == [True]


def test_a_fault_is_raised_here_with_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="turned has a fault") as told:
        handed.go(tmp_path / "run", {"turned": ["fail"]})
    assert Path(told.traceback[-1].path).name == "handed.py"


def test_two_that_hold_too_much_become_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "kgalign"):
        handed.go(tmp_path / "run", {"turned": ["eat"]}, memory=max(500_000_000, resident() + 250_000_000))
    made = handed.makers(tmp_path / "run")
    assert (made["turned"], made["table.txt"], made["last.txt"]) == ([False, True], [True], [True])
    assert "both processes together held too much: all else is made in one" in caplog.messages


def test_where_two_would_hold_too_much_there_is_one(tmp_path: Path) -> None:
    handed.go(tmp_path / "run", memory=300_000_000)
    assert all(made == [True] for made in handed.makers(tmp_path / "run").values())


class Watching:
    """Progress that is written down."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        self.seen.append(f"{name} {total} {unit}")
        yield _Watched(self.seen)
        self.seen.append(f"end of {name}")


class _Watched:
    def __init__(self, seen: list[str]) -> None:
        self._seen = seen

    def advance(self, amount: int = 1) -> None:
        self._seen.append(f"+{amount}")

    def note(self, text: str) -> None:
        self._seen.append(text)


def test_its_log_and_its_progress_are_shown_here(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watching = Watching()
    handed.go(tmp_path / "run", {"turned": ["tell"]}, progress=watching)
    assert [(each.name, each.message) for each in caplog.records] == [("kgalign.handed", "turned: take care")]
    assert {"right None ", "end of right", "turned: counting 10 things", "dear"} <= set(watching.seen)
    assert sum(int(each) for each in watching.seen if each.startswith("+")) == 10
    assert watching.seen.index("end of turned: counting") < watching.seen.index("end of turned")


def test_a_step_that_is_not_found_there_is_made_here(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    handed.go(tmp_path / "run", finder=lost)
    assert all(made == [True] for made in handed.makers(tmp_path / "run").values())
    assert "KeyError" in caplog.text


def lost(name: str) -> AnyStep:
    raise KeyError(name)


# --- When it pays


def test_a_second_process_is_for_graphs_that_are_large_enough(tmp_path: Path) -> None:
    def would(size: int, path: str = "/a.nt", steps: int = len(handed.STEPS)) -> bool:
        files = {side: (Source(path, "ab", size),) for side in ("left", "right")}
        return pays(Work(Inputs(Config(), files)), handed.STEPS[:steps])

    before = os.sched_getaffinity(0)
    assert not would(LEAST // 2 - 1)
    assert would(LEAST // 2) == (len(before) > 1)
    assert would(LEAST // 10, "/a.nt.gz") == (len(before) > 1)
    assert not would(LEAST, steps=2), "one step alone has nothing beside it"
    try:
        os.sched_setaffinity(0, [min(before)])
        assert not would(LEAST)
    finally:
        os.sched_setaffinity(0, before)


def test_one_waits_for_large_inputs_alone_and_is_taken_or_ended(tmp_path: Path) -> None:
    small, large = tmp_path / "small.nt", tmp_path / "folder" / "large.nt"
    large.parent.mkdir()
    small.write_bytes(b"#" * 100)
    large.write_bytes(b"#" * LEAST)
    before = set(children_of(os.getpid()))

    def more() -> int:
        return len(set(children_of(os.getpid())) - before)

    with early([small, tmp_path / "missing.nt", "sparql:http://a.example/"], []):
        assert more() == 0
    several = len(os.sched_getaffinity(0)) > 1
    for inputs in ([large], [small, large.parent]):
        with early(inputs, ["tests.run.handed"]):
            assert more() == several
        assert more() == 0
    with early([large], []):
        handed.go(tmp_path / "one", processes=1)
        assert more() == 0
    with early([large], ["tests.run.handed"]):
        handed.go(tmp_path / "two")
        assert more() == 0
    assert handed.makers(tmp_path / "two")["turned"] == [False]


# --- From wherever it is started


def _called(program: str, tmp_path: Path, *, script: bool) -> "subprocess.CompletedProcess[str]":
    path = tmp_path / "program.py"
    path.write_text(program, encoding="utf8")
    words = [str(path)] if script else ["-c", program]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, env=environment, cwd=tmp_path
    )


@pytest.mark.parametrize("script", [True, False])
def test_a_program_without_a_guard_runs_once(tmp_path: Path, script: bool) -> None:
    # What lies beside the program, and would be taken for a module, is none of ours.
    (tmp_path / "numpy.py").write_text("raise SystemExit('not that one')", encoding="utf8")
    program = (
        "import sys\nsys.path = [each for each in sys.path if each not in ('', sys.path[0])]\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path\nfrom tests.run import handed\nprint('begun')\n"
        "handed.go(Path('run'))\nprint(handed.makers(Path('run'))['turned'])\n"
    )
    done = _called(program, tmp_path, script=script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "begun\n[False]\n", "")


def test_it_is_there_in_a_notebook_with_its_progress(tmp_path: Path) -> None:
    cell = (
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom pathlib import Path\n"
        "from kgalign.base.notebook import NotebookProgress\nfrom tests.run import handed\n"
        f"out = Path({str(tmp_path / 'run')!r})\n"
        "handed.go(out, {'turned': ['tell']}, progress=NotebookProgress(delay=0))\n"
        "print(handed.makers(out)['turned'])"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = notebook.cells[0].outputs
    assert [each["text"] for each in outputs if each.get("name") == "stdout"] == ["[False]\n"]
    assert "turned: take care" in "".join(each["text"] for each in outputs if each.get("name") == "stderr")


def test_a_process_that_may_have_no_children_has_a_second_one(tmp_path: Path) -> None:
    """Such as the one in which a run learns while people answer: a daemon, as multiprocessing calls it."""
    process = split_off(handed.go, tmp_path / "run")
    process.join(60)
    assert process.exitcode == 0
    assert len({line.split()[1] for line in _lines(tmp_path / "run.made")}) == 2


# --- Killed


def _wait_for(reached: object, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not reached():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.005)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf8").splitlines()


def _is_there(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _begun(out: Path, orders: dict[str, list[str]]) -> "subprocess.Popen[str]":
    program = (
        f"from pathlib import Path\nfrom tests.run import handed\nhanded.go(Path({str(out)!r}), {orders!r})\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _second_of(out: Path, step: str) -> int:
    """The process that begins a step, once it does."""
    made = out.with_suffix(".made")

    def found() -> list[int]:
        lines = [line.split() for line in _lines(made)] if made.exists() else []
        return [int(process) for name, process in lines if name == step]

    _wait_for(found)
    return found()[0]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_the_first_process_and_the_run_goes_on_at_once(
    tmp_path: Path, how: signal.Signals
) -> None:
    out = tmp_path / "run"
    process = _begun(out, {"turned": [f"wait for {tmp_path / 'never'}"]})
    second = _second_of(out, "turned")
    assert second != process.pid
    os.kill(process.pid, how)
    process.wait(30)
    assert process.stderr is not None
    process.stderr.close()
    # The other one may still be there: who comes next waits for its end.
    done = handed.go(out, processes=1)
    assert "turned" in done.done
    assert not _is_there(second)
    handed.go(tmp_path / "whole", processes=1)
    assert handed.contents(out) == handed.contents(tmp_path / "whole")


def test_ctrl_c_reaches_both_and_one_of_them_says_so(tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = _begun(out, {"turned": [f"wait for {tmp_path / 'never'}"]})
    second = _second_of(out, "turned")
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert said.count("KeyboardInterrupt") == said.count("Traceback") == 1
    assert not _is_there(second)


@pytest.mark.parametrize("seed", range(8))
def test_either_is_killed_at_any_moment_and_the_same_bytes_come_out(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    out = tmp_path / "run"
    for _ in range(3):
        step = dice.choice([each.name for each in handed.STEPS])
        moment = tmp_path / "moment"
        moment.unlink(missing_ok=True)
        process = _begun(out, {step: [f"wait for {moment}"]})
        made = out.with_suffix(".made")
        _wait_for(lambda: process.poll() is not None or (made.exists() and step in made.read_text()))  # noqa: B023
        moment.touch()
        time.sleep(dice.uniform(0, 0.02))
        kill([process.pid] if dice.random() < 0.5 else children_of(process.pid))
        process.communicate(timeout=60)
    handed.go(out)
    handed.go(tmp_path / "whole", processes=1)
    assert handed.contents(out) == handed.contents(tmp_path / "whole")
    assert not [path for path in out.rglob("*") if path.name.endswith((".partial", ".old"))]
