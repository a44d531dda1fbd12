"""``kgalign run`` as a user calls it: real processes, real files, one line for each fault."""

import errno
import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from kgalign.cli import main

from tests import commands
from tests.cli.run_folders import files_of, steps_of
from tests.commands import Kgalign, assert_one_line
from tests.conftest import Pair, write_elements

OUTPUTS = {
    "alignment.rdf",
    "candidates.parquet",
    "conflicts.parquet",
    "fused.trig",
    "fused.ttl",
    "links.nt",
    "mappings.sssom.tsv",
    "profile.parquet",
    "report.html",
    "run.json",
    "verdicts.parquet",
    "worklist.csv",
}


def _command(pair: Pair, run: Path, *options: str) -> list[str]:
    """The command as a list, for tests that must hold the process in their hands."""
    return [sys.executable, "-m", "kgalign", "run", str(pair.left), str(pair.right), "-o", str(run), *options]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The elements, not to be changed."""
    return write_elements(tmp_path_factory.mktemp("whole") / "inputs")


@pytest.fixture(scope="module")
def whole(pair: Pair, afresh: Kgalign) -> Path:
    """A finished run of them, not to be changed: nothing disturbed it, and its hash seed was another one."""
    run = pair.left.parent.parent / "run"
    assert afresh("run", pair.left, pair.right, "-o", run, "-q").returncode == 0
    return run


def test_a_run_writes_everything_and_says_what_it_found(
    elements: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    run = tmp_path / "run"
    result = kgalign("run", elements.left, elements.right, "-o", run, "--gold", elements.gold)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert {path.name for path in run.iterdir() if path.is_file()} - {".lock"} == OUTPUTS
    for expected in (
        "Left: 27 entities, 24 linked, 3 found nobody",
        "Right: 27 entities, 24 linked, 3 found nobody",
        "Matches: 24",
        "of 24 links found here are right",
        f"mistakes to be expected): kgalign review {run}\n",
        f"For example: kgalign explain {run} http://elements.example/",
        "Recall of the candidates",
        "peak memory",
        "fuse",
    ):
        assert expected in result.stdout
    record = json.loads((run / "run.json").read_text(encoding="utf8"))
    assert record["inputs"]["left"][0]["path"] == str(elements.left.resolve())
    assert record["steps"]["recall"]["figures"]["union recall@10"] == 1.0


def test_the_end_says_what_to_do_next_in_commands_that_work(
    pair: Pair, whole: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    run = Path(shutil.copytree(whole, tmp_path / "a 'run'"))
    said = kgalign("run", pair.left, pair.right, "-o", run).stdout
    (path,) = re.findall("^To see it: open (.*)$", said, re.M)
    assert shlex.split(path) == [str(run / "report.html")]
    (command,) = re.findall("^For example: (kgalign explain .*)$", said, re.M)
    explained = kgalign(*shlex.split(command)[1:])
    assert (explained.returncode, explained.stderr) == (0, "")
    assert ("kgalign review" in said) == ("review" in main.list_commands(click.Context(main)))


@pytest.mark.parametrize("columns", [60, 80])
def test_sentences_fit_the_screen_and_commands_stay_whole(
    pair: Pair, whole: Path, kgalign: Kgalign, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    wide = kgalign("run", pair.left, pair.right, "-o", whole).stdout
    monkeypatch.setenv("COLUMNS", str(columns))
    narrow = kgalign("run", pair.left, pair.right, "-o", whole).stdout
    assert narrow.split() == wide.split(), "no word is cut"
    for line in narrow.splitlines():
        assert len(line) <= columns or str(whole) in line
    assert "\nFor example: kgalign explain " + str(whole) + " http://" in narrow


def test_the_same_command_again_does_nothing(
    pair: Pair, whole: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    run = Path(shutil.copytree(whole, tmp_path / "run"))
    before = {
        path: path.stat().st_mtime_ns for path in run.rglob("*") if path.name not in {"run.json", ".lock"}
    }
    again = kgalign("run", pair.left, pair.right, "-o", run)
    assert again.returncode == 0
    assert "Nothing to do" in again.stdout
    assert all(path.stat().st_mtime_ns == then for path, then in before.items() if path.is_file())


def test_a_judge_that_nothing_is_asked_of_is_said_to_be_asked_about_none(
    pair: Pair, whole: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    run = Path(shutil.copytree(whole, tmp_path / "run"))
    assert_one_line(kgalign("votes", "stats", run), "no language model was asked", "--judge llm")
    said = kgalign("run", pair.left, pair.right, "-o", run, "--judge", "scripted").stdout
    assert "Asked scripted about 0 entities: the evidence leaves nothing in doubt" in said
    for name in ("list", "stats", "show", "verify"):
        told = kgalign("votes", name, run, *(["http://a.example/x"] if name == "show" else []))
        assert_one_line(told, "scripted was asked about 0 entities", "nothing in doubt", "--ask all")
        assert "no language model" not in told.stderr


def test_quiet_says_nothing_and_without_a_terminal_there_is_no_bar(
    elements: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    command = ("run", elements.left, elements.right, "-o", tmp_path / "run")
    loud = kgalign(*command)
    assert loud.stdout
    assert not {"\x1b", "\r"} & {*loud.stdout, *loud.stderr}
    quiet = kgalign(*command, "--quiet", "--force")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_the_log_can_be_json(elements: Pair, tmp_path: Path, kgalign: Kgalign) -> None:
    run = tmp_path / "run"
    result = kgalign(
        "run", elements.left, elements.right, "-o", run, "-q", "--log-level", "info", "--log-json"
    )
    entries = [json.loads(line) for line in result.stderr.splitlines()]
    assert {"time", "level", "logger", "message"} <= set(entries[0])
    assert any(entry["message"].startswith("judge: done") for entry in entries)


def _kill_once(pair: Pair, run: Path, done: Callable[[], bool]) -> bool:
    """Kill a run at the moment when something is done; whether it had not ended by itself before."""
    process = commands.begin(["run", pair.left, pair.right, "-o", run, "-q"])
    while process.is_alive() and not done():
        time.sleep(0.0005)
    process.kill()
    process.join()
    code = process.exitcode
    process.close()
    assert code in {0, -signal.SIGKILL}
    return code != 0


@pytest.mark.slow
def test_a_run_killed_after_every_single_step_comes_to_the_same_bytes(
    pair: Pair, whole: Path, tmp_path: Path
) -> None:
    killed, times = tmp_path / "killed", 0

    def finished() -> set[str]:
        return steps_of(killed) if (killed / "run.json").exists() else set()

    while True:
        before = finished()
        if not _kill_once(pair, killed, lambda before=before: finished() > before):  # type: ignore[misc]
            break
        times += 1
    assert times > 5
    assert files_of(killed) == files_of(whole)


@pytest.mark.parametrize("place", ["stages/.read-right.partial", ".verdicts.parquet.partial"])
def test_a_run_killed_while_it_writes_goes_on_to_the_same_bytes(
    pair: Pair, whole: Path, tmp_path: Path, kgalign: Kgalign, place: str
) -> None:
    killed = tmp_path / "killed"
    _kill_once(pair, killed, (killed / place).exists)
    again = kgalign("run", pair.left, pair.right, "-o", killed)
    assert again.returncode == 0, again.stderr
    assert files_of(killed) == files_of(whole)


def test_what_a_killed_run_left_half_written_goes_when_the_file_is_written(
    pair: Pair, whole: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    killed = tmp_path / "killed"
    killed.mkdir()
    assert _kill_once(pair, killed, (killed / "stages" / "read-left").exists)
    (killed / "..worklist.csv.partial.24858-c5ae24ea.partial").write_text("rank,le", encoding="utf8")
    again = kgalign("run", pair.left, pair.right, "-o", killed)
    assert again.returncode == 0, again.stderr
    assert files_of(killed) == files_of(whole)


def test_an_interrupted_run_says_that_it_can_go_on(elements: Pair, tmp_path: Path, kgalign: Kgalign) -> None:
    run = tmp_path / "run"
    command = _command(elements, run, "-q")
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not (run / "stages" / "read-left").exists():
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert "the same command goes on from there" in stderr
    assert "Traceback" not in stderr
    assert kgalign("run", elements.left, elements.right, "-o", run).returncode == 0


def test_two_processes_never_write_to_one_folder(elements: Pair, tmp_path: Path, kgalign: Kgalign) -> None:
    import fcntl

    run = tmp_path / "run"
    run.mkdir()
    with (run / ".lock").open("w", encoding="utf8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert_one_line(
            kgalign("run", elements.left, elements.right, "-o", run), "Another kgalign is at work"
        )


def test_a_folder_of_other_inputs_is_refused_until_forced(
    pair: Pair, whole: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    run = Path(shutil.copytree(whole, tmp_path / "run"))
    other = tmp_path / "other.ttl"
    other.write_text('<http://a.example/x> <http://a.example/name> "Iron" .\n', encoding="utf8")
    before = files_of(run)
    assert_one_line(kgalign("run", other, pair.right, "-o", run), "belongs to other inputs", "--force")
    assert files_of(run) == before
    assert kgalign("run", other, pair.right, "-o", run, "--force", "-q").returncode == 0
    assert "Nothing to do" in kgalign("run", other, pair.right, "-o", run).stdout


def test_a_folder_in_which_no_step_was_finished_belongs_to_nobody(
    pair: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    run, broken = tmp_path / "run", tmp_path / "broken.ttl"
    broken.write_text('<http://a.example/x> <http://a.example/name> "Iron', encoding="utf8")
    assert_one_line(kgalign("run", broken, pair.right, "-o", run), "broken.ttl")
    assert kgalign("run", pair.left, pair.right, "-o", run, "-q").returncode == 0
    assert "Nothing to do" in kgalign("run", pair.left, pair.right, "-o", run).stdout
    other = tmp_path / "other.ttl"
    other.write_text('<http://a.example/x> <http://a.example/name> "Iron" .\n', encoding="utf8")
    assert_one_line(kgalign("run", other, pair.right, "-o", run), "belongs to other inputs")


def test_a_finished_left_side_keeps_its_folder(pair: Pair, tmp_path: Path, kgalign: Kgalign) -> None:
    run, broken = tmp_path / "run", tmp_path / "broken.ttl"
    broken.write_text('<http://a.example/x> <http://a.example/name> "Iron', encoding="utf8")
    assert_one_line(kgalign("run", pair.left, broken, "-o", run), "broken.ttl")
    other = tmp_path / "other.ttl"
    other.write_text('<http://a.example/x> <http://a.example/name> "Iron" .\n', encoding="utf8")
    assert_one_line(kgalign("run", other, pair.right, "-o", run), "belongs to other inputs", "left side")


def test_moved_inputs_are_the_same_inputs(elements: Pair, run: Path, kgalign: Kgalign) -> None:
    """Where the inputs of the finished run were, there is nothing any more."""
    assert "Nothing to do" in kgalign("run", elements.left, elements.right, "-o", run).stdout


def test_all_faults_of_file_and_flags_come_at_once(elements: Pair, tmp_path: Path, kgalign: Kgalign) -> None:
    config = tmp_path / "run.toml"
    config.write_text("[retreive]\nk = 3\n", encoding="utf8")
    result = kgalign(
        *("run", elements.left, elements.right, "-o", tmp_path / "run", "--config", config),
        *("-k", "many", "--cardinality", "some", "--canonical", "both", "--seed", "-1"),
    )
    assert_one_line(
        result, "5 faults", "retreive", "-k", "--cardinality", "--canonical", "--seed", str(config)
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("missing.ttl", None, "missing.ttl"),
        ("empty.ttl", b"", "empty.ttl"),
        ("broken.ttl", b"<http://a.example/x> <http://a.example/p> ", "line 1"),
        ("graph.txt", b"<a> <b> <c> .", "graph.txt"),
        ("not.nt.gz", b"<http://a.example/x> <http://a.example/p> 'v' .", "not.nt.gz"),
        ("control\x1b[2J\n.ttl", None, "\\x1b"),
    ],
)
def test_a_bad_input_gets_one_line(
    elements: Pair, tmp_path: Path, kgalign: Kgalign, name: str, content: bytes | None, expected: str
) -> None:
    bad = tmp_path / name
    if content is not None:
        bad.write_bytes(content)
    assert_one_line(kgalign("run", elements.left, bad, "-o", tmp_path / "run"), expected)
    assert not (tmp_path / "run" / "fused.ttl").exists()


_RING = "".join(
    f"<http://a.example/{n}> <http://a.example/knows> <http://a.example/{n * 7 % 50}> .\n" for n in range(50)
)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (_RING, _RING),
        (_RING, '<http://b.example/1> <http://b.example/name> "x" .\n'),
        (
            '<http://a.example/1> <http://a.example/name> "x" .\n',
            '<http://b.example/1> <http://b.example/n> "y z" .\n',
        ),
        (
            '_:a <http://b.example/n> "x" .\n_:b <http://b.example/n> "y" .\n',
            '_:a <http://b.example/n> "x" .\n',
        ),
        ('<http://a.example/1> <http://a.example/n> "\u202egnol [bold]\U0001f600" .\n',) * 2,
        ("".join(f'<http://a.example/1> <http://a.example/p> "{n}" .\n' for n in range(2000)),) * 2,
        (f'<http://a.example/{"x" * 10_000}> <http://a.example/p> "v w" .\n',) * 2,
        ('<http://a.example/1> <http://a.example/p> "' + "lorem " * 100_000 + '" .\n',) * 2,
    ],
    ids=[
        "no literals",
        "literals on one side",
        "nothing in common",
        "blank",
        "rtl",
        "many values",
        "long IRI",
        "long text",
    ],
)
def test_odd_graphs_work_or_are_explained(tmp_path: Path, kgalign: Kgalign, left: str, right: str) -> None:
    paths = tmp_path / "left.nt", tmp_path / "right.nt"
    for path, text in zip(paths, (left, right), strict=True):
        path.write_text(text, encoding="utf8")
    result = kgalign("run", *paths, "-o", tmp_path / "run")
    assert result.returncode in {0, 2}, result.stderr
    assert "Traceback" not in result.stderr
    assert (tmp_path / "run" / "fused.ttl").exists() == (result.returncode == 0)


def test_a_type_that_no_node_has_gets_one_line(elements: Pair, tmp_path: Path, kgalign: Kgalign) -> None:
    run = tmp_path / "run"
    result = kgalign("run", elements.left, elements.right, "-o", run, "--left-type", "http://a.example/None")
    assert_one_line(result, "http://a.example/None")


@pytest.mark.parametrize("place", ["file.txt", "file.txt/run", "/proc/kgalign/run"])
def test_a_place_that_cannot_be_written_gets_one_line(
    elements: Pair, tmp_path: Path, kgalign: Kgalign, place: str
) -> None:
    (tmp_path / "file.txt").write_text("mine", encoding="utf8")
    assert_one_line(kgalign("run", elements.left, elements.right, "-o", tmp_path / place), "-o")
    assert (tmp_path / "file.txt").read_text(encoding="utf8") == "mine"


def test_names_that_are_no_text_get_one_line(elements: Pair, tmp_path: Path, kgalign: Kgalign) -> None:
    odd = os.fsdecode(b"odd\xff.ttl")
    copy = shutil.copy(elements.left, tmp_path / odd)
    assert_one_line(kgalign("run", copy, elements.right, "-o", tmp_path / "run"), "not written in UTF-8")
    assert_one_line(kgalign("run", elements.left, elements.right, "-o", tmp_path / "odd" / odd), "Rename it")
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "odd").exists()


def test_a_link_that_leads_to_itself_gets_one_line(elements: Pair, tmp_path: Path, kgalign: Kgalign) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert_one_line(kgalign("run", elements.left, elements.right, "-o", loop), "loop")
    assert_one_line(kgalign("run", loop, elements.right, "-o", tmp_path / "run"), "loop")


def test_an_embedder_whose_name_is_too_long_gets_one_line(
    elements: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    name = f"sentence-transformers:{'x' * 300}"
    result = kgalign("run", elements.left, elements.right, "-o", tmp_path / "run", "--embedder", name)
    assert_one_line(result)
    assert "bug" not in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_no_permission_gets_one_line(elements: Pair, tmp_path: Path, kgalign: Kgalign) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    expected = os.strerror(errno.EACCES)
    assert_one_line(kgalign("run", elements.left, elements.right, "-o", closed / "run"), expected)


def test_no_room_gets_one_line_and_the_run_goes_on_when_there_is_room(
    elements: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    run = tmp_path / "run"
    command = _command(elements, run)
    # A limit on the size of files stands in for a full disk: the system refuses the same writes.
    code = (
        "import os, resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, encoding="utf8", check=False
    )
    assert_one_line(result, "There is no room")
    assert not [
        path for path in run.iterdir() if path.name in OUTPUTS - {"run.json"} and path.stat().st_size == 2000
    ]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 2000
    assert kgalign(*command[3:]).returncode == 0


def test_the_run_folder_may_not_lie_in_the_input_folder(elements: Pair, kgalign: Kgalign) -> None:
    folder = elements.left.parent
    elements.right.unlink()
    elements.gold.unlink()
    assert_one_line(kgalign("run", folder, elements.left, "-o", folder / "run"), "lies in the input folder")


def test_starting_is_light() -> None:
    code = (
        "import sys; sys.argv = ['kgalign', '--help']\n"
        "from kgalign.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'numpy', 'pyarrow', 'faiss', 'scipy', 'pydantic', 'rdflib', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
