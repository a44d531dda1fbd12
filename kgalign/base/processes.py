"""Processes of this Python that end with this one, and run nothing of its program."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from pathlib import Path

# Nothing of the program that starts it is imported there: it may be a script without a guard, or a notebook.
# Its path is told before anything but the standard library is, and the folder that it stands in is not on it.
_PROGRAM = """
import sys
from importlib import import_module
from multiprocessing.connection import Connection
connection = Connection(int(sys.argv[1]))
sys.path[:], modules = connection.recv()
serve = [import_module(name) for name in modules][-1].serve
serve(connection, int(sys.argv[2]))
"""


@dataclass(frozen=True, slots=True)
class Started:
    """A process, and the way to it; it ends as soon as nobody holds the other end of the connection."""

    process: "subprocess.Popen[bytes]"
    connection: Connection

    def hand_on(self, descriptor: int) -> None:
        """Give it the handle of an open file, too."""
        send_handle(self.connection, descriptor, self.process.pid)

    def end(self) -> None:
        """End it, in the middle of whatever it does."""
        self.process.kill()
        self.process.wait()
        self.connection.close()


def can_start() -> bool:
    """Whether this process knows which Python it is."""
    name = Path(sys.executable or "").name
    return name.startswith(("python", "pypy")) and not getattr(sys, "frozen", False)


def start(modules: Sequence[str]) -> Started:
    """Start a process that imports modules, in their order, and calls ``serve`` of the last of them, with its
    end of the connection and the number of this process.

    Ctrl-C does not reach it: this process ends it.

    :raises OSError: none can be started.
    """
    mine, its = Pipe()
    with its, _interrupts_held_back():
        process = subprocess.Popen(
            [sys.executable, *_flags(), "-P", "-c", _PROGRAM, str(its.fileno()), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            pass_fds=[its.fileno()],
        )
    with suppress(OSError):  # it is gone already: who listens finds out
        mine.send(([str(each) for each in sys.path], list(modules)))
    return Started(process, mine)


def _flags() -> list[str]:
    """How this interpreter was told to start, as far as that decides what is imported."""
    flags = [("-E", sys.flags.ignore_environment), ("-s", sys.flags.no_user_site)]
    return [flag for flag, given in flags if given] + (["-X", "utf8"] if sys.flags.utf8_mode else [])


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Within this a process that is started does not see Ctrl-C, not even before it can say so itself."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
