"""What the commands that train adapters share."""

import os
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kgalign.base.logs import printable

from .common import Number
from .paths import PATH

if TYPE_CHECKING:
    from kgalign.train.trainer import Trained

Command = TypeVar("Command", bound=Callable[..., Any])

PRESETS = ("cpu-tiny", "gpu-24gb", "gpu-80gb", "tailormatch")


def base_option(command: Command) -> Command:
    """The option ``--base``."""
    help_text = "Model to train upon: a folder, or a name on the hub that was fetched before."
    return click.option("--base", required=True, metavar="MODEL", help=help_text)(command)


def out_option(command: Command) -> Command:
    """The option ``-o``."""
    help_text = "Folder of the adapter; it has this name when it is finished."
    return click.option("-o", "--out", required=True, type=PATH, metavar="ADAPTER", help=help_text)(command)


def templates_option(command: Command) -> Command:
    """The option ``--templates``."""
    help_text = "Folder of the prompts that the questions were asked by, if not those of the package."
    return click.option("--templates", type=PATH, metavar="DIR", help=help_text)(command)


def settings_options(command: Command) -> Command:
    """Options for how to train; each without a value is as the preset has it."""
    whole, number = click.IntRange(1), Number(0)
    for option in reversed(
        [
            click.option(
                "--preset",
                type=click.Choice(PRESETS),
                default="cpu-tiny",
                show_default=True,
                help="Settings for a kind of machine, or of a paper.",
            ),
            click.option("--rank", type=whole, metavar="N", help="Rank of the adapter."),
            click.option("--alpha", type=whole, metavar="N", help="It is scaled by alpha over rank."),
            click.option("--dropout", type=number, metavar="SHARE", help="Dropout before the adapter."),
            click.option(
                "--learning-rate", "--lr", type=number, metavar="RATE", help="Highest learning rate."
            ),
            click.option("--warmup", type=number, metavar="SHARE", help="Share of steps in which it rises."),
            click.option(
                "--epochs", type=number, metavar="N", help="How often each example is learned from."
            ),
            click.option("--batch", type=whole, metavar="N", help="Questions in memory at once."),
            click.option("--accumulate", type=whole, metavar="N", help="Batches to a step."),
            click.option(
                "--max-length",
                type=whole,
                metavar="TOKENS",
                help="Longer questions are left out and counted.",
            ),
            click.option(
                "--four-bit/--no-four-bit", default=None, help="Load the base in 4 bit; needs CUDA."
            ),
            click.option(
                "--checkpointing/--no-checkpointing", default=None, help="Compute again instead of keeping."
            ),
            click.option("--save-every", type=whole, metavar="STEPS", help="How often the work is saved."),
            click.option("--seed", type=click.IntRange(0, 2**32 - 1), metavar="N", help="Seed of all draws."),
            click.option("--force", is_flag=True, help="Train anew what is there or was begun."),
            click.option("--allow-download", is_flag=True, help="Fetch the model from the hub if need be."),
        ]
    ):
        command = option(command)
    return command


def stay_offline(allow_download: bool) -> None:
    """Keep libraries from asking the hub anything; before they are imported."""
    if not allow_download:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")


def say_trained(base: str, trained: "Trained") -> None:
    """What came of it, and what to do next."""
    record = trained.record
    losses = [each["loss"] for each in record.losses if "loss" in each]
    if losses:
        click.echo(f"Loss {losses[0]:.3f} at first, {losses[-1]:.3f} at last.")
    for name, of in (("valid", "The adapter"), ("base", "The base")):
        scores = record.scores.get(name, {})
        if "accuracy" in scores:
            click.echo(
                f"{of}: {scores['accuracy']:.1%} right of {scores['questions']:.0f} questions kept apart, "
                f"{scores['stopped']:.1%} stopped, {scores['readable']:.1%} readable."
            )
    if trained.seconds:
        went_on = f", from step {trained.resumed} on" if trained.resumed else ""
        rate = trained.tokens / trained.seconds
        click.echo(f"Trained in {trained.seconds:,.0f} s{went_on}: {rate:,.0f} tokens/s.")
    click.echo(f"The adapter is {printable(str(trained.folder))}. Next:")
    click.echo(printable(f"  kgalign serve {shlex.quote(base)} --adapter {shlex.quote(str(trained.folder))}"))
