"""``python -m bench walk``: a curator's whole way."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.options import PATH, RESULTS


@click.command()
@click.option("--data", required=True, type=PATH, help="Folder of sets.")
@click.option(
    "--only", multiple=True, default=("abt_buy", "doremus_4het"), metavar="NAME",
    help="Only this set, besides the example; repeatable.  [abt_buy, doremus_4het]",
)  # fmt: skip
@click.option("--doubts", default=40, show_default=True, help="Answers on what is in doubt, at first.")
@click.option("--looks", default=400, show_default=True, help="Answers for the estimate at most.")
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the figures there as JSON.")
@RESULTS
def walk(
    data: Path, only: tuple[str, ...], doubts: int, looks: int, json_file: Path | None, results: Path
) -> None:
    """From two graphs to links with a certified precision of .95, with gold as the person who reviews."""
    from bench import walk as bench
    from bench.results import relative, write_section

    click.echo(" | ".join(bench.HEAD))
    with TemporaryDirectory(prefix="bench-") as folder:
        rows = bench.measure(
            list(bench.ways(data, only)),
            Path(folder),
            doubts,
            looks,
            lambda each: click.echo(" | ".join(bench.cells(each))),
        )
    if json_file is not None:
        json_file.write_text(bench.as_json(rows), encoding="utf8")
    command = f"python -m bench walk --data {relative(data)} --doubts {doubts} --looks {looks}"
    write_section(results, "walk", "A curator's whole way", command, bench.as_markdown(rows))
