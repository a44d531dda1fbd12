"""Running a command as a process of its own and measuring what it took."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

_KILO = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took."""

    status: int
    """Exit code; negative where a signal ended it."""
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    """Most resident memory of the process. On Linux never below that of the process that started it,
    which therefore imports nothing heavy."""
    error: str
    """Last line of its standard error output."""


def kgalign(*arguments: object) -> Cost:
    """Run a command of kgalign to its end."""
    return run([sys.executable, "-m", "kgalign", *map(str, arguments)])


def run(command: Sequence[str]) -> Cost:
    """Run a command to its end; what it prints is kept out of the way."""
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        lines = said.read().decode("utf8", "replace").strip().splitlines()
    return Cost(
        status=process.returncode,
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=usage.ru_maxrss * _KILO,
        error=lines[-1] if lines else "",
    )
