"""Train a student: a cross-encoder on a small encoder, from questions with their answers.

The loss is listwise: the cross-entropy of the right one among the options of a question and "none of them",
whose score is always 0, so that what is learned is both which option is best and whether it is good enough
(as a pairwise loss would not: it never sees options beside each other). A question counts by its weight.

Every epoch shows each question with its answer and a few of its other options, half of them those that read
most like the record (hard negatives), half drawn by lot; a share of the questions is shown without the
answer, which makes "none" right. All chance comes from the seed, the epoch and the id of the question, so
that the same settings give the same model, also where the work was stopped in between.

On the valid split a temperature and a score for "none" are fitted, by which its probabilities mean what
they say (Guo et al., 2017, "On calibration of modern neural networks"); the test split is only measured.
"""

import hashlib
import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rapidfuzz import fuzz

from kgalign.base import files
from kgalign.base.progress import NoProgress, Progress
from kgalign.errors import InputError, MissingExtra
from kgalign.judge.student.model import (
    CARD,
    Card,
    Scorer,
    card_text,
    load_scorer,
    score_all,
    text_of,
    weights_digest,
)
from kgalign.train.checkpoints import Checkpoints, check_place, finished
from kgalign.train.data import SPLITS, About, Example, Split, number_of, read_data
from kgalign.train.encoder import CARD as ENCODER_CARD
from kgalign.train.loop import Loop
from kgalign.train.student_report import Item, describe, fit_calibration, measures

ENCODER = "encoder"
"""Setting in a card: the data that the encoder learned from with which the student began."""
_WINDOW = 16
"""Steps between whose questions those of like length are brought together."""


@dataclass(frozen=True, slots=True)
class StudentSettings:
    """How a student is trained. Chosen beforehand, by what is usual for encoders of this size."""

    epochs: int = 3
    batch: int = 8
    """Questions of a step."""
    seed: int = 0
    max_pairs: int | None = None
    """Most pairs of an epoch; questions are left out by lot beyond it. None for no limit."""
    options: int = 4
    """Most options of a question that are shown in one epoch."""
    without: float = 0.15
    """Share of the questions with an answer that are shown without it."""
    rate: float = 1e-4
    """Highest rate of learning."""
    head_rate: float = 1e-3
    """The same of the new layer on top."""
    max_tokens: int = 128
    bf16: bool = False
    """Whether to compute in bfloat16: faster on processors and GPUs that have it."""


def train_student(
    data: Path,
    encoder: str,
    out: Path,
    settings: StudentSettings | None = None,
    *,
    threads: int | None = None,
    checkpoint_seconds: float = 60.0,
    progress: Progress | None = None,
) -> Card:
    """Train a student and write it to a folder, which gets its name when all is in it.

    Args:
        data: folder of examples.
        encoder: folder or name of the encoder that it begins from.
        out: folder for the student; it must not be there yet. What was learned of one that was stopped lies
            beside it, hidden, and is gone on with.
        settings: how it is trained.
        threads: of the processor; None for as many as PyTorch takes.
        checkpoint_seconds: how often what was learned is kept.
        progress: where it reports how far it is.

    Raises:
        InputError: the examples can't be used.
        MissingExtra: PyTorch or transformers is not installed.
        RunError: there is something under that name already, or it can't be written.
        KgalignError: the encoder can't be loaded, there is not enough memory, or the loss is no number.
    """
    settings = settings or StudentSettings()
    progress = progress or NoProgress()
    check_place(out)
    about, splits = read_data(data)
    items = {split: [item_of(each) for each in splits[split]] for split in SPLITS}
    _check(items["train"], data)
    _need_torch()
    scorer = load_scorer(encoder, settings.max_tokens, threads=threads)
    base_digest = _base_digest(scorer)
    kept = [asdict(settings), about.digest, base_digest]
    with Checkpoints(out, kept, every=checkpoint_seconds) as checkpoints:
        figures = _Training(scorer, items["train"], settings).run(checkpoints, progress)
        card = _card(scorer, items, settings, about, Path(encoder), base_digest, figures)
        return _save(scorer, card, checkpoints.folder, out)


def item_of(example: Example) -> Item:
    """An example, ready to be shown."""
    if len(example.options) != len(example.labels) - 1:
        raise InputError(
            f"The example {example.id} has {len(example.options)} options and {len(example.labels)} labels",
            "Make the examples again",
        )
    record, options = text_of(example.asker), tuple(text_of(each) for each in example.options)
    return Item(example.id, record, options, number_of(example, example.answer), example.weight)


def _check(items: Sequence[Item], data: Path) -> None:
    """Refuse examples from which nothing can be learned."""
    usable = [each for each in items if each.weight > 0 and each.options]
    if not usable:
        raise InputError(f"{data} has no examples to learn from", "Make some with `kgalign train examples`")
    right = sum(each.answer > 0 for each in usable)
    wrong = sum(len(each.options) - (each.answer > 0) for each in usable)
    if not (right and wrong):
        missing = "wrong option" if right else "right one"
        raise InputError(
            f"The {len(usable)} examples of {data} are all of one class: there is no {missing} among their "
            "options",
            "Make examples with both, as `kgalign train examples` does",
        )


def _need_torch() -> None:
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingExtra("Training a student", "train") from error


def _chance(*parts: object) -> random.Random:
    """Chance that depends on these alone."""
    return random.Random(hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).digest())


class _Training:
    """What a student is shown, and by what loss it learns."""

    def __init__(self, scorer: Scorer, items: Sequence[Item], settings: StudentSettings) -> None:
        self.scorer, self.settings = scorer, settings
        self.items = _within(items, settings)
        self.hard = {each.id: _hardest(each) for each in self.items}

    def run(self, checkpoints: Checkpoints, progress: Progress) -> dict[str, float]:
        """Train to the end, from where it was stopped if it was; the mean loss of every epoch."""
        settings, encoder = self.settings, self.scorer.encoder
        # The vectors of words are as good as they get: few questions teach no word anew, and all would be
        # written again in every step.
        encoder.get_input_embeddings().weight.requires_grad_(False)
        body = [each for each in encoder.parameters() if each.requires_grad]
        size = settings.batch
        smaller = f"Try --batch {size // 2}" if size > 1 else "Free some memory, or take a smaller encoder"
        loop = Loop(
            learner=self.scorer,
            groups=[(body, settings.rate), (list(self.scorer.head.parameters()), settings.head_rate)],
            loss=self._loss,
            epochs=settings.epochs,
            steps=math.ceil(len(self.items) / size) * settings.epochs,
            seed=settings.seed,
            checkpoints=checkpoints,
            memory=lambda _: (f"There is not enough memory for {size} questions at once", smaller),
            no_number="Try it without --bf16" if settings.bf16 else "Take another encoder",
        )
        return loop.run("training the student", self._batches(), progress)

    def _batches(self) -> Iterator[list[Item]]:
        """The questions of each step, as they are shown in it.

        Questions of like length share a step, as all pairs of a step are as long as its longest.
        """
        size, seed = self.settings.batch, self.settings.seed
        for epoch in range(self.settings.epochs):
            order, chance = list(self.items), _chance(seed, "order", epoch)
            chance.shuffle(order)
            for start in range(0, len(order), size * _WINDOW):
                window = [self._shown(each, epoch) for each in order[start : start + size * _WINDOW]]
                window.sort(key=lambda each: len(each.record) + max(map(len, each.options), default=0))
                steps = [window[first : first + size] for first in range(0, len(window), size)]
                chance.shuffle(steps)
                yield from steps

    def _shown(self, item: Item, epoch: int) -> Item:
        """A question with some of its options."""
        settings, chance = self.settings, _chance(self.settings.seed, item.id, epoch)
        keeps = bool(item.answer) and not (len(item.options) > 1 and chance.random() < settings.without)
        others = self.hard[item.id]
        room = max(1, settings.options - keeps)
        first = others[: (room + 1) // 2]
        rest = others[len(first) :]
        chosen = [*first, *chance.sample(rest, min(room - len(first), len(rest)))]
        places = ([item.answer - 1] if keeps else []) + chosen
        return Item(item.id, item.record, tuple(item.options[k] for k in places), int(keeps), item.weight)

    def _loss(self, batch: Sequence[Item]) -> Any:  # noqa: ANN401 - a tensor
        import torch

        device = self.scorer.encoder.device.type
        with torch.autocast(device, dtype=torch.bfloat16, enabled=self.settings.bf16):
            scores = self.scorer([(each.record, option) for each in batch for option in each.options])
        return _listwise(scores, batch)


def _listwise(scores: Any, batch: Sequence[Item]) -> Any:  # noqa: ANN401 - tensors
    """Weighted mean over the questions of the cross-entropy of the answer, "none" scoring 0."""
    import torch

    sizes = [len(each.options) for each in batch]
    widest = max(sizes)
    rows = [torch.nn.functional.pad(part, (1, 0)) for part in scores.split(sizes)]
    filled = [torch.nn.functional.pad(row, (0, widest + 1 - len(row)), value=-math.inf) for row in rows]
    answers = torch.tensor([each.answer for each in batch], device=scores.device)
    weights = torch.tensor([each.weight for each in batch], device=scores.device)
    losses = torch.nn.functional.cross_entropy(torch.stack(filled), answers, reduction="none")
    return (losses * weights).sum() / weights.sum()


def _within(items: Sequence[Item], settings: StudentSettings) -> list[Item]:
    """The questions that are learned from, in an order by lot, as many as the limit lets in."""
    usable = [each for each in items if each.weight > 0 and each.options]
    order = sorted(usable, key=lambda each: (_chance(settings.seed, "limit", each.id).random(), each.id))
    if settings.max_pairs is None:
        return order
    sizes = np.cumsum([min(len(each.options), settings.options) for each in order])
    return order[: max(1, int(np.searchsorted(sizes, settings.max_pairs, side="right")))]


def _hardest(item: Item) -> list[int]:
    """Places of the wrong options, those that read most like the record first."""
    wrong = [place for place in range(len(item.options)) if place != item.answer - 1]
    like = {place: fuzz.token_set_ratio(item.record, item.options[place]) for place in wrong}
    return sorted(wrong, key=lambda place: (-like[place], item.options[place]))


def _card(
    scorer: Scorer,
    items: Mapping[Split, Sequence[Item]],
    settings: StudentSettings,
    about: About,
    base: Path,
    base_digest: str,
    figures: Mapping[str, float],
) -> Card:
    """Calibrate and measure; the digest of the weights is still missing."""
    scores = dict(figures)
    calibration = (1.0, 0.0)
    for split in ("valid", "test"):
        part = items[split]
        raw = score_all(scorer, [(each.record, each.options) for each in part])
        if split == "valid" and part:
            calibration = fit_calibration(raw, [each.answer for each in part])
        scores |= {f"{split} {name}": value for name, value in measures(raw, part, calibration).items()}
    return Card(
        base=base.name,
        base_digest=base_digest,
        data_digest=about.digest,
        weights_digest="",
        max_tokens=scorer.max_tokens,
        temperature=calibration[0],
        none=calibration[1],
        settings=asdict(settings) | {"data": about.settings} | _taught(base),
        counts={
            name: count
            for split in SPLITS
            for name, count in (
                (split, len(items[split])),
                (f"{split} pairs", sum(len(each.options) for each in items[split])),
            )
        },
        scores=scores,
    )


def _taught(encoder: Path) -> dict[str, str]:
    """What an encoder learned from, if it was trained on runs: it may be what a student is tested on."""
    for name in (ENCODER_CARD, CARD):  # a student can be begun from as well
        try:
            card = json.loads((encoder / name).read_text(encoding="utf8"))
            return {ENCODER: str(card["data_digest"])}
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError):
            return {ENCODER: "unknown"}
    return {}


def _base_digest(scorer: Scorer) -> str:
    """SHA-256 of a model's weights."""
    digest = hashlib.sha256()
    for name, values in sorted(scorer.state().items()):
        digest.update(name.encode() + values.cpu().numpy().tobytes())
    return digest.hexdigest()


def _save(scorer: Scorer, card: Card, folder: Path, out: Path) -> Card:
    """Write model, card and description beside the place, and move them there."""
    with finished(folder, out) as place:
        scorer.save(place)
        card = replace(card, weights_digest=weights_digest(place))
        files.write_text(place / "README.md", describe(card))
        files.write_text(place / CARD, card_text(card))
    return card
