"""Steps that a second process can make, and that do what a test orders: wait, fail, die, take memory."""

import json
import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kgalign.config import as_config
from kgalign.errors import InputError
from kgalign.run.executing import Execution, execute
from kgalign.run.folder import RunFolder, RunRecord, Source
from kgalign.run.steps import AnyStep, Inputs, Output, Report, Step, Work

log = logging.getLogger("kgalign.handed")


@dataclass(frozen=True, slots=True)
class Numbers:
    values: npt.NDArray[np.int64]


def _ordered(work: Work, step: str) -> None:
    """Do what is ordered of a step, and note which process does it."""
    place = work.inputs.paths("orders")[0]
    orders = json.loads(place.read_text(encoding="utf8"))
    with place.with_suffix(".made").open("a", encoding="utf8") as file:
        file.write(f"{step} {os.getpid()}\n")
    second = os.getpid() != orders["first"]
    for each in orders.get(step, ()):
        if each == "refuse":
            raise InputError(f"{step} is no good", "Mend it")
        if each == "fail" or (each == "fail beside" and second):
            raise ValueError(f"{step} has a fault")
        if each == "die" and second:
            os.kill(os.getpid(), signal.SIGKILL)
        if each == "eat" and second:
            _ = np.ones(50_000_000)
            time.sleep(60)
        if each == "tell":
            log.warning("%s: take care", step)
            with work.progress.task(f"{step}: counting", 10, "things") as task:
                for _ in range(10):
                    task.advance()
                task.note("dear")
        if each.startswith("wait for "):
            while not Path(each.removeprefix("wait for ")).exists():
                time.sleep(0.01)


def _step(name: str, needs: tuple[Step[Numbers], ...], *, beside: bool, value: int) -> Step[Numbers]:
    def run(work: Work) -> Numbers:
        _ordered(work, name)
        return Numbers(np.concatenate([np.array([value]), *(work.get(need).values for need in needs)]))

    return Step(
        name,
        "read",
        Numbers,
        needs,
        lambda inputs: inputs.digests("left"),
        run,
        lambda made: Report({"values": len(made.values)}),
        beside=beside,
    )


def _file(name: str, needs: tuple[Step[Numbers], ...], *, beside: bool) -> Output:
    def write(work: Work, paths: tuple[Path, ...]) -> Report:
        _ordered(work, name)
        text = "".join(f"{work.get(need).values.tolist()}\n" for need in needs)
        paths[0].write_text(text, encoding="utf8")
        return Report({"lines": len(needs)})

    return Output(name, "export", needs, lambda _: None, (name,), write, beside=beside)


LEFT = _step("left", (), beside=False, value=1)
RIGHT = _step("right", (), beside=True, value=2)
TURNED = _step("turned", (RIGHT,), beside=True, value=3)
BOTH = _step("both", (LEFT, TURNED), beside=False, value=4)
TABLE = _file("table.txt", (BOTH,), beside=True)
LONG = _step("long", (BOTH,), beside=False, value=5)
LAST = _file("last.txt", (LONG, TURNED), beside=True)
END = _file("end.txt", (LONG,), beside=False)
STEPS: tuple[AnyStep, ...] = (LEFT, RIGHT, TURNED, BOTH, TABLE, LONG, LAST, END)


def find(name: str) -> AnyStep:
    return next(step for step in STEPS if step.name == name)


def go(
    out: Path,
    orders: dict[str, list[str]] | None = None,
    *,
    processes: int = 2,
    memory: int = 4_000_000_000,
    progress: object = None,
    finder: Callable[[str], AnyStep] = find,
    content: str = "ab",
) -> Execution:
    """Run the steps in a folder, with what is ordered of them."""
    place = out.with_suffix(".json")
    place.write_text(json.dumps({"first": os.getpid(), **(orders or {})}), encoding="utf8")
    place.with_suffix(".made").write_text("", encoding="utf8")
    config = as_config({"limits": {"processes": processes, "memory": memory}})
    files = {"left": (Source("/a.nt", content, 2),), "orders": (Source(str(place), "", 0),)}
    inputs, folder = Inputs(config, files), RunFolder(out)
    with folder.locked():
        steps = folder.read().steps if folder.is_run() else {}
        record = RunRecord("0", dict(files), config.model_dump(mode="json"), config.seed, steps=steps)
        work = Work(inputs, progress, folder)  # type: ignore[arg-type]
        return execute(STEPS, work, folder, record, find=finder)


def makers(out: Path) -> dict[str, list[bool]]:
    """Step → for each time that it was begun whether this process did it."""
    found: dict[str, list[bool]] = {}
    for line in out.with_suffix(".made").read_text(encoding="utf8").splitlines():
        step, process = line.split()
        found.setdefault(step, []).append(int(process) == os.getpid())
    return found


def contents(out: Path) -> dict[str, bytes]:
    """All files of a run folder but those that say how long it took."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in {"run.json", ".lock"}
    }
