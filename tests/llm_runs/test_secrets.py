"""What is secret gets into no file, and what was asked is for nobody else to read."""

import logging
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kgalign.ledger import Ledger
from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import running
from tests.conftest import Pair
from tests.llm_runs import runs

Begun = Callable[[str], Path]
KEY = "sk-Secret/0123456789abcdef"


@pytest.fixture
def open_to_all() -> Iterator[None]:
    """New files may be read by everybody, as far as the process goes."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.parametrize("answer", ["json", "choice"])
def test_a_key_that_the_server_repeats_gets_into_no_file(
    doubtful: Pair,
    begun: Begun,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    answer: str,
) -> None:
    out = begun("run")
    monkeypatch.setenv("KGALIGN_LLM_KEY", KEY)
    with (
        running(ScriptedSettings(key=KEY, repeats_key=True)) as server,
        caplog.at_level(logging.DEBUG, logger="kgalign"),
    ):
        runs.run(doubtful, out, server.url, votes={"max_calls": 20, "controls": 0}, llm={"answer": answer})
        assert len(runs.questions(server)) == 20
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        finishes = {vote.finish for vote in ledger.votes()}
    assert finishes == {"Bearer …"}, "the server did repeat it"
    for file in (each for each in out.rglob("*") if each.is_file()):
        content = file.read_bytes()
        assert KEY.encode() not in content, file
        assert KEY.replace("/", r"\/").encode() not in content, file
    assert KEY not in caplog.text


def test_a_word_that_stands_for_no_key_is_no_secret(
    doubtful: Pair, begun: Begun, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers that want no key are given such words, and this one is also an answer."""
    out = begun("run")
    monkeypatch.setenv("KGALIGN_LLM_KEY", "none")
    with running(ScriptedSettings()) as server:
        runs.run(doubtful, out, server.url)
    assert runs.answers(out) == runs.answers(undisturbed)


@pytest.mark.usefixtures("open_to_all")
def test_what_was_asked_is_for_nobody_else_to_read(tmp_path: Path) -> None:
    """The ledger, its log and the index of that, as long as they are there."""
    path = tmp_path / "votes.sqlite"
    with Ledger.open(path, write=True) as ledger:
        ledger.begin("m", "", {})
        files = sorted(each for each in tmp_path.iterdir() if not each.name.startswith("."))
        assert [each.name for each in files] == ["votes.sqlite", "votes.sqlite-shm", "votes.sqlite-wal"]
        assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.usefixtures("open_to_all")
def test_a_ledger_that_others_may_read_stays_as_its_owner_made_it(tmp_path: Path) -> None:
    path = tmp_path / "votes.sqlite"
    Ledger.open(path, write=True).close()
    path.chmod(0o640)
    Ledger.open(path, write=True).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
