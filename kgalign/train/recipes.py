"""How an adapter is trained, and the settings to begin from.

The recipe is that of DistillER (2602.05452, its code): LoRA of rank 16 and alpha 16, learning rate 2e-4,
three epochs, eight questions to a step, the base in 4 bit. ``tailormatch`` is that of TailorMatch
(2409.08185, ``src/fine-tuning.py``): rank 64, alpha 16, dropout 0.1, ten epochs, forty questions to a step.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from kgalign.errors import KgalignError


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what is learned from the same examples."""

    rank: int = 16
    """Of the two factors that are added to each weight."""
    alpha: int = 16
    """The product of the factors is scaled by alpha over rank."""
    dropout: float = 0.0
    learning_rate: float = 2e-4
    warmup: float = 0.03
    """Share of the steps in which the learning rate rises; then it falls to 0 on a straight line."""
    epochs: float = 3.0
    batch: int = 2
    """Questions that are in memory at once."""
    accumulate: int = 4
    """Batches to a step: questions to a step are ``batch`` times this."""
    max_length: int = 4096
    """Most tokens of a question and its answer. Longer ones are left out: cut, they would not end."""
    four_bit: bool = False
    """Whether the base is loaded in 4 bit (NF4); needs CUDA and bitsandbytes."""
    checkpointing: bool = False
    """Whether activations are computed again instead of kept: a fifth slower, far less memory."""
    save_every: int = 50
    """Steps after which the work so far is on disk."""
    seed: int = 0
    beta: float = 0.1
    """Of DPO alone: how dear it is to depart from the model that it begins with."""

    @property
    def questions_per_step(self) -> int:
        """Questions from which one step is computed."""
        return self.batch * self.accumulate


SFT: dict[str, Recipe] = {
    "cpu-tiny": Recipe(learning_rate=2e-3, batch=4, accumulate=1),
    "gpu-24gb": Recipe(four_bit=True, checkpointing=True),
    "gpu-80gb": Recipe(batch=8, accumulate=1, checkpointing=True),
    "tailormatch": Recipe(
        rank=64, dropout=0.1, epochs=10, batch=8, accumulate=5, checkpointing=True, four_bit=True
    ),
}
"""For a kind of machine: a model of up to some hundred million parameters on a CPU, of 7 to 8 billion on a
GPU of 24 GB, of up to 32 billion on one of 80 GB."""

_ABOVE_NOTHING = ("rank", "alpha", "learning_rate", "epochs", "batch", "accumulate", "max_length",
                  "save_every", "beta")  # fmt: skip

DPO: dict[str, Recipe] = {
    name: replace(recipe, learning_rate=recipe.learning_rate / 20, epochs=1.0)
    for name, recipe in SFT.items()
    if name != "tailormatch"
}
"""The same for DPO: one epoch, since more collapse (DistillER, ``RL - Epochs.md``: mean F1 .78 after the
first, .42 after the third), in steps a twentieth as long."""


def recipe_of(preset: str, given: Mapping[str, object], presets: Mapping[str, Recipe] = SFT) -> Recipe:
    """A preset with what was given in place of its own.

    :param given: name of a setting → value; None where it was not given.
    :raises KgalignError: there is no such preset, or a setting can't be.
    """
    if preset not in presets:
        raise KgalignError(f"There is no preset {preset!r}", f"Give one of {', '.join(presets)}")
    chosen = {each.name: given.get(each.name) for each in fields(Recipe)}
    # 3 and 3.0 are the same setting, and are to be known by the same name.
    own = {name: type(getattr(presets[preset], name)) for name in chosen}
    made = replace(
        presets[preset], **{name: own[name](value) for name, value in chosen.items() if value is not None}
    )
    for name in _ABOVE_NOTHING:
        if not getattr(made, name) > 0:
            raise KgalignError(f"--{name.replace('_', '-')} must be more than 0", "Give another")
    if not (0 <= made.dropout < 1 and 0 <= made.warmup < 1):
        raise KgalignError("--dropout and --warmup are shares from 0 to below 1", "Give others")
    return made
