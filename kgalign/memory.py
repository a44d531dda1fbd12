"""Want of memory, said in a sentence: PyTorch tells of it in several ways."""

from collections.abc import Iterator
from contextlib import contextmanager

from kgalign.errors import KgalignError

_SAID = ("not enough memory", "out of memory", "can't allocate memory")
"""What PyTorch's errors say where there is no room."""


def no_memory(error: BaseException) -> bool:
    """Whether an error says that there was no memory."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(text in said for text in _SAID)


@contextmanager
def explained_memory(what: str, remedy: str) -> Iterator[None]:
    """Say what to do where memory runs out; other errors stay as they are.

    :raises KgalignError: it did.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not no_memory(error):
            raise
        raise KgalignError(what, remedy) from error
