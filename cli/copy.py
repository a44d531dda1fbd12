"""``kgalign copy``: run folders to object stores and from them."""

from pathlib import Path

import click

from .common import log_options, quiet_option, say, terminal_progress
from .paths import PLACE


@click.command()
@click.argument("source", metavar="FROM", type=PLACE)
@click.argument("target", metavar="TO", type=PLACE)
@click.option("--replace", is_flag=True, help="TO may hold a run already: it becomes what FROM is.")
@quiet_option("No progress, and nothing at the end.")
@log_options
def copy(source: str | Path, target: str | Path, replace: bool, quiet: bool) -> None:
    """Copy the run folder FROM to TO: one of them is an address in an object store (s3://BUCKET/PATH).

    What is there already is not copied again. Notes of yours in a run folder stay where they are.
    """
    from kgalign.remote import copy_run

    copy_run(source, target, replace=replace, progress=terminal_progress(quiet))
    if not quiet:
        say(f"Copied: {target}", whole=True)
