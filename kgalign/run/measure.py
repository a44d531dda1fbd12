"""Seconds and peak memory of a piece of work, without a dependency."""

import os
import resource
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

from kgalign.base.memory import limit
from kgalign.base.scratch import release_all

_STATM = Path("/proc/self/statm")
_STATUS = Path("/proc/self/status")
_INTERVAL = 0.02
"""Seconds between two samples of the resident memory."""
_FULL = 0.8
"""Share of the memory that may be held from which what is mapped is let go."""
_MAPPED = 300_000_000
"""Bytes of files, those of libraries among them, from which what is mapped is let go in any case: a gigabyte
comes back in a tenth of a second, and who looks at the memory of a process does not see what it is.
"""
_MORE = 0.04
"""Share by which it has to grow before that is done once more."""


class Measure:
    """Measures what runs inside ``with Measure() as measure``: ``seconds`` and ``peak_bytes``.

    The operating system keeps one high-water mark per process. Where the work raises it, the peak is that
    mark, exactly. Where it doesn't, an earlier step needed more, and the peak is the largest of the samples
    that a thread takes; without ``/proc`` (macOS) it is the mark of the process so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.peak_bytes = 0
        self._start = 0.0
        self._mark = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Measure":
        self._start = time.perf_counter()
        self._mark = high_water()
        if _STATM.exists():
            self.peak_bytes = resident()
            self._thread = threading.Thread(target=self._sample, daemon=True, name="kgalign-memory")
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self._start
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self.peak_bytes = max(self.peak_bytes, resident())
        mark = high_water()
        if mark > self._mark or self._thread is None:
            self.peak_bytes = mark

    def _sample(self) -> None:
        """Look at what is held, and let go of what is mapped where that is much, or memory is scarce."""
        most = _FULL * limit()
        bound = most
        while not self._stop.wait(_INTERVAL):
            held, mapped = _held()
            self.peak_bytes = max(self.peak_bytes, held)
            if held > bound or mapped > _MAPPED:
                release_all()
                bound = max(most, resident() + _MORE * limit())


def resident() -> int:
    """Bytes of memory that the process holds now (Linux)."""
    return _held()[0]


def _held() -> tuple[int, int]:
    """Bytes of memory that the process holds now, and those of them that are of files."""
    pages = _STATM.read_text(encoding="ascii").split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE"), int(pages[2]) * os.sysconf("SC_PAGE_SIZE")


def high_water() -> int:
    """Most bytes of memory that the process has held so far.

    Linux's ``ru_maxrss`` starts from the peak of the process that started this one, so ``VmHWM`` is
    preferred to it.
    """
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="utf8", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
