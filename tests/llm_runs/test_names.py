"""A server that answers as another model than the one that was asked."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from kgalign.ledger import Ledger
from kgalign.llm.naming import is_same
from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import running
from tests.conftest import Pair
from tests.llm_runs import runs

Begun = Callable[[str], Path]


def test_it_is_said_once_and_the_votes_carry_the_name(
    doubtful: Pair, begun: Begun, caplog: pytest.LogCaptureFixture
) -> None:
    out = begun("run")
    with running(ScriptedSettings(called="cheaper-1b")) as server, caplog.at_level(logging.WARNING):
        runs.run(doubtful, out, server.url, votes={"max_calls": 20, "controls": 0})
    told = [each.getMessage() for each in caplog.records if "cheaper-1b" in each.getMessage()]
    assert len(told) == 1
    assert "answers as cheaper-1b, though scripted was asked" in told[0]
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        votes = list(ledger.votes())
    assert {(vote.model, vote.served) for vote in votes} == {("scripted", "cheaper-1b")}
    runs.assert_sound(out)
    shown = runs.call([*runs.COMMAND, "votes", "show", str(out), votes[0].question.case])
    assert "the server called the model cheaper-1b" in shown.stdout


def test_where_it_must_not_be_it_ends_the_command_before_anything_is_asked(
    doubtful: Pair, begun: Begun
) -> None:
    out = begun("run")
    with running(ScriptedSettings(called="cheaper-1b")) as server:
        done = runs.call(runs.command(doubtful, out, *runs.asking(server.url), "--strict-model"))
        assert not runs.questions(server)
    runs.assert_one_line(done, "answers as cheaper-1b, though scripted was asked", "--strict-model")


def test_where_the_name_is_right_nothing_is_said(
    doubtful: Pair, begun: Begun, caplog: pytest.LogCaptureFixture
) -> None:
    out = begun("run")
    with running(ScriptedSettings()) as server:
        runs.run(
            doubtful, out, server.url, votes={"max_calls": 20, "controls": 0}, llm={"strict_model": True}
        )
    assert "answers as" not in caplog.text
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        assert {vote.served for vote in ledger.votes()} == {""}


@pytest.mark.parametrize(
    ("asked", "told", "same"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("Qwen/Qwen3-8B", "qwen3-8b", True),
        ("small", "/models/small.gguf", True),
        ("llama3", "llama3:latest", True),
        ("small", "", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06", False),
        ("gpt-4o", "gpt-3.5-turbo", False),
        ("qwen3:8b", "qwen3:1b", False),
        ("tuned", "base", False),
    ],
)
def test_other_spellings_of_a_name_are_the_same_model(asked: str, told: str, same: bool) -> None:
    assert is_same(asked, told) == same
