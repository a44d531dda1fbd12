"""``kgalign vocabularies``: which properties and classes of the two graphs say the same."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import cell, console, log_options

if TYPE_CHECKING:
    from rich.table import Table

    from kgalign.correspondences import ClassMatch, PropertyMatch, Vocabularies

_EXAMPLE = 40


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--all", "show_all", is_flag=True, help="Also what is no part of the one-to-one mapping.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, alternatives among it.")
@log_options
def vocabularies(run: Path, show_all: bool, as_json: bool) -> None:
    """Show which properties and classes of the two graphs of RUN correspond, learned from its links.

    A score lies between 0 and 1: how far linked nodes agree in their values, beyond chance. Notes say what
    differs: a unit, the precision of dates, a language. Nothing is changed in RUN.
    """
    found = _learned(run)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=1, ensure_ascii=False, default=_plain))
        return
    screen = console()
    properties = [each for each in found.properties if show_all or each.chosen]
    classes = [each for each in found.classes if show_all or each.chosen]
    if not properties and not classes:
        screen.print(cell("No property and no class was found to correspond: there are too few links"))
        return
    if properties:
        screen.print(_properties(properties))
    if classes:
        screen.print()
        screen.print(_classes(classes))


def _learned(run: Path) -> "Vocabularies":
    from kgalign.evaluate.pairs import is_link
    from kgalign.folder import RunFolder
    from kgalign.fuse.vocabularies import align_vocabularies
    from kgalign.rdf.graph import Graph
    from kgalign.records import Alignment, Profile

    folder = RunFolder(run)
    alignment = folder.load("assign", Alignment)
    rows = is_link(alignment)
    left, right = folder.load("select-left", Profile), folder.load("select-right", Profile)
    return align_vocabularies(
        folder.load("read-left", Graph),
        folder.load("read-right", Graph),
        left.entity_term[alignment.left[rows]],
        right.entity_term[alignment.right[rows]],
    )


def _plain(value: object) -> object:
    """What JSON has no word for."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON")


def _properties(matches: Sequence["PropertyMatch"]) -> "Table":
    table = _table(
        ("left property", "relation", "right property"), ("score", "agree", "pairs"), ("example", "notes")
    )
    for each in matches:
        right = f"inverse of {_local(each.right)}" if each.inverse else _local(each.right)
        example = " = ".join(text[:_EXAMPLE] for text in each.examples[0]) if each.examples else ""
        notes = "; ".join(each.notes)
        figures = f"{each.score:.2f}", f"{each.agreement:.2f}", f"{each.support:,}"
        table.add_row(
            cell(_local(each.left)), each.relation, cell(right), *figures, cell(example), cell(notes)
        )
    return table


def _classes(matches: Sequence["ClassMatch"]) -> "Table":
    table = _table(("left class", "relation", "right class"), ("score", "pairs"), ())
    for each in matches:
        figures = f"{each.score:.2f}", f"{each.support:,}"
        table.add_row(cell(_local(each.left)), each.relation, cell(_local(each.right)), *figures)
    return table


def _table(words: Sequence[str], numbers: Sequence[str], more: Sequence[str]) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in words:
        table.add_column(heading, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in more:
        table.add_column(heading, overflow="fold")
    return table


def _local(iri: str) -> str:
    from kgalign.fuse.vocabulary_facts import local_name

    return local_name(iri)
