"""What the tests of vLLM share: a real model, and one server of it and an adapter for the session."""

import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from kgalign.llm.smollm2 import make_folder

ADAPTER = "tuned"
CONTEXT = 8192
"""Tokens that the model reads at once."""
START_LIMIT = 240
"""Seconds that a start may take on a machine that is busy."""


@dataclass(frozen=True, slots=True)
class Real:
    """SmolLM2 and adapters on it, on disk."""

    model: Path
    adapter: Path
    wrong: Path
    """An adapter of another model."""


@dataclass(frozen=True, slots=True)
class Served:
    """A server at work."""

    url: str
    """It ends in ``/v1``."""
    model: str
    adapter: str
    announced: str
    """What `kgalign serve` printed."""
    process: "subprocess.Popen[str]"


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Real:
    """The model with an adapter of its own and one of another model."""
    folder = tmp_path_factory.mktemp("models")
    model = folder / "smollm2"
    make_folder(model)
    return Real(model, _make_adapter(model, folder / ADAPTER), _cut(folder / ADAPTER, folder / "wrong"))


def _make_adapter(model: Path, out: Path) -> Path:
    """An adapter as peft makes it, that changes a little of all that the model does."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    config = LoraConfig(
        r=8, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False
    )
    adapted = get_peft_model(loaded, config)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            weight.data.mul_(0.2)
    adapted.save_pretrained(str(out))
    return out


def _cut(adapter: Path, out: Path) -> Path:
    """The same for a model of half the width, which is not there."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(adapter, out)
    path = out / "adapter_model.safetensors"
    halves = {
        name: tensor[:, ::2] if ".lora_A." in name else tensor[::2]
        for name, tensor in load_file(path).items()
    }
    save_file({name: tensor.contiguous() for name, tensor in halves.items()}, path)
    return out


@pytest.fixture(scope="session")
def served(real: Real, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The model and its adapter beside it, served by `kgalign serve` in a process of its own."""
    log = tmp_path_factory.mktemp("served") / "log"
    with log.open("w") as errors:
        flags = ("--adapter", real.adapter, "--no-merge", "--log-level", "debug")
        process = start_serving(real.model, *flags, errors=errors)
        try:
            announced = read_until(process, "kgalign run", START_LIMIT)
            url = re.search(r"http://\S+/v1", announced)
            assert url, f"{announced}\n{log.read_text(errors='replace')[-5000:]}"
            yield Served(url[0], real.model.name, real.adapter.name, announced, process)
        finally:
            process.terminate()
            assert process.stdout
            process.stdout.close()
            code = process.wait(60)
    assert code == 0, "a server that is asked to stop has done its work"


def start_serving(
    *arguments: object, errors: int | IO[str] = subprocess.DEVNULL, port: int = 0
) -> "subprocess.Popen[str]":
    """`kgalign serve` on a free port if none is named; its standard output is to be read."""
    command = [sys.executable, "-m", "kgalign", "serve", *(str(each) for each in arguments)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
    return subprocess.Popen(
        [*command, "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env=environment,
    )


def read_until(process: "subprocess.Popen[str]", text: str, limit: float) -> str:
    """What a process has written once ``text`` is in it, once it has ended, or at the limit of seconds."""
    assert process.stdout
    written, deadline = "", time.monotonic() + limit
    descriptor = process.stdout.fileno()
    while text not in written and (left := deadline - time.monotonic()) > 0:
        if not select.select([descriptor], [], [], left)[0]:
            break
        piece = os.read(descriptor, 65536).decode()
        if not piece:
            break
        written += piece
    return written


def children(pid: int) -> list[int]:
    """Ids of all processes that descend from one, as Linux tells of them."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if fields[0] != "Z":
            parents[int(status.parent.name)] = int(fields[1])
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each and child not in found]
    return found[1:]


def alive(processes: Sequence[int]) -> list[int]:
    """Those of the processes that still run."""
    running = []
    for pid in processes:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            running.append(pid)
    return running
