"""Training on pairs of votes for real: a ledger of a scripted judge, a tiny model, trl's trainer."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kgalign.base.progress import Task
from kgalign.errors import InputError, KgalignError
from kgalign.train.adapters import read_record
from kgalign.train.base import open_base
from kgalign.train.dpo import spell_pairs, train_dpo
from kgalign.train.pairs import read_pairs
from kgalign.train.recipes import DPO, recipe_of
from kgalign.train.sft import train_sft
from tests.conftest import write_elements
from tests.train.element_examples import make_data
from tests.train_torch.tiny_training import model_for

# torch and what lies upon it warn of what they themselves use.
pytestmark = [
    pytest.mark.dense,
    pytest.mark.filterwarnings("default"),
    pytest.mark.usefixtures("one_thread"),
]

LEARNS = {"epochs": 3, "learning_rate": 4e-3, "batch": 4, "save_every": 2}
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def run(kgalign: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which a judge was asked that is wrong in a third of its answers."""
    folder = tmp_path_factory.mktemp("runs")
    pair = write_elements(folder / "elements")
    flags = ("--judge", "scripted:accuracy=0.65,seed=3", "--ask", "all", "--max-calls", 45, "--ask-anyway")
    result = kgalign("run", pair.left, pair.right, "-o", folder / "run", *flags)
    assert result.returncode == 0, result.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    return model_for(folder / "tiny", make_data(folder))


class Stops:
    """A progress at which somebody presses Ctrl-C after some steps."""

    def __init__(self, after: int) -> None:
        self.left = after

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        yield self

    def advance(self, amount: int = 1) -> None:
        self.left -= amount
        if self.left == 0:
            raise KeyboardInterrupt

    def note(self, text: str) -> None:
        pass


def _preferred(model: Path, adapter: Path | None, run: Path) -> tuple[float, float]:
    """Mean log-probabilities of the preferred and of the other answers, by a forward pass of our own."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = open_base(str(model), model)
    loaded = AutoModelForCausalLM.from_pretrained(model)
    if adapter is not None:
        loaded = PeftModel.from_pretrained(loaded, str(adapter))
    rows, _ = spell_pairs(base, read_pairs([run], sure=0.8).train, 4096)
    sums = []
    with torch.inference_mode():
        for name in ("chosen_ids", "rejected_ids"):
            total = 0.0
            for row in rows:
                ids = torch.tensor([row["prompt_ids"] + row[name]])
                logs = loaded(ids).logits[0, len(row["prompt_ids"]) - 1 : -1].log_softmax(-1)
                total += float(logs.gather(1, torch.tensor(row[name])[:, None]).sum())
            sums.append(total / len(rows))
    return sums[0], sums[1]


def test_it_comes_to_prefer_what_the_cases_came_to(run: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "preferring"
    trained = train_dpo(str(model), [run], out, recipe_of("cpu-tiny", LEARNS, DPO), sure=0.8)
    record = read_record(out)
    assert record == trained.record
    assert (record.how, record.end_token) == ("dpo", "<|im_end|>")
    assert record.counts["pairs"] > 5
    losses = [each["loss"] for each in record.losses if "loss" in each]
    # At first both answers are as far from where it began: the loss is log 2.
    assert losses[0] == pytest.approx(0.6931, abs=1e-3)
    assert losses[-1] < 0.5
    before, after = _preferred(model, None, run), _preferred(model, out, run)
    assert after[0] - after[1] > before[0] - before[1] + 1
    assert json.loads((out / "adapter_config.json").read_text())["r"] == 16


def test_it_goes_on_from_an_adapter_and_from_where_it_was_stopped(
    run: Path, model: Path, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file

    data = make_data(tmp_path, short=True, most=8)
    start = train_sft(
        str(model), data, tmp_path / "start", recipe_of("cpu-tiny", {"epochs": 1, "rank": 8}), score=0
    )
    recipe = recipe_of("cpu-tiny", LEARNS, DPO)

    def train(out: Path, **more: Any) -> Any:  # noqa: ANN401 - Trained
        return train_dpo(str(model), [run], out, recipe, adapter=start.folder, sure=0.8, **more)

    whole = train(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "stopped", progress=Stops(3))
    assert not (tmp_path / "stopped").exists()
    stopped = train(tmp_path / "stopped")
    assert stopped.resumed == 2
    assert whole.record.parents[0]["name"] == "start"
    name = "adapter_model.safetensors"
    begun, one, two = (load_file(folder / name) for folder in (start.folder, whole.folder, stopped.folder))
    # Only the adapter itself is kept, not the copy that it is held against.
    assert begun.keys() == one.keys() == two.keys()
    assert all(abs(one[each] - two[each]).max() < 1e-4 for each in one)
    assert any(abs(one[each] - begun[each]).max() > 1e-3 for each in one)


def test_an_adapter_of_another_base_is_refused(run: Path, model: Path, tmp_path: Path) -> None:
    data = make_data(tmp_path, short=True, most=8)
    other = model_for(tmp_path / "other", data, seed=5)
    start = train_sft(str(other), data, tmp_path / "start", recipe_of("cpu-tiny", {"epochs": 1}), score=0)
    with pytest.raises(InputError, match="was trained on other, whose weights are not those of"):
        train_dpo(
            str(model),
            [run],
            tmp_path / "out",
            recipe_of("cpu-tiny", {}, DPO),
            adapter=start.folder,
            sure=0.8,
        )
    assert not list(tmp_path.glob("out*"))


def test_no_vote_against_anything_is_nothing_to_learn(kgalign: Command, model: Path, tmp_path: Path) -> None:
    pair = write_elements(tmp_path / "elements")
    flags = ("--judge", "scripted:accuracy=1.0", "--ask", "all", "--max-calls", 12)
    assert kgalign("run", pair.left, pair.right, "-o", tmp_path / "run", *flags).returncode == 0
    with pytest.raises(KgalignError, match=r"None of \d+ votes in the runs was against"):
        train_dpo(str(model), [tmp_path / "run"], tmp_path / "out", recipe_of("cpu-tiny", {}, DPO), sure=1.0)
