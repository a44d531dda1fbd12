"""``kgalign train encoder``: the dense channel's encoder, from links or from texts alone."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kgalign.base.logs import printable

from .common import Number, log_options, terminal_progress
from .paths import PATH

if TYPE_CHECKING:
    from kgalign.train.encoder import EncoderCard

_SOURCES = ("person", "votes", "evidence")
_FILE = PATH


@click.command("encoder")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=_FILE)
@click.option(
    "--encoder",
    required=True,
    metavar="SPEC",
    help="Model to begin from: sentence-transformers:MODEL (or MODEL alone), llm2vec:MODEL, or "
    "llm2vec:MODEL#INSTRUCTION.",
)
@click.option("-o", "--out", required=True, type=_FILE, metavar="DIR",
              help="Folder of the encoder; it has this name when it is finished.")  # fmt: skip
@click.option("--links", multiple=True, type=_FILE, metavar="FILE",
              help="Links that are right, to learn from; repeatable.")  # fmt: skip
@click.option("--test-links", multiple=True, type=_FILE, metavar="FILE",
              help="Links that are held out, to measure on; repeatable.")  # fmt: skip
@click.option("--from", "sources", multiple=True, type=click.Choice(_SOURCES),
              help="Who gives links besides --links; repeatable. Nobody by default, and without --links "
              "all that the runs have: people, votes, evidence that is sure.")  # fmt: skip
@click.option("--simcse", is_flag=True,
              help="Learn from the texts alone, by dropout: links are only measured on.")  # fmt: skip
@click.option("--mntp", is_flag=True,
              help="Learn from masked words: a decoder's first step, before --simcse.")  # fmt: skip
@click.option("--test", type=Number(0, 0.5), default=0.2, show_default=True,
              help="Share of the linked entities that is held out.")  # fmt: skip
@click.option("--epochs", type=click.IntRange(1), metavar="N",
              help="Rounds of all links.  [default: 3; 1 without links]")  # fmt: skip
@click.option("--batch", type=click.IntRange(2), default=32, show_default=True, help="Links of a step.")
@click.option("--negatives", type=click.IntRange(0, 10), default=2, show_default=True,
              help="Candidates that lost, shown with each link.")  # fmt: skip
@click.option("--learning-rate", "--lr", "rate", type=Number(0, min_open=True), metavar="RATE",
              help="Highest learning rate.  [default: 5e-5; of LoRA 2e-4; with --simcse 3e-5, "
              "with --mntp 5e-5]")  # fmt: skip
@click.option("--temperature", type=Number(0, min_open=True), default=0.05, show_default=True,
              help="Cosines are divided by it.")  # fmt: skip
@click.option("--max-pairs", type=click.IntRange(2), metavar="N",
              help="Most links, or texts; others are left out by lot.")  # fmt: skip
@click.option("--bf16", is_flag=True, help="Compute in bfloat16, where the processor has it.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of all draws.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads of the processor.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@log_options
def encoder(
    runs: tuple[Path, ...],
    encoder: str,
    out: Path,
    links: tuple[Path, ...],
    test_links: tuple[Path, ...],
    simcse: bool,
    mntp: bool,
    threads: int | None,
    quiet: bool,
    **options: Any,  # noqa: ANN401 - one each, as the settings have them
) -> None:
    """Train the dense channel's encoder on the texts of the run folders RUN; it needs the extra `train`.

    Texts of linked entities move together, and apart from those of candidates that lost. A model of
    sentence-transformers learns as a whole; a decoder-only language model (llm2vec) reads in both directions
    and learns by LoRA. Killed, the same command goes on from the last checkpoint.
    """
    from kgalign.train.encoder import train_encoder
    from kgalign.train.encoder_loop import EncoderSettings
    from kgalign.train.encoder_models import spec_of
    from kgalign.train.labels import read_gold

    if simcse and mntp:
        raise click.UsageError(
            "--mntp and --simcse are two steps: give one, and then the other on its outcome"
        )
    given = {name: value for name, value in options.items() if value is not None}
    settings = EncoderSettings(how="simcse" if simcse else "mntp" if mntp else "links", **given)
    gold = read_gold(links, test_links, complete=False)
    card = train_encoder(
        runs, encoder, out, settings, gold=gold, threads=threads, progress=terminal_progress(quiet)
    )
    _show(card)
    spec = f"{spec_of(encoder).partition(':')[0]}:{out}"
    click.echo(f"The encoder is {printable(str(out))}. Next:")
    click.echo(printable(f"  kgalign run LEFT RIGHT -o RUN --embedder {shlex.quote(spec)}"))


def _show(card: "EncoderCard") -> None:
    losses = list(card.losses.values())
    click.echo(
        f"Loss {losses[0]:.3f} in the first epoch, {losses[-1]:.3f} in the last, of "
        f"{card.counts['pairs to learn from']:,} {'links' if card.how == 'links' else 'texts'}."
    )
    if not card.scores:
        click.echo("No link was held out to measure it on.")
        return
    from kgalign.train.encoder import copied

    before, after = card.scores["before"], card.scores["after"]
    measures = ("recall@1", "recall@10", "MRR")
    said = ", ".join(f"{name} {before[name]:.3f} → {after[name]:.3f}" for name in measures)
    click.echo(f"Partners of {card.counts['held-out entities']:,} held-out entities: {said}.")
    if circular := copied(card):
        click.echo(circular)
