"""``kgalign votes verify``: whether the ledger is what it says."""

from pathlib import Path

import click

from kgalign.errors import RunError

from .common import log_options
from .votes_common import line, opened, plural, run_argument


@click.command("verify")
@run_argument
@log_options
def verify_votes(run: Path) -> None:
    """Check the ledger of the run folder RUN: every hash computed anew, every count compared.

    Exits with 0 where it is sound, and with 2 where it is damaged, with a line for each fault.
    """
    from kgalign.ledger.verify import verify

    with opened(run) as ledger:
        found = verify(ledger)
        path = ledger.path
    if not found.sound:
        for fault in found.faults:
            click.echo(line(fault))
        raise RunError(
            f"The ledger {path} is damaged: it has {plural(found.fault_count, 'fault')}",
            "Put back a copy that was made before, or run again with --force and a new folder",
        )
    counts = found.counts
    if counts is not None:
        click.echo(
            f"{path} is sound: {plural(counts.judgings, 'judging')}, {plural(counts.votes, 'vote')}"
            f" ({counts.superseded:,} superseded), {plural(counts.answers, 'answer')},"
            f" {plural(counts.failures, 'failed call')}, {plural(counts.decisions, 'decision')}"
        )
