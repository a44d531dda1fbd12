"""Direct preference optimisation (DPO, Rafailov et al. 2305.18290): from votes that a case went against.

It begins with a model, or with an adapter that was trained on answers, and departs from it as far as the
pairs ask and ``beta`` allows.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from kgalign.base.progress import NoProgress, Progress
from kgalign.errors import InputError
from kgalign.llm.weights import weights_mark
from kgalign.train import trainer as fitting
from kgalign.train.adapters import AdapterRecord, check_base, read_record
from kgalign.train.base import Base, find_base, load_model, open_base, require_training
from kgalign.train.data import About
from kgalign.train.pairs import Pair, Pairs, read_pairs
from kgalign.train.recipes import Recipe
from kgalign.train.sft import check_templates
from kgalign.train.trainer import Trained
from kgalign.train.workplace import Workplace

log = logging.getLogger("kgalign.train")

Row = dict[str, list[int]]


def train_dpo(
    base: str,
    runs: Sequence[Path],
    out: Path,
    recipe: Recipe,
    *,
    adapter: Path | None = None,
    judging: str | None = None,
    sure: float = 0.9,
    templates: Path | None = None,
    force: bool = False,
    allow_download: bool = False,
    progress: Progress | None = None,
) -> Trained:
    """Train an adapter on pairs of answers from the votes of some runs.

    Killed, it goes on from its last checkpoint when it is called again.

    Args:
        base: folder or name of the model.
        runs: run folders, or ledger files.
        out: folder of the adapter; it gets this name when it is finished.
        recipe: how to train.
        adapter: what to begin with, one of the same base; its rank and targets are kept.
        judging: which judging of the runs; the latest one if None.
        sure: least probability of what a case came to.
        templates: folder of prompts in place of the package's.
        force: whether to train anew what is there.
        allow_download: whether the hub may be asked for the model.
        progress: where steps are reported.

    Raises:
        InputError: there are no pairs, the model or the adapter can't be used.
        RunError: a run has no votes; ``out`` is there, or a training of something else was begun.
        MissingExtra: torch, transformers, trl, peft or datasets is not installed.
        KgalignError: memory ran out.
    """
    place = Workplace(out)
    place.check(force)
    pairs = _checked(read_pairs(runs, judging=judging, sure=sure, seed=recipe.seed), templates, recipe)
    folder = _model_of(base, adapter, allow_download)
    versions = require_training()
    with fitting.quiet():
        opened = open_base(base, folder)
        record = _record(opened, adapter, pairs, asdict(recipe) | {"sure": sure}, versions)
        with place.locked(_what(record, recipe), force) as training:
            record = replace(record, training=training)
            trained = _Work(opened, place, recipe, adapter, record, progress or NoProgress()).run(pairs)
            place.finish(force)
    return replace(trained, folder=out)


def _checked(pairs: Pairs, templates: Path | None, recipe: Recipe) -> Pairs:
    """The pairs, if they are of these prompts; a warning of what seldom goes well."""
    check_templates(About(pairs.templates, {}, {}), templates)
    if recipe.epochs > 1:
        log.warning("more than one epoch of DPO has been seen to collapse: look at the loss on valid")
    return pairs


def _model_of(base: str, adapter: Path | None, allow_download: bool) -> Path:
    """The folder of the model, which the adapter to begin with must fit."""
    start = None if adapter is None else read_record(adapter)
    folder = find_base(base, allow_download=allow_download)
    if adapter is not None:
        check_base(adapter, start, folder)
    return folder


def _record(
    base: Base, adapter: Path | None, pairs: Pairs, settings: dict[str, Any], versions: dict[str, str]
) -> AdapterRecord:
    """What is known of the adapter before it is trained."""
    parents = []
    if adapter is not None:
        parents.append({"name": adapter.resolve().name, "mark": weights_mark(adapter)})
    return AdapterRecord(
        how="dpo",
        base=base.name,
        base_mark=base.mark,
        settings=settings,
        data=pairs.digest,
        counts=dict(pairs.counts),
        templates=pairs.templates,
        end_token=base.end_token,
        versions=versions,
        parents=parents,
    )


def _what(record: AdapterRecord, recipe: Recipe) -> dict[str, Any]:
    """What makes it this training and no other."""
    start = record.parents[0]["mark"] if record.parents else ""
    return {"how": "dpo", "base": record.base_mark, "data": record.data, "start": start, **asdict(recipe)}


@dataclass(frozen=True, slots=True)
class _Work:
    """One training."""

    base: Base
    place: Workplace
    recipe: Recipe
    adapter: Path | None
    record: AdapterRecord
    progress: Progress

    def run(self, pairs: Pairs) -> Trained:
        learned, long = spell_pairs(self.base, pairs.train, self.recipe.max_length)
        measured, _ = spell_pairs(self.base, pairs.valid, self.recipe.max_length)
        if not learned:
            raise InputError(
                f"All {len(pairs.train)} pairs have more than {self.recipe.max_length} tokens",
                f"Give --max-length {long}",
            )
        steps = fitting.steps_of(self.recipe, len(learned))
        counts = {**self.record.counts, "pairs": len(learned), "valid": len(measured), "steps": steps}
        counts["left_out_too_long"] = len(pairs.train) - len(learned)
        record = replace(self.record, counts=counts)
        with fitting.room_for(self.recipe, long):
            model = load_model(self.base, four_bit=self.recipe.four_bit)
            if self.adapter is not None:
                from peft import PeftModel

                model = PeftModel.from_pretrained(model, str(self.adapter), is_trainable=True)
            make = partial(self._trainer, model, learned, measured)
            done = fitting.fit(self.place, self.recipe, record, len(learned), make, self.progress)
        names = {"loss": "eval_loss", "accuracy": "eval_rewards/accuracies", "margin": "eval_rewards/margins"}
        history = done.trainer.state.log_history
        last: dict[str, float] = next((each for each in reversed(history) if "eval_loss" in each), {})
        figures = {name: float(last[key]) for name, key in names.items() if key in last}
        record = replace(record, losses=done.losses, scores={"valid": figures} if figures else {})
        fitting.write(done.trainer.model, self.place, record)
        # Both answers of a pair go through the model and through the one that it began as.
        of_pairs = sum(
            2 * len(row["prompt_ids"]) + len(row["chosen_ids"]) + len(row["rejected_ids"]) for row in learned
        )
        tokens = int((steps - done.resumed) / steps * self.recipe.epochs * of_pairs)
        return Trained(self.place.finished, record, done.resumed, done.seconds, tokens)

    def _trainer(self, model: Any, learned: list[Row], measured: list[Row], callbacks: list[Any]) -> Any:  # noqa: ANN401
        from datasets import Dataset
        from trl import DPOConfig, DPOTrainer

        class Trainer(DPOTrainer):  # type: ignore[misc]
            """Takes pairs in tokens as they are, without what a template puts after an answer."""

            def _prepare_dataset(self, dataset: Any, *others: Any, **more: Any) -> Any:  # noqa: ANN401
                return dataset

        arguments = fitting.trainer_arguments(self.recipe, self.place.folder, len(learned), len(measured))
        return Trainer(
            model=model,
            args=DPOConfig(**arguments, beta=self.recipe.beta),
            train_dataset=Dataset.from_list(learned),
            eval_dataset=Dataset.from_list(measured) if measured else None,
            processing_class=self.base.tokenizer,
            peft_config=None if self.adapter is not None else fitting.lora(self.recipe),
            callbacks=callbacks,
        )


def spell_pairs(base: Base, pairs: Sequence[Pair], most: int) -> tuple[list[Row], int]:
    """The pairs of up to ``most`` tokens in tokens, and the tokens of the longest of all."""
    rows, long = [], 0
    for pair in pairs:
        chosen, rejected = (base.spell(pair.question, text) for text in (pair.chosen, pair.rejected))
        long = max(long, len(chosen), len(rejected))
        if max(len(chosen), len(rejected)) <= most:
            rows.append(
                {
                    "prompt_ids": list(chosen.prompt),
                    "chosen_ids": list(chosen.answer),
                    "rejected_ids": list(rejected.answer),
                }
            )
    return rows, long
