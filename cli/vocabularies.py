"""``kgalign vocabularies``: which properties and classes of the two graphs say the same."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import cell, console, json_option, log_options, run_argument, table

if TYPE_CHECKING:
    from rich.table import Table

    from kgalign.records.vocabularies import ClassMatch, PropertyMatch, Target, Vocabularies

_EXAMPLE = 40


@click.command()
@run_argument
@click.option("--all", "show_all", is_flag=True, help="Also what is no part of the one-to-one mapping.")
@json_option("Print one JSON object, alternatives among it.")
@log_options
def vocabularies(run: Path, show_all: bool, as_json: bool) -> None:
    """Show which properties and classes of the two graphs of RUN correspond, learned from its links.

    A score lies between 0 and 1: how far linked nodes agree in their values, beyond chance. What is renamed
    has one name in the fused graph; for what is not, the reason is told. Notes say what differs: a unit, the
    precision of dates, a language. Nothing is changed in RUN.
    """
    from kgalign.run.finished import Finished

    finished = Finished(run)
    found, target = finished.vocabularies(), finished.config.fuse.vocabulary
    if as_json:
        click.echo(json.dumps(_json(found, target), indent=1, default=_plain))
        return
    screen = console()
    properties = [each for each in found.properties if show_all or each.chosen]
    classes = [each for each in found.classes if show_all or each.chosen]
    if not properties and not classes:
        screen.print(cell("No property and no class was found to correspond: there are too few links"))
    if properties:
        screen.print(_properties(properties, target))
    if classes:
        screen.print()
        screen.print(_classes(classes, target))
    for line in _more(found):
        screen.print(cell(line))


def _more(found: "Vocabularies") -> Iterator[str]:
    """What the tables don't say."""
    for old, new in (*found.standard, *found.standard_classes):
        yield f"{old} is called {new}, as neither graph does"
    for iri in found.kept:
        yield f"{iri} stays as it is"
    yield from found.warnings


def _json(found: "Vocabularies", target: "Target") -> dict[str, object]:
    from kgalign.records.vocabularies import class_objection, objection

    def told(match: "PropertyMatch | ClassMatch", against: str) -> dict[str, object]:
        same = match.left == match.right
        return {**asdict(match), "renamed": not (against or same), "objection": against}

    properties = [told(match, objection(match, target)) for match in found.properties]
    classes = [told(match, class_objection(match, target)) for match in found.classes]
    return {**asdict(found), "properties": properties, "classes": classes, "vocabulary": target}


def _plain(value: object) -> object:
    """What JSON has no word for."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON")


def _properties(matches: Sequence["PropertyMatch"], target: "Target") -> "Table":
    from kgalign.records.vocabularies import objection

    made = table(
        ("left property", "relation", "right property"),
        ("score", "agree", "pairs"),
        ("in the fused graph", "example", "notes"),
    )
    for each in matches:
        right = f"inverse of {_local(each.right)}" if each.inverse else _local(each.right)
        example = " = ".join(text[:_EXAMPLE] for text in each.examples[0]) if each.examples else ""
        against = objection(each, target)
        notes = "; ".join(note for note in each.notes if note not in against)
        figures = f"{each.score:.2f}", f"{each.agreement:.2f}", f"{each.support:,}"
        words = (_fate(each.left == each.right and not each.inverse, against), example, notes)
        made.add_row(cell(_local(each.left)), each.relation, cell(right), *figures, *map(cell, words))
    return made


def _classes(matches: Sequence["ClassMatch"], target: "Target") -> "Table":
    from kgalign.records.vocabularies import class_objection

    made = table(("left class", "relation", "right class"), ("score", "pairs"), ("in the fused graph",))
    for each in matches:
        figures = f"{each.score:.2f}", f"{each.support:,}"
        fate = _fate(each.left == each.right, class_objection(each, target))
        made.add_row(cell(_local(each.left)), each.relation, cell(_local(each.right)), *figures, cell(fate))
    return made


def _fate(same: bool, against: str) -> str:
    if same:
        return "one name on both sides"
    return f"two names: {against}" if against else "renamed"


def _local(iri: str) -> str:
    from kgalign.rdf.names import local_name

    return local_name(iri)
