"""The command in processes: afresh, or split off from one in which everything is imported already.

Importing is nine tenths of what a short command costs. A process that is split off (``forkserver``) has
memory, files, signals and an exit code of its own, and can be killed. But all these share one hash seed, and
they don't show whether a command imports what it needs: so tests/cli/test_afresh.py calls each one afresh.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path

Kgalign = Callable[..., "subprocess.CompletedProcess[str]"]
"""What the fixtures ``kgalign`` and ``afresh`` are: words, and ``cwd``."""
COMMAND = (sys.executable, "-m", "kgalign")

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "tests.commands",
        "kgalign.run.start",
        "kgalign.run.again",
        "kgalign.judge.llm",
        "openai",
        "rich.progress",
    ]
)


def split_off(function: Callable[..., object], *arguments: object) -> ForkServerProcess:
    """Call a function of a module in a process of its own, in which everything is imported already."""
    process = _FORKS.Process(target=function, args=arguments, daemon=True)
    process.start()
    return process


def begin(
    words: Sequence[object],
    *,
    output: Path | None = None,
    errors: Path | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> ForkServerProcess:
    """Start ``kgalign`` with these words in a split-off process; what it says goes to files, or nowhere.

    Whoever calls joins and closes it; with the tests it ends too, whatever becomes of them.
    """
    said = [str(each or os.devnull) for each in (output, errors)]
    place, variables = str(folder or Path.cwd()), {**os.environ, **(environment or {})}
    return split_off(_invoke, [str(word) for word in words], said, place, variables)


def call(
    words: Sequence[object], *, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run ``kgalign`` with these words to its end, in a process that is split off."""
    with tempfile.TemporaryDirectory() as said:
        output, errors = Path(said, "output"), Path(said, "errors")
        process = begin(words, output=output, errors=errors, folder=folder, environment=environment)
        process.join()
        code = process.exitcode
        process.close()
        assert code is not None
        texts = [path.read_bytes().decode("utf8") for path in (output, errors)]
    return subprocess.CompletedProcess(["kgalign", *map(str, words)], code, *texts)


def call_afresh(
    words: Sequence[object], *, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """The same as a user does: everything is imported anew."""
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        capture_output=True,
        text=True,
        encoding="utf8",
        cwd=folder,
        env={**os.environ, **(environment or {})},
        check=False,
    )


def _invoke(words: list[str], said: list[str], folder: str, environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for descriptor, path in enumerate(said, start=1):
        with Path(path).open("wb") as file:
            os.dup2(file.fileno(), descriptor)
    from kgalign.cli import main

    with suppress(BrokenPipeError):
        main(words, prog_name="kgalign")


def children_of(process: int | None) -> list[int]:
    """Processes that another one started and that are still there."""
    found = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True, check=False)
    return [int(each) for each in found.stdout.split()]


def kill(processes: Iterable[int]) -> None:
    """Kill processes, as far as they are still there."""
    for each in processes:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def assert_one_line(result: "subprocess.CompletedProcess[str]", *expected: str) -> None:
    """Exit code 2 and one clear sentence."""
    assert result.returncode == 2, result.stdout + result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert result.stderr.startswith("error: ")
    for text in expected:
        assert text in result.stderr, result.stderr
