"""Fine-tuning end to end: examples of a run, an adapter, and the same training killed in the middle."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.results import table
from kgalign.errors import KgalignError
from kgalign.train.adapters import AdapterRecord, read_record
from kgalign.train.data import read_data

GRAPHS = Path(__file__).parents[1] / "examples" / "countries"
SAVE_EVERY = 10
HEAD = ("", "before", "after")


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of it."""

    examples: int
    tokens: int
    """Tokens that went through the model."""
    steps: int
    seconds: float
    """Of the training alone."""
    tokens_per_second: float
    loss: tuple[float, float]
    """Of the first step and, on the mean, of the last ten."""
    valid_loss: tuple[float, float]
    """After the first epoch and after the last."""
    questions: int
    """Questions kept apart that were asked."""
    stopped: tuple[float, float]
    """Share of the answers that ended with a token at which servers stop, of the base and of the adapter."""
    readable: tuple[float, float]
    accuracy: tuple[float, float]
    killed_at: int
    """Step from which the training that was killed went on."""
    difference: float
    """Largest difference of a loss between the training that was killed and the other one."""


def measure(base: Path | None, preset: str, size: int, epochs: int, say: Callable[[str], None]) -> Figures:
    """Make examples, train on them, and train on them again with a kill -9 in the middle.

    :param base: model to train upon; a tiny one with weights drawn from a seed if None.
    :param size: most examples.
    """
    with tempfile.TemporaryDirectory(prefix="kgalign-sft-") as name:
        folder = Path(name)
        graphs = (GRAPHS / "left.ttl", GRAPHS / "right.jsonld", "--config", GRAPHS / "config.toml")
        _kgalign("run", *graphs, "-o", folder / "run")
        _kgalign("train", "examples", folder / "run", "-o", folder / "data", "--size", size, "--quiet")
        say("examples are made")
        if base is None:  # threads only wait for each other where a step takes milliseconds
            os.environ["OMP_NUM_THREADS"] = "1"
        flags: list[object] = ["--form", "json", "--base", base or _tiny(folder), "--data", folder / "data"]
        flags += ["--preset", preset, "--epochs", epochs, "--save-every", SAVE_EVERY]
        flags += ["--lr", 0.01] if base is None else []
        said = _kgalign("train", "sft", *flags, "-o", folder / "whole")
        say("trained")
        whole = _record(folder / "whole")
        _kill_after(folder / "killed", whole.counts["steps"] // 2, "train", "sft", *flags)
        resumed = _kgalign("train", "sft", *flags, "-o", folder / "killed")
        return _figures(whole, _record(folder / "killed"), said, resumed)


def body(figures: Figures) -> str:
    """The section's text."""

    def shares(pair: tuple[float, float]) -> list[str]:
        return [f"{each:.1%}" for each in pair]

    rows = [
        ["loss of a step", *(f"{each:.3f}" for each in figures.loss)],
        ["loss on questions kept apart", *(f"{each:.3f}" for each in figures.valid_loss)],
        ["answers that stop", *shares(figures.stopped)],
        ["answers in which a choice can be read", *shares(figures.readable)],
        ["right answers", *shares(figures.accuracy)],
    ]
    return (
        f"{figures.examples} examples of the countries, {figures.steps} steps, {figures.tokens:,} tokens in "
        f"{figures.seconds:.0f} s: {figures.tokens_per_second:,.0f} tokens/s. Losses are of the first step "
        "and of the last ten, and after the first and the last epoch; the rest is of the base and of the "
        f"adapter, on {figures.questions} questions kept apart, nothing holding the answers to a form. The "
        "tiny model has two layers of random weights: it learns how an answer looks and where it ends, and "
        "no more.\n\n"
        f"{table(HEAD, rows)}\n\n"
        f"Killed (kill -9), the same command went on from step {figures.killed_at}; its losses differ from "
        f"those of the other training by at most {figures.difference:.1e}."
    )


def as_json(figures: Figures) -> str:
    """All figures."""
    return json.dumps(asdict(figures), indent=1) + "\n"


def _tiny(folder: Path) -> Path:
    """A model of two layers; its tokenizer knows the words of the examples."""
    from tests.vllm.tiny import TEXT, make_model

    _, splits = read_data(folder / "data")
    texts = [message["content"] for each in splits.values() for one in each for message in one.messages]
    lines = dict.fromkeys(line for text in (TEXT, *texts[:300]) for line in text.splitlines())
    return make_model(folder / "tiny", text="\n".join(lines))


def _figures(whole: AdapterRecord, killed: AdapterRecord, said: str, resumed: str) -> Figures:
    losses, again = ([each["loss"] for each in record.losses if "loss" in each] for record in (whole, killed))
    valid = [each["valid_loss"] for each in whole.losses if "valid_loss" in each]
    base, adapter = whole.scores["base"], whole.scores["valid"]
    seconds, rate = (_number(pattern, said) for pattern in (r"Trained in ([\d,]+) s", r"([\d,]+) tokens/s"))
    return Figures(
        examples=whole.counts["examples"],
        tokens=int(rate * seconds),
        steps=whole.counts["steps"],
        seconds=seconds,
        tokens_per_second=rate,
        loss=(losses[0], sum(losses[-10:]) / len(losses[-10:])),
        valid_loss=(valid[0], valid[-1]),
        questions=int(adapter["questions"]),
        stopped=(base["stopped"], adapter["stopped"]),
        readable=(base["readable"], adapter["readable"]),
        accuracy=(base["accuracy"], adapter["accuracy"]),
        killed_at=int(_number(r"from step (\d+)", resumed)),
        difference=max(abs(one - two) for one, two in zip(losses, again, strict=True)),
    )


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    return float(found[1].replace(",", "")) if found else 0.0


def _record(folder: Path) -> AdapterRecord:
    found = read_record(folder)
    if found is None:
        raise KgalignError(f"{folder} was not finished", "Look above for why")
    return found


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "kgalign", *(str(each) for each in arguments)]


def _kgalign(*arguments: object) -> str:
    result = subprocess.run(_command(*arguments), capture_output=True, text=True, check=False)
    if result.returncode:
        raise KgalignError(
            f"kgalign {arguments[0]} failed: {result.stderr.strip()}", "Mend this and run again"
        )
    return result.stdout


def _kill_after(out: Path, step: int, *arguments: object) -> None:
    """Begin a training and kill it once a checkpoint of a step is on disk."""
    partial = out.with_name(f"{out.name}.partial")
    with _process(*arguments, "-o", out) as process:
        while process.poll() is None and not any(each >= step for each in _checkpoints(partial)):
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)


def _checkpoints(partial: Path) -> Iterator[int]:
    for state in partial.glob("checkpoint-*/trainer_state.json"):
        yield int(state.parent.name.partition("-")[2])


@contextlib.contextmanager
def _process(*arguments: object) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(_command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
