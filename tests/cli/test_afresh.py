"""Every command as a user calls it: in a process that imports what it needs, and nothing was imported before.

What the commands do is tested elsewhere, mostly in processes in which everything is imported already.
"""

import shutil
from pathlib import Path

import click
import pytest
from kgalign.cli import main

from tests.cli.run_folders import CARBON
from tests.commands import Kgalign
from tests.conftest import Pair, write_elements

WORDS = {
    "plan": "{left} {right}",
    "profile": "{run}",
    "eval": "{run} --gold {gold}",
    "diff": "{run} {run}",
    "report": "{run} --against {run} --gold {gold} -o {folder}/report.html",
    "estimate": "{run} --labels {gold} --next {folder}/next.csv",
    "explain": "{run} {iri}",
    "export": "{run} --format sssom -o {folder}/links.tsv",
    "votes": "verify {run}",
    "fuse": "{run} --canonical right",
    "update": "{run}",
    "unmerge": "{run} {iri}",
    "review": "{run} --terminal",
    "decisions": "list {run}",
    "verify": "{run}",
    "conflicts": "{run}",
    "vocabularies": "{run}",
    "doctor": "{left}",
}
"""Command → what it is called with, on a run over which a judge was asked."""
ELSEWHERE = {"copy", "serve", "train"}
"""tests/cli/test_object_stores.py, test_serve.py and test_train_examples.py call them so."""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return write_elements(tmp_path_factory.mktemp("afresh") / "inputs")


@pytest.fixture(scope="module")
def asked(pair: Pair, afresh: Kgalign) -> Path:
    """A finished run, not to be changed."""
    out = pair.left.parent.parent / "run"
    options = ("--judge", "scripted", "--ask", "all", "--gold", pair.gold, "--quiet")
    done = afresh("run", pair.left, pair.right, "-o", out, *options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return out


def test_every_command_is_called_afresh() -> None:
    assert {"run", *WORDS, *ELSEWHERE} == set(main.list_commands(click.Context(main)))


@pytest.mark.parametrize("name", WORDS)
def test_a_command_imports_what_it_needs(
    pair: Pair, asked: Path, tmp_path: Path, afresh: Kgalign, name: str
) -> None:
    run = shutil.copytree(asked, tmp_path / "run") if name in {"fuse", "unmerge"} else asked
    places = {"left": pair.left, "right": pair.right, "gold": pair.gold, "run": run, "folder": tmp_path}
    done = afresh(name, *(word.format(**places, iri=CARBON) for word in WORDS[name].split()))
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr
    assert done.stdout or name == "export"
