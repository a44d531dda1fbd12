"""The steps in which an encoder learns: what is the same comes together, all else in the batch moves apart.

The loss is that of contrast (InfoNCE; with links as "multiple negatives ranking", Henderson et al., 2017): a
left text is to find its partner among all right texts of the batch and the candidates that lost in retrieval,
and a right text its partner among the left ones. Texts that may be the same are no negatives of each other.
Where there are no links, a text is to find itself, read a second time with other dropout (SimCSE, Gao et
al., 2021). A link counts by its probability. A decoder may learn before by guessing masked words.

All chance comes from the seed, the epoch and the step: the same settings, the same model, also where the
work was stopped in between.
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kgalign.base.progress import Progress
from kgalign.train.checkpoints import Checkpoints
from kgalign.train.encoder_models import How, Learner
from kgalign.train.encoder_pairs import Pair
from kgalign.train.labels import SourceName
from kgalign.train.loop import Loop
from kgalign.train.splitting import drawn

_WINDOW = 16
"""Steps between whose pairs those of like length are brought together."""


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """How an encoder is trained. Chosen beforehand, by what is usual in the literature."""

    how: How = "links"
    """From what; where it is not links, they are only measured on."""
    epochs: int = 0
    """0 for as usual: 3 with links, 1 with texts alone."""
    batch: int = 32
    """Pairs of a step: each is told apart from all others."""
    negatives: int = 2
    """Most candidates that lost, shown with each link."""
    rate: float = 0.0
    """Highest rate of learning; 0 for as usual: with links 5e-5, and 2e-4 for the adapter of a decoder;
    SimCSE 3e-5, masked words 5e-5."""
    temperature: float = 0.05
    """Cosines are divided by it."""
    max_pairs: int | None = None
    """Most pairs; others are left out by lot, and in no epoch seen. None for no limit."""
    bf16: bool = False
    """Whether to compute in bfloat16."""
    seed: int = 0
    sources: tuple[SourceName, ...] = ()
    """Whose links, besides gold; empty for gold alone where there is some to learn from, else for all."""
    test: float = 0.2
    """Share of the linked entities that is held out."""

    def settled(self, spec: str) -> "EncoderSettings":
        """The same with all that is as usual for a model."""
        links = self.how == "links"
        usual = {"links": 2e-4 if spec.startswith("llm2vec:") else 5e-5, "simcse": 3e-5, "mntp": 5e-5}
        return replace(
            self,
            epochs=self.epochs or (3 if links else 1),
            negatives=self.negatives if links else 0,
            rate=self.rate or usual[self.how],
        )


class Learning:
    """What an encoder is shown, and by what loss it learns."""

    def __init__(self, learner: Learner, pairs: Sequence[Pair], settings: EncoderSettings) -> None:
        self.learner, self.settings = learner, settings
        self.pairs = _within(pairs, settings)

    @property
    def counts(self) -> dict[str, int]:
        """How much is learned from."""
        return {
            "pairs to learn from": len(self.pairs),
            "hard negatives": sum(len(each.hard) for each in self.pairs),
        }

    def run(self, checkpoints: Checkpoints, progress: Progress) -> dict[str, float]:
        """Learn to the end, from where it was stopped if it was; the mean loss of every epoch."""
        settings = self.settings
        each = sum(math.ceil(len(part) / settings.batch) for part in _by_run(self.pairs))
        loop = Loop(
            learner=self.learner,
            groups=[(self.learner.trained(), settings.rate)],
            loss=self._loss,
            epochs=settings.epochs,
            steps=each * settings.epochs,
            seed=settings.seed,
            checkpoints=checkpoints,
            memory=lambda size: (f"There is not enough memory for {size} pairs at once", self._smaller(size)),
            no_number=f"Try a lower --lr than {settings.rate:g}, or a higher --temperature",
        )
        return loop.run("training the encoder", self._batches(), progress)

    def _batches(self) -> Iterator[list[Pair]]:
        """The pairs of each step, all of one run and of like length, as they are shown in it."""
        settings = self.settings
        for epoch in range(settings.epochs):
            chance = random.Random(drawn(settings.seed, "order", epoch))
            steps: list[list[Pair]] = []
            for pairs in _by_run(self.pairs):
                order = list(pairs)
                chance.shuffle(order)
                count = math.ceil(len(order) / settings.batch)
                for window in np.array_split(np.arange(count), max(1, math.ceil(count / _WINDOW))):
                    # As even as can be: a pair that is alone in its batch has nothing to be told from.
                    low, high = (round(end * len(order) / count) for end in (window[0], window[-1] + 1))
                    near = sorted(order[low:high], key=lambda each: len(each.left) + len(each.right))
                    parts = np.array_split(np.arange(len(near)), len(window))
                    steps += [[near[place] for place in part] for part in parts]
            chance.shuffle(steps)
            for step in steps:
                yield [self._shown(each, epoch) for each in step]

    def _shown(self, pair: Pair, epoch: int) -> Pair:
        """A pair with some of its candidates that lost: half the nearest, half by lot."""
        most = self.settings.negatives
        if len(pair.hard) <= most:
            return pair
        chance = random.Random(drawn(self.settings.seed, "hard", epoch, pair.left, pair.right))
        first = (most + 1) // 2
        return replace(pair, hard=(*pair.hard[:first], *chance.sample(pair.hard[first:], most - first)))

    def _loss(self, batch: Sequence[Pair]) -> Any:  # noqa: ANN401 - a tensor
        import torch

        lefts = [pair.left for pair in batch]
        hard = list(dict.fromkeys(text for pair in batch for text in pair.hard))
        with torch.autocast(self.learner.device, dtype=torch.bfloat16, enabled=self.settings.bf16):
            if self.settings.how == "mntp":
                return self.learner.guess(lefts)
            vectors = self.learner([*lefts, *(pair.right for pair in batch), *hard])
        return contrast(vectors.float(), batch, hard, self.settings.temperature)

    def _smaller(self, size: int) -> str:
        """What to try where there was too little memory; fewer than two pairs teach nothing."""
        if size >= 4:
            return f"Try --batch {size // 2}"
        if self.settings.negatives:
            return "Try --negatives 0"
        return "Free some memory, or take a smaller encoder"


def contrast(vectors: Any, batch: Sequence[Pair], hard: Sequence[str], temperature: float) -> Any:  # noqa: ANN401
    """The loss of a batch, a tensor: mean over both directions, each pair by its weight.

    :param vectors: (2 · pairs + hard, dimensions) of the left texts, the right ones, and those that lost.
    :param hard: the texts of these.
    """
    import torch

    count = len(batch)
    unit = torch.nn.functional.normalize(vectors, dim=1)
    lefts, rights = unit[:count], unit[count:]
    columns = [*(pair.right for pair in batch), *hard]
    unsure = torch.tensor(
        [
            [place != row and text in pair.same for place, text in enumerate(columns)]
            for row, pair in enumerate(batch)
        ],
        device=vectors.device,
    )
    scores = (lefts @ rights.T / temperature).masked_fill(unsure, -math.inf)
    answers = torch.arange(count, device=vectors.device)
    forth = torch.nn.functional.cross_entropy(scores, answers, reduction="none")
    back = torch.nn.functional.cross_entropy(scores[:, :count].T, answers, reduction="none")
    weights = torch.tensor([pair.weight for pair in batch], device=vectors.device)
    return ((forth + back) / 2 * weights).sum() / weights.sum()


def _within(pairs: Sequence[Pair], settings: EncoderSettings) -> list[Pair]:
    """The pairs that are learned from, in an order by lot, as many as the limit lets in."""
    marked = sorted(
        pairs, key=lambda each: (drawn(settings.seed, "limit", each.run, each.left, each.right), each.run)
    )
    return [each for each in marked if each.weight > 0][: settings.max_pairs]


def _by_run(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """The pairs of each run: those of one are harder to tell apart than those of two."""
    found: dict[int, list[Pair]] = {}
    for pair in pairs:
        found.setdefault(pair.run, []).append(pair)
    return [found[run] for run in sorted(found)]
