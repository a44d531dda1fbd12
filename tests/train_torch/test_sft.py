"""Fine-tuning for real: a tiny model of random weights, LoRA, trl's trainer."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kgalign.base.progress import NoProgress, Task
from kgalign.errors import InputError, KgalignError
from kgalign.train.adapters import CARD, read_record
from kgalign.train.answering import ask, read_choice
from kgalign.train.base import IGNORED, Base, open_base
from kgalign.train.data import read_data
from kgalign.train.recipes import recipe_of
from kgalign.train.sft import make_trainer, spell_all, train_sft
from kgalign.train.trainer import Trained
from tests.train.element_examples import answer_text, make_data
from tests.train_torch.tiny_training import model_for

# torch and what lies upon it warn of what they themselves use.
pytestmark = [
    pytest.mark.dense,
    pytest.mark.filterwarnings("default"),
    pytest.mark.usefixtures("one_thread"),
]

LEARNS = {"epochs": 24, "learning_rate": 1e-2, "save_every": 4}
STEPS = 24 * 4


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("examples"), short=True, most=16)


@pytest.fixture(scope="module")
def model(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_for(tmp_path_factory.mktemp("models") / "tiny", data)


@pytest.fixture(scope="module")
def trained(data: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    out = tmp_path_factory.mktemp("adapters") / "elements"
    return train_sft(str(model), data, out, recipe_of("cpu-tiny", LEARNS))


def _losses(trained: Any, name: str = "loss") -> list[float]:  # noqa: ANN401 - Trained or a record
    record = getattr(trained, "record", trained)
    return [each[name] for each in record.losses if name in each]


def _examples(data: Path) -> list[Any]:
    return read_data(data)[1]["train"]


def test_what_is_learned_is_the_answer_and_its_end_and_nothing_else(
    data: Path, model: Path, tmp_path: Path
) -> None:
    base = open_base(str(model), model)
    from transformers import AutoModelForCausalLM

    examples = _examples(data)
    spelled, _ = spell_all(base, examples, 4096)
    loaded = AutoModelForCausalLM.from_pretrained(model)
    trainer = make_trainer(base, loaded, recipe_of("cpu-tiny", {}), tmp_path, spelled, spelled[:4], [])
    seen = set()
    for batch in trainer.get_train_dataloader():
        for ids, labels, mask in zip(
            batch["input_ids"], batch["labels"], batch["attention_mask"], strict=True
        ):
            learned = [each for each in labels.tolist() if each != IGNORED]
            assert learned[-1] == base.end
            seen.add(base.tokenizer.decode(learned[:-1]))
            # They stand at the end of the question as the server spells it, and padding follows.
            length = int(mask.sum())
            assert ids[length - len(learned) : length].tolist() == learned
            before = base.tokenizer.decode(ids[: length - len(learned)])
            assert before.endswith("<|im_start|>assistant\n")
            assert set(ids[length:].tolist()) <= {base.tokenizer.pad_token_id}
    assert seen == {each.messages[-1]["content"] for each in examples}


def test_it_learns_and_its_answers_stop(trained: Trained, data: Path, model: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    losses, valid = _losses(trained), _losses(trained, "valid_loss")
    assert losses[-1] < losses[0] / 20
    assert valid[-1] < valid[0] / 2
    base = open_base(str(model), model)
    plain = AutoModelForCausalLM.from_pretrained(model)
    examples = _examples(data)
    scores = ask(PeftModel.from_pretrained(plain, str(trained.folder)), base, examples, batch=16)
    assert scores["stopped"] == 1
    assert scores["readable"] == 1
    # A model that knows nothing learns these by heart.
    assert scores["accuracy"] > 0.75


def test_the_adapter_says_what_it_was_made_of(trained: Trained, data: Path) -> None:
    record = read_record(trained.folder)
    assert record == trained.record
    about, splits = read_data(data)
    assert (record.data, record.templates) == (about.digest, about.templates)
    assert (record.how, record.base, record.end_token) == ("sft", "tiny", "<|im_end|>")
    assert record.counts["examples"] == len(splits["train"])
    assert record.counts["steps"] == STEPS == record.losses[-1]["step"]
    assert record.scores.keys() == {"valid", "base"}
    assert record.scores["valid"]["questions"] == len(splits["valid"])
    assert record.versions.keys() >= {"torch", "trl", "peft"}
    card = (trained.folder / CARD).read_text(encoding="utf8")
    assert f"`{about.digest}`" in card
    assert "| learning rate | 0.01 |" in card
    assert "| example weights | not used; mean 1.000 |" in card
    assert str(trained.folder.parent) not in card + (trained.folder / "adapter.json").read_text(
        encoding="utf8"
    )
    assert not trained.folder.with_name("elements.partial").exists()
    config = json.loads((trained.folder / "adapter_config.json").read_text(encoding="utf8"))
    assert config["target_modules"] == sorted(config["target_modules"]), "the same file each time"
    epochs = sorted(path.name for path in (trained.folder / "epochs").iterdir())
    assert len(epochs) == LEARNS["epochs"]
    first = read_record(trained.folder / "epochs" / "epoch-1")
    assert first is not None
    assert first.training == record.training
    assert first.scores["valid"]["loss"] == _losses(trained, "valid_loss")[0]


def _process(data: Path, model: Path, out: Path) -> "subprocess.Popen[str]":
    settings = [
        "--epochs",
        LEARNS["epochs"],
        "--lr",
        LEARNS["learning_rate"],
        "--save-every",
        LEARNS["save_every"],
    ]
    command = ["train", "sft", "--form", "json", "--base", model, "--data", data, "-o", out, *settings]
    return subprocess.Popen(
        [sys.executable, "-m", "kgalign", *(str(each) for each in command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_killed_in_the_middle_it_goes_on_as_if_nothing_had_happened(
    trained: Trained, data: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "elements"
    process, deadline = _process(data, model, out), time.monotonic() + 120
    partial = tmp_path / "elements.partial"
    while not (partial / "checkpoint-12" / "trainer_state.json").exists() and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not out.exists()
    # As if it had been killed while it wrote: this one is not whole, and is passed over.
    (partial / "checkpoint-92").mkdir()
    (partial / "checkpoint-92" / "adapter_model.safetensors").write_bytes(b"")
    process = _process(data, model, out)
    told, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "from step " in told
    assert errors == ""
    record = read_record(out)
    assert record is not None
    assert [each["step"] for each in record.losses if "loss" in each] == list(range(1, STEPS + 1))
    assert _losses(record) == pytest.approx(_losses(trained), rel=1e-3)
    assert record.training == trained.record.training
    assert (out / "adapter_config.json").is_file()
    assert not partial.exists()


class Interrupted:
    """A progress at which somebody presses Ctrl-C when a piece of work begins."""

    def __init__(self, at: str) -> None:
        self.at = at

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        if name == self.at:
            raise KeyboardInterrupt
        with NoProgress().task(name) as task:
            yield task


def test_what_was_learned_is_kept_when_asking_is_interrupted(data: Path, model: Path, tmp_path: Path) -> None:
    recipe = recipe_of("cpu-tiny", {"epochs": 1})
    with pytest.raises(KeyboardInterrupt):
        train_sft(str(model), data, tmp_path / "out", recipe, progress=Interrupted("ask the base"))
    assert not (tmp_path / "out").exists()
    again = train_sft(str(model), data, tmp_path / "out", recipe)
    assert again.resumed == again.record.counts["steps"] == 4
    assert len(_losses(again)) == 4
    assert again.record.scores.keys() == {"valid", "base"}


def test_what_is_there_is_not_replaced_unasked(trained: Trained, data: Path, model: Path) -> None:
    with pytest.raises(KgalignError, match=r"is there already.*--force"):
        train_sft(str(model), data, trained.folder, recipe_of("cpu-tiny", LEARNS))


def test_a_training_of_other_settings_is_not_taken_up(data: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "elements"
    (tmp_path / "elements.partial").mkdir()
    (tmp_path / "elements.partial" / "begun.json").write_text(json.dumps({"training": "another"}))
    with pytest.raises(KgalignError, match="of other data or settings"):
        train_sft(str(model), data, out, recipe_of("cpu-tiny", {}))
    assert not out.exists()


def test_questions_that_are_too_long_are_left_out_whole(data: Path, model: Path) -> None:
    base = open_base(str(model), model)
    examples = _examples(data)
    every, longest = spell_all(base, examples, 4096)
    some, same = spell_all(base, examples, longest - 1)
    assert longest == same == max(map(len, every))
    assert 0 < len(some) < len(every)
    assert all(each.answer[-1] == base.end for each in some)


def test_all_too_long_is_told_with_what_would_do(data: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"more than 20 tokens. Give --max-length \d+"):
        train_sft(str(model), data, tmp_path / "out", recipe_of("cpu-tiny", {"max_length": 20}))
    assert list(tmp_path.iterdir()) == []


def test_four_bit_needs_cuda(data: Path, model: Path, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is CUDA here")
    with pytest.raises(KgalignError, match="4 bit needs CUDA"):
        train_sft(str(model), data, tmp_path / "out", recipe_of("gpu-24gb", {}))
    assert list(tmp_path.iterdir()) == []


OUT_OF_MEMORY = """
import resource, sys
import kgalign.train.base as base
base.require_training()
import torch, trl, peft
torch.set_num_threads(1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (150 << 20), used + (150 << 20)))
from kgalign.cli import main
main(sys.argv[1:])
"""


def test_memory_that_runs_out_is_told_with_the_batch_to_try(data: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["train", "sft", "--form", "json", "--base", model, "--data", data, "-o", out, "--batch", 32]
    result = subprocess.run(
        [sys.executable, "-c", OUT_OF_MEMORY, *(str(each) for each in command)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2, result.stderr
    assert "Memory ran out with batches of 32 questions" in result.stderr
    assert "Try --batch 16 --accumulate 2." in result.stderr
    assert list(tmp_path.iterdir()) == []


# --- The end of an answer


def _edited(model: Path, folder: Path, **tokenizer: Any) -> Path:  # noqa: ANN401 - JSON
    import shutil

    shutil.copytree(model, folder)
    path = folder / "tokenizer_config.json"
    settings = {**json.loads(path.read_text()), **tokenizer}
    path.write_text(json.dumps({name: value for name, value in settings.items() if value is not None}))
    return folder


def _opened(model: Path) -> Base:
    return open_base(str(model), model)


def test_padding_that_is_the_end_is_replaced(model: Path, tmp_path: Path) -> None:
    """Where both are one token, masking the padding masks the end: published models never stopped."""
    for number, pad in enumerate(("<|im_end|>", None)):
        base = _opened(_edited(model, tmp_path / str(number), pad_token=pad))
        assert base.tokenizer.pad_token_id not in (None, base.end, *base.stops)


def test_the_end_is_where_servers_stop_and_not_just_where_the_template_ends(
    model: Path, tmp_path: Path
) -> None:
    # A base whose tokenizer ends texts with another token, at which alone servers stop.
    other = _edited(model, tmp_path / "other", eos_token="<|endoftext|>")
    (other / "generation_config.json").unlink()
    config = json.loads((other / "config.json").read_text())
    end = _opened(model).tokenizer.convert_tokens_to_ids("<|endoftext|>")
    (other / "config.json").write_text(json.dumps({**config, "eos_token_id": end}))
    base = _opened(other)
    assert (base.end, base.end_token) == (end, "<|endoftext|>")


def test_a_model_that_was_not_made_to_be_asked_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no chat template"):
        _opened(_edited(model, tmp_path / "plain", chat_template=None))
    template = "{{ raise_exception('System role not supported') }}"
    with pytest.raises(InputError, match="System role not supported"):
        _opened(_edited(model, tmp_path / "strict", chat_template=template))


def test_an_answer_is_read_as_the_judge_reads_it(data: Path) -> None:
    example = _examples(data)[0]
    for label in example.labels:
        assert read_choice(example, answer_text(label)) == label
        assert read_choice(replace(example, answer=label), f"I say {answer_text(label)}!") == label
    assert read_choice(example, "Hm.") is None
    assert read_choice(example, answer_text("Z")) is None
