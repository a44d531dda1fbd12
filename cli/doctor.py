"""``kgalign doctor``: what is installed, and what a graph looks like."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kgalign import pipeline
from kgalign.base.logs import printable
from kgalign.base.progress import Progress
from kgalign.config import Config, SelectConfig, as_config
from kgalign.doctor import Environment, GraphReport, environment, inspect
from kgalign.errors import InputError
from kgalign.rdf.remote import read_inputs
from kgalign.run.finished import Finished
from kgalign.run.folder import RunFolder
from kgalign.select import select

from .common import console, json_option, log_options, quiet_option, say, table, terminal_progress
from .paths import INPUT

if TYPE_CHECKING:
    from rich.table import Table

_SHOWN = 80
_MOST = 12


@click.command()
@click.argument("files", nargs=-1, type=INPUT, metavar="[FILE|RUN]...")
@click.option(
    "--key", multiple=True, metavar="COLUMN", help="A column that names a table's rows; repeatable."
)
@click.option("--query", metavar="FILE", help="CONSTRUCT query for a SPARQL endpoint; else all of it.")
@json_option()
@quiet_option()
@log_options
def doctor(
    files: tuple[str | Path, ...], key: tuple[str, ...], query: str | None, as_json: bool, quiet: bool
) -> None:
    """Show what is installed and, for each FILE, what kgalign sees in that graph.

    A file, or a folder of files, is one graph: its statements, entities, labels, languages, datatypes,
    entities that look like duplicates, and values that look like mistakes. Of a run folder RUN it is the two
    graphs that the run read, and its entities are those that the run chose.
    """
    installed = environment()
    progress = terminal_progress(quiet or as_json)
    reading = as_config({"read": {"key": key}, "sparql": {"left_query": query}})
    reports = [report for path in files for report in _of_run(path) or [_inspect(path, reading, progress)]]
    if as_json:
        shown = {"environment": asdict(installed), "graphs": [report.to_dict() for report in reports]}
        click.echo(json.dumps(shown, indent=1))
        return
    _show_environment(installed)
    for report in reports:
        _show_graph(report)


def _of_run(path: str | Path) -> list[GraphReport]:
    """What a run read on each side; nothing where it is no run folder."""
    if isinstance(path, str) or not RunFolder(path).is_run():
        return []
    run = Finished(path)
    sides = (pipeline.READ_LEFT, run.left), (pipeline.READ_RIGHT, run.right)
    return [inspect(run.get(step), profile) for step, profile in sides]


def _inspect(path: str | Path, reading: Config, progress: Progress) -> GraphReport:
    graph = read_inputs([path], "", reading, progress)
    try:
        profile = select(graph, SelectConfig(), progress=progress)
    except InputError:
        profile = None
    return inspect(graph, profile)


def _show_environment(installed: Environment) -> None:
    from rich.text import Text

    made = table(("part", "library", "version"))
    for name, version in installed.libraries.items():
        made.add_row("core", name, version or "missing")
    for extra, libraries in installed.extras.items():
        for name, version in libraries.items():
            made.add_row(Text(f"[{extra}]"), name, version or "not installed")
    for group, names in installed.brought.items():
        for name, package in names.items():
            made.add_row(group, Text(printable(name, _SHOWN)), Text(printable(package, _SHOWN)))
    memory = installed.memory_bytes / 1e9
    say(
        f"kgalign {installed.kgalign}, Python {installed.python}, {installed.system}, "
        f"{installed.cores} cores, {memory:.0f} GB memory"
    )
    console().print(made)
    found = installed.embedder or f"nothing: install {installed.embedder_lacks}"
    say(f"--embedder auto finds {found}", limit=300)


def _show_graph(report: GraphReport) -> None:
    say("", *_lines(report), limit=300)
    for heading, counts in (
        ("type", report.types),
        ("language", report.languages),
        ("datatype", report.datatypes),
    ):
        if counts:
            console().print(_counts(heading, counts))
    for name, iris in report.duplicates.examples:
        say(f"  {printable(name, _SHOWN)}: {printable(' '.join(iris), 300)}")
    for each in report.findings:
        examples = " | ".join(printable(example, _SHOWN) for example in each.examples[:3])
        say(f"Look at: {each.count:,} {each.what}: {examples}")


def _lines(report: GraphReport) -> list[str]:
    doubles = report.statements_read - report.statements
    found = report.duplicates
    lines = [
        " ".join(report.sources),
        f"Statements: {report.statements:,}" + (f", and {doubles:,} repeated" if doubles else ""),
        f"Nodes: {report.nodes:,}, of which {report.blank_share:.0%} are blank",
        f"Entities: {report.entities:,}",
    ]
    if not report.entities:
        lines.append("No entity was found: name the types to align with --left-type and --right-type")
    else:
        lines.append(
            f"Labels: {report.labelled:.0%} of the entities have one; "
            f"{report.named_by_iri:.0%} have only the local name of their IRI"
        )
    doubled = f"{found.entities:,} entities in {found.groups:,} groups"
    lines.append(f"Duplicates: {doubled} share their name and a telling value")
    return lines


def _counts(heading: str, counts: dict[str, int]) -> "Table":
    from rich.text import Text

    made = table([heading], ["entities" if heading == "type" else "statements"])
    for name, count in list(counts.items())[:_MOST]:
        made.add_row(Text(printable(name or "(none)", _SHOWN)), f"{count:,}")
    if len(counts) > _MOST:
        made.add_row(Text(f"and {len(counts) - _MOST:,} more"), "")
    return made
