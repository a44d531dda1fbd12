"""What all training of adapters shares: the trainer's arguments, what it says, and want of memory."""

import logging
import math
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kgalign.base.memory import explained_memory
from kgalign.base.progress import Progress, Task
from kgalign.train.adapters import AdapterRecord, write_record
from kgalign.train.recipes import Recipe
from kgalign.train.workplace import Workplace

log = logging.getLogger("kgalign.train")

_LOGGED = 200
"""Losses that are kept of a training, at most."""
_DONE = frozenset({"optimizer.pt", "scheduler.pt", "rng_state.pth", "scaler.pt", "training_args.bin",
                   "trainer_state.json"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trained:
    """An adapter that was made."""

    folder: Path
    record: AdapterRecord
    resumed: int
    """Step from which it went on, 0 where it began at the beginning."""
    seconds: float
    """Of the training itself, this time."""
    tokens: int
    """Tokens that went through the model in this time."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What came of a trainer's work."""

    trainer: Any
    losses: list[dict[str, float]]
    resumed: int
    seconds: float


def fit(
    place: Workplace,
    recipe: Recipe,
    record: AdapterRecord,
    examples: int,
    make: Callable[[list[Any]], Any],
    progress: Progress,
) -> Fit:
    """Let a trainer do its work, from its last checkpoint if there is one.

    :param record: what is known of the adapter already.
    :param examples: examples to learn from.
    :param make: the trainer with some callbacks.
    """
    from transformers import PrinterCallback

    checkpoint = place.checkpoint()
    resumed = int(checkpoint.name.partition("-")[2]) if checkpoint else 0
    if resumed:
        log.info("going on from step %d", resumed)
    with progress.task("train", steps_of(recipe, examples), "steps") as task:
        task.advance(resumed)
        trainer = make([listener(task, place.epochs, record)])
        trainer.remove_callback(PrinterCallback)
        begun = time.perf_counter()
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return Fit(trainer, curve(trainer.state.log_history), resumed, time.perf_counter() - begun)


def write(model: Any, place: Workplace, record: AdapterRecord) -> None:  # noqa: ANN401 - peft's model
    """Write a trained adapter, with those that it was after each epoch and what is known of it."""
    save_adapter(model, place.finished)
    if place.epochs.is_dir():
        place.epochs.rename(place.finished / "epochs")
    write_record(place.finished, record, place.out.name)


def trainer_arguments(recipe: Recipe, folder: Path, examples: int, valid: int) -> dict[str, Any]:
    """Arguments that the trainers of trl share.

    :param folder: where checkpoints go.
    :param examples: examples to learn from.
    :param valid: examples to measure the loss on after each epoch.
    """
    import torch

    cuda = torch.cuda.is_available()
    steps = steps_of(recipe, examples)
    return {
        "output_dir": str(folder),
        "num_train_epochs": recipe.epochs,
        "per_device_train_batch_size": recipe.batch,
        "per_device_eval_batch_size": recipe.batch,
        "gradient_accumulation_steps": recipe.accumulate,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": math.ceil(recipe.warmup * steps),
        "logging_steps": max(1, steps // _LOGGED),
        "logging_first_step": True,
        "save_strategy": "steps",
        "save_steps": recipe.save_every,
        "save_total_limit": 2,
        "eval_strategy": "epoch" if valid else "no",
        "seed": recipe.seed,
        "bf16": cuda,
        "use_cpu": not cuda,
        "gradient_checkpointing": recipe.checkpointing,
        "dataloader_pin_memory": cuda,
        "max_length": None,
        "report_to": "none",
        "disable_tqdm": True,
    }


def steps_of(recipe: Recipe, examples: int) -> int:
    """How many steps a training has."""
    batches = math.ceil(examples / recipe.batch)
    return max(1, math.ceil(recipe.epochs * max(1, math.ceil(batches / recipe.accumulate))))


def lora(recipe: Recipe) -> Any:  # noqa: ANN401 - peft's LoraConfig
    """The adapter before it has learned anything: on all weights of attention and of the layers between."""
    from peft import LoraConfig

    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules="all-linear",
        bias="none",
        task_type="CAUSAL_LM",
    )


def listener(task: Task, epochs: Path, record: AdapterRecord) -> Any:  # noqa: ANN401
    """What hears of steps and losses, and keeps the adapter as it is after each epoch.

    :param epochs: folder for these; each is an adapter of its own with its loss on valid.
    :param record: what is known of the adapter already.
    """
    from transformers import TrainerCallback

    class Listener(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ANN401
            task.advance()

        def on_log(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ANN401
            losses = curve(state.log_history)
            if losses and "loss" in losses[-1]:
                task.note(f"loss {losses[-1]['loss']:.3f}")
                log.info("step %d of %d, loss %.4f", state.global_step, state.max_steps, losses[-1]["loss"])

        def on_evaluate(self, args: Any, state: Any, control: Any, model: Any, **more: Any) -> None:  # noqa: ANN401
            losses = curve(state.log_history)
            folder = epochs / f"epoch-{round(state.epoch)}"
            shutil.rmtree(folder, ignore_errors=True)
            save_adapter(model, folder)
            loss = last_valid(losses)
            scores = {} if loss is None else {"valid": {"loss": loss}}
            write_record(folder, replace(record, losses=losses, scores=scores))

    return Listener()


def curve(history: list[dict[str, Any]]) -> list[dict[str, float]]:
    """The losses of a trainer's log."""
    kept = []
    for each in history:
        place = {"step": float(each.get("step", 0)), "epoch": round(float(each.get("epoch") or 0), 4)}
        if "loss" in each:
            kept.append({**place, "loss": float(each["loss"])})
        elif "eval_loss" in each:
            kept.append({**place, "valid_loss": float(each["eval_loss"])})
    return kept


def last_valid(losses: Sequence[dict[str, float]]) -> float | None:
    """The last loss on valid; None where it was not measured."""
    return next((each["valid_loss"] for each in reversed(losses) if "valid_loss" in each), None)


def save_adapter(model: Any, folder: Path) -> None:  # noqa: ANN401 - peft's model
    """Write the adapter in peft's format and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    config = model.peft_config["default"]
    if isinstance(config.target_modules, set):  # written as they come, which is another order each time
        config.target_modules = sorted(config.target_modules)
    model.save_pretrained(str(folder), selected_adapters=["default"], save_embedding_layers=False)
    for name in (*_DONE, "README.md"):  # peft writes a card of its own
        (folder / name).unlink(missing_ok=True)


def room_for(recipe: Recipe, longest: int) -> AbstractContextManager[None]:
    """Say what to do where memory runs out.

    :param longest: tokens of the longest question with its answer.
    """
    what = f"Memory ran out with batches of {recipe.batch} questions of up to {longest} tokens"
    return explained_memory(what, _smaller(recipe, longest))


def _smaller(recipe: Recipe, longest: int) -> str:
    """What to try next; a step stays made of the same number of questions."""
    if recipe.batch > 1:
        batch = recipe.batch // 2
        return f"Try --batch {batch} --accumulate {math.ceil(recipe.questions_per_step / batch)}"
    if not recipe.checkpointing:
        return "Try --checkpointing, which keeps no activations"
    more = "" if recipe.four_bit else ", --four-bit on a GPU"
    shorter = f"--max-length {max(longest // 2, 1)}, which leaves longer questions out"
    return f"Try {shorter}{more}, or a smaller model"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep libraries from talking to the user: what matters is said by us."""
    import datasets
    import transformers

    warning = transformers.logging.get_verbosity()
    bars = datasets.is_progress_bar_enabled()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    logging.getLogger("trl").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # They warn each other: of names that trl 1.16 passes on to transformers 5, for one.
            for kind in (DeprecationWarning, FutureWarning, UserWarning):
                warnings.simplefilter("ignore", kind)
            yield
    finally:
        transformers.logging.set_verbosity(warning)
        if bars:
            datasets.enable_progress_bars()
