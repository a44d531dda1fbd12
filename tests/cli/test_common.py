"""What commands share: bars only for long work and only on a terminal, errors in one line."""

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from kgalign.cli import main
from kgalign.cli.common import LineProgress, TerminalProgress, terminal_progress, wrapped
from rich.cells import cell_len

from kgalign.base.progress import NoProgress
from kgalign.errors import InputError
from tests.conftest import Pair


def _on_a_terminal(text: str, code: int = 0) -> str:
    """What a process writes whose standard error output is a terminal."""
    parent, child = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", text], stderr=child, stdout=subprocess.DEVNULL)
    os.close(child)
    chunks = []
    while True:
        try:
            chunk = os.read(parent, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(parent)
    assert process.wait() == code
    return b"".join(chunks).decode("utf8", "replace")


BARS = """
import time
from kgalign.cli.common import TerminalProgress
progress = TerminalProgress(delay={delay})
with progress.task("read [bold]x.nt", 100, "B") as outer:
    with progress.task("inner", None) as inner:
        for _ in range(10):
            outer.advance(10)
            inner.advance()
            time.sleep(0.05)
with progress.task("second", 10, "rows") as task:
    for _ in range(10):
        task.advance()
        time.sleep(0.02)
"""


def test_long_work_gets_a_bar_with_a_rate() -> None:
    shown = _on_a_terminal(BARS.format(delay=0.05))
    assert "read [bold]x.nt" in shown
    assert "of 100 bytes" in shown
    assert "/s" in shown
    assert "second" in shown


def test_a_line_stays_of_long_work_that_is_part_of_no_other() -> None:
    shown = _on_a_terminal(BARS.format(delay=0.05))
    assert re.search(r"read \[bold\]x\.nt: \d+\.\d s\r\n", shown)
    assert re.search(r"second: 0\.\d s\r\n", shown)
    assert not re.search(r"inner: \d", shown)


BESIDE = """
import threading, time
from kgalign.cli.common import TerminalProgress
progress = TerminalProgress(delay=0.05)
def work():
    with progress.task("right"), progress.task("inner"):
        time.sleep(0.3)
with progress.task("left"):
    other = threading.Thread(target=work)
    other.start()
    time.sleep(0.2)
other.join()
"""


def test_a_line_stays_of_work_that_is_done_beside_other_work() -> None:
    shown = _on_a_terminal(BESIDE)
    assert re.search(r"left: 0\.\d s\r\n", shown)
    assert re.search(r"right: 0\.\d s\r\n", shown)
    assert not re.search(r"inner: \d", shown)


def test_what_is_read_is_said_before_it_is_read(tmp_path: Path) -> None:
    missing = tmp_path / "\x1b[31mmissing.ttl"
    words = ["run", str(missing), "right.ttl", "-o", str(tmp_path / "run")]
    code = f"import sys; sys.argv[1:] = {words}; sys.exit = lambda code: None; from kgalign.cli import main; "
    shown = _on_a_terminal(code + "main(standalone_mode=True)")
    assert "Reading " + str(tmp_path) in shown
    assert shown.index("Reading ") < shown.index("error: ")
    assert "\x1b[31mmissing" not in shown
    assert "Reading" not in _on_a_terminal(code.replace("'-o'", "'-q', '-o'") + "main()")


texts = st.text(st.sampled_from("ab /日\u00e9"), max_size=60)


@given(text=texts, width=st.integers(5, 30))
def test_lines_are_broken_at_spaces_alone(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert " ".join(lines).split() == text.split()
    for line in lines:
        assert cell_len(line) <= width or len(line.split()) == 1 or line == lines[0] == text
    if cell_len(text) <= width:
        assert lines == [text]


def test_short_work_gets_none() -> None:
    assert _on_a_terminal(BARS.format(delay=60)) == ""


def test_where_there_is_no_terminal_a_line_is_written_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(terminal_progress(), LineProgress)
    assert isinstance(terminal_progress(quiet=True), NoProgress)
    monkeypatch.undo()
    with LineProgress(every=0).task("ask", 1200, "entities") as task:
        task.note("3 votes/s, about 4 min left")
        task.advance(7)
    assert capsys.readouterr().err == "ask: 7 entities of 1,200 entities, 3 votes/s, about 4 min left\n"
    with LineProgress().task("ask", 12) as task:
        task.advance(12)
    assert capsys.readouterr().err == "", "what is done soon needs no line"


def test_work_that_fails_takes_its_bar_away() -> None:
    progress = TerminalProgress(delay=0)
    with pytest.raises(ValueError, match="broken"), progress.task("work", 3) as task:
        task.advance()
        raise ValueError("broken")
    with progress.task("more", 1) as task:
        task.advance()


class _Failing:
    """Puts a command that fails in the place of ``profile``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
        def fail() -> None:
            raise error

        command = click.Command("profile", callback=fail)
        monkeypatch.setattr(main, "get_command", lambda _context, _name: command)

    def call(self) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["profile"])
        return result.exit_code, result.output


@pytest.mark.parametrize(
    ("error", "code", "expected"),
    [
        (InputError("x\ny is [red]bad\x1b", "Mend it"), 2, "error: x\\ny is [red]bad\\x1b. Mend it.\n"),
        (
            KeyboardInterrupt(),
            130,
            "\nInterrupted. What is finished is kept: the same command goes on from there.\n",
        ),
        (MemoryError(), 2, "error: Out of memory. Close other programs, or give smaller files.\n"),
    ],
)
def test_what_people_can_mend_is_one_line(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, expected: str
) -> None:
    assert _Failing(monkeypatch, error).call() == (code, expected)


def test_a_fault_of_ours_is_one_line_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = _Failing(monkeypatch, ZeroDivisionError("a\nb")).call()
    assert code == 1
    (line,) = output.splitlines()
    assert line.startswith("error: this is a bug in kgalign (ZeroDivisionError at test_common.py:")
    assert "Traceback" not in output


def test_an_error_is_broken_at_spaces_on_a_terminal_and_one_line_elsewhere(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "kgalign", "export", str(tmp_path), "--format", "nothing", "-o", "x"]
    command = f"import os; os.environ['COLUMNS'] = '60'; os.execv({words[0]!r}, {words!r})"
    shown = [line.rstrip("\r") for line in _on_a_terminal(command, code=2).splitlines()]
    assert len(shown) > 1
    assert all(len(line) <= 60 for line in shown)
    told = subprocess.run(words, capture_output=True, text=True, check=False).stderr
    assert " ".join(" ".join(shown).split()) == " ".join(told.split())
    assert told.count("\n") == 1


@pytest.mark.parametrize("columns", [60, 80])
def test_no_command_breaks_a_word(
    elements: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    run = tmp_path / "run"
    begun = CliRunner().invoke(main, ["run", str(elements.left), str(elements.right), "-o", str(run), "-q"])
    assert begun.exit_code == 0
    commands = [
        ["doctor", str(elements.left)],
        ["conflicts", str(run)],
        ["conflicts", str(run), "--sources"],
        ["eval", str(run), "--gold", str(elements.gold), "--against", str(run)],
        ["export", "--list-formats"],
        ["export", str(run), "--unmatched", "left", "-o", str(tmp_path / "left.csv")],
        ["run", str(elements.left), str(elements.right), "-o", str(run)],
        ["verify", str(run)],
    ]
    for words in commands:
        monkeypatch.delenv("COLUMNS", raising=False)
        wide = CliRunner().invoke(main, words).stdout
        monkeypatch.setenv("COLUMNS", str(columns))
        narrow = CliRunner().invoke(main, words).stdout
        if words[0] != "conflicts":  # whose texts are cut where they have no spaces
            assert narrow.split() == wide.split(), words
        for line in narrow.splitlines():
            # What is longer has a word that is longer, or is a command.
            assert len(line) <= columns or len(line.split()[-1]) > columns / 3, (words, line)


def test_an_unknown_command_is_named() -> None:
    result = CliRunner().invoke(main, ["algin"])
    assert result.exit_code == 2
    assert "algin" in result.output


def test_the_traceback_is_shown_when_it_is_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "kgalign_broken"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import kgalign.base.store\nimport kgalign.rdf.remote\n"
        "def broken(*a, **k): raise ZeroDivisionError('on purpose')\n"
        "kgalign.rdf.remote.read_inputs = broken\n",
        encoding="utf8",
    )
    graph = tmp_path / "a.nt"
    graph.write_text('<http://a.example/x> <http://a.example/p> "v" .\n', encoding="utf8")
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "kgalign", "profile", str(graph), "--log-level", "debug"]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert "on purpose" in result.stderr
