"""``kgalign votes``: the questions that a language model was asked, and what it answered."""

import click

from .votes_export import export_votes
from .votes_list import list_votes
from .votes_show import show_votes
from .votes_stats import stats
from .votes_verify import verify_votes


@click.group()
def votes() -> None:
    """Read, count, export and check the votes that a run folder RUN has on record.

    Each command takes RUN first: the folder that `kgalign run -o` wrote, or a ledger file (votes.sqlite).
    """


for _command in (list_votes, show_votes, stats, export_votes, verify_votes):
    votes.add_command(_command)
