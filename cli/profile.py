"""``kgalign profile``: which properties a graph has, and how far each identifies its entities."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .common import cell, console, json_option, log_options, say, table, terminal_progress
from .paths import INPUT

if TYPE_CHECKING:
    from rich.table import Table

    from kgalign.config import Config
    from kgalign.records import Profile

_FIGURES = 62
"""Characters that all columns but the path take at most."""
_LEAST = 20
"""Characters of a path that are shown however narrow the screen is."""
_SHARES = ("coverage", "functionality", "inverse_functionality", "importance")


@click.command()
@click.argument("source", metavar="FILE|RUN", type=INPUT)
@click.option("--also", multiple=True, metavar="FILE", help="More of the same graph; repeatable.")
@click.option("--type", "types", multiple=True, metavar="IRI", help="Only nodes of this class; repeatable.")
@click.option("--ignore-iri-names", is_flag=True, help="Don't use an IRI's local name as a name.")
@click.option(
    "--key", multiple=True, metavar="COLUMN", help="A column that names a table's rows; repeatable."
)
@click.option("--query", metavar="FILE", help="CONSTRUCT query for a SPARQL endpoint; else all of it.")
@click.option("--full", is_flag=True, help="Show IRIs and paths in full.")
@json_option("Print one JSON object per side.")
@log_options
def profile(
    source: str | Path,
    also: tuple[str, ...],
    types: tuple[str, ...],
    ignore_iri_names: bool,
    key: tuple[str, ...],
    query: str | None,
    full: bool,
    as_json: bool,
) -> None:
    """Print the attributes and relations of FILE, or of both sides of a finished RUN.

    Functionality is entities over facts: 1 where each entity has one value. Inverse functionality is
    distinct values over facts: 1 where a value identifies its entity. Importance is that times coverage.
    """
    profiles = _of_run(source) or {
        "": _of_file([source, *also], types, ignore_iri_names, _reading(key, query))
    }
    for side, each in profiles.items():
        if as_json:
            click.echo(json.dumps(_as_json(side, each)))
        else:
            _show(side or str(source), each, full)


def _of_run(source: str | Path) -> dict[str, "Profile"]:
    from kgalign.run.finished import Finished
    from kgalign.run.folder import RunFolder

    if not RunFolder(Path(source)).is_run():
        return {}
    run = Finished(Path(source))
    return {"left": run.left, "right": run.right}


def _reading(key: tuple[str, ...], query: str | None) -> "Config":
    from kgalign.config import as_config

    return as_config({"read": {"key": key}, "sparql": {"left_query": query}})


def _of_file(
    sources: list[str | Path], types: tuple[str, ...], ignore_iri_names: bool, reading: "Config"
) -> "Profile":
    from kgalign.config import SelectConfig
    from kgalign.rdf.remote import read_inputs
    from kgalign.select import select

    progress = terminal_progress()
    graph = read_inputs(sources, "left", reading, progress)
    config = SelectConfig(ignore_iri_names=ignore_iri_names)
    return select(graph, config, types=types, side="left", progress=progress)


def _as_json(side: str, profile: "Profile") -> dict[str, Any]:
    from kgalign.records.tables import profile_table

    rows = profile_table(profile).drop_columns(["side"]).to_pylist()
    return {"side": side, "entities": len(profile), "types": list(profile.types), "attributes": rows}


def _show(title: str, profile: "Profile", full: bool) -> None:
    from kgalign.records.tables import PATH_SEPARATOR, profile_table

    types = [f"Types: {', '.join(profile.types[:10])}"] if profile.types else []
    say(f"{title}: {len(profile):,} entities", *types, limit=200)
    rows = profile_table(profile).to_pylist()
    paths = [row["path"].split(PATH_SEPARATOR) for row in rows]
    texts = [PATH_SEPARATOR.join(path) for path in (paths if full else _shortened(paths))]
    room = max(console().width - _FIGURES, _LEAST)
    console().print(_table(rows, texts if full else [_cut(text, room) for text in texts]))


def _cut(text: str, most: int) -> str:
    """A text without its middle where it is longer than so many characters; beginning and end tell more."""
    if len(text) <= most:
        return text
    return f"{text[: most // 3]}…{text[len(text) - (most - most // 3 - 1) :]}"


def _shortened(paths: list[list[str]]) -> list[list[str]]:
    """Local names in place of IRIs, but where two IRIs have the same one."""
    steps = sorted({step for path in paths for step in path})
    short = {
        step: ("^" if step.startswith("^") else "") + re.split(r"[#/]", step.rstrip("#/"))[-1]
        for step in steps
    }
    times = Counter(short.values())
    return [[short[step] if times[short[step]] == 1 else step for step in path] for path in paths]


def _table(rows: list[dict[str, Any]], paths: list[str]) -> "Table":
    made = table(("path", "kind"), ("facts", "coverage", "funct.", "inv. funct.", "importance"))
    for row, path in zip(rows, paths, strict=True):
        kind = f"{row['kind']} *" if row["is_name"] else row["kind"]
        shares = ["" if row[name] is None else f"{row[name]:.3f}" for name in _SHARES]
        made.add_row(cell(path, len(path) + 1), kind, f"{row['facts']:,}", *shares)
    made.caption, made.caption_justify = "* names the entity", "left"
    return made
