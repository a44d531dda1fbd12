"""Steps in a run folder: done once, redone when something they depend on changed, never half done."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from kgalign.config import Config, as_config
from kgalign.errors import RunError
from kgalign.run.executing import Execution, execute
from kgalign.run.folder import RunFolder, RunRecord, Source
from kgalign.run.steps import AnyStep, Inputs, Output, Report, Step, Work


@dataclass(frozen=True, slots=True)
class Numbers:
    values: npt.NDArray[np.int64]


class Bench:
    """Three steps, one of which writes a file: numbers ─▶ sum of k ─▶ total.txt; it notes which were run."""

    def __init__(self, folder: Path) -> None:
        self.folder = RunFolder(folder)
        self.ran: list[str] = []
        self.fail_at = ""
        numbers = Step(
            "numbers",
            "read",
            Numbers,
            (),
            lambda inputs: inputs.digests("left"),
            self._noting("numbers", self._numbers),
        )
        times = Step(
            "times",
            "judge",
            Numbers,
            (numbers,),
            lambda inputs: inputs.config.retrieve.k,
            self._noting("times", lambda work: Numbers(work.get(numbers).values * work.config.retrieve.k)),
            lambda result: Report({"values": len(result.values)}),
        )

        def write(work: Work, paths: tuple[Path, ...]) -> Report:
            paths[0].write_text(str(work.get(times).values.sum()), encoding="utf8")
            self._note("total")
            return Report({"lines": 1})

        total = Output("total", "export", (times,), lambda inputs: inputs.config.seed, ("total.txt",), write)
        self.steps: tuple[AnyStep, ...] = (numbers, times, total)

    def _numbers(self, work: Work) -> Numbers:
        return Numbers(np.array([len(each.sha256) for each in work.inputs.files["left"]], dtype=np.int64))

    def _noting(self, name: str, function: Callable[[Work], Numbers]) -> Callable[[Work], Numbers]:
        def run(work: Work) -> Numbers:
            result = function(work)
            self._note(name)
            return result

        return run

    def _note(self, name: str) -> None:
        if name == self.fail_at:
            raise KeyboardInterrupt
        self.ran.append(name)

    def go(
        self, config: Config | None = None, sha256: str = "ab", ending: str = "ttl", *, anew: bool = False
    ) -> Execution:
        config = config or Config()
        inputs = Inputs(config, {"left": (Source(f"/a.{ending}", sha256, 2),)})
        self.ran.clear()
        with self.folder.locked():
            steps = self.folder.read().steps if self.folder.is_run() and not anew else {}
            record = RunRecord(
                "0", dict(inputs.files), config.model_dump(mode="json"), config.seed, steps=steps
            )
            return execute(self.steps, Work(inputs, folder=self.folder), self.folder, record)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "run")


def test_each_step_is_done_once(bench: Bench) -> None:
    first = bench.go()
    assert first.done == ("numbers", "times", "total")
    assert bench.folder.file("total.txt").read_text(encoding="utf8") == "30"
    again = bench.go()
    assert (again.done, again.kept, bench.ran) == ((), ("numbers", "times", "total"), [])
    assert again.record == first.record == bench.folder.read()


def test_counts_seconds_and_memory_are_recorded(bench: Bench) -> None:
    record = bench.go().record
    assert record.steps["times"].counts == {"values": 1}
    assert record.steps["total"].files == {"total.txt": 2}
    assert all(step.seconds >= 0 and step.peak_bytes > 1_000_000 for step in record.steps.values())


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        ({"config": as_config({"seed": 1})}, ["total"]),
        ({"config": as_config({"retrieve": {"k": 3}})}, ["times", "total"]),
        ({"config": as_config({"fuse": {"canonical": "right"}})}, []),
        ({"sha256": "cd"}, ["numbers", "times", "total"]),
        ({"ending": "nt"}, ["numbers", "times", "total"]),
    ],
)
def test_only_what_depends_on_a_change_is_redone(
    bench: Bench, change: dict[str, object], redone: list[str]
) -> None:
    bench.go()
    bench.go(**change)  # type: ignore[arg-type]
    assert bench.ran == redone


@pytest.mark.parametrize("step", ["numbers", "times", "total"])
def test_an_interrupted_run_goes_on_from_its_last_finished_step(bench: Bench, step: str) -> None:
    bench.fail_at = step
    with pytest.raises(KeyboardInterrupt):
        bench.go()
    before = list(bench.ran)
    bench.fail_at = ""
    bench.go()
    assert before + bench.ran == ["numbers", "times", "total"]


def test_an_interrupted_change_leaves_what_was_finished_before(bench: Bench) -> None:
    bench.go()
    bench.fail_at = "times"
    with pytest.raises(KeyboardInterrupt):
        bench.go(as_config({"retrieve": {"k": 3}}))
    bench.fail_at = ""
    assert bench.go().done == ()
    bench.fail_at = "total"
    with pytest.raises(KeyboardInterrupt):
        bench.go(as_config({"retrieve": {"k": 3}}))
    bench.fail_at = ""
    assert bench.go().done == ("times",)
    assert bench.folder.file("total.txt").read_text(encoding="utf8") == "30"


@pytest.mark.parametrize("lost", ["total.txt", "stages/times"])
def test_what_was_deleted_is_made_again(bench: Bench, lost: str) -> None:
    bench.go()
    path = bench.folder.path / lost
    if path.is_dir():
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
    else:
        path.unlink()
    bench.go()
    assert bench.ran == ["total" if lost == "total.txt" else "times"]
    assert path.exists()


def test_a_changed_output_file_is_written_again(bench: Bench) -> None:
    bench.go()
    bench.folder.file("total.txt").write_text("something else", encoding="utf8")
    bench.go()
    assert bench.folder.file("total.txt").read_text(encoding="utf8") == "30"


def test_a_second_process_is_refused(bench: Bench, tmp_path: Path) -> None:
    with bench.folder.locked(), pytest.raises(RunError, match="Another kgalign is at work"):
        Bench(tmp_path / "run").go()
    bench.go()


def test_a_folder_with_other_things_in_it_is_refused(bench: Bench) -> None:
    bench.folder.path.mkdir()
    (bench.folder.path / "thesis.tex").write_text("years of work", encoding="utf8")
    with pytest.raises(RunError, match=r"isn't empty: it holds thesis\.tex"):
        bench.go()
    assert [each.name for each in bench.folder.path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_way_is_refused(bench: Bench) -> None:
    bench.folder.path.write_text("a file", encoding="utf8")
    with pytest.raises(RunError, match="a file of that name is in the way"):
        bench.go()


def test_a_damaged_record_is_told(bench: Bench) -> None:
    bench.go()
    path = bench.folder.path / "run.json"
    path.write_text(path.read_text(encoding="utf8")[:50], encoding="utf8")
    with pytest.raises(RunError, match="--force"):
        bench.go()
    with bench.folder.locked():
        bench.folder.clear()
    assert bench.go(anew=True).done == ("numbers", "times", "total")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("seed",), "x"),
        (("seed",), None),
        (("config",), [1]),
        (("inputs",), 5),
        (("inputs", "left"), [[]]),
        (("inputs", "left"), "abc"),
        (("version",), {"a": 1}),
        (("steps",), []),
        (("steps", "times"), None),
        (("steps", "times", "seconds"), "long"),
        (("steps", "times", "counts"), {"a": "b"}),
        (("steps", "times", "files"), {"a": -0.5}),
        (("steps", "times", "more"), 1),
        (("format",), "1"),
        (("more",), 1),
    ],
)
def test_a_record_with_a_value_of_another_type_is_told(
    bench: Bench, path: tuple[str, ...], value: object
) -> None:
    bench.go()
    file = bench.folder.path / "run.json"
    data = json.loads(file.read_text(encoding="utf8"))
    *most, last = path
    target = data
    for each in most:
        target = target[each]
    target[last] = value
    file.write_text(json.dumps(data), encoding="utf8")
    with pytest.raises(RunError, match=r"run\.json can't be read: .*--force"):
        bench.folder.read()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[]", b"5", b"[" * 100_000, b'{"format": 1}', b""])
def test_what_is_no_record_is_told(bench: Bench, content: bytes) -> None:
    bench.go()
    (bench.folder.path / "run.json").write_bytes(content)
    with pytest.raises(RunError, match=r"run\.json can't be read: .*--force"):
        bench.folder.read()


def test_a_record_survives_json(bench: Bench) -> None:
    record = bench.go().record
    record = replace(
        record, steps={"a": replace(record.steps["times"], notes={"why": "ß\n"}, figures={"p": 0.1, "q": 1})}
    )
    assert RunRecord.from_json(record.to_json()) == record


def test_in_memory_a_step_is_computed_when_it_is_asked_for(bench: Bench) -> None:
    times = bench.steps[1]
    assert isinstance(times, Step)
    work = Work(Inputs(Config(), {"left": (Source("/a.ttl", "ab", 2),)}))
    assert work.cache is None
    assert work.get(times).values.tolist() == [30]
    assert work.get(times) is work.get(times)
    assert bench.ran == ["numbers", "times"]
