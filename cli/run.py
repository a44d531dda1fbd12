"""``kgalign run``: the whole way from two graphs to one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import cell, console, log_options, megabytes, terminal_progress

if TYPE_CHECKING:
    from rich.table import Table

    from kgalign.engine import Execution
    from kgalign.folder import RunRecord

KEYS = {
    "left_also": "read.left_also",
    "right_also": "read.right_also",
    "left_type": "select.left_types",
    "right_type": "select.right_types",
    "ignore_iri_names": "select.ignore_iri_names",
    "embedder": "retrieve.embedder",
    "k": "retrieve.k",
    "known": "judge.known",
    "cardinality": "assign.cardinality",
    "canonical": "fuse.canonical",
    "seed": "seed",
}
"""Parameter → the key of the configuration that it sets."""
LINE = 1000
"""Most characters of one line; what graphs and paths hold is cut there."""


@click.command()
@click.argument("left", type=click.Path(path_type=Path))
@click.argument("right", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), metavar="RUN", help="Run folder."
)
@click.option("--left-also", multiple=True, metavar="FILE", help="More of the left graph; repeatable.")
@click.option("--right-also", multiple=True, metavar="FILE", help="More of the right graph; repeatable.")
@click.option("--left-type", multiple=True, metavar="IRI", help="Only nodes of this class; repeatable.")
@click.option("--right-type", multiple=True, metavar="IRI", help="The same for the right graph; repeatable.")
@click.option(
    "--ignore-iri-names", is_flag=True, default=None, help="Never use an IRI's local name as a name."
)
@click.option(
    "--embedder",
    metavar="SPEC",
    help="Add the dense channel: sentence-transformers:MODEL or openai:URL#MODEL.",
)
@click.option("-k", "k", metavar="K", help="Candidates per entity.")
@click.option(
    "--known",
    multiple=True,
    metavar="FILE",
    help="Links that are certain: left IRI, tab, right IRI, or owl:sameAs in RDF; repeatable.",
)
@click.option(
    "--gold",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Links to measure the candidates' recall with; they influence nothing; repeatable.",
)
@click.option(
    "--cardinality",
    metavar="HOW",
    help="one-to-one, one-to-many, many-to-one, many-to-many or auto: how many partners an entity may have.",
)
@click.option("--canonical", metavar="WHOSE", help="left, right or mint: the IRI of a merged entity.")
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="TOML file; flags go over it."
)
@click.option("--seed", metavar="N", help="Seed of everything random.")
@click.option("--force", is_flag=True, help="Redo everything, and take the folder over from other inputs.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no closing table.")
@log_options
def run(
    left: Path,
    right: Path,
    out: Path,
    gold: tuple[Path, ...],
    config: Path | None,
    force: bool,
    quiet: bool,
    **flags: str | bool | tuple[str, ...] | None,
) -> None:
    """Align LEFT and RIGHT, fuse them, and write everything to the folder RUN.

    LEFT and RIGHT are RDF files (Turtle, N-Triples, N-Quads, TriG, RDF/XML, JSON-LD, N3, each also .gz)
    or folders of them. The same command again does only what has changed since.
    """
    from kgalign import pipeline
    from kgalign.config import load_config

    overrides = {KEYS[name]: value for name, value in flags.items() if value not in (None, ())}
    names = {key: "-k" if name == "k" else f"--{name.replace('_', '-')}" for name, key in KEYS.items()}
    settings = load_config(config, overrides, {key: names[key] for key in overrides})
    progress = terminal_progress(quiet)
    execution = pipeline.run(left, right, out, settings, gold=gold, force=force, progress=progress)
    if not quiet:
        _show(execution, out)


def _show(execution: "Execution", out: Path) -> None:
    screen = console()
    record = execution.record
    if execution.done:
        screen.print(_stages(record, execution.done))
    else:
        screen.print(
            cell(f"Nothing to do: {out} is up to date with these inputs and options"), soft_wrap=True
        )
    for line in summary(record):
        screen.print(cell(line, LINE), soft_wrap=True)
    screen.print(cell(f"Results: {out}", LINE), soft_wrap=True)


def _stages(record: "RunRecord", done: Sequence[str]) -> "Table":
    """Seconds and peak memory of each stage; of those that were partly done before, what was done now."""
    from rich.table import Table

    from kgalign.pipeline import STAGE_OF, STAGES

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    table.add_column("peak memory", justify="right")
    rows = {stage: [record.steps[name] for name in done if STAGE_OF[name] == stage] for stage in STAGES}
    for stage, steps in (rows | {"all": [record.steps[name] for name in done]}).items():
        seconds = f"{sum(step.seconds for step in steps):.2f}" if steps else "kept"
        peak = megabytes(max(step.peak_bytes for step in steps)) if steps else ""
        table.add_row(stage, seconds, peak)
    return table


def summary(record: "RunRecord") -> list[str]:
    """What came out, in a few lines."""
    count = {name: step.counts for name, step in record.steps.items()}
    found, chosen = count["assign"], record.steps["assign"].notes
    lines = [
        f"Entities: {count['select-left']['entities']:,} left, {count['select-right']['entities']:,} right",
        f"Candidates: {count['retrieve']['candidates']:,}",
        f"Matches: {found['matches']:,}, of which {found['confirmed']:,} were known",
        f"Undecided: {found['undecided']:,}",
        f"Cardinality: {chosen['cardinality']} ({chosen['reason']})",
    ]
    lines.append(_statements(count["fused.ttl"]))
    if "recall" in record.steps:
        lines.append(f"Recall of the candidates: {_recall(record)}")
    return lines


def _statements(count: Mapping[str, int]) -> str:
    """Statements in = statements out, to be checked by eye."""
    text = (
        f"Statements: {count['left']:,} + {count['right']:,} in, {count['duplicates']:,} said twice, "
        f"{count['same_as']:,} owl:sameAs added; {count['statements']:,} out"
    )
    repeated = count["statements"] - count["written"]
    return text + (f" ({repeated:,} of them only repeat another in another named graph)" if repeated else "")


def _recall(record: "RunRecord") -> str:
    figures = record.steps["recall"].figures
    return ", ".join(f"{name} {share:.3f}" for name, share in figures.items() if name.endswith("@10"))
