"""Run folders in object stores: a run works in a folder of this machine, a store has what is finished."""

from kgalign.remote.copying import copy_run
from kgalign.remote.working import Stored, run_at

__all__ = ["Stored", "copy_run", "run_at"]
