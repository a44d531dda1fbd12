"""The command: what it says of bad input, how it ends, and what it keeps whatever happens."""

import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kgalign.decisions import FILE, Verdict, read_all, standing
from kgalign.run.folder import RunFolder
from tests.commands import assert_one_line, call
from tests.review.served import serving


def lines(run: Path, *texts: str) -> str:
    """What the terminal shows when somebody types these lines."""
    command = [sys.executable, "-m", "kgalign", "review", str(run), "--terminal", "--by", "Ada"]
    given = "".join(f"{text}\n" for text in texts)
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_terminal_asks_the_same_queue(countries: Path) -> None:
    typed = ("1", "z", "n", "e", "c born elsewhere", "r close", "2", "0", "u", "s", "v", "9", "x", "q")
    said = lines(countries, *typed)
    assert "Kept: same; the run gave it 0." in said
    assert "Undone: https://example.org/atlas/" in said
    assert "Probability 0." in said
    assert "No model was asked" in said
    assert "There is no candidate '9'" in said
    held = standing(read_all(countries / FILE)).said
    assert [str(each.verdict) for each in held] == ["different", "same", "nothing", "unsure"]
    second = held[1]
    assert (second.relation, second.why, second.blind) == ("close", "born elsewhere", False)
    assert {each.by for each in held} == {"Ada"}
    assert "42 open, 3 answered by you" in lines(countries, "q"), "it goes on where it was"


def test_a_terminal_says_when_nothing_is_left(run: Path) -> None:
    said = lines(run, *["u"] * 60)
    assert "Nothing is left" in said
    assert said.count("Kept: unsure") == len({each.left for each in read_all(run / FILE)})


def test_a_terminal_finds_what_is_searched_for(run: Path) -> None:
    said = lines(run, "/kohlenstoff", "/hydrogen", "6", "q")
    assert "http://chemie.example/6" in said
    [made] = read_all(run / FILE)
    assert made.verdict is Verdict.SAME


def test_what_was_answered_is_there_after_a_kill(countries: Path) -> None:
    with serving(countries) as served:
        for _ in range(4):
            question = served.ask("next")["question"]
            served.ask("answer", {"left": question["iri"], "right": "", "verdict": "nothing"})
        before = served.ask("next")["question"]["iri"]
        served.stop(signal.SIGKILL)
    assert len(read_all(countries / FILE)) == 4
    with serving(countries) as served:
        turn = served.ask("next")
        assert (turn["answered"], turn["question"]["iri"]) == (4, before)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly(run: Path, how: signal.Signals) -> None:
    with serving(run) as served:
        served.ask("next")
        assert served.stop(how) == 0
        assert served.process.stdout is not None
        said = served.process.stdout.read()
    assert "Stopped." in said
    assert "Traceback" not in said


def test_the_next_run_holds_to_it(run: Path, elements_made: Path) -> None:
    inputs = elements_made.parent / "inputs"
    with serving(run, "--by", "Ada") as served:
        question = served.ask("next")["question"]
        first = question["candidates"][0]["iri"]
        served.ask("answer", {"left": question["iri"], "right": first, "verdict": "different"})
    done = call(["run", inputs / "left.ttl", inputs / "right.nt", "-o", run, "--quiet"])
    assert done.returncode == 0, done.stderr
    assert f"<{question['iri']}> <http://www.w3.org/2002/07/owl#sameAs> <{first}>" not in (
        run / "links.nt"
    ).read_text(encoding="utf8")


def test_bad_input_is_told_in_a_sentence(run: Path, tmp_path: Path) -> None:
    assert_one_line(call(["review", tmp_path / "nothing", "--no-open"]), "is not a run folder")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert_one_line(call(["review", run, "--no-open", "--port", port]), f"127.0.0.1:{port}", "--port")
    (run / FILE).write_bytes(b"no database" * 100)
    assert_one_line(call(["review", run, "--no-open"]), "decisions")
    shutil.rmtree(run / "stages" / "worklist")
    (run / FILE).unlink()
    assert_one_line(call(["review", run, "--no-open"]), "worklist")


def test_a_run_that_is_not_finished_is_told_what_to_do(run: Path) -> None:
    folder = RunFolder(run)
    record = folder.read()
    steps = dict(list(record.steps.items())[:5])
    folder.write(replace(record, steps=steps))
    assert_one_line(call(["review", run, "--no-open"]), "isn't finished", "kgalign run")


def test_without_the_extra_it_says_what_to_install(run: Path) -> None:
    code = (
        "import sys; sys.modules['starlette'] = None\n"
        "from kgalign.cli import main; main(['review', sys.argv[1], '--no-open'])"
    )
    command = [sys.executable, "-c", code, str(run)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert_one_line(done, "pip install 'kgalign[review]'")
