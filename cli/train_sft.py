"""``kgalign train sft``: an adapter from examples."""

from pathlib import Path
from typing import Any

import click

from .common import log_options, terminal_progress
from .train_common import (
    base_option,
    out_option,
    say_trained,
    settings_options,
    stay_offline,
    templates_option,
)


@click.command("sft")
@base_option
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), metavar="DATA", help="Folder of examples."
)
@out_option
@settings_options
@click.option(
    "--score",
    type=click.IntRange(0),
    default=200,
    show_default=True,
    metavar="N",
    help="Questions kept apart that the base and the adapter are asked at the end.",
)
@templates_option
@log_options
def sft(
    base: str,
    data: Path,
    out: Path,
    preset: str,
    score: int,
    templates: Path | None,
    force: bool,
    allow_download: bool,
    **given: Any,  # noqa: ANN401 - a setting each
) -> None:
    """Train a LoRA adapter for the model BASE on the examples in DATA; it needs the extra `train`.

    What is learned is the answer and its end alone. Killed, the same command goes on from the last
    checkpoint. Serve the adapter with `kgalign serve BASE --adapter ADAPTER`.
    """
    stay_offline(allow_download)
    from kgalign.train.recipes import recipe_of
    from kgalign.train.sft import train_sft

    trained = train_sft(
        base,
        data,
        out,
        recipe_of(preset, given),
        templates=templates,
        score=score,
        force=force,
        allow_download=allow_download,
        progress=terminal_progress(),
    )
    say_trained(base, trained)
