"""A disk that gets full while a model is asked: what was paid for is not lost without a word."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import running
from tests.conftest import Pair
from tests.llm_runs import runs

ROOM = 300
"""Blocks of 1,024 bytes that a file may have: more than any but the journal of the ledger needs."""


def test_answers_that_could_not_be_stored_are_in_the_log_and_counted(
    doubtful: Pair, undisturbed: Path, begun: Callable[[str], Path]
) -> None:
    out = begun("run")
    with running(ScriptedSettings()) as server:
        words = runs.command(doubtful, out, *runs.asking(server.url))
        done = subprocess.run(
            ["bash", "-c", f'ulimit -f {ROOM}; exec "$@"', "bash", *words],
            capture_output=True,
            text=True,
            check=False,
        )
        sent = len(runs.questions(server))
        kept = len(runs.answers(out))
        *told, error = done.stderr.splitlines()
        assert done.returncode == 2
        assert error == (
            f"error: There is no room to write the ledger {out / 'votes.sqlite'}. "
            "Make room and run the same command again: what is finished is kept."
        )
        lost = [json.loads(line[line.index("{") :]) for line in told if "could not be stored: {" in line]
        assert lost
        assert kept
        assert all(each["reply"] and each["key"] not in runs.answers(out) for each in lost)
        count = re.search(
            r"([\d,]+) answers? could not be stored and ([\d,]+) questions? (?:was|were) under way: "
            r"([\d,]+) questions? will be asked again$",
            told[-1],
        )
        assert count
        stored, under_way, again = (int(number.replace(",", "")) for number in count.groups())
        assert (stored, stored + under_way) == (len(lost), again)
        # What waited for its turn in the process was under way and never sent.
        assert kept + len(lost) <= sent <= kept + again
        rest = runs.call(words)
        assert rest.returncode == 0
    assert runs.results(out) == runs.results(undisturbed)
    assert len(runs.answers(out)) == len(runs.answers(undisturbed))
    runs.assert_sound(out)
