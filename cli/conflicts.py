"""``kgalign conflicts``: what the sources of a run say differently, what was written, and why."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .common import cell, console, echo, json_option, line, log_options, plural, run_argument, table

if TYPE_CHECKING:
    from rich.table import Table

    from kgalign.arrays import Flags
    from kgalign.records.conflicts import Conflict, Statement
    from kgalign.records.fused import Fusion
    from kgalign.run.finished import Finished

WIDTH = 80
"""Most characters of a line."""
SHOWN = 5
"""Conflicts shown to people where no number is given."""
_LONGEST = 240
"""Most characters of a value that people see."""
_MARGIN = 12


@click.command()
@run_argument
@click.option("--property", "name", metavar="IRI", help="Of this property: its IRI, or its last part.")
@click.option("--entity", metavar="IRI", help="Of this entity, by its IRI in the left, right or fused graph.")
@click.option("--source", metavar="NAME", help="In which this source takes part, or those that begin so.")
@click.option("--rule", metavar="NAME", help="Decided by this rule, such as Voting.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Most conflicts shown: {SHOWN} by default, all of them in JSON.",
)
@click.option("--summary", is_flag=True, help="Count the conflicts by property and rule.")
@click.option("--sources", is_flag=True, help="Show the trust learned in each source, and its faults.")
@json_option("Print JSON: one conflict per line.")
@log_options
def conflicts(
    run: Path,
    name: str | None,
    entity: str | None,
    source: str | None,
    rule: str | None,
    limit: int | None,
    summary: bool,
    sources: bool,
    as_json: bool,
) -> None:
    """Show what was in conflict in the run folder RUN, what was written, and why the rest was not.

    Where there are more than are shown, they are first counted by property and rule. Filters given together
    must all hold. Of each conflict: what is written, what says the same, and what lost, each with its source,
    its property there where that is another one, and the reason. conflicts.parquet in RUN holds the same as a
    table.
    """
    import numpy as np

    from kgalign.run.finished import Finished

    if summary and sources:
        raise click.UsageError("--summary and --sources are two reports: give one of them")
    finished = Finished(run)
    fusion = finished.fusion()
    wanted = _wanted(finished, fusion, name, entity, source, rule)
    numbers = np.flatnonzero(wanted)
    if sources:
        _show_sources(fusion, as_json)
    elif summary:
        _show_summary(fusion, wanted, as_json)
    elif as_json:
        _print_json(fusion, numbers[:limit])
    else:
        if len(numbers) > (limit or SHOWN):
            _show_summary(fusion, wanted, as_json)
            echo()
        _show(fusion, numbers, limit or SHOWN)


def _wanted(
    finished: "Finished",
    fusion: "Fusion",
    name: str | None,
    entity: str | None,
    source: str | None,
    rule: str | None,
) -> "Flags":
    """(conflicts,) those that pass."""
    import numpy as np

    from kgalign.records.conflicts import of_entity, of_property, of_rule, of_source

    wanted = np.ones(fusion.counts.conflicts, bool)
    if name is not None:
        wanted &= of_property(fusion, name)
    if entity is not None:
        wanted &= of_entity(fusion, *_terms(finished, fusion, entity))
    if source is not None:
        wanted &= of_source(fusion, source)
    if rule is not None:
        wanted &= of_rule(fusion, rule)
    return wanted


def _terms(finished: "Finished", fusion: "Fusion", entity: str) -> tuple[list[int], str]:
    """What an IRI, or ``_:label``, stands for in the fused graph: itself, and what it was merged into."""
    from kgalign import pipeline
    from kgalign.records.conflicts import iri_of, node_id

    iri = iri_of(entity)
    found = [node_id(fusion.terms, iri)]
    for step, became in ((pipeline.READ_LEFT, fusion.left_term), (pipeline.READ_RIGHT, fusion.right_term)):
        there = -1 if iri.startswith("_:") else node_id(finished.get(step).terms, iri)
        if there >= 0:
            found.append(int(became[there]))
    return [each for each in found if each >= 0], iri


def _print_json(fusion: "Fusion", numbers: Any) -> None:  # noqa: ANN401 - positions
    from kgalign.ledger.export import json_text
    from kgalign.records.conflicts import conflicts as read

    for each in read(fusion, numbers):
        click.echo(json_text(asdict(each)))


def _show(fusion: "Fusion", numbers: Any, limit: int) -> None:  # noqa: ANN401 - positions
    from kgalign.records.conflicts import conflicts as read

    if not len(numbers):
        whole = fusion.counts.conflicts
        echo(f"None of {whole:,} conflicts passes these filters" if whole else "There are no conflicts")
        return
    for each in read(fusion, numbers[:limit]):
        _show_conflict(each)
        echo()
    more = len(numbers) - limit
    shown = f"{limit:,} of {plural(len(numbers), 'conflict')}: --limit shows more" if more > 0 else ""
    echo(shown or plural(len(numbers), "conflict"))


def _show_conflict(conflict: "Conflict") -> None:
    from kgalign.rdf.names import local_name

    heading = f"Conflict {conflict.number}: {line(local_name(conflict.property))} of {line(conflict.subject)}"
    echo(click.style(heading, bold=True))
    rules = dict.fromkeys(each.rule for each in conflict.statements)
    echo(f"  {line(conflict.property)}, decided by {line(' and '.join(rules))}")
    groups: dict[tuple[Any, ...], list[Statement]] = {}
    for each in conflict.statements:
        key = (each.role, each.value, each.datatype, each.language, each.reason, each.said_property)
        groups.setdefault(key, []).append(each)
    for group in groups.values():
        _show_statements(group, conflict.property)


_COLOURS = {"written": "green", "computed": "green", "agrees": "green", "lost": "red"}


def _show_statements(group: "list[Statement]", property: str) -> None:
    """Statements of several sources that say the same with the same fate."""
    import textwrap

    from kgalign.rdf.names import local_name

    first = group[0]
    role = click.style(f"{first.role:<8}", fg=_COLOURS.get(first.role))
    # What has no spaces is cut in a text, and never in an IRI, which people copy.
    value = textwrap.wrap(_value(first), _width() - _MARGIN, break_long_words=first.kind == "literal")
    echo(f"  {role}  {value[0]}")
    for more in value[1:]:
        echo(" " * _MARGIN + more)
    if first.source is None:
        return
    names = ", ".join(dict.fromkeys(line(each.source) for each in group if each.source is not None))
    if first.said_property is not None and first.said_property != property:
        names += f" as {'inverse of ' if first.inverse else ''}{line(local_name(first.said_property))}"
    if first.confidence is not None:
        names += f", confidence {first.confidence:.2f}"
    if first.role != "written":
        names += f": {first.reason}"
    for text in textwrap.wrap(names, _width() - _MARGIN, break_long_words=False, break_on_hyphens=False):
        echo(" " * _MARGIN + text)


def _width() -> int:
    """Characters of a line: at most :data:`WIDTH`, fewer where the screen has fewer."""
    return max(min(WIDTH, console().width), 2 * _MARGIN)


def _value(statement: "Statement") -> str:
    """A value as people read it."""
    from kgalign.base.logs import printable
    from kgalign.rdf.names import local_name
    from kgalign.rdf.vocabulary import XSD_STRING

    if statement.kind != "literal":
        text = line(statement.value)
        return f"<{text}>" if statement.kind == "iri" else text
    text = f'"{printable(statement.value, _LONGEST)}"'
    if statement.language is not None:
        return f"{text} @{line(statement.language)}"
    if statement.datatype in (None, XSD_STRING):
        return text
    return f"{text} {line(local_name(statement.datatype or ''))}"


def _show_summary(fusion: "Fusion", wanted: "Flags", as_json: bool) -> None:
    import numpy as np

    from kgalign.ledger.export import json_text
    from kgalign.records.conflicts import index_of
    from kgalign.records.fused import Role

    index = index_of(fusion)
    rows = np.flatnonzero((fusion.conflict >= 0) & (fusion.role >= Role.LOST))
    losers = np.bincount(fusion.conflict[rows], minlength=len(wanted))
    count: Counter[tuple[int, int]] = Counter()
    lost: Counter[tuple[int, int]] = Counter()
    for number in np.flatnonzero(wanted).tolist():
        key = int(index.property[number]), int(index.rule[number])
        count[key] += 1
        lost[key] += int(losers[number])
    records = [
        {
            "property": fusion.text(property),
            "rule": fusion.rules[rule],
            "conflicts": count[property, rule],
            "lost": lost[property, rule],
        }
        for property, rule in sorted(count, key=lambda key: (-count[key], key))
    ]
    if as_json:
        for each in records:
            click.echo(json_text(each))
        return
    if not records:
        echo("There are no conflicts")
        return
    made = table(("property", "decided by"), ("conflicts", "statements lost"))
    names = _short([str(each["property"]) for each in records])
    for each in records:
        figures = f"{each['conflicts']:,}", f"{each['lost']:,}"
        made.add_row(cell(names[str(each["property"])]), cell(str(each["rule"])), *figures)
    console().print(made)


def _show_sources(fusion: "Fusion", as_json: bool) -> None:
    from kgalign.ledger.export import json_text

    if as_json:
        record = {
            "trust": [asdict(each) for each in fusion.trust],
            "faults": [asdict(each) for each in fusion.faults],
            "warnings": list(fusion.warnings),
        }
        click.echo(json_text(record, indent=1))
        return
    if fusion.trust:
        console().print(_trust(fusion))
        if not all(each.told_apart for each in fusion.trust):
            echo("* Only two sources meet here: nothing shows which of them is wrong.")
    else:
        echo("Nothing was learned of the sources: no rule goes by trust")
    for heading, texts in (("Faults of the sources", _faults(fusion)), ("Warnings", fusion.warnings)):
        if texts:
            echo()
            echo(click.style(heading, bold=True))
            for text in texts:
                echo(f"  {line(text)}")


def _trust(fusion: "Fusion") -> "Table":
    names = _short([iri for each in fusion.trust for iri in each.properties])
    made = table(("property", "source"), ("claims", "compared", "right", "near"))
    for each in fusion.trust:
        what = " + ".join(names[iri] for iri in each.properties) + ("" if each.told_apart else " *")
        right, near = (f"{each.right:.3f}", f"{each.near:.3f}") if each.compared else ("-", "-")
        compared = f"{each.compared:,.0f}"
        made.add_row(cell(what), cell(each.source), f"{each.claims:,}", compared, right, near)
    return made


def _faults(fusion: "Fusion") -> list[str]:
    names = _short([iri for each in fusion.faults for iri in each.properties])
    return [
        f"{each.source}, {' + '.join(names[iri] for iri in each.properties)}: {each.text}"
        for each in fusion.faults
    ]


def _short(iris: list[str]) -> dict[str, str]:
    """IRI → its last part, or all of it where two have the same."""
    from kgalign.rdf.names import local_name

    shared = Counter(local_name(iri) for iri in dict.fromkeys(iris))
    return {iri: local_name(iri) if shared[local_name(iri)] == 1 else iri for iri in iris}
