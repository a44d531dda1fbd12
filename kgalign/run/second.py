"""The second process of a run: started, given steps, listened to, and ended."""

import logging
import pickle
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from kgalign.base.memory import limit
from kgalign.base.progress import Progress
from kgalign.run.apart import Setup, Task
from kgalign.run.early import take
from kgalign.run.measure import beside, heard, resident
from kgalign.run.telling import Failed, Given, Listening, Message, Ready, Refused

log = logging.getLogger(__name__)

_LOOK = 0.05
"""Seconds between two looks at the memory."""
_TOO_MUCH = 3
"""Looks one after the other that find too much held."""
Answer = Ready | Given | Refused | Failed


class Second:
    """A second process. It ends with this one, however that ends; what it works on it holds the lock of, too.

    :param setup: what it needs to know.
    :param lock: the handle of the run folder's lock.
    :param answered: is called once it can make steps, and then with what became of each, in a thread of its
        own; with nothing once the process is gone or was ended since both together held too much.
    :raises OSError: no process can be started.
    """

    def __init__(
        self,
        setup: Setup,
        lock: int | None,
        progress: Progress,
        answered: Callable[["Second", Answer | None], None],
    ) -> None:
        self._answered, self._listening = answered, Listening(progress)
        self.full = False
        """Whether it was ended since both together held too much."""
        self.fault: BaseException | None = None
        """What went wrong in showing what it tells."""
        self._ended = False
        told = pickle.dumps(setup)
        self._started = take()
        self._connection, self._process = self._started.connection, self._started.process
        self._greeted = threading.Event()
        self._thread = threading.Thread(
            target=self._listen, args=[told, lock], name="kgalign-second", daemon=True
        )
        self._thread.start()

    def begin(self, task: Task) -> None:
        """Have it make a step; it makes one at a time."""
        self._greeted.wait()
        with suppress(OSError):  # it is gone: who listens finds out
            self._connection.send_bytes(pickle.dumps(task))

    def end(self) -> None:
        """End it, in the middle of whatever it does."""
        self._ended = True
        self._process.kill()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self._process.wait()

    def why(self) -> str:
        """How it ended, in words."""
        code = self._process.wait()
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def _listen(self, setup: bytes, lock: int | None) -> None:
        with beside(self._process.pid):
            try:
                self._greet(setup, lock)
                self._hear_all()
            except BaseException as error:  # noqa: BLE001 - it is raised where the run goes on
                self.fault = error
            finally:
                self._started.end()
                with suppress(Exception):
                    self._listening.close()
        if not self._ended:
            self._answered(self, None)

    def _greet(self, setup: bytes, lock: int | None) -> None:
        """Tell what it needs to know; macOS has us wait until it has the handle."""
        try:
            self._connection.send(lock is not None)
            if lock is not None:
                self._started.hand_on(lock)
            self._connection.send_bytes(setup)
        except (OSError, RuntimeError):  # it is gone: nothing will be heard of it
            self._process.kill()
        finally:
            self._greeted.set()

    def _hear_all(self) -> None:
        """Listen until it is gone, or has to go."""
        above, looked = 0, time.monotonic()
        while not self._ended:
            if self._connection.poll(_LOOK):
                try:
                    message = self._connection.recv()
                except (EOFError, OSError):
                    return
                self._hear(message)
            if time.monotonic() - looked >= _LOOK:
                looked, above = time.monotonic(), above + 1 if resident() > limit() else 0
                if above >= _TOO_MUCH:
                    self.full = True
                    return

    def _hear(self, message: Message) -> None:
        if not isinstance(message, Ready | Given | Refused | Failed):
            self._listening.hear(message)
            return
        if isinstance(message, Given):
            heard(self._process.pid, message.mark)
        self._answered(self, message)
