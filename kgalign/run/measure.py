"""Seconds and peak memory of a piece of work, without a dependency."""

import os
import resource
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from kgalign.base.memory import limit
from kgalign.base.scratch import release_all

_STATM = Path("/proc/self/statm")
_STATUS = Path("/proc/self/status")
_beside: dict[int, int] = {}
"""Processes of the same run, and the most that each said it held: what they hold counts, too."""
_shared: dict[int, tuple[float, int]] = {}
"""When to look anew what a process beside this one shares with others, and how many bytes that was."""
_REST = 100
"""Times as long as such a look took, it is not looked again: it takes ten milliseconds for some hundred MB,
and more on a slow machine.
"""
_INTERVAL = 0.02
"""Seconds between two samples of the resident memory."""
_FULL = 0.8
"""Share of the memory that may be held from which what is mapped is let go."""
_MAPPED = 160_000_000
"""Bytes of files, those of libraries among them, from which what is mapped is let go in any case: a gigabyte
comes back in a tenth of a second, and who looks at the memory of a process does not see what it is.
"""
_MORE = 0.04
"""Share by which it has to grow before that is done once more."""


class Measure:
    """Measures what runs inside ``with Measure() as measure``: ``seconds`` and ``peak_bytes``.

    The operating system keeps one high-water mark per process. Where the work raises it, the peak is that
    mark, exactly. Where it doesn't, an earlier step needed more, and the peak is the largest of the samples
    that a thread takes; without ``/proc`` (macOS) it is the mark of the process so far. While another process
    of the run is there (:func:`beside`), the peak is the largest sample of what both hold together, or the
    sum of their marks without ``/proc``, where pages of libraries that they share are in it twice.
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
        if self._thread is None:
            self.peak_bytes = mark + sum(_beside.values())
        elif mark > self._mark:
            self.peak_bytes = max(self.peak_bytes, mark)

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


@contextmanager
def beside(process: int) -> Iterator[None]:
    """Within this a process of the same run is there, and what it holds counts."""
    _beside[process] = 0
    try:
        yield
    finally:
        _beside.pop(process, None)
        _shared.pop(process, None)


def heard(process: int, mark: int) -> None:
    """Take note of the most that a process beside this one has held so far."""
    if process in _beside:
        _beside[process] = mark


def resident() -> int:
    """Bytes of memory that this process, and those beside it, hold now; 0 where the system does not say."""
    return _held()[0] if _STATM.exists() else 0


def _held() -> tuple[int, int]:
    """Bytes of memory that all processes hold now, and those of this one that are of files."""
    page = os.sysconf("SC_PAGE_SIZE")
    pages = _STATM.read_text(encoding="ascii").split()
    held = int(pages[1])
    for process in tuple(_beside):
        with suppress(OSError, IndexError):  # it has just ended
            its = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
            held += max(0, its - _shared_by(process) // page)
    return held * page, int(pages[2]) * page


def _shared_by(process: int) -> int:
    """Bytes of what a process holds that another holds, too: of libraries, as a rule."""
    now = time.monotonic()
    due, found = _shared.get(process, (now, 0))
    if now >= due:
        found = 0
        with suppress(OSError, ValueError, IndexError):  # another system, or it has just ended
            for line in Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines():
                if line.startswith("Shared_"):
                    found += int(line.split()[1]) * 1024
        _shared[process] = now + _REST * (time.monotonic() - now), found
    return found


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
