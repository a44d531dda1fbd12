"""``python -m bench worklist``: whether people are told where to look."""

from pathlib import Path

import click

from bench.options import PATH, RESULTS


@click.command()
@click.option("--data", required=True, type=PATH, help="Folder of sets.")
@click.option(
    "--only", multiple=True, metavar="NAME", help="Only this set; repeatable. RESULTS.md stays as it is."
)
@click.option(
    "--left-out", type=PATH, metavar="FOLDER", help="Priors that left a family out, from `bench prior`."
)
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the rows there as JSON.")
@RESULTS
def worklist(
    data: Path, only: tuple[str, ...], left_out: Path | None, json_file: Path | None, results: Path
) -> None:
    """Count the mistakes that the worklist holds in its first tenth, and links that are right as expected."""
    from bench import worklist as bench
    from bench.results import relative, write_section
    from bench.sets import find_sets

    click.echo(" | ".join(bench.HEAD))
    rows = bench.measure(find_sets(data, only), left_out, lambda row: click.echo(" | ".join(row.cells())))
    body = bench.as_markdown(rows, left_out)
    click.echo(body.split("\n\n")[1])
    if json_file is not None:
        json_file.write_text(bench.as_json(rows), encoding="utf8")
    if not only:
        command = f"python -m bench worklist --data {relative(data)}"
        command += " --left-out FOLDER" if left_out else ""
        ending = ", family left out" if left_out else ""
        name, title = f"worklist {data.resolve().name}{ending}", f"Where to look, and what to expect{ending}"
        write_section(results, name, title, command, body)
