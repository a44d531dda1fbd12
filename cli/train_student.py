"""``kgalign train student``: a small cross-encoder from examples."""

import shlex
from pathlib import Path

import click

from kgalign.base.logs import printable

from .common import log_options, terminal_progress
from .paths import PATH


@click.command("student")
@click.option("--data", required=True, type=PATH, metavar="DATA", help="Folder of examples.")
@click.option(
    "--encoder",
    required=True,
    metavar="MODEL",
    help="Encoder to begin from: a folder of transformers or sentence-transformers, or a name on the hub.",
)
@click.option(
    "-o",
    "--out",
    required=True,
    type=PATH,
    metavar="DIR",
    help="Folder of the student; it has this name when it is finished.",
)
@click.option(
    "--epochs", type=click.IntRange(1), default=3, show_default=True, help="Rounds of all examples."
)
@click.option("--batch", type=click.IntRange(1), default=8, show_default=True, help="Questions of a step.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of all draws.")
@click.option("--max-pairs", type=click.IntRange(1), metavar="N", help="Most pairs of an epoch.")
@click.option("--max-tokens", type=click.IntRange(16), default=128, show_default=True, help="Of a pair.")
@click.option("--bf16", is_flag=True, help="Compute in bfloat16, where the processor has it.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads of the processor.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@log_options
def student(
    data: Path,
    encoder: str,
    out: Path,
    epochs: int,
    batch: int,
    seed: int,
    max_pairs: int | None,
    max_tokens: int,
    bf16: bool,
    threads: int | None,
    quiet: bool,
) -> None:
    """Train a student on the examples in DATA; it needs the extra `train`, and no GPU.

    A student reads a record and an option side by side and is asked between the evidence and a language
    model: `kgalign run … --judge student:DIR`. Killed, the same command goes on from the last checkpoint.
    """
    from kgalign.train.student import StudentSettings, train_student

    settings = StudentSettings(
        epochs=epochs, batch=batch, seed=seed, max_pairs=max_pairs, max_tokens=max_tokens, bf16=bf16
    )
    card = train_student(data, encoder, out, settings, threads=threads, progress=terminal_progress(quiet))
    losses = [value for name, value in card.scores.items() if name.startswith("loss of epoch")]
    last = f", {losses[-1]:.3f} in the last" if len(losses) > 1 else ""
    click.echo(f"Loss {losses[0]:.3f} in the first epoch{last}.")
    for split in ("valid", "test"):
        if f"{split} accuracy" in card.scores:
            click.echo(
                f"{split.capitalize()}: {card.scores[f'{split} accuracy']:.1%} of "
                f"{card.counts[split]:,} questions as in the examples."
            )
    click.echo(f"The student is {printable(str(out))}. Next:")
    click.echo(printable(f"  kgalign run LEFT RIGHT -o RUN --judge {shlex.quote(f'student:{out}')}"))
