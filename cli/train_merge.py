"""``kgalign train merge``: one adapter of several."""

from pathlib import Path

import click

from kgalign.base.logs import printable

from .common import Number, log_options
from .paths import PATH
from .train_common import out_option

_METHODS = ("linear", "ties", "dare_linear", "dare_ties", "average", "cat", "svd")


@click.command("merge")
@click.argument("adapters", nargs=-1, required=True, type=PATH, metavar="ADAPTER...")
@out_option
@click.option(
    "--how",
    type=click.Choice(_METHODS),
    default="ties",
    show_default=True,
    help="How; average is for checkpoints of one training, cat and svd take any ranks.",
)
@click.option("--weights", metavar="W,W…", help="How much of each goes in; equal by default.")
@click.option("--by-scores", is_flag=True, help="Weights go by how each did on questions kept apart.")
@click.option(
    "--density",
    type=Number(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    metavar="SHARE",
    help="Share of the entries that ties and dare keep.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="Draws what dare drops.")
@click.option("--force", is_flag=True, help="Replace the adapter that is there.")
@log_options
def merge(
    adapters: tuple[Path, ...],
    out: Path,
    how: str,
    weights: str | None,
    by_scores: bool,
    density: float,
    seed: int,
    force: bool,
) -> None:
    """Merge two or more adapters of the same model into one; it needs the extra `train`.

    The checkpoints of a training are adapters too: ADAPTER/epochs/epoch-1 and so on.
    """
    from kgalign.train.merge import merge_adapters

    record = merge_adapters(
        adapters,
        out,
        how,  # type: ignore[arg-type] # click has checked it
        weights=_numbers(weights),
        by_scores=by_scores,
        density=density,
        seed=seed,
        force=force,
    )
    for each in record.parents:
        click.echo(f"{each['weight']:.3f} of {printable(each['name'])}")
    click.echo(f"The adapter is {printable(str(out))}.")


def _numbers(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(each) for each in text.split(",")]
    except ValueError as error:
        raise click.BadParameter("give numbers with commas between them", param_hint="--weights") from error
