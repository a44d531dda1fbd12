"""``python -m bench estimate``: whether a few looks tell how good a run is."""

import tempfile
from pathlib import Path

import click

from bench.options import PATH, RESULTS


@click.command()
@click.option("--data", required=True, type=PATH, help="Folder of sets.")
@click.option(
    "--only", multiple=True, metavar="NAME", help="Only this set; repeatable. RESULTS.md stays as it is."
)
@click.option("--seeds", type=click.IntRange(1), default=200, show_default=True, help="Samples of each set.")
@click.option("--runs", type=PATH, metavar="FOLDER", help="Run folders by set; those missing are made there.")
@click.option(
    "--limit", default=120.0, show_default=True, help="Leave out sets whose run takes more seconds."
)
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the rows there as JSON.")
@RESULTS
def estimate(
    data: Path,
    only: tuple[str, ...],
    seeds: int,
    runs: Path | None,
    limit: float,
    json_file: Path | None,
    results: Path,
) -> None:
    """Estimate precision and recall with gold as the person: coverage, looks needed, certificates."""
    from bench import estimate as bench
    from bench.results import relative, write_section
    from bench.sets import find_sets

    def tell(row: bench.Row | str) -> None:
        click.echo(row if isinstance(row, str) else " | ".join(row.cells()))

    click.echo(" | ".join(bench.HEAD))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        rows, skipped = bench.measure(find_sets(data, only), seeds, runs or Path(folder), limit, tell)
    body = bench.as_markdown(rows, skipped, seeds)
    click.echo(body.split("\n\n")[1])
    if json_file is not None:
        json_file.write_text(bench.as_json(rows), encoding="utf8")
    if not only:
        command = f"python -m bench estimate --data {relative(data)} --seeds {seeds}"
        name = f"estimate {data.resolve().name}"
        write_section(results, name, "How good a run is, from a few looks", command, body)
