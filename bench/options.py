"""Options that several commands of ``python -m bench`` share."""

from pathlib import Path

import click

from bench import results

PATH = click.Path(path_type=Path)
RESULTS = click.option(
    "--results",
    type=PATH,
    default=results.RESULTS,
    help="Markdown file that gets the section.  [bench/RESULTS.md]",
)
