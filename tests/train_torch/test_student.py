"""A student is trained, stopped, saved and asked, with an encoder made in the test."""

import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from kgalign.base.memory import no_memory
from kgalign.config import as_config
from kgalign.errors import InputError, KgalignError, RunError
from kgalign.judge.student.model import Student, load_scorer, read_card, text_of
from kgalign.records import Hearing, Opinion, Profile
from kgalign.run import start
from kgalign.run.folder import RunFolder
from kgalign.train.checkpoints import finished
from kgalign.train.student import StudentSettings, _save, item_of, train_student
from tests.conftest import Pair, Watcher
from tests.llm_runs.runs import doubtful, step
from tests.train.student_questions import questions, write_questions
from tests.train_torch.tiny_encoder import write_encoder

Command = Callable[..., CompletedProcess[str]]
EPOCHS = 40
SETTINGS = StudentSettings(epochs=EPOCHS, batch=4, rate=3e-3, head_rate=1e-2, max_tokens=64)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_questions(tmp_path_factory.mktemp("examples") / "data")


@pytest.fixture(scope="module")
def student(encoder: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("students") / "student"
    train_student(data, str(encoder), out, SETTINGS, threads=1)
    return out


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return doubtful(tmp_path_factory.mktemp("people"), 40)


def test_the_loss_falls_and_the_examples_are_learned(student: Path) -> None:
    card = read_card(student)
    assert card.scores[f"loss of epoch {EPOCHS}"] < 0.5 * card.scores["loss of epoch 1"]
    learned = questions(range(20))
    said = Student(student, threads=1).probabilities([(each.asker, each.options) for each in learned])
    answers = [item_of(each).answer for each in learned]
    right = sum(int(each.argmax()) == answer for each, answer in zip(said, answers, strict=True))
    assert right >= 16, "of 20 that it learned"
    assert all(abs(each.sum() - 1) < 1e-9 and len(each) == 4 for each in said)


def test_the_folder_is_whole_and_says_what_it_was_made_of(student: Path, data: Path) -> None:
    card, about = read_card(student), json.loads((data / "data.json").read_text(encoding="utf8"))
    assert [each.name for each in student.parent.iterdir()] == ["student"], "nothing is left beside it"
    assert card.counts == {
        "train": 20, "train pairs": 60, "valid": 10, "valid pairs": 30, "test": 10, "test pairs": 30,
    }  # fmt: skip
    assert about["counts"] == {"train": 20, "valid": 10, "test": 10}
    assert {"valid accuracy", "test F1", "valid loss"} <= card.scores.keys()
    readme = (student / "README.md").read_text(encoding="utf8")
    assert card.data_digest in readme
    assert card.base_digest in readme


def test_the_same_seed_gives_the_same_student_and_another_one_another(
    student: Path, encoder: Path, data: Path, tmp_path: Path
) -> None:
    again = train_student(data, str(encoder), tmp_path / "again", SETTINGS, threads=1)
    assert again == read_card(student)
    asked = [(each.asker, each.options) for each in questions(range(300, 306))]
    scores = [Student(folder, threads=1).scores(asked) for folder in (student, tmp_path / "again")]
    assert all(np.array_equal(one, other) for one, other in zip(*scores, strict=True))
    other = train_student(
        data, str(encoder), tmp_path / "other", StudentSettings(epochs=1, batch=4, seed=1), threads=1
    )
    assert other.weights_digest != again.weights_digest


def test_scores_do_not_depend_on_what_is_asked_beside(student: Path) -> None:
    asked = [(each.asker, each.options) for each in questions(range(300, 320))]
    judge = Student(student, threads=1)
    together = judge.scores(asked)
    alone = [judge.scores([each])[0] for each in asked]
    assert all(np.allclose(one, other, atol=1e-5) for one, other in zip(together, alone, strict=True))
    assert judge.scores([]) == []


_TRAIN = """
import sys
from pathlib import Path
from kgalign.train.student import train_student
from tests.train_torch.test_student import SETTINGS
data, encoder, out = sys.argv[1:]
train_student(Path(data), encoder, Path(out), SETTINGS, threads=1, checkpoint_seconds=0.2)
"""


def test_what_is_killed_goes_on_and_comes_out_the_same(
    student: Path, encoder: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "student"
    words = [sys.executable, "-c", _TRAIN, str(data), str(encoder), str(out)]
    with subprocess.Popen(words, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL) as process:
        kept = tmp_path / ".student.partial" / "checkpoint.pt"
        until = time.monotonic() + 60
        while not kept.exists() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert kept.exists()
    assert not out.exists(), "nothing unfinished has the name"

    class Counter(Watcher):
        first = -1

        def advance(self, amount: int = 1) -> None:
            self.first = amount if self.first < 0 else self.first

    watched = Counter()
    card = train_student(data, str(encoder), out, SETTINGS, threads=1, progress=watched)
    assert watched.first > 0, "it did not begin again"
    assert card == read_card(student)


def test_a_base_that_is_not_there_and_a_damaged_student_are_told_in_a_sentence(
    student: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(KgalignError, match="can't be loaded"):
        train_student(data, str(tmp_path / "nowhere"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    copy = Path(shutil.copytree(student, tmp_path / "copy"))
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    with pytest.raises(InputError, match="another model"):
        Student(copy)


def test_a_training_that_diverged_is_told_and_not_saved(encoder: Path, data: Path, tmp_path: Path) -> None:
    settings = StudentSettings(rate=1e30, head_rate=1e30)
    with pytest.raises(KgalignError, match=r"loss is no number any more in step 2 of \d+"):
        train_student(data, str(encoder), tmp_path / "out", settings, threads=1)
    assert not (tmp_path / "out").exists()


def test_a_disk_that_is_full_is_told_in_a_sentence(student: Path, tmp_path: Path) -> None:
    scorer = load_scorer(str(student), 64, threads=1)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limit[1]))
    try:
        with pytest.raises(RunError, match=r"can't be written: .*File too large"):
            _save(scorer, read_card(student), tmp_path, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert not (tmp_path / "out").exists()


def test_a_disk_that_fills_while_a_tokenizer_is_written(student: Path, tmp_path: Path) -> None:
    tokenizer = load_scorer(str(student), 64, threads=1).tokenizer
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
    try:
        with (
            pytest.raises(RunError, match=r"can't be written: .*File too large"),
            finished(tmp_path, tmp_path / "out") as place,
        ):
            tokenizer.backend_tokenizer.save(str(place / "tokenizer.json"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match="of ours"), finished(tmp_path, tmp_path / "out"):
        raise ValueError("a fault of ours stays one")


def test_too_little_memory_names_a_smaller_batch(encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(10**15)
    assert no_memory(caught.value), caught.value
    examples = write_questions(tmp_path / "data", questions(range(1000, 1400)))
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from kgalign.judge.student.model import load_scorer\n"
        "from kgalign.train.student import StudentSettings, train_student\n"
        "data, encoder, out = sys.argv[1:]\n"
        "load_scorer(encoder, 64, threads=1)([('a b', 'c d')]).sum().backward()\n"
        "held = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (held + 60_000_000, -1))\n"
        "from kgalign.errors import KgalignError\n"
        "try:\n"
        "    train_student(Path(data), encoder, Path(out), StudentSettings(batch=400), threads=1)\n"
        "except KgalignError as error:\n"
        "    print(error)\n"
    )
    words = [sys.executable, "-c", program, str(examples), str(encoder), str(tmp_path / "out")]
    said = subprocess.run(words, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert "not enough memory for 400 questions at once. Try --batch 200." in said.stdout, said
    assert not (tmp_path / "out").exists()


def test_a_run_asks_the_student_where_the_evidence_is_unsure(
    kgalign: Command, student: Path, pair: Pair, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    made = kgalign("run", pair.left, pair.right, "-o", out, "--judge", f"student:{student}")
    assert made.returncode == 0, made.stderr
    folder = RunFolder(out)
    opinion = folder.load("student", Opinion)
    assert len(opinion.row) == step(out, "student").counts["shown"] > 0
    assert len(folder.load("ask", Hearing).row) == 0, "no language model is asked"
    verdicts = pq.read_table(out / "verdicts.parquet")
    names = [name for name in verdicts.column_names if name.startswith("log_odds: ")]
    assert "log_odds: student" in names
    total = sum(verdicts[name].to_numpy() for name in names)
    assert np.allclose(total, verdicts["log_odds"].to_numpy(), atol=1e-3)
    changed = np.flatnonzero(verdicts["log_odds: student"].to_numpy())
    assert set(changed.tolist()) <= set(opinion.row.tolist())
    assert np.allclose(verdicts["probability"].to_numpy()[opinion.row], opinion.probability)

    row = int(opinion.row[np.argmax(np.abs(opinion.log_odds))])
    left, right = (str(verdicts[side][row]) for side in ("left", "right"))
    told = kgalign("explain", out, left, right, "--json")
    lines = json.loads(told.stdout)["pairs"][0]["lines"]
    assert [each for each in lines if each["feature"] == "student"]
    assert kgalign("eval", out, "--gold", pair.gold).returncode == 0
    profile = folder.load("select-left", Profile)
    assert left in profile.entity_iri.to_pylist()


def test_a_run_is_done_again_for_another_student_alone(
    student: Path, pair: Pair, tmp_path: Path, encoder: Path, data: Path
) -> None:
    out = tmp_path / "run"

    def go(folder: Path) -> set[str]:
        config = as_config({"judge": {"judge": f"student:{folder}"}})
        return set(start.run(pair.left, pair.right, out, config).done)

    assert "student" in go(student)
    moved = Path(shutil.copytree(student, tmp_path / "moved"))
    assert not go(moved), "the same student at another place"
    train_student(data, str(encoder), tmp_path / "other", StudentSettings(epochs=1, seed=3), threads=1)
    done = go(tmp_path / "other")
    assert "student" in done
    assert "assign" in done
    assert "judge" not in done


def test_what_is_clear_after_the_student_is_not_asked_of_a_model(
    student: Path, pair: Pair, tmp_path: Path
) -> None:
    asked = {}
    for name, settings in {"without": {}, "with": {"student": str(student)}}.items():
        config = as_config({"judge": {"judge": "scripted", **settings}})
        start.run(pair.left, pair.right, tmp_path / name, config)
        folder = RunFolder(tmp_path / name)
        hearing, opinion = folder.load("ask", Hearing), folder.load("student", Opinion)
        asked[name] = dict(zip(hearing.row.tolist(), hearing.prior.tolist(), strict=True))
    assert len(opinion.row)
    sure = dict(zip(opinion.row.tolist(), opinion.probability.tolist(), strict=True))
    assert set(asked["with"]) <= set(asked["without"])
    # What the model is asked about begins from what evidence and student say together.
    assert all(abs(prior - sure[row]) < 0.02 for row, prior in asked["with"].items() if row in sure)


def test_a_record_is_read_without_its_braces() -> None:
    assert text_of('{"a": ["x", "y"], "relations": {"maker": ["Bose"]}}') == "a: x, y; maker: Bose"
    assert text_of("{no json") == " no json"
