"""Processes that end with this one, whatever becomes of it."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO

# If this process is killed, nothing of it is left that could stop the child: so the kernel tells it.
# 1 is PR_SET_PDEATHSIG, 15 SIGTERM; only Linux has it, and elsewhere the child is stopped in all other cases.
_LAUNCH = """
import ctypes, os, sys
try:
    ctypes.CDLL(None).prctl(1, 15)
except (AttributeError, OSError):
    pass
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
if sys.argv[2]:
    os.sched_setaffinity(0, map(int, sys.argv[2].split(",")))
os.execv(sys.executable, [sys.executable, *sys.argv[3:]])
"""


def launch(
    words: Sequence[str],
    environment: Mapping[str, str],
    output: int | IO[bytes],
    cores: Sequence[int] = (),
) -> "subprocess.Popen[str]":
    """Start Python with these words, in a session of its own; it gets SIGTERM where this process dies.

    That comes when the thread ends that starts it.

    :param environment: what is added to this process's.
    :param output: where it writes all that it says.
    :param cores: those that it may use, empty for all.
    """
    dealt = ",".join(map(str, cores)) if hasattr(os, "sched_setaffinity") else ""
    # A session of its own: what the child starts can be stopped with it, and Ctrl-C comes from here alone.
    return subprocess.Popen(
        [sys.executable, "-c", _LAUNCH, str(os.getpid()), dealt, *words],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf8",
        errors="replace",
        env={**os.environ, **environment},
        start_new_session=True,
    )


def stop(process: "subprocess.Popen[str]", seconds: float) -> bool:
    """End a child and all that it started; whether it ended by itself in that time."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        by_itself = False
    else:
        by_itself = True
    kill_group(process.pid)
    process.wait()
    return by_itself


def kill_group(leader: int) -> None:
    """Kill a child with all that it started, as far as that is still there."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
