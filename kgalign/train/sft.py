"""Fine-tuning: an adapter that answers the judge's questions as the examples do.

A question is spelled as a server spells it, and what is learned are the tokens of the answer and of its end,
nothing else. trl's trainer is given the tokens: left to itself it would learn what the chat template puts
after an answer, cut what is too long, and, where padding and end are one token, be apt to mask the end.

All examples count the same, whatever :attr:`~kgalign.train.data.Example.weight` they have. trl computes the
loss of a step over its tokens, in a pass of its own that knows of no examples; who weighs them has to replace
it, and to follow trl from then on. What is unsure is left out instead (``kgalign train examples
--min-confidence``), as TailorMatch (2409.08185, section 5) leaves out what a second model answers otherwise.
The card says how sure the answers were on the mean.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from kgalign.base.progress import NoProgress, Progress
from kgalign.errors import InputError
from kgalign.judge.asking.templates import load_templates
from kgalign.train import trainer as fitting
from kgalign.train.adapters import AdapterRecord
from kgalign.train.answering import ask
from kgalign.train.base import Base, Spelled, find_base, load_model, open_base, require_training
from kgalign.train.data import About, Example, read_data
from kgalign.train.recipes import Recipe
from kgalign.train.trainer import Trained
from kgalign.train.workplace import Workplace

log = logging.getLogger("kgalign.train")


def train_sft(
    base: str,
    data: Path,
    out: Path,
    recipe: Recipe,
    *,
    templates: Path | None = None,
    score: int = 200,
    force: bool = False,
    allow_download: bool = False,
    progress: Progress | None = None,
) -> Trained:
    """Train an adapter on a folder of examples.

    Killed, it goes on from its last checkpoint when it is called again.

    Args:
        base: folder or name of the model.
        data: folder of examples.
        out: folder of the adapter; it gets this name when it is finished.
        recipe: how to train.
        templates: folder of prompts in place of the package's, as ``votes.templates`` names it.
        score: questions of valid that are asked at the end, of the base and of the adapter; 0 for none.
        force: whether to train anew what is there.
        allow_download: whether the hub may be asked for the model.
        progress: where steps are reported.

    Raises:
        InputError: the examples or the model can't be used.
        RunError: ``out`` is there, or a training of something else was begun.
        MissingExtra: torch, transformers, trl, peft or datasets is not installed.
        KgalignError: memory ran out.
    """
    place = Workplace(out)
    place.check(force)
    about, splits = read_data(data)
    check_examples(splits["train"], str(data))
    check_templates(about, templates)
    folder = find_base(base, allow_download=allow_download)
    versions = require_training()
    with fitting.quiet():
        opened = open_base(base, folder)
        what = {"how": "sft", "base": opened.mark, "data": about.digest, **asdict(recipe)}
        with place.locked(what, force) as training:
            settings = {**asdict(recipe), "example_weights": _weights(splits["train"])}
            record = _record(opened, about, settings, training, versions)
            work = _Work(opened, place, recipe, record, progress or NoProgress())
            trained = work.run(splits["train"], splits["valid"], score)
            place.finish(force)
    return replace(trained, folder=out)


def _record(
    base: Base, about: About, settings: dict[str, Any], training: str, versions: dict[str, str]
) -> AdapterRecord:
    """What is known of the adapter before it has learned anything."""
    return AdapterRecord(
        how="sft",
        base=base.name,
        base_mark=base.mark,
        settings=settings,
        data=about.digest,
        templates=about.templates,
        end_token=base.end_token,
        training=training,
        versions=versions,
    )


def check_examples(examples: Sequence[Example], where: str) -> None:
    """See that there is something to learn.

    Raises:
        InputError: there are no examples, or only ones with the same kind of answer.
    """
    if not examples:
        raise InputError(f"{where} has no examples to learn from", "Make some with `kgalign train examples`")
    nones = sum(each.answer == each.labels[-1] for each in examples)
    if nones in (0, len(examples)):
        always = "an option" if nones == 0 else "none of the options"
        raise InputError(
            f"All {len(examples)} examples to learn from in {where} have {always} as their answer: nothing "
            "else would be learned than to say so",
            "Make examples of both kinds",
        )


def _weights(examples: Sequence[Example]) -> str:
    """What the card says of the weights of the examples, see the top of this module."""
    return f"not used; mean {sum(each.weight for each in examples) / len(examples):.3f}"


def check_templates(about: About, folder: Path | None) -> None:
    """See that the examples ask as the judge does.

    Raises:
        InputError: a prompt is of another version or wording than the installed one.
        KgalignError: the folder of templates can't be used.
    """
    loaded = load_templates(folder)
    installed = {each.label: each.sha256 for each in (*loaded.select, *loaded.verify)}
    for label, sha256 in about.templates.items():
        if installed.get(label) != sha256:
            there = "in other words" if label in installed else "not at all"
            raise InputError(
                f"The examples ask by the prompt {label}, which the installed prompts have {there}",
                "Make the examples again, or name their prompts with --templates",
            )


@dataclass(frozen=True, slots=True)
class _Work:
    """One training."""

    base: Base
    place: Workplace
    recipe: Recipe
    record: AdapterRecord
    progress: Progress

    def run(self, train: Sequence[Example], valid: Sequence[Example], score: int) -> Trained:
        learned, long = spell_all(self.base, train, self.recipe.max_length)
        if not learned:
            raise InputError(
                f"All {len(train)} examples have more than {self.recipe.max_length} tokens",
                f"Give --max-length {long}",
            )
        if len(learned) < len(train):
            log.warning(
                "%d of %d examples have more than %d tokens and are left out: --max-length %d would take all",
                len(train) - len(learned), len(train), self.recipe.max_length, long,
            )  # fmt: skip
        measured, _ = spell_all(self.base, valid, self.recipe.max_length)
        longest = max(map(len, learned))
        counts = {"examples": len(learned), "left_out_too_long": len(train) - len(learned)}
        counts |= {"valid": len(measured), "tokens_per_epoch": sum(map(len, learned))}
        counts["answer_tokens_per_epoch"] = sum(len(each.answer) for each in learned)
        record = replace(self.record, counts=counts)
        with fitting.room_for(self.recipe, longest):
            model = load_model(self.base, four_bit=self.recipe.four_bit)
            make = partial(make_trainer, self.base, model, self.recipe, self.place.folder, learned, measured)
            done = fitting.fit(self.place, self.recipe, record, len(learned), make, self.progress)
            scores = self._score(done.trainer.model, done.losses, spread(valid, score))
        steps = fitting.steps_of(self.recipe, len(learned))
        record = replace(record, losses=done.losses, scores=scores, counts={**counts, "steps": steps})
        fitting.write(done.trainer.model, self.place, record)
        share = (steps - done.resumed) / steps
        tokens = int(share * self.recipe.epochs * counts["tokens_per_epoch"])
        return Trained(self.place.finished, record, done.resumed, done.seconds, tokens)

    def _score(
        self,
        model: Any,  # noqa: ANN401 - peft's model
        losses: Sequence[dict[str, float]],
        valid: Sequence[Example],
    ) -> dict[str, dict[str, float]]:
        scores: dict[str, dict[str, float]] = {}
        if valid:
            model.eval()
            if self.recipe.checkpointing:
                model.gradient_checkpointing_disable()
            # Nothing is kept for a backward pass: more of them fit at once.
            how: dict[str, Any] = {"batch": 4 * self.recipe.batch, "progress": self.progress}
            scores["valid"] = ask(model, self.base, valid, name="ask the adapter", **how)
            with model.disable_adapter():
                scores["base"] = ask(model, self.base, valid, name="ask the base", **how)
        loss = fitting.last_valid(losses)
        if loss is not None:
            scores.setdefault("valid", {})["loss"] = loss
        return scores


def spell_all(base: Base, examples: Sequence[Example], most: int) -> tuple[list[Spelled], int]:
    """The examples of up to ``most`` tokens in tokens, and the tokens of the longest of all.

    Longer ones are left out: cut, an answer would have no end to be learned.
    """
    spelled = [base.spell(each.question, each.messages[-1]["content"]) for each in examples]
    return [each for each in spelled if len(each) <= most], max(map(len, spelled), default=0)


def spread(examples: Sequence[Example], most: int) -> Sequence[Example]:
    """At most so many of them, evenly taken: a file may have one kind after the other."""
    return examples[:: -(-len(examples) // most)] if examples and most else ()


def make_trainer(
    base: Base,
    model: Any,  # noqa: ANN401 - a model of transformers
    recipe: Recipe,
    folder: Path,
    learned: Sequence[Spelled],
    measured: Sequence[Spelled],
    callbacks: Sequence[Any],
) -> Any:  # noqa: ANN401 - trl's SFTTrainer
    """Trl's trainer on questions in tokens; nothing of them is changed on the way.

    :param measured: for the loss after each epoch; may be empty.
    """
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    def rows(spelled: Sequence[Spelled]) -> Mapping[str, list[list[int]]]:
        made = [each.row for each in spelled]
        return {name: [row[name] for row in made] for name in ("input_ids", "labels")}

    arguments = fitting.trainer_arguments(recipe, folder, len(learned), len(measured))
    return SFTTrainer(
        model=model,
        args=SFTConfig(**arguments),
        train_dataset=Dataset.from_dict(dict(rows(learned))),
        eval_dataset=Dataset.from_dict(dict(rows(measured))) if measured else None,
        processing_class=base.tokenizer,
        peft_config=fitting.lora(recipe),
        callbacks=list(callbacks),
    )
