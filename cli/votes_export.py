"""``kgalign votes export``: the ledger as a file for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import log_options
from .votes_common import opened, plural, run_argument

if TYPE_CHECKING:
    from kgalign.ledger.export import Format, Table


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
    click.echo(
        f"{output}: "
        + ", ".join(plural(count, noun) for noun, count in counts.items() if count or noun == table[:-1])
    )
