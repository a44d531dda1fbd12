"""From examples to votes: an adapter is trained, served by a real vLLM, and asked by a run."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kgalign.errors import KgalignError
from kgalign.llm.vllm.lora import read_adapter
from kgalign.train.adapters import read_record
from kgalign.train.answering import answers, text_of
from kgalign.train.base import load_model, open_base
from kgalign.train.data import Example, read_data
from tests.conftest import write_elements
from tests.train.element_examples import make_data
from tests.vllm.conftest import START_LIMIT, Real, read_until, start_serving

# vLLM, transformers and peft warn of what they themselves use.
pytestmark = [pytest.mark.vllm, pytest.mark.filterwarnings("default")]

CALLS = 20
STEPS = 20
FORM = r'\{"choice": "[^"]+", "values": \[\], "reason": ""\}'
"""The answers that it learns."""
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True, slots=True)
class Judge:
    """A model with the adapter that was trained on it, and a server of both."""

    model: Path
    adapter: Path
    examples: list[Example]
    """What it learned from."""
    url: str


@pytest.fixture(scope="module")
def judge(real: Real, kgalign: Command, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    folder = tmp_path_factory.mktemp("trained")
    data = make_data(folder, short=True, most=8)
    examples = read_data(data)[1]["train"]
    model, adapter = real.model, folder / "elements"
    how = (
        "--epochs",
        STEPS * 2 // len(examples),
        "--batch",
        2,
        "--accumulate",
        1,
        "--lr",
        1e-3,
        "--score",
        0,
    )
    result = kgalign("train", "sft", "--form", "json", "--base", model, "--data", data, "-o", adapter, *how)
    assert result.returncode == 0, result.stderr
    assert f"kgalign serve {model} --adapter {adapter}" in result.stdout
    with (folder / "log").open("w") as errors:
        process = start_serving(model, "--adapter", adapter, errors=errors)
        try:
            announced = read_until(process, "kgalign run", START_LIMIT)
            url = re.search(r"http://\S+/v1", announced)
            assert url, (folder / "log").read_text(errors="replace")[-5000:]
            yield Judge(model, adapter, examples, url[0])
        finally:
            process.terminate()
            assert process.stdout
            process.stdout.close()
            process.wait(60)


def _answer(judge: Judge, example: Example, model: str) -> dict[str, Any]:
    """What a model writes where nothing holds it to a form."""
    body = {"model": model, "messages": list(example.question), "temperature": 0, "max_tokens": 200}
    request = urllib.request.Request(
        f"{judge.url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return dict(json.load(answer)["choices"][0])


def test_it_answers_as_it_learned_and_stops_at_its_end(judge: Judge) -> None:
    base = open_base(str(judge.model), judge.model)
    loaded = load_model(base)
    before = [text_of(base, ids) for ids in answers(loaded, base, judge.examples[:2], 60)]
    assert not any(re.fullmatch(FORM, text) for text in before), "the base writes what it likes"
    found = [_answer(judge, example, judge.adapter.name) for example in judge.examples]
    assert {each["finish_reason"] for each in found} == {"stop"}
    # What was trained is what is served, and nothing of what a template puts after an answer.
    for each in found:
        assert re.fullmatch(FORM, each["message"]["content"]), each["message"]["content"]


def test_every_vote_of_a_run_names_the_adapter(judge: Judge, kgalign: Command, tmp_path: Path) -> None:
    pair = write_elements(tmp_path / "graphs")
    flags = ("--llm-url", judge.url, "--model", judge.model.name, "--adapter", judge.adapter.name)
    asks = ("--judge", "llm", "--ask", "all", "--max-calls", CALLS)
    result = kgalign("run", pair.left, pair.right, "-o", tmp_path / "run", *asks, *flags)
    assert result.returncode == 0, result.stderr
    with closing(sqlite3.connect(tmp_path / "run" / "votes.sqlite")) as ledger:
        calls = list(ledger.execute("SELECT model, adapter, answered, finish, reply FROM call"))
    assert len(calls) == CALLS
    assert {call[:4] for call in calls} == {(judge.model.name, judge.adapter.name, 1, "stop")}
    assert all(json.loads(call[4], strict=False).keys() == {"choice", "values", "reason"} for call in calls)


def test_another_model_of_the_same_shapes_is_not_served_with_it(judge: Judge, tmp_path: Path) -> None:
    record = read_record(judge.adapter)
    assert record is not None
    assert read_adapter(judge.adapter, str(judge.model)).rank == record.settings["rank"] == 16
    other = tmp_path / "other"
    shutil.copytree(judge.model, other)
    with (other / "model.safetensors").open("r+b") as weights:
        weights.seek(-1, os.SEEK_END)
        last = weights.read(1)[0]
        weights.seek(-1, os.SEEK_END)
        weights.write(bytes([last ^ 1]))
    with pytest.raises(KgalignError, match=r"was trained on another model than .*: the weights are others"):
        read_adapter(judge.adapter, str(other))
