"""What the second process of a run does: the steps that it is handed, one after the other.

It ends as soon as the first one does: nobody holds the other end of the connection any more.
"""

import logging
import os
import pickle
import queue
import signal
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from pathlib import Path

from kgalign.base import scratch
from kgalign.base.memory import give_back, limited
from kgalign.errors import KgalignError
from kgalign.run.folder import RunFolder, StepRecord
from kgalign.run.making import make
from kgalign.run.measure import beside, heard, high_water
from kgalign.run.steps import AnyStep, Inputs, Work
from kgalign.run.telling import Failed, Given, Message, Ready, Refused, Telling, ToldLog

_LOOK = 1.0
"""Seconds after which it is looked whether the first process is still the parent of this one."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What holds for all steps."""

    inputs: Inputs
    folder: Path
    ledger: Path | None
    find: Callable[[str], AnyStep]
    """Gives a step by its name; a function of a module."""
    memory: int
    """Bytes that both processes may hold together."""
    level: int
    """Least severe log messages that are told."""


@dataclass(frozen=True, slots=True)
class Task:
    """A step to make."""

    name: str
    needs: dict[str, StepRecord]
    """What the run folder holds of the steps that it is made from, found whole; what this process made itself
    need not be in it."""
    keep: frozenset[str]
    """Names of the steps whose outputs will be needed after it."""
    mark: int
    """Most bytes that the first process has held so far."""


def serve(connection: Connection, parent: int) -> None:
    """Do what comes, until nothing comes any more.

    :param parent: the number of the first process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first process, which ends this one
    coming: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_watch, args=(connection, parent, coming), daemon=True).start()
    lock = threading.Lock()

    def send(message: Message) -> None:
        try:
            with lock:
                connection.send(message)
        except OSError:
            os._exit(0)  # nobody listens any more

    setup = pickle.loads(coming.get())
    work = Work(setup.inputs, Telling(send), RunFolder(setup.folder), setup.ledger)
    logger = logging.getLogger("kgalign")
    logger.addHandler(ToldLog(send))
    logger.setLevel(setup.level)
    logger.propagate = False
    with limited(setup.memory), scratch.under(setup.folder), beside(parent):
        send(Ready())
        while True:
            task = pickle.loads(coming.get())
            heard(parent, task.mark)
            send(_done(task, setup, work))
            work.keep_only(set(task.keep))
            give_back()  # it may wait for long
            scratch.release_all()


def _watch(connection: Connection, parent: int, coming: "queue.SimpleQueue[bytes]") -> None:
    """Take what comes; end this process with the first one, in the middle of whatever it does."""
    try:
        if connection.recv():
            recv_handle(
                connection
            )  # of the run folder's lock, which is held until this process has ended, too
        while True:
            while not connection.poll(_LOOK):
                if os.getppid() != parent:
                    os._exit(1)
            coming.put(connection.recv_bytes())
    except (EOFError, OSError):
        os._exit(0)


def _done(task: Task, setup: Setup, work: Work) -> Message:
    """What became of a step."""
    folder = work.folder
    try:
        step = setup.find(task.name)
        for name, record in task.needs.items():
            if folder is not None:
                folder.took(name, record)
        with work.progress.task(step.name):
            return Given(make(step, work, folder or RunFolder(setup.folder)), high_water())
    except KgalignError as error:
        return Refused.of(error)
    except Exception as error:  # noqa: BLE001 - told to the first process, which makes the step itself
        return Failed(f"{type(error).__name__}: {error}", traceback.format_exc())
