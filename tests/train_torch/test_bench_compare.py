"""Students and adapters in a comparison: trained for it, joined with the evidence, refused if they know."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from bench.__main__ import main
from bench.compare.adapters import Asking
from bench.compare.answers import Kept
from bench.compare.comparing import JSON, Making, compare
from bench.compare.report import Comparison
from bench.compare.sets import open_sets
from bench.compare.systems import Systems
from kgalign.base.memory import explained_memory
from kgalign.base.progress import NoProgress
from kgalign.errors import InputError, KgalignError
from kgalign.judge.student.model import Student
from kgalign.train.adapters import read_record
from kgalign.train.data import About, Example, Split, number_of, read_data, write_data
from kgalign.train.recipes import recipe_of
from kgalign.train.settings import Settings
from kgalign.train.student import StudentSettings, train_student
from tests.conftest import Watcher
from tests.train import judged_runs
from tests.train.element_examples import make_data
from tests.train.student_questions import questions, write_questions
from tests.train_torch.tiny_encoder import write_encoder
from tests.train_torch.tiny_training import model_for

# torch and what lies upon it warn of what they themselves use.
pytestmark = [
    pytest.mark.dense,
    pytest.mark.filterwarnings("default"),
    pytest.mark.usefixtures("one_thread"),
]

QUICK = StudentSettings(epochs=2, batch=4, max_tokens=64)
LEARNS = {"epochs": 24, "learning_rate": 1e-2, "save_every": 4}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_encoder(tmp_path_factory.mktemp("encoder") / "tiny"))


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two data sets that have nothing in common."""
    folder = tmp_path_factory.mktemp("sets")
    other: dict[Split, list[Example]] = {
        "train": questions(range(1000, 1015)),
        "valid": questions(range(1100, 1105)),
        "test": questions(range(1200, 1209)),
    }
    write_data(folder / "more", other, About({}, {}, {}))
    return [write_questions(folder / "codes"), folder / "more"]


def rows(found: Comparison) -> dict[tuple[str, str, str], float]:
    return {(each.test, each.system, each.learned): each.accuracy for each in found.rows}


def test_a_student_is_trained_on_each_set_and_on_the_others(
    sets: list[Path], encoder: str, tmp_path: Path
) -> None:
    systems = Systems(encoder=encoder, leave_one_out=True, training=QUICK, threads=1)
    found = compare(sets, tmp_path / "out", systems)
    assert set(rows(found)) == {
        (test, "student", learned)
        for test in ("codes", "more", "mean of all")
        for learned in ("this set", "other sets")
    }
    names = {each["name"]: each for each in found.trained}
    assert names.keys() == {
        "student: codes", "student: without codes", "student: more", "student: without more",
    }  # fmt: skip
    assert names["student: without codes"]["examples"] == 15
    assert all(each["seconds"] > 0 for each in found.trained)

    # What is reported is what such a student says.
    folder = next((tmp_path / "out" / "students").glob("without-more*[0-9a-f]"))
    test = read_data(sets[1])[1]["test"]
    said = Student(folder, threads=1).probabilities([(each.asker, each.options) for each in test])
    right = [int(each.argmax()) == number_of(one, one.answer) for each, one in zip(said, test, strict=True)]
    assert rows(found)["more", "student", "other sets"] == pytest.approx(sum(right) / len(right))

    written = (tmp_path / "out" / JSON).read_bytes()
    watched = Watcher()
    assert compare(sets, tmp_path / "out", systems, progress=watched) == found
    assert (tmp_path / "out" / JSON).read_bytes() == written
    assert not [each for each in watched.names if "training" in each or "ask" in each]

    elsewhere = compare(sets, tmp_path / "other", systems)
    assert [replace(each, seconds=None) for each in elsewhere.rows] == [
        replace(each, seconds=None) for each in found.rows
    ]


def test_with_the_evidence_and_several_ways_of_choosing(encoder: str, tmp_path: Path) -> None:
    pair = judged_runs.people(tmp_path / "people", 60)
    run = judged_runs.run(pair, tmp_path / "run")
    making = Making(
        choose=("random", "uncertain"), settings=Settings(test=0.3, share=0.5), gold=(pair.gold,),
        complete=True,
    )  # fmt: skip
    systems = Systems(encoder=encoder, training=replace(QUICK, epochs=1), threads=1)
    found = compare([run], tmp_path / "out", systems, making=making)
    asked = {each.system: each.questions for each in found.rows}
    for name in ("student, choose random", "student, choose uncertain"):
        assert asked[name] == asked[f"{name} + evidence"] == asked["evidence"]
    assert {each.over for each in found.gains} == {"evidence"}


def test_a_student_that_knows_the_test_is_refused(sets: list[Path], encoder: str, tmp_path: Path) -> None:
    leaky: dict[Split, list[Example]] = {
        "train": questions(range(1195, 1205)), "valid": questions(range(5)), "test": questions(range(20, 25)),
    }  # fmt: skip
    write_data(tmp_path / "leaky", leaky, About({}, {}, {}))
    train_student(tmp_path / "leaky", encoder, tmp_path / "student", replace(QUICK, epochs=1), threads=1)
    told = Systems(students=(tmp_path / "student",), threads=1)
    words = ["compare", sets[1], tmp_path / "leaky", "-o", tmp_path / "out"]
    result = CliRunner().invoke(main, [str(each) for each in [*words, "--student", tmp_path / "student"]])
    assert (result.exit_code, len(result.output.splitlines())) == (2, 1)
    assert "tested on more, shows http://left.example/1200 in train and in test" in result.output
    assert not (tmp_path / "out").exists()
    found = compare([sets[1]], tmp_path / "out", told)
    assert any("can't be told" in each for each in found.notes), "its examples are not among the folders"
    assert {each.learned for each in found.rows} == {"unknown"}


def test_a_student_says_what_it_learned_from(sets: list[Path], encoder: str, tmp_path: Path) -> None:
    train_student(sets[0], encoder, tmp_path / "mine", replace(QUICK, epochs=1), threads=1)
    found = compare(sets, tmp_path / "out", Systems(students=(tmp_path / "mine",), threads=1))
    assert {(each.test, each.learned) for each in found.rows} == {
        ("codes", "this set"), ("more", "other sets"),
    }  # fmt: skip
    shutil.rmtree(tmp_path / "mine")
    with pytest.raises(InputError, match="holds no student"):
        compare(sets, tmp_path / "out", Systems(students=(tmp_path / "mine",), threads=1))


def test_an_encoder_that_learned_from_runs_is_noted(sets: list[Path], encoder: str, tmp_path: Path) -> None:
    quick, out = replace(QUICK, epochs=1), tmp_path / "out"

    def noted(systems: Systems) -> int:
        return len([each for each in compare(sets[:1], out, systems).notes if "entities of runs" in each])

    begins = tmp_path / "begins"
    shutil.copytree(encoder, begins)
    trains = Systems(encoder=str(begins), training=quick, threads=1)
    assert noted(trains) == 0

    # Another one in its place is another encoder.
    weights = load_file(begins / "model.safetensors")
    save_file({name: values * 1.01 for name, values in weights.items()}, begins / "model.safetensors")
    (begins / "encoder.json").write_text(json.dumps({"data_digest": "0123"}), encoding="utf8")
    assert noted(trains) == 1
    assert len(list((out / "students").glob("*/student.json"))) == 2
    (student,) = [
        each.parent
        for each in (out / "students").glob("*/student.json")
        if json.loads(each.read_text(encoding="utf8"))["settings"].get("encoder") == "0123"
    ]
    assert noted(Systems(students=(student,), threads=1)) == 1


def test_an_encoder_that_is_none_leaves_nothing(sets: list[Path], tmp_path: Path) -> None:
    with pytest.raises(KgalignError):
        compare(sets, tmp_path / "out", Systems(encoder=str(tmp_path / "none"), training=QUICK))
    assert not (tmp_path / "out").exists()


def test_where_memory_runs_out_it_is_said_what_to_do() -> None:
    import torch

    with pytest.raises(KgalignError, match="It ran out"), explained_memory("It ran out", "Make room"):
        torch.empty(1 << 50)
    with pytest.raises(RuntimeError, match="shape"), explained_memory("It ran out", "Make room"):
        torch.zeros(2).reshape(3)


_COMPARE = """
import sys
from pathlib import Path
from bench.compare.comparing import compare
from bench.compare.systems import Systems
from tests.train_torch.test_bench_compare import QUICK
encoder, out, *sets = sys.argv[1:]
compare([Path(each) for each in sets], Path(out), Systems(encoder=encoder, training=QUICK, threads=1))
"""


def test_killed_between_two_students_the_first_is_not_trained_again(
    sets: list[Path], encoder: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = [sys.executable, "-c", _COMPARE, encoder, str(out), *map(str, sets)]
    with subprocess.Popen(words, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 90
        while process.poll() is None and time.monotonic() < until:
            if list((out / "students").glob("codes-*/student.json")):
                break
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    (first,) = (out / "students").glob("codes-*/student.json")
    stamp = first.stat().st_mtime_ns
    found = compare(sets, out, Systems(encoder=encoder, training=QUICK, threads=1))
    assert first.stat().st_mtime_ns == stamp
    whole = compare(sets, tmp_path / "whole", Systems(encoder=encoder, training=QUICK, threads=1))
    assert rows(found) == rows(whole)


def test_adapters_are_trained_and_asked_beside_their_base(tmp_path: Path) -> None:
    data = make_data(tmp_path / "examples", short=True, most=16)
    model = model_for(tmp_path / "tiny", data)
    recipe = recipe_of("cpu-tiny", LEARNS)
    systems = Systems(base=str(model), recipe=recipe)
    found = compare([data], tmp_path / "out", systems)
    base, adapter = found.rows
    assert (base.system, adapter.system, adapter.learned) == ("base: tiny", "adapter", "this set")
    assert base.unusable == base.questions, "weights that were drawn by lot say nothing"
    assert (adapter.unusable or 0) < adapter.questions
    assert (adapter.tokens_in or 0) > (adapter.tokens_out or 0) > 0
    (trained,) = found.trained
    folder = next((tmp_path / "out" / "adapters").glob("data-*[0-9a-f]"))
    record = read_record(folder)
    assert record is not None
    assert (trained["training"], trained["examples"]) == (record.training, record.counts["examples"])
    assert record.data == read_data(data)[0].digest

    log = next((tmp_path / "out" / "answers").glob("data-*.jsonl"))
    lines = log.read_text(encoding="utf8").splitlines(keepends=True)
    log.write_text("".join(lines[:3]), encoding="utf8")
    watched = Watcher()
    again = compare([data], tmp_path / "out", systems, progress=watched)
    assert [each.split()[0:2] for each in watched.names] == [["ask", "data"]], (
        "the base and the training stay"
    )
    assert replace(again.rows[1], seconds=None) == replace(adapter, seconds=None)
    content = json.loads((tmp_path / "out" / JSON).read_text(encoding="utf8"))
    assert [each["name"] for each in content["trained"]] == ["adapter: data"]


def test_a_model_that_is_asked_otherwise_is_asked_again(tmp_path: Path) -> None:
    data = make_data(tmp_path / "examples", short=True, most=16)
    model = model_for(tmp_path / "tiny", data)
    sets = open_sets([data], questions=2, seed=0)
    recipe = recipe_of("cpu-tiny", {})
    for each, logs in ((recipe, 1), (recipe, 1), (replace(recipe, batch=recipe.batch + 1), 2)):
        Asking(str(model), each, 4, Kept(tmp_path / "answers"), NoProgress()).ask("tiny", None, sets)
        assert len(list((tmp_path / "answers").iterdir())) == logs


def test_a_student_that_is_none(sets: list[Path], tmp_path: Path) -> None:
    words = ["compare", str(sets[0]), "-o", str(tmp_path / "out"), "--judge", f"student:{tmp_path}"]
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, len(result.output.splitlines())) == (2, 1)
    assert "holds no student" in result.output
