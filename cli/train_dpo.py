"""``kgalign train dpo``: an adapter from votes that their cases went against."""

from pathlib import Path
from typing import Any

import click

from .common import Number, log_options, terminal_progress
from .paths import PATH
from .train_common import (
    base_option,
    out_option,
    say_trained,
    settings_options,
    stay_offline,
    templates_option,
)


@click.command("dpo")
@click.argument("runs", nargs=-1, required=True, type=PATH, metavar="RUN...")
@base_option
@out_option
@click.option("--adapter", type=PATH, metavar="DIR", help="Begin with this adapter of the model.")
@click.option("--judging", metavar="NAME", help="Judging of the runs; the latest one by default.")
@click.option(
    "--sure",
    type=Number(0, 1),
    default=0.9,
    show_default=True,
    metavar="P",
    help="Least probability of what a case came to.",
)
@settings_options
@click.option("--beta", type=Number(0), metavar="B", help="How dear departing from the model is.")
@templates_option
@log_options
def dpo(
    runs: tuple[Path, ...],
    base: str,
    out: Path,
    adapter: Path | None,
    judging: str | None,
    sure: float,
    preset: str,
    templates: Path | None,
    force: bool,
    allow_download: bool,
    **given: Any,  # noqa: ANN401 - a setting each
) -> None:
    """Train a LoRA adapter for the model BASE on the votes of runs; it needs the extra `train`.

    Each vote that was against what its case came to gives a pair: the answer that the case came to is to be
    preferred. One epoch is enough: more have been seen to collapse. Killed, the same command goes on.
    """
    stay_offline(allow_download)
    from kgalign.train.dpo import train_dpo
    from kgalign.train.recipes import DPO, recipe_of

    trained = train_dpo(
        base,
        runs,
        out,
        recipe_of(preset, given, DPO),
        adapter=adapter,
        judging=judging,
        sure=sure,
        templates=templates,
        force=force,
        allow_download=allow_download,
        progress=terminal_progress(),
    )
    say_trained(base, trained)
