"""A second process for a run, started while this one still imports what it needs.

What is imported here is light, so that it can be asked for first.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kgalign.base.cores import cores
from kgalign.base.processes import Started, can_start, start

LEAST = 5_000_000
"""Bytes of the inputs, as if none was packed, from which a second process takes less time than it costs."""
_PACKED = 9
"""Times as long as a packed file what is in it is, or less."""
_FIRST, _SERVING = "kgalign.base.begin", "kgalign.run.apart"
_waiting: list[Started] = []


def unpacked(path: str, size: int) -> int:
    """Bytes of what is in a file of a size, where it is packed an estimate."""
    return size * (_PACKED if path.endswith((".gz", ".parquet")) else 1)


def is_worth_it(size: int) -> bool:
    """Whether a second process takes less time than it costs.

    :param size: bytes of the inputs, as if none was packed.
    """
    return size >= LEAST and cores() > 1 and can_start()


@contextmanager
def early(inputs: Iterable[object], modules: Iterable[str]) -> Iterator[None]:
    """Within this a second process waits for work, where the inputs are large enough for that.

    :param inputs: files and folders; of others nothing is known yet.
    :param modules: what will be needed there.
    """
    if is_worth_it(sum(map(_size, (each for each in inputs if isinstance(each, Path))))):
        with suppress(OSError):
            _waiting.append(start([_FIRST, *modules, _SERVING]))
    try:
        yield
    finally:
        dismiss()


def dismiss() -> None:
    """End what waits for work: there is none."""
    while _waiting:
        _waiting.pop().end()


def take() -> Started:
    """A second process: the one that waits, else a new one.

    :raises OSError: none can be started.
    """
    return _waiting.pop() if _waiting else start([_FIRST, _SERVING])


def _size(path: Path) -> int:
    try:
        files = [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
        return sum(unpacked(each.name, each.stat().st_size) for each in files)
    except OSError:  # who reads it says what is wrong with it
        return 0
