"""``kgalign explain``: why a link was made, or why not."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from kgalign.explain import Explanation, PairExplanation
from kgalign.explain.words import level_in_words
from kgalign.rdf.names import local_name

from .common import cell, console, json_option, log_options, run_argument, say, table

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from kgalign.explain.explanation import Line
    from kgalign.explain.values import Fact

_SAID = 1000
"""Most characters of what somebody said, and of what was compared: it may hold the IRIs of properties."""
_VALUE = 300
"""Most characters of a value in a record."""
_HALF = 7
"""Cells of a bar on either side of nothing."""
_NOTHING = 0.005
"""What adds less is counted, and not shown."""


@click.command()
@run_argument
@click.argument("entity")
@click.argument("other", required=False)
@click.option(
    "--side", type=click.Choice(["left", "right"]), help="Side of ENTITY, where both sides have it."
)
@json_option()
@log_options
def explain(
    run: Path, entity: str, other: str | None, side: Literal["left", "right"] | None, as_json: bool
) -> None:
    """Show what ENTITY of the run folder RUN was linked with, and why.

    ENTITY is an IRI, a CURIE, a label, or the last part of an IRI; if several go by it they are listed.
    The records are shown whole, then the evidence, a sum of log-odds: each line says what was compared, what
    came of it and what it adds, for the chosen candidate and for the runner-up. With a second entity, OTHER,
    that pair is explained; of two entities of one side it says what each was linked with and whether links
    hold them together.
    """
    from kgalign.api import open as open_run

    result = open_run(run).explain(entity, other, side=side)
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=1))
    else:
        _show(result)


def _show(result: Explanation) -> None:
    say(result.summary, *map(str, result.decided))
    seen: set[tuple[str, str]] = set()
    for pair in result.pairs:
        role, *_, sums, ranks = pair.headline()
        say("")
        say(role, limit=_SAID, style="bold")
        for name, entity, facts in (
            ("left", pair.left, pair.left_record),
            ("right", pair.right, pair.right_record),
        ):
            if (name, entity.iri) not in seen:
                seen.add((name, entity.iri))
                say(f"  {name}: {entity.name}", f"    {entity.iri}", limit=_VALUE)
                console().print(_record(facts))
        say(*(f"  {each}" for each in (*map(str, pair.decided), sums, ranks)), limit=_SAID)
        console().print(_waterfall(pair.lines))
        _show_rest(pair)


def _show_rest(pair: PairExplanation) -> None:
    """What stands below the evidence."""
    nothing = [each.feature for each in pair.lines if abs(each.contribution) < _NOTHING]
    if nothing:
        say(f"  adding nothing: {', '.join(nothing)}", limit=_SAID, style="dim")
    for beside in pair.neighbours:
        left, right = map(_short, (beside.left_relation, beside.right_relation))
        say(f"  linked too: {left} {beside.left} ~ {right} {beside.right}", limit=_VALUE, style="dim")
    for each in pair.for_models:
        say(f"  look at: {each}", limit=_SAID, style="yellow")


def _record(facts: "Sequence[Fact]") -> "Table":
    """All that a record says, one property a row."""
    made = table(("", "property", "values"))
    made.show_header = False
    for fact in facts:
        names = " / ".join(map(_short, fact.path.split(" / ")))
        more = f" | and {fact.more:,} more" if fact.more else ""
        values = " | ".join(cell(value, _VALUE).plain for value in fact.values) + more
        made.add_row("   ", cell(names, _VALUE), cell(values, len(values)))
    return made


def _short(step: str) -> str:
    """The last part of a property's IRI, with the mark of one that points here."""
    return ("^" if step.startswith("^") else "") + local_name(step)


def _waterfall(lines: "Sequence[Line]") -> "Table":
    """What each comparison adds to the log-odds, as a bar and as a number, and the sum so far."""
    made = table(("evidence",), ("adds", "sum"), ("against | for",))
    made.columns[-1].no_wrap = True
    most = max((abs(each.contribution) for each in lines), default=0.0) or 1.0
    for each in lines:
        if abs(each.contribution) >= _NOTHING:
            what = cell(f"{each.feature}: {level_in_words(each.kind, each.level)}{_values(each)}", _SAID)
            bar = _bar(each.contribution / most)
            made.add_row(what, f"{each.contribution:+.2f}", f"{each.running:+.2f}", bar)
    return made


def _values(each: "Line") -> str:
    """What a vote said: of comparisons the records have the values."""
    return "".join(f", {value}" for value in (*each.left, *each.right)) if each.kind == "vote" else ""


def _bar(share: float) -> "Text":
    """A bar to the right of the middle for what speaks for the pair, to the left for what speaks against."""
    from rich.text import Text

    eighths = max(round(abs(share) * _HALF * 8), 1)
    if share > 0:
        bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
        return Text(" " * _HALF + bar, style="green")
    bar = ("▐" if eighths % 8 >= 4 or eighths < 8 else "") + "█" * (eighths // 8)
    return Text(bar.rjust(_HALF)[-_HALF:], style="red")
