"""``kgalign export``, as a process: every format, the same bytes, and what it refuses."""

import csv
import os
import pty
import re
import resource
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from subprocess import CompletedProcess

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from kgalign.cli import main

from kgalign.export.formats import FORMATS
from kgalign.run import start
from tests.commands import split_off
from tests.export.finished_runs import hostile_run

Command = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_run(tmp_path_factory.mktemp("hostile"))


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["export", *map(str, arguments)])
    return result.exit_code, result.output


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_two_processes_write_the_same_bytes_and_change_nothing_in_the_run(
    run: Path, tmp_path: Path, kgalign: Command
) -> None:
    before = contents(run)
    for name in FORMATS:
        assert call(run, "--format", name, "-o", tmp_path / name)[0] == 0
    for name in ("jsonld", "graphml", "parquet", "sssom"):
        other = kgalign("export", run, "--format", name, "-o", tmp_path / "again")
        assert other.returncode == 0, other.stderr
        assert (tmp_path / "again").read_bytes() == (tmp_path / name).read_bytes(), name
    for name, file in {
        "turtle": "fused.ttl",
        "same-as": "links.nt",
        "sssom": "mappings.sssom.tsv",
        "oaei": "alignment.rdf",
    }.items():
        assert (tmp_path / name).read_bytes() == before[file], name
    assert contents(run) == before
    assert {path.name for path in tmp_path.iterdir()} == {*FORMATS, "again"}


def test_the_standard_output_gets_the_same_bytes_and_the_counts_go_elsewhere(
    run: Path, tmp_path: Path, kgalign: Command
) -> None:
    result = kgalign("export", run, "--format", "same-as", "-o", "-")
    assert result.returncode == 0
    assert result.stdout == (run / "links.nt").read_text(encoding="utf8")
    assert result.stderr == f"-: {len(result.stdout.splitlines())} links\n"


def test_a_closing_line_says_what_was_written(run: Path, tmp_path: Path) -> None:
    code, text = call(run, "--format", "turtle", "-o", tmp_path / "a.ttl")
    assert code == 0
    assert "statements; the names of named graphs are left out" in text
    assert "left out" not in call(run, "--format", "trig", "-o", tmp_path / "a.trig")[1]
    assert "would be shown" not in call(run, "--format", "graphml", "-o", tmp_path / "a")[1]
    assert (
        "2 entities, 1 link, 0 relations"
        in call(run, "--format", "graphml", "--limit", 2, "-o", tmp_path / "a")[1]
    )


def test_a_file_that_is_there_is_replaced_and_a_link_to_it_stays(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    assert call(run, "--format", "parquet", "-o", tmp_path / "link")[0] == 0
    assert (tmp_path / "link").is_symlink()
    links = (run / "links.nt").read_text(encoding="utf8").splitlines()
    assert pq.read_table(tmp_path / "file").num_rows == len(links)


@pytest.mark.parametrize("name", ["turtle", "jsonld", "sssom", "parquet", "graphml"])
def test_where_there_is_no_room_the_old_file_stays(run: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "old").write_text("old")
    words = ["export", str(run), "--format", name, "-o", str(tmp_path / "old")]
    ours, theirs = Pipe(duplex=False)
    with ours:
        process = split_off(export_without_room, words, theirs)
        theirs.close()
        code, text = ours.recv()
        process.join()
        process.close()
    assert (code, "no room to write" in text) == (2, True), text
    assert contents(tmp_path) == {"old": b"old"}


def export_without_room(words: list[str], answer: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    result = CliRunner().invoke(main, words)
    answer.send((result.exit_code, result.output))


def test_a_terminal_gets_text_alone_and_no_control_character(run: Path) -> None:
    for name, code in (("turtle", 0), ("parquet", 2)):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "kgalign", "export", str(run), "--format", name, "-o", "-"],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        shown = read_all(ours)
        os.close(ours)
        assert process.wait() == code
        assert ("\\x85" in shown) == (name == "turtle")
        assert set(shown) <= {"\r", "\n", "\t"} | {each for each in shown if each.isprintable()}


def read_all(terminal: int) -> str:
    """What is written to a terminal until nobody has it open any more."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # Linux says so at the end
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode()


def test_who_reads_may_stop_reading(run: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "kgalign", "export", str(run), "--format", "nquads", "-o", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()
        assert b"bug" not in running.stderr.read()


@pytest.mark.parametrize(
    ("name", "meant"), [("turtel", "turtle"), ("ttl", "turtle"), ("N-Quads", "nquads"), ("Sssom", "sssom")]
)
def test_an_unknown_format_is_an_error_with_the_nearest(
    run: Path, tmp_path: Path, name: str, meant: str
) -> None:
    code, text = call(run, "--format", name, "-o", tmp_path / "a")
    assert code == 2
    assert f"'{name}' is no format. Did you mean {meant}? The formats are turtle, " in text
    assert "Did you mean" not in call(run, "--format", "\x1b[31m", "-o", tmp_path / "a")[1]
    assert list(tmp_path.iterdir()) == []


def test_what_is_open_and_who_found_nobody_are_lists_of_their_own(run: Path, tmp_path: Path) -> None:
    before = contents(run)
    assert call(run, "--format", "csv", "--undecided", "-o", tmp_path / "all.csv")[0] == 0
    with (tmp_path / "all.csv").open(encoding="utf8", newline="") as file:
        pairs = list(csv.DictReader(file))
    linked = {row["left"] for row in pairs if row["outcome"] in ("match", "confirmed")}
    code, text = call(run, "--undecided", "-o", tmp_path / "open.csv")
    with (tmp_path / "open.csv").open(encoding="utf8", newline="") as file:
        told = list(csv.DictReader(file))
    assert (code, f"{len(told)} row" in text) == (0, True), text
    assert {(row["left"], row["right"]) for row in told} == {
        (row["left"], row["right"]) for row in pairs if row["outcome"] == "undecided"
    }
    assert [float(row["margin"]) for row in told] == sorted(float(row["margin"]) for row in told)
    assert call(run, "--unmatched", "left", "-o", tmp_path / "left.csv")[0] == 0
    with (tmp_path / "left.csv").open(encoding="utf8", newline="") as file:
        alone = {row["left"] for row in csv.DictReader(file)}
    assert alone and not alone & linked
    assert contents(run) == before


@pytest.mark.parametrize(
    "words",
    [
        ["--undecided", "--unmatched", "left"],
        ["--unmatched", "left", "--format", "csv"],
        ["--undecided", "--limit", "5"],
        [],
    ],
)
def test_a_list_goes_without_a_format(run: Path, tmp_path: Path, words: list[str]) -> None:
    code, text = call(run, *words, "-o", tmp_path / "a")
    assert (code, "Error: " in text) == (2, True), text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        (["--format", "trig", "--around", "x"], "--around has no meaning for the format trig"),
        (["--format", "same-as", "--undecided"], "It goes with sssom, parquet, csv, graphml"),
        (["--format", "csv", "--limit", "9"], "--limit has no meaning"),
        (["--format", "graphml", "--limit", "1"], "Invalid value for '--limit'"),
        (
            ["--format", "graphml", "--around", "http://elements.example/Borom"],
            "http://elements.example/Boron",
        ),
    ],
)
def test_choices_that_mean_nothing_are_errors(
    run: Path, tmp_path: Path, choices: list[str], said: str
) -> None:
    code, text = call(run, *choices, "-o", tmp_path / "a")
    assert (code, said in text) == (2, True), text
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_file_to_write_is_refused(run: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    for output, said in {
        tmp_path / "folder": "is a folder",
        tmp_path / "missing" / "a": f"There is no folder {tmp_path / 'missing'}",
        tmp_path / "pipe": "is no ordinary file",
        tmp_path / ("x" * 300): "can't be written: file name too long",
        tmp_path / "circle": "can't be written",
        run / "fused.ttl": "is a part of the run",
        run / "run.json": "is a part of the run",
        run / "votes.sqlite": "is a part of the run",
        run / "stages" / "a": "is a part of the run",
        run.parent / "left.nq": "is an input of the run",
    }.items():
        code, text = call(run, "--format", "csv", "-o", output)
        assert (code, said in text) == (2, True), text
        assert text.count("\n") == 1
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "pipe", "circle"}


def test_a_run_that_is_not_finished_or_is_none_is_one_sentence(run: Path, tmp_path: Path) -> None:
    code, text = call(tmp_path, "--format", "csv", "-o", tmp_path / "a")
    assert (code, "is not a run folder" in text) == (2, True)
    part = tmp_path / "part"
    shutil.copytree(run, part)
    # Of before it had a digest: it is changed here, and not damaged.
    whole = told = re.sub(r',\n "digest": "\w+"', "", (part / "run.json").read_text(encoding="utf8"))
    for step in ("assign", "fuse"):
        told = told.replace(f'"{step}": {{\n   "finger', f'"{step} elsewhere": {{\n   "finger')
    (part / "run.json").write_text(told)
    for name in FORMATS:
        code, text = call(part, "--format", name, "-o", tmp_path / "a")
        assert code == 2, text
        assert re.search("isn't finished: it has no '(assign|fuse)' yet", text), text
    (part / "run.json").write_text(whole.replace('"canonical": "left"', '"canonical": "upside down"'))
    code, text = call(part, "--format", "turtle", "-o", tmp_path / "a")
    assert (code, "whose configuration this version doesn't know" in text) == (2, True)
    (part / "run.json").write_text(whole)
    (part / "stages" / "assign" / "left.npy").write_bytes(b"\x93NUMPY")
    code, text = call(part, "--format", "csv", "-o", tmp_path / "a")
    assert (code, "left.npy is damaged: it is not what was written" in text) == (2, True)
    assert not (tmp_path / "a").exists()


def test_a_list_of_formats_needs_no_run() -> None:
    code, text = call("--list-formats")
    assert code == 0
    assert [line.split()[0] for line in text.splitlines()] == list(FORMATS)


def test_parts_go_into_a_folder_of_their_own_and_replace_nothing_else(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "parts"
    status, said = call(run, "--format", "ntriples", "--parts", 3, "-o", out)
    assert status == 0, said
    assert re.search(r"parts: \d+ statements, 3 files", said)
    assert sorted(contents(out)) == ["manifest.json", *(f"part-0000{n}.nt.gz" for n in (1, 2, 3))]
    before = contents(out)
    # What was written in this way is replaced as a whole.
    assert call(run, "--format", "nquads", "--parts", 2, "-o", out)[0] == 0
    assert sorted(contents(out)) == ["manifest.json", "part-00001.nq.gz", "part-00002.nq.gz"]
    assert call(run, "--format", "ntriples", "--parts", 3, "-o", out)[0] == 0
    assert contents(out) == before
    (out / "mine.txt").write_text("mine", encoding="utf8")
    for path, why in (
        (out, "parts holds other things, such as 'mine.txt'"),
        (run, "run holds other things"),
        (run / "stages", "stages holds other things"),
        (out / "mine.txt", "mine.txt is no folder"),
        (tmp_path / "no" / "parts", "There is no folder"),
    ):
        status, said = call(run, "--format", "ntriples", "--parts", 3, "-o", path)
        assert status == 2
        assert why in said
    assert contents(out) == {**before, "mine.txt": b"mine"}


def test_a_run_does_not_replace_the_parts_that_it_was_made_from(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    assert call(run, "--format", "ntriples", "--parts", 2, "-o", folder)[0] == 0
    before = contents(folder)
    other = start.run(folder / "part-00001.nt.gz", folder / "part-00002.nt.gz", tmp_path / "other")
    assert other.done
    status, said = call(tmp_path / "other", "--format", "ntriples", "--parts", 2, "-o", folder)
    assert (status, contents(folder)) == (2, before)
    assert "is an input of the run" in said


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--format", "turtle", "--parts", 2, "-o", "x"), "--parts has no meaning for the format turtle"),
        (("--undecided", "--parts", 2, "-o", "x"), "--parts goes with --format ntriples or nquads"),
        (("--format", "ntriples", "--parts", 2, "-o", "-"), "Several files go into a folder"),
        (("--format", "ntriples", "--parts", 0, "-o", "x"), "--parts"),
    ],
)
def test_parts_are_refused_where_they_mean_nothing(
    run: Path, options: tuple[object, ...], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, said = call(run, *options)
    assert status == 2
    assert why in said
    assert not list(tmp_path.iterdir())
