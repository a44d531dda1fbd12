"""``kgalign votes``: the questions that a language model was asked, and what it answered."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kgalign.errors import RunError

from .common import echo, line, log_options, plural, run_argument
from .votes_common import opened
from .votes_list import list_votes
from .votes_show import show_votes
from .votes_stats import stats

if TYPE_CHECKING:
    from kgalign.ledger.export import Format, Table


@click.group()
def votes() -> None:
    """Read, count, export and check the votes that a run folder RUN has on record.

    Each command takes RUN first: the folder that `kgalign run -o` wrote, or a ledger file (votes.sqlite).
    """


@click.command("export")
@run_argument
@click.option(
    "--format", "form", required=True, type=click.Choice(["jsonl", "parquet", "csv", "ttl"]), help="Format."
)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write."
)
@click.option(
    "--table", type=click.Choice(["votes", "decisions"]), default="votes", show_default=True,
    help="What a CSV or Parquet file holds; the other formats hold both.",
)  # fmt: skip
@click.option("--judging", metavar="NAME", help="Write this judging alone: its name or how it begins.")
@log_options
def export_votes(run: Path, form: "Format", output: Path, table: "Table", judging: str | None) -> None:
    """Write what the run folder RUN has on record to a file: the same ledger, the same bytes.

    In CSV, lists are JSON, and a text that a spreadsheet would take for a formula gets an apostrophe
    before it. Turtle uses the vocabulary https://w3id.org/kgalign# over PROV-O.
    """
    from kgalign.ledger.export import export
    from kgalign.ledger.query import find_judging

    with opened(run) as ledger:
        only = None if judging is None else find_judging(ledger, judging).name
        written = export(ledger, output, form, judging=only, table=table)
    counts = {"judging": written.judgings, "decision": written.decisions, "vote": written.votes}
    echo(
        f"{output}: "
        + ", ".join(plural(count, noun) for noun, count in counts.items() if count or noun == table[:-1])
    )


@click.command("verify")
@run_argument
@log_options
def verify_votes(run: Path) -> None:
    """Check the ledger of the run folder RUN: every hash computed anew, every count compared.

    Exits with 0 where it is sound, and with 2 where it is damaged, with a line for each fault.
    """
    from kgalign.ledger.verifying import verify

    with opened(run) as ledger:
        found = verify(ledger)
        path = ledger.path
    if not found.sound:
        for fault in found.faults:
            echo(line(fault))
        raise RunError(
            f"The ledger {path} is damaged: it has {plural(found.fault_count, 'fault')}",
            "Put back a copy, or run again with --judge llm: what is damaged is then asked again",
        )
    counts = found.counts
    if counts is not None:
        echo(
            f"{path} is sound: {plural(counts.judgings, 'judging')}, {plural(counts.votes, 'vote')}"
            f" ({counts.superseded:,} superseded), {plural(counts.answers, 'answer')},"
            f" {plural(counts.failures, 'failed call')}, {plural(counts.decisions, 'decision')}"
        )
    if found.mended:
        echo(f"{plural(found.mended, 'row')} not what was written, with later ones in their place")


for _command in (list_votes, show_votes, stats, export_votes, verify_votes):
    votes.add_command(_command)
