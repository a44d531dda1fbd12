"""Small graphs with many entities in doubt, and runs over them in which a scripted judge is asked."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from hashlib import blake2b
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from kgalign.config import Config
from kgalign.ledger import Ledger
from kgalign.llm.scripted.server import Running
from kgalign.run import start
from kgalign.run.executing import Execution
from kgalign.run.folder import StepRecord
from tests import commands
from tests.commands import COMMAND as COMMAND
from tests.commands import assert_one_line as assert_one_line
from tests.conftest import Pair
from tests.judge.generate import write_people
from tests.llm import copying
from tests.llm.servers import serving

RESULTS = ("links.nt", "verdicts.parquet", "mappings.sssom.tsv")
"""Files that hold what was decided."""


def doubtful(folder: Path, count: int = 80) -> Pair:
    """People in two catalogues so careless that about a third of them is in doubt: 27 of 80."""
    return write_people(folder, count, partnered=0.7, noise=0.6, seed=1)


def config(url: str, **sections: Mapping[str, Any]) -> Config:
    """Ask the judge at a URL; a server that is slow to answer is given up soon."""
    llm = {"url": url, "timeout": 5, "answer": "json"}
    data: dict[str, dict[str, Any]] = {"judge": {"judge": "llm"}, "llm": llm}
    for name, values in sections.items():
        data.setdefault(name, {}).update(values)
    return Config.model_validate(data)


def run(pair: Pair, out: Path, url: str, *, force: bool = False, **sections: Mapping[str, Any]) -> Execution:
    """A whole run in this process."""
    return start.run(pair.left, pair.right, out, config(url, **sections), force=force)


def by_likelihood(pair: Pair, evidence: Path, out: Path, answer: str) -> Path:
    """A run whose judge always gives the first label, and takes for likely what was said before.

    :param evidence: a run by the evidence alone, to begin from.
    """
    shutil.copytree(evidence, out)
    with serving(echo=copying.completion) as server:
        run(pair, out, server.url, llm={"answer": answer})
    return out


def command(pair: Pair, out: Path, *options: object) -> list[str]:
    """The same as a command line."""
    words = ("run", pair.left, pair.right, "-o", out, *options)
    return [*COMMAND, *map(str, words)]


def asking(url: str, *options: object) -> tuple[str, ...]:
    """The options that ask the judge at a URL."""
    return ("--judge", "llm", "--llm-url", url, "--answer", "json", *map(str, options))


def call(
    words: list[str], environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, in a process in which everything is imported already."""
    return commands.call(words[len(COMMAND) :], environment=environment)


def call_afresh(words: list[str]) -> "subprocess.CompletedProcess[str]":
    """The same as a user does."""
    return commands.call_afresh(words[len(COMMAND) :])


def begin(words: list[str]) -> ForkServerProcess:
    """Start a command in such a process; it says nothing: its exit code tells."""
    return commands.begin(words[len(COMMAND) :])


def results(out: Path) -> dict[str, bytes]:
    """What was decided, byte by byte."""
    return {name: (out / name).read_bytes() for name in RESULTS}


def step(out: Path, name: str = "ask") -> StepRecord:
    """What ``run.json`` says of a step."""
    return StepRecord(**json.loads((out / "run.json").read_text(encoding="utf8"))["steps"][name])


def answers(out: Path) -> dict[str, str]:
    """Key → text of every answer in the ledger."""
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        return dict(ledger.connection.execute("SELECT key, reply FROM call WHERE answered"))


def questions(server: Running) -> list[bytes]:
    """The bodies of what a server was asked about records, in the order in which they came."""
    return [body for body in tuple(server.bodies) if b"Record: {" in body or b"First: {" in body]


def answered_again(server: Running) -> int:
    """Questions about records that were answered although they had been answered before."""
    digests = {blake2b(body, digest_size=16).hexdigest() for body in questions(server)}
    return sum(max(0, server.answered[digest] - 1) for digest in digests)


def assert_sound(out: Path) -> None:
    """The ledger is what its hashes say."""
    done = call([*COMMAND, "votes", "verify", str(out)])
    assert done.returncode == 0, done.stdout + done.stderr
