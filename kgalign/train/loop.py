"""The steps in which a student or an encoder learns: which batches, and by which loss, is said by either.

All dropout comes from the seed and the step: the same settings, the same model, also where the work was
stopped in between. Why the loop is our own: ``docs/decisions/0022-loops-of-our-own.md``.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from kgalign.base.memory import explained_memory
from kgalign.base.progress import Progress
from kgalign.errors import KgalignError
from kgalign.train.checkpoints import Checkpoints, Learned

_DECAY = 0.01
_CLIP = 1.0
_WARMUP = 0.1
"""Share of the steps in which the rate of learning rises; in the others it falls, to 0."""

Shown = TypeVar("Shown")
"""What a batch is made of."""


@dataclass(frozen=True, slots=True)
class Loop(Generic[Shown]):
    """Learns step by step, and goes on where it was stopped."""

    learner: Learned
    groups: Sequence[tuple[Sequence[Any], float]]
    """Weights that learn, and the highest rate at which they do."""
    loss: Callable[[Sequence[Shown]], Any]
    """The loss of a batch, a tensor."""
    epochs: int
    steps: int
    """In all epochs; each has as many."""
    seed: int
    checkpoints: Checkpoints
    memory: Callable[[int], tuple[str, str]]
    """Size of a batch → what is told where memory ran out, and what to do then."""
    no_number: str
    """What to do where the loss is no number."""
    parts: int = 1
    """In how many parts the batch of a step is learned from, one after the other; it takes less memory."""

    def run(self, name: str, batches: Iterable[Sequence[Shown]], progress: Progress) -> dict[str, float]:
        """Learn to the end, from where it was stopped if it was; the mean loss of every epoch.

        Raises:
            KgalignError: the loss is no number any more, or there is not enough memory.
            RunError: there is no room for what was learned.
        """
        import torch

        groups = [{"params": list(weights), "lr": rate} for weights, rate in self.groups]
        optimiser = torch.optim.AdamW(groups, weight_decay=_DECAY)
        losses = self.checkpoints.load(self.learner, optimiser)
        self.learner.train(True)
        with progress.task(name, self.steps, "steps") as task:
            task.advance(len(losses))
            for step, batch in enumerate(batches):
                if step < len(losses):
                    continue
                losses.append(self._step(step, batch, optimiser))
                task.advance()
                task.note(f"loss {np.mean(losses[-20:]):.3f}")
                self.checkpoints.save(self.learner, optimiser, losses)
        self.checkpoints.save(self.learner, optimiser, losses, now=True)
        each = self.steps // self.epochs
        return {
            f"loss of epoch {epoch + 1}": float(np.mean(losses[epoch * each : (epoch + 1) * each]))
            for epoch in range(self.epochs)
        }

    def _step(self, step: int, batch: Sequence[Shown], optimiser: Any) -> float:  # noqa: ANN401 - PyTorch's
        """One step of learning; the loss before it."""
        import torch

        # Dropout by the step, not by what was drawn before: so it goes on where it stopped.
        torch.manual_seed(self.seed * 1_000_003 + step)
        size = -(-len(batch) // self.parts)
        lost = 0.0
        with explained_memory(*self.memory(size)):
            for part in (batch[start : start + size] for start in range(0, len(batch), size)):
                loss = self.loss(part) * (len(part) / len(batch))
                lost += float(loss.detach())
                if not math.isfinite(lost):
                    told = f"The loss is no number any more in step {step + 1:,} of {self.steps:,}"
                    raise KgalignError(told, self.no_number)
                loss.backward()
            torch.nn.utils.clip_grad_norm_([each for weights, _ in self.groups for each in weights], _CLIP)
            for group, (_, highest) in zip(optimiser.param_groups, self.groups, strict=True):
                group["lr"] = highest * share_of_rate(step, self.steps)
            optimiser.step()
            optimiser.zero_grad()
        return lost


def share_of_rate(step: int, steps: int) -> float:
    """Share of the highest rate that a step learns with, above 0 and up to 1: linear warm-up, then decay.

    :param step: from 0.
    :param steps: in all.
    """
    first = max(1.0, _WARMUP * steps)
    return min((step + 1) / first, (steps - step) / max(1.0, steps - first), 1.0)
