"""``kgalign train sft``: an adapter from examples."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kgalign.base.logs import printable

from .common import log_options, terminal_progress
from .paths import PATH
from .train_common import (
    base_option,
    out_option,
    say_trained,
    settings_options,
    stay_offline,
    templates_option,
)

if TYPE_CHECKING:
    from kgalign.train.pair_sft import PairsTrained

_FOLDER = PATH


@click.command("sft")
@base_option
@click.option("--data", "folders", required=True, multiple=True, type=_FOLDER, metavar="DATA",
              help="Folder of examples; repeatable for pairs, each folder a family of its own.")  # fmt: skip
@out_option
@click.option("--form", type=click.Choice(["pair", "json"]),
              help="What is learned: yes or no to two records, or a JSON object to a question with its "
              "options. By default pairs for a base below a billion parameters, JSON above.")  # fmt: skip
@click.option("--left-out", multiple=True, type=_FOLDER, metavar="DATA",
              help="Pairs: examples that are only measured at the end; repeatable.")  # fmt: skip
@click.option("--pairs", type=click.IntRange(1), metavar="N",
              help="Pairs: most of an epoch, in equal shares of the families.")  # fmt: skip
@click.option("--lora/--full", default=True, show_default=True,
              help="Pairs: train an adapter, or all weights.")  # fmt: skip
@click.option("--threads", type=click.IntRange(1), metavar="N",
              help="Pairs: threads of the processor.")  # fmt: skip
@settings_options
@click.option("--score", type=click.IntRange(0), default=200, show_default=True, metavar="N",
              help="JSON: questions kept apart that base and adapter are asked at the end.")  # fmt: skip
@templates_option
@log_options
def sft(
    base: str,
    folders: tuple[Path, ...],
    out: Path,
    form: str | None,
    preset: str,
    score: int,
    templates: Path | None,
    force: bool,
    allow_download: bool,
    **given: Any,  # noqa: ANN401 - a setting each
) -> None:
    """Train a LoRA adapter for the model BASE on the examples in DATA; it needs the extra `train`.

    As pairs, two records are shown and what is learned is whether " yes" or " no" follows; BASE `builtin` is
    the small model that comes as a package. As JSON, what is learned is the answer and its end alone. Killed,
    the same command goes on from the last checkpoint. Serve the adapter with `kgalign serve BASE --adapter
    ADAPTER`.
    """
    stay_offline(allow_download)
    if form != "json":
        folder = _found(base, allow_download)
        if form == "pair" or _suits_pairs(folder):
            _say_pairs(base, out, _train_pairs(folder, folders, out, force, given))
            return
    if len(folders) > 1:
        raise click.UsageError("Several folders with --data are for --form pair")
    from kgalign.train.recipes import recipe_of
    from kgalign.train.sft import train_sft

    trained = train_sft(
        base,
        folders[0],
        out,
        recipe_of(preset, given),
        templates=templates,
        score=score,
        force=force,
        allow_download=allow_download,
        progress=terminal_progress(),
    )
    say_trained(base, trained)


def _found(base: str, allow_download: bool) -> Path:
    from kgalign.llm.builtin.base_model import base_model
    from kgalign.train.base import find_base

    return base_model() if base == "builtin" else find_base(base, allow_download=allow_download)


def _suits_pairs(folder: Path) -> bool:
    from kgalign.train.forms import form_for

    return form_for(folder) == "pair"


def _train_pairs(
    base: Path, folders: tuple[Path, ...], out: Path, force: bool, given: dict[str, Any]
) -> "PairsTrained":
    from kgalign.train.pair_sft import FULL_RATE, PairSettings, remove_trained, train_pairs

    if force:
        remove_trained(out)
    usual = PairSettings() if given["lora"] else PairSettings(rank=0, rate=FULL_RATE)
    names = {"learning_rate": "rate", **{name: name for name in ("pairs", "epochs", "batch", "seed")}}
    chosen = {to: given[name] for name, to in names.items() if given[name] is not None}
    if given["lora"] and given["rank"] is not None:
        chosen["rank"] = given["rank"]
    if "epochs" in chosen:
        chosen["epochs"] = max(1, round(chosen["epochs"]))
    return train_pairs(
        base,
        _families(folders),
        out,
        replace(usual, **chosen),
        left_out=_families(given["left_out"]),
        threads=given["threads"],
        progress=terminal_progress(),
        tell=lambda text: click.echo(text, err=True),
    )


def _families(folders: tuple[Path, ...]) -> dict[str, Path]:
    """Name of each family → its folder; a family is called by its folder."""
    found: dict[str, Path] = {}
    for folder in folders:
        name = folder.resolve().name
        if name in found:
            raise click.UsageError(f"Two folders of examples are called {name}: rename one of them")
        found[name] = folder
    return found


def _say_pairs(base: str, out: Path, trained: "PairsTrained") -> None:
    """What came of it, and what to do next."""
    record = trained.record
    click.echo(f"Trained on {record.counts['pairs']:,} pairs in {trained.seconds:,.0f} s.")
    for name, scores in record.scores.items():
        if "accuracy" in scores:
            first = f", partner first in {scores['first']:.1%} of cases" if "first" in scores else ""
            text = f"{name}: {scores['accuracy']:.1%} right of {scores['pairs']:.0f} pairs{first}."
            click.echo(printable(text[0].upper() + text[1:]))
    click.echo(f"The judge is {printable(str(out))}. Next:")
    judge = f"builtin:{base}" if record.settings["rank"] else f"builtin:{out}"
    judge = "builtin" if base == "builtin" and record.settings["rank"] else judge
    adapter = f" --adapter {shlex.quote(str(out))}" if record.settings["rank"] else ""
    click.echo(printable(f"  kgalign run LEFT RIGHT -o RUN --judge {shlex.quote(judge)}{adapter}"))
