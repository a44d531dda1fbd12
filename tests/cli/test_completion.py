"""Completion in shells: the script is printed, and words are completed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from kgalign.cli import main

KGALIGN = Path(sys.executable).with_name("kgalign")
PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


def _complete(shell: str, words: str, position: str) -> list[str]:
    """What is offered for words of which the last is being written."""
    asked = {"_KGALIGN_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": position}
    done = subprocess.run([KGALIGN], capture_output=True, text=True, check=True, env={**os.environ, **asked})
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("shell", "mark"), [("bash", "complete -o"), ("zsh", "compdef"), ("fish", "complete ")]
)
def test_the_script_is_printed_as_the_page_says(shell: str, mark: str) -> None:
    if shell == "bash" and not shutil.which("bash"):
        pytest.skip("click asks bash for its version, and there is none")
    asked = {"_KGALIGN_COMPLETE": f"{shell}_source"}
    done = subprocess.run([KGALIGN], capture_output=True, text=True, check=True, env={**os.environ, **asked})
    assert "_KGALIGN_COMPLETE" in done.stdout
    assert mark in done.stdout
    assert f"_KGALIGN_COMPLETE={shell}_source kgalign" in PAGE.read_text(encoding="utf8")


def test_commands_options_and_values_are_completed() -> None:
    assert _complete("bash", "kgalign ru", "1") == ["plain,run"]
    assert _complete("bash", "kgalign run --cardi", "2") == ["plain,--cardinality"]
    assert _complete("bash", "kgalign explain RUN IRI --side ", "5") == ["plain,left", "plain,right"]
    assert _complete("fish", "kgalign votes st", "st")[0].startswith("plain,stats")
    assert _complete("zsh", "kgalign expo", "1")[:2] == ["plain", "export"]


def test_all_commands_are_offered() -> None:
    offered = [line.removeprefix("plain,") for line in _complete("bash", "kgalign ", "1")]
    assert offered == main.list_commands(click.Context(main))


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_bash_itself_completes() -> None:
    code = (
        'eval "$(_KGALIGN_COMPLETE=bash_source kgalign)" && COMP_WORDS=(kgalign ru) && COMP_CWORD=1 '
        '&& _kgalign_completion kgalign && echo "${COMPREPLY[@]}"'
    )
    path = f"{KGALIGN.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PATH": path}
    )
    assert done.stdout == "run\n"
