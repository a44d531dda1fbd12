"""``kgalign run --judge llm`` as a user calls it: what can be wrong is one sentence, and costs nothing."""

import json
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import Running, running
from kgalign.run.start import evidence as go_as_far_as_the_evidence
from tests.conftest import Pair
from tests.llm_runs import runs

KEY = "sk-very-secret-0123456789"
WRONG_KEY = "sk-wrong-but-secret-9876"
NOBODY = "http://127.0.0.1:9/v1"


@pytest.fixture(scope="module")
def evidence(doubtful: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("evidence") / "run"
    go_as_far_as_the_evidence(doubtful.left, doubtful.right, out, runs.config(NOBODY))
    return out


@pytest.fixture(scope="module")
def finished(doubtful: Pair, evidence: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = Path(shutil.copytree(evidence, tmp_path_factory.mktemp("finished") / "run"))
    with running(ScriptedSettings()) as server:
        runs.run(doubtful, out, server.url)
    return out


@pytest.fixture
def out(evidence: Path, tmp_path: Path) -> Path:
    """A run folder in which only the asking is left to do."""
    return Path(shutil.copytree(evidence, tmp_path / "run"))


@contextmanager
def pages(content: bytes, kind: str, status: int) -> Iterator[str]:
    """A server that shows the same page wherever one looks."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the name that the base class asks for

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def assert_nothing_spent(server: Running, out: Path) -> None:
    assert runs.questions(server) == []
    if (out / "votes.sqlite").exists():
        assert runs.answers(out) == {}


def test_a_run_asks_and_says_what_came_of_it(doubtful: Pair, out: Path) -> None:
    with running(ScriptedSettings()) as server:
        words = runs.command(doubtful, out, *runs.asking(server.url, "--model", "scripted"))
        done = runs.call_afresh(words)
        assert (done.returncode, done.stderr) == (0, "")
        votes = len(runs.questions(server))
        assert votes > 50
        assert re.search(
            rf"Asked scripted about \d\d entities: {votes} votes, {votes} of them now", done.stdout
        )
    asked = runs.step(out)
    assert asked.notes["server"].startswith("scripted ")
    assert (asked.notes["structure"], asked.notes["logprobs"]) == ("json_schema", "20")
    assert (asked.notes["model"], asked.notes["context"]) == ("scripted", "32768")
    assert "Nothing to do" in runs.call(words).stdout
    runs.assert_sound(out)


def test_no_server(doubtful: Pair, tmp_path: Path) -> None:
    """It is found out before any work is done."""
    done = runs.call(runs.command(doubtful, tmp_path / "run", *runs.asking(NOBODY)))
    runs.assert_one_line(done, NOBODY, "can't be reached", "--llm-url")
    assert json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf8"))["steps"] == {}


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"<html><body>Welcome to nginx</body></html>", "text/html", 200),
        (b"<html><body>404 Not Found</body></html>", "text/html", 404),
        (b'{"hello": "world"}', "application/json", 200),
    ],
    ids=["HTML", "404", "other JSON"],
)
def test_a_server_of_something_else(
    doubtful: Pair, out: Path, content: bytes, kind: str, status: int
) -> None:
    with pages(content, kind, status) as url:
        runs.assert_one_line(runs.call(runs.command(doubtful, out, *runs.asking(url))), url, "--llm-url")


@pytest.mark.parametrize("key", ["", WRONG_KEY])
def test_a_wrong_key_is_refused_and_shown_nowhere(doubtful: Pair, out: Path, key: str) -> None:
    with running(ScriptedSettings(key=KEY)) as server:
        words = runs.command(doubtful, out, *runs.asking(server.url, "--log-level", "debug"))
        done = runs.call(words, {"KGALIGN_LLM_KEY": key, "OPENAI_API_KEY": ""})
        assert done.returncode == 2
        errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1
        assert ("refuses the key" if key else "asks for a key") in errors[0]
        assert "KGALIGN_LLM_KEY" in errors[0]
        assert_nothing_spent(server, out)
    assert_shown_nowhere(key or KEY, done.stdout + done.stderr, out)


def test_the_right_key_works_and_is_shown_nowhere(doubtful: Pair, out: Path) -> None:
    with running(ScriptedSettings(key=KEY)) as server:
        words = runs.command(
            doubtful, out, *runs.asking(server.url, "--max-calls", 5, "--log-level", "debug")
        )
        done = runs.call(words, {"KGALIGN_LLM_KEY": KEY})
        assert done.returncode == 0, done.stderr
        assert len(runs.questions(server)) == 5
    assert_shown_nowhere(KEY, done.stdout + done.stderr, out)


def assert_shown_nowhere(secret: str, text: str, out: Path) -> None:
    assert secret not in text
    for path in out.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_an_unknown_model_and_an_unknown_adapter(doubtful: Pair, out: Path) -> None:
    with running(ScriptedSettings(adapter="tuned")) as server:
        for options, said in (
            (("--model", "scriptd"), ("scriptd", "did you mean scripted", "--model")),
            (("--adapter", "tunde"), ("tunde", "tuned", "--adapter")),
        ):
            done = runs.call(runs.command(doubtful, out, *runs.asking(server.url, *options)))
            runs.assert_one_line(done, *said)
        assert_nothing_spent(server, out)


def test_a_context_too_short_for_a_question(doubtful: Pair, out: Path) -> None:
    with running(ScriptedSettings(context=400)) as server:
        done = runs.call(runs.command(doubtful, out, *runs.asking(server.url)))
        runs.assert_one_line(done, "400 tokens")
        assert_nothing_spent(server, out)
    with running(ScriptedSettings(context=800)) as server:
        done = runs.call(runs.command(doubtful, out, *runs.asking(server.url)))
        runs.assert_one_line(done, "too short", "longer context")
        assert_nothing_spent(server, out)


def test_a_short_context_shortens_the_questions_and_says_so(doubtful: Pair, out: Path) -> None:
    with running(ScriptedSettings(context=1000)) as server:
        done = runs.call(runs.command(doubtful, out, *runs.asking(server.url)))
        assert (done.returncode, done.stderr) == (0, "")
        assert server.refused == {}
    assert "questions were shortened to 680 tokens" in done.stdout
    assert "failed" not in runs.step(out).figures


def test_a_server_without_structure_or_probabilities_must_be_wanted_and_is_noted(
    doubtful: Pair, out: Path, tmp_path: Path
) -> None:
    options = tmp_path / "options.toml"
    options.write_text("[llm]\nunstructured = true\n", encoding="utf8")
    with running(ScriptedSettings(structure=False, logprobs=False)) as server:
        words = runs.command(doubtful, out, *runs.asking(server.url))
        runs.assert_one_line(runs.call(words), "llm.unstructured = true")
        assert_nothing_spent(server, out)
        done = runs.call([*words, "--config", str(options)])
    assert (done.returncode, done.stderr) == (0, "")
    asked = runs.step(out)
    assert (asked.notes["structure"], asked.notes["logprobs"]) == ("none", "0")
    assert asked.figures["match"] + asked.figures["no_match"] > 20


def test_a_ledger_of_a_newer_version(doubtful: Pair, finished: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(finished, tmp_path / "run"))
    with closing(sqlite3.connect(out / "votes.sqlite")) as connection:
        (table,) = connection.execute(
            "SELECT name FROM sqlite_master WHERE name LIKE '%migration%' AND type = 'table'"
        ).fetchone()
        columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
        values = {"name": "9999-from-the-future", "id": 9999, "version": 9999}
        chosen = [(name, values.get(name, "2099-01-01T00:00:00")) for name in columns]
        connection.execute(
            f"INSERT INTO {table} ({', '.join(name for name, _ in chosen)})"
            f" VALUES ({', '.join('?' * len(chosen))})",
            [value for _, value in chosen],
        )
        connection.commit()
    with running(ScriptedSettings()) as server:
        done = runs.call(runs.command(doubtful, out, *runs.asking(server.url, "--force")))
        runs.assert_one_line(done, "votes.sqlite", "newer")
        assert runs.questions(server) == []


@pytest.mark.parametrize("damage", ["not a database " * 400, ""])
def test_a_ledger_that_is_none(doubtful: Pair, finished: Path, tmp_path: Path, damage: str) -> None:
    out = Path(shutil.copytree(finished, tmp_path / "run"))
    path = out / "votes.sqlite"
    whole = path.read_bytes()
    path.write_bytes(damage.encode() or whole[: len(whole) // 2])
    with running(ScriptedSettings()) as server:
        done = runs.call(runs.command(doubtful, out, *runs.asking(server.url, "--force")))
        runs.assert_one_line(done, "votes.sqlite")
        assert runs.questions(server) == []


def test_a_template_with_an_unknown_field(doubtful: Pair, out: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    (prompts / "select-1.txt").write_text(
        "name: select-1\nversion: 2\nkind: select\nphrasing: plain\n\n[system]\nCompare.\n\n"
        "[user]\n{record}\n{options}\n{score}\nOne of {labels}.\n",
        encoding="utf8",
    )
    options = tmp_path / "options.toml"
    options.write_text(f'[votes]\ntemplates = "{prompts}"\n', encoding="utf8")
    with running(ScriptedSettings()) as server:
        done = runs.call(runs.command(doubtful, out, *runs.asking(server.url, "--config", options)))
        runs.assert_one_line(done, "select-1.txt", "{score}", "{record}")
        assert_nothing_spent(server, out)


def test_wrong_limits_and_judges_are_told_at_once(doubtful: Pair, tmp_path: Path) -> None:
    options = ("--max-calls", "-1", "--max-tokens", "many", "--max-cost", "-0.5", "--ask", "some")
    words = runs.command(doubtful, tmp_path / "run", "--judge", "nonsense", *options)
    done = runs.call(words)
    expected = ("5 faults", "--judge", "--max-calls", "--max-tokens", "--max-cost", "--ask")
    runs.assert_one_line(done, *expected)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("url", ["localhost:8000", "http://me:secret@localhost/v1", "http://h/v1?key=secret"])
def test_a_url_that_is_none_or_holds_a_secret(doubtful: Pair, tmp_path: Path, url: str) -> None:
    done = runs.call(runs.command(doubtful, tmp_path / "run", *runs.asking(url)))
    runs.assert_one_line(done, "--llm-url")
    assert "secret" not in done.stderr


def test_two_processes_on_one_run(doubtful: Pair, out: Path) -> None:
    with running(ScriptedSettings()) as server:
        words = runs.command(doubtful, out, *runs.asking(server.url))
        first = runs.begin(words)
        while first.is_alive() and not runs.questions(server):
            time.sleep(0.001)
        server.settings = replace(server.settings, latency=600.0)
        runs.assert_one_line(runs.call(words), "Another kgalign is at work")
        runs.assert_sound(out)
        first.kill()
        first.join()
        first.close()


def test_a_scripted_judge_needs_no_server(doubtful: Pair, out: Path) -> None:
    done = runs.call(runs.command(doubtful, out, "--judge", "scripted:accuracy=0.95"))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"Asked scripted:accuracy=0\.95 about \d\d entities", done.stdout)
    done = runs.call(runs.command(doubtful, out, "--judge", "scripted:acuracy=0.95"))
    runs.assert_one_line(done, "acuracy")
