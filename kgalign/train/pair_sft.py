"""Fine-tuning a judge of pairs: a small language model that says " yes" or " no" after two records.

Learned is from the two numbers of the answer alone, which of " yes" and " no" is likelier: a loss over all
words of the language teaches a small model how often each answer comes and little else.
"""

import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kgalign.base import files
from kgalign.base.memory import available, explained_memory
from kgalign.base.progress import NoProgress, Progress
from kgalign.errors import InputError, MissingExtra
from kgalign.llm.builtin.reader import Reader, load_reader
from kgalign.llm.weights import weights_mark
from kgalign.train.adapters import RECORD, AdapterRecord, write_record
from kgalign.train.checkpoints import Checkpoints, check_place, finished
from kgalign.train.data import Example, read_data
from kgalign.train.loop import Loop
from kgalign.train.pair_items import PairItem, chance_of, mixed, plain, varied
from kgalign.train.pair_measures import fit_temperature, measures

FULL_RATE = 5e-5
"""Highest rate of learning where all weights are trained."""
_MEASURED = 120
"""Pairs of a family kept apart that are measured at the end."""


@dataclass(frozen=True, slots=True)
class PairSettings:
    """Everything that decides what is learned from the same examples."""

    pairs: int = 2400
    """Most pairs of an epoch, all families together. A base of 135 million parameters has learned next to
    nothing after 400."""
    epochs: int = 1
    batch: int = 8
    """Pairs of a step."""
    rank: int = 16
    """Of the adapter; 0 to train all weights."""
    rate: float = 4e-4
    """Highest rate of learning: 4e-4 for an adapter, 5e-5 for all weights."""
    seed: int = 0
    half: bool | None = None
    """Whether to compute in bfloat16; None for where the processor has it."""


@dataclass(frozen=True, slots=True)
class PairsTrained:
    """What came of it."""

    record: AdapterRecord
    seconds: float


def read_families(folders: Mapping[str, Path]) -> tuple[dict[str, dict[str, list[Example]]], dict[str, str]]:
    """The examples of each family by split, and the SHA-256 of all its examples.

    :param folders: name of a family → folder of examples.
    :raises InputError: a folder holds no examples.
    """
    read: dict[str, dict[str, list[Example]]] = {}
    digests: dict[str, str] = {}
    for name, folder in sorted(folders.items()):
        about, splits = read_data(folder)
        read[name], digests[name] = {str(split): part for split, part in splits.items()}, about.digest
    return read, digests


def train_pairs(
    base: Path,
    families: Mapping[str, Path],
    out: Path,
    settings: PairSettings | None = None,
    *,
    left_out: Mapping[str, Path] | None = None,
    threads: int | None = None,
    checkpoint_seconds: float = 60.0,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> PairsTrained:
    """Train a judge of pairs and write it to a folder, which gets its name when all is in it.

    Killed, it goes on from the last checkpoint when it is called again with the same settings.

    Args:
        base: folder of the model.
        families: name of a family → folder of examples to learn from.
        out: folder of the adapter, or of the model where all weights are trained; not there yet.
        settings: how it is trained.
        left_out: families that are measured alone, on all examples of their tests.
        threads: of the processor; None for as many as PyTorch takes.
        checkpoint_seconds: how often what was learned is kept.
        progress: where it reports how far it is.
        tell: is told beforehand how long it will take and how much memory.

    Raises:
        InputError: the examples can't be used.
        MissingExtra: PyTorch, transformers or peft is not installed.
        RunError: something is in ``out`` already, or it can't be written.
        KgalignError: the model can't be loaded, or there is not enough memory.
    """
    settings, progress = settings or PairSettings(), progress or NoProgress()
    check_place(out)
    splits, digests = read_families(families)
    items = mixed({name: each["train"] for name, each in splits.items()}, settings.pairs, settings.seed)
    _check(items)
    valid = mixed({name: each["valid"] for name, each in splits.items()}, _MEASURED, settings.seed)
    tests = {name: parts["test"] for name, parts in read_families(left_out or {})[0].items()}
    reader = open_learner(base, settings, threads)
    mark = weights_mark(base)
    began = time.monotonic()
    with Checkpoints(out, [asdict(settings), digests, mark], every=checkpoint_seconds) as checkpoints:
        training = _Training(reader, items, settings)
        if tell:
            tell(training.forecast())
        losses = training.run(checkpoints, progress)
        seconds = time.monotonic() - began
        reader.train(False)
        valid_odds = _odds(reader, valid)
        temperature = fit_temperature(valid_odds, [each.same for each in valid])
        scores = {"valid": measures(valid, valid_odds, temperature)}
        for name, examples in tests.items():
            part = mixed({name: examples}, _MEASURED, settings.seed)
            scores[f"left out: {name}"] = measures(part, _odds(reader, part), temperature)
        record = AdapterRecord(
            how="sft",
            base=base.resolve().name,
            base_mark=mark,
            settings=asdict(settings) | {"form": "pair", "temperature": temperature, "data": digests},
            counts={
                "pairs": len(items),
                "pairs that are the same": sum(each.same for each in items),
                "steps": _steps(items, settings),
            },
            losses=losses,
            scores=scores,
        )
        with finished(checkpoints.folder, out) as place:
            save(reader, place, record.base)
            write_record(place, record, out.name)
    return PairsTrained(record, seconds)


def remove_trained(out: Path) -> None:
    """Make room for a judge that is trained anew; what no training wrote is left alone."""
    if (out / RECORD).is_file():
        files.remove(out)
    files.remove(out.parent / f".{out.name}.partial")


def open_learner(base: Path, settings: PairSettings, threads: int | None) -> Reader:
    """The model, its weights held still where an adapter on them learns.

    :raises MissingExtra: PyTorch, transformers or peft is not installed.
    """
    try:
        import torch
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise MissingExtra("Training a judge of pairs", "train") from error
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(settings.seed)
    loaded = load_reader(base, half=settings.half)
    if not settings.rank:
        # Small steps would be lost in bfloat16: weights that learn are kept in 32 bit.
        loaded.model.float()
        return loaded
    layers = LoraConfig(
        r=settings.rank, lora_alpha=settings.rank, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    return Reader(get_peft_model(loaded.model, layers), loaded.tokenizer, loaded.answers, loaded.half)


def save(reader: Reader, folder: Path, base: str) -> None:
    """Write what learned: an adapter in bfloat16, or the whole model with its tokenizer.

    :param base: what the adapter calls the model that it belongs to, in place of where it lies here.
    """
    import torch

    if hasattr(reader.model, "peft_config"):
        for each in reader.model.peft_config.values():
            each.base_model_name_or_path = base
        for each in reader.model.parameters():
            if each.requires_grad:
                each.data = each.data.to(torch.bfloat16)
    else:
        reader.tokenizer.save_pretrained(folder)
    reader.model.save_pretrained(folder)
    for path in folder.iterdir():
        path.chmod(0o644)  # weights are written so that nobody else may read them


def _check(items: Sequence[PairItem]) -> None:
    same = sum(each.same for each in items)
    if same in (0, len(items)):
        missing = "the same thing" if same == 0 else "different things"
        raise InputError(
            f"None of the {len(items)} pairs to learn from are {missing}", "Make examples with both answers"
        )


def _odds(reader: Reader, items: Sequence[PairItem]) -> list[float]:
    return reader.odds(reader.tokens([plain(each) for each in items]))


def _steps(items: Sequence[PairItem], settings: PairSettings) -> int:
    return -(-len(items) // settings.batch) * settings.epochs


def parts_for(batch: int, tokens: int, config: Mapping[str, Any], free: int | None) -> int:
    """In how many parts a step is learned from, so that what its layers hold fits half of the free memory.

    A layer keeps for the way back some 14 numbers of its width and 6 of its inner width for each token, of
    32 bit each; of SmolLM2 some 220 MB a pair of 160 tokens, measured 250.

    >>> width = {"num_hidden_layers": 20, "hidden_size": 576, "intermediate_size": 1536}
    >>> parts_for(8, 160, width, 24 * 2**30), parts_for(8, 160, width, 2 * 2**30)
    (1, 2)

    :param batch: pairs of a step.
    :param tokens: of the longest.
    :param config: of the model.
    :param free: bytes, None where that is not known.
    """
    width = [config.get(name) for name in ("num_hidden_layers", "hidden_size", "intermediate_size")]
    if not free or not all(isinstance(each, int) for each in width):
        return 1
    layers, hidden, inner = map(int, width)  # type: ignore[arg-type]
    pair = tokens * layers * (14 * hidden + 6 * inner) * 4
    return min(batch, -(-batch // max(1, free // 2 // pair)))


def _too_large(size: int) -> tuple[str, str]:
    return f"There is not enough memory for {size} pairs at once", f"Try --batch {max(1, size // 2)}"


class _Training:
    """What is shown in each step, and by what loss it is learned from."""

    def __init__(self, reader: Reader, items: Sequence[PairItem], settings: PairSettings) -> None:
        self.reader, self.items, self.settings = reader, items, settings
        self.rows = reader.tokens([plain(each) for each in items])
        self.parts = parts_for(
            settings.batch, max(map(len, self.rows)), reader.model.config.to_dict(), available()
        )

    def run(self, checkpoints: Checkpoints, progress: Progress) -> list[dict[str, float]]:
        """Train to the end, from where it was stopped if it was; the mean loss of every epoch."""
        settings = self.settings
        learns = [each for each in self.reader.model.parameters() if each.requires_grad]
        loop = Loop(
            learner=self.reader,
            groups=[(learns, settings.rate)],
            loss=self._loss,
            epochs=settings.epochs,
            steps=_steps(self.items, settings),
            seed=settings.seed,
            checkpoints=checkpoints,
            memory=_too_large,
            no_number="Try a lower --learning-rate",
            parts=self.parts,
        )
        found = loop.run("training the judge of pairs", self._batches(), progress)
        return [{"epoch": number + 1.0, "loss": loss, "step": float((number + 1) * loop.steps // loop.epochs)}
                for number, loss in enumerate(found.values())]  # fmt: skip

    def forecast(self) -> str:
        """What learning will take, from the longest pairs of all, which are learned from and forgotten."""
        rows = self.rows
        longest = sorted(zip(rows, self.items, strict=True), key=lambda each: -len(each[0]))
        batch, seconds = longest[: -(-self.settings.batch // self.parts)], 0.0
        self.reader.train(True)
        # The first time, what runs for tensors of a shape is made ready.
        for _ in range(2):
            began = time.perf_counter()
            with explained_memory(*_too_large(len(batch))):
                self._loss(batch).backward()
            seconds = time.perf_counter() - began
        self.reader.model.zero_grad()
        share = sum(map(len, rows)) / len(rows) / max(map(len, rows))
        minutes = seconds * self.parts * (1 + share) / 2 * _steps(self.items, self.settings) / 60
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        parts = f" Each step is learned in {self.parts} parts: memory is short." if self.parts > 1 else ""
        return (
            f"Learning from {len(self.items):,} pairs takes some {max(1, round(minutes))} minutes and "
            f"{memory:.1f} GiB of memory.{parts}"
        )

    def _batches(self) -> Iterator[list[tuple[list[int], PairItem]]]:
        """The pairs of each step in tokens.

        Chance mixes them. Sorted by length they would be read faster, and each step would be of one family.
        """
        size, seed = self.settings.batch, self.settings.seed
        for epoch in range(self.settings.epochs):
            order = list(self.items)
            chance_of(seed, "order", epoch).shuffle(order)
            for start in range(0, len(order), size):
                part = order[start : start + size]
                rows = self.reader.tokens([varied(each, seed, epoch) for each in part])
                yield list(zip(rows, part, strict=True))

    def _loss(self, batch: Sequence[tuple[list[int], PairItem]]) -> Any:  # noqa: ANN401 - a tensor
        """Weighted mean cross-entropy of yes against no."""
        import torch

        odds = self.reader.margins([row for row, _ in batch])
        same = torch.tensor([float(each.same) for _, each in batch], device=odds.device)
        weight = torch.tensor([each.weight for _, each in batch], device=odds.device)
        losses = torch.nn.functional.binary_cross_entropy_with_logits(odds, same, reduction="none")
        return (losses * weight).sum() / weight.sum()
