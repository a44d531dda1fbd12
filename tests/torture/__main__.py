"""The whole battery: seeded trials of kills, damage and hostile servers, judged by what must hold.

``make torture`` runs it; a small share of it stands among the tests.
"""

import tempfile
import time
from pathlib import Path

import click

from bench.results import table, write_section
from tests.torture.damage import damage
from tests.torture.kills import kill
from tests.torture.servers import ask_hostile
from tests.torture.tally import Tally

_SHOWN = 20


@click.command(help=__doc__)
@click.option("--kills", default=200, show_default=True, help="Commands that are killed.")
@click.option("--damage", "damaged", default=300, show_default=True, help="Files that are damaged.")
@click.option("--servers", default=50, show_default=True, help="Hostile servers.")
@click.option("--seed", default=0, show_default=True)
@click.option("--results", type=click.Path(path_type=Path), help="Markdown file that gets a section.")
def main(kills: int, damaged: int, servers: int, seed: int, results: Path | None) -> None:
    """Run the battery; exit code 1 where something did not hold."""
    tallies: list[tuple[Tally, float]] = []
    for trial, count in ((kill, kills), (damage, damaged), (ask_hostile, servers)):
        if count:
            begun = time.monotonic()
            with tempfile.TemporaryDirectory() as folder:
                tally = trial(Path(folder), count, seed)
            tallies.append((tally, time.monotonic() - begun))
            _tell(tally)
    if results is not None:
        command = (
            f"python -m tests.torture --kills {kills} --damage {damaged} --servers {servers} --seed {seed}"
        )
        write_section(results, "torture", "What is damaged, killed and lied to", command, _table(tallies))
    if any(tally.broken for tally, _ in tallies):
        raise SystemExit(1)


def _tell(tally: Tally) -> None:
    click.echo(f"{tally.kind}: {tally.trials} trials, in {len(tally.broken)} cases something did not hold")
    for outcome, count in tally.counts.most_common():
        click.echo(f"  {count:5d}  {outcome}")
    for each in tally.broken[:_SHOWN]:
        click.echo(f"  broken: {each}")


def _table(tallies: list[tuple[Tally, float]]) -> str:
    rows = [
        [
            tally.kind,
            f"{tally.trials:,}",
            "; ".join(f"{count:,} {outcome}" for outcome, count in tally.counts.most_common()),
            str(len(tally.broken)),
            f"{seconds:,.0f}",
        ]
        for tally, seconds in tallies
    ]
    return table(["trials of", "how many", "what came of them", "broken", "seconds"], rows, words=3)


main()
