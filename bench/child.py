"""Running a command as a process of its own and measuring what it took."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_KILO = 1 if sys.platform == "darwin" else 1024
_INTERVAL = 0.02
"""Seconds between two samples of what processes hold together."""
_LOOK = 0.2
"""Seconds between two looks at what of that they share."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took."""

    status: int
    """Exit code; negative where a signal ended it."""
    seconds: float
    cpu_seconds: float
    """Of the process and of those that it waited for."""
    peak_bytes: int
    """Most resident memory of the process, exactly, or of it and all that it started together, the largest of
    the samples (Linux), whichever is more. On Linux never below that of the process that started it, which
    therefore imports nothing heavy. Pages that processes share are counted once."""
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
        sampling = _Sampling(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        sampling.end()
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        lines = said.read().decode("utf8", "replace").strip().splitlines()
    return Cost(
        status=process.returncode,
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=max(usage.ru_maxrss * _KILO, sampling.peak_bytes),
        error=lines[-1] if lines else "",
    )


class _Sampling:
    """Looks at what a process and all that it started hold together, where there are such."""

    def __init__(self, process: int) -> None:
        self.peak_bytes = 0
        self._shared: dict[int, tuple[float, int]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, args=[process], daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()
        self._thread.join()

    def _sample(self, process: int) -> None:
        while not self._ended.wait(_INTERVAL):
            every = list(_tree(process))
            if len(every) > 1:
                shared = sum(map(self._shared_by, every[1:]))
                self.peak_bytes = max(self.peak_bytes, sum(map(_resident, every)) - shared)

    def _shared_by(self, process: int) -> int:
        """Bytes of a process below that others hold, too; seldom looked at, since it waits meanwhile."""
        now = time.monotonic()
        looked, found = self._shared.get(process, (-_LOOK, 0))
        if now - looked >= _LOOK:
            self._shared[process] = now, (found := _shared(process))
        return found


def _shared(process: int) -> int:
    with suppress(OSError, ValueError, IndexError):  # it has just ended
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Shared_"))
    return 0


def _tree(process: int) -> Iterator[int]:
    """A process and all below it, as far as the system says."""
    yield process
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                yield from _tree(int(child))


def _resident(process: int) -> int:
    with suppress(OSError, IndexError):  # it has just ended
        pages = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    return 0
