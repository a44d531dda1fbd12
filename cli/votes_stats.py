"""``kgalign votes stats``: how far a judging's votes can be relied upon, and what they cost."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kgalign.records.votes import Judging

from .common import cell, console, json_option, line, log_options, plural, run_argument, say, table
from .votes_common import judging_option, opened, words

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from kgalign.ledger import Used
    from kgalign.ledger.figures import Agreement, Positions, Rates, Round, Spending, Statistics

_DOUBTFUL = 0.01
"""A p-value below which the places are said to differ."""


@click.command("stats")
@run_argument
@judging_option
@json_option()
@log_options
def stats(run: Path, judging: str | None, as_json: bool) -> None:
    """Show figures on the votes of the run folder RUN.

    How often the same question got another answer; whether the place of an option decides, with a chi-square;
    what was made up or went wrong, by model and template; what each entity cost; what stopping early saved;
    what the votes changed in what the evidence had chosen.
    """
    from kgalign.ledger.export import json_text, judging_record
    from kgalign.ledger.query import find_judging
    from kgalign.ledger.spending import used
    from kgalign.ledger.statistics import summarise

    with opened(run) as ledger:
        chosen = find_judging(ledger, judging)
        figures = summarise(ledger.votes(chosen.name), ledger.decisions(chosen.name))
        sent = used(ledger)
    if as_json:
        record = {"judging": judging_record(chosen), "folder": asdict(sent), **asdict(figures)}
        click.echo(json_text(record, indent=1))
    else:
        _show(chosen, figures, sent)


def _show(judging: Judging, figures: "Statistics", sent: "Used") -> None:
    def below(title: str, body: "RenderableType") -> None:
        screen.print()
        screen.print(title, style="bold")
        screen.print(body)

    screen = console()
    model = f"{judging.model} with {judging.adapter}" if judging.adapter else judging.model
    say(f"Judging {judging.name}: {line(model)}")
    if way := _way(judging):
        say(f"Way of asking: {line(way)}")
    say(
        f"Sent from this folder: {plural(sent.requests, 'request')} in {plural(sent.judgings, 'judging')}, "
        f"{sent.unanswered:,} of them without an answer; {sent.tokens_in:,} tokens read, "
        f"{sent.tokens_out:,} written{_limits(judging)}"
    )
    say(f"{plural(figures.votes, 'vote')} on {plural(figures.cases, 'case')}")
    say(f"Outcomes: {_counts(figures.outcomes)}")
    say(f"Stopped: {_counts(figures.stopped)}")
    flips = figures.flips
    say(
        f"Flip rate: {_share(flips.rate)} ({flips.flipped:,} of {plural(flips.cases, 'case')} asked the same "
        f"options again answered differently; two such answers differ in {_share(flips.pairwise)})"
    )
    if figures.controls:
        right, asked = (sum(getattr(each, name) for each in figures.controls) for name in ("right", "votes"))
        forms = ", ".join(f"{each.kind} {each.right} of {each.votes}" for each in figures.controls)
        say(f"Controls: right on {right} of {asked} questions whose answers are known ({forms})")
    say(f"Contradictions: {plural(flips.contradicted, 'case')} with votes for and against the same entity")
    saved = figures.saved
    say(
        f"Early stop: {saved.early:,} of {plural(saved.cases, 'case')} were clear before the last question; "
        f"{saved.asked:,} of {saved.most:,} questions asked, {_share(saved.share)} saved"
    )
    for positions in figures.positions:
        verdict = _bias(positions)
        below(f"Places of {positions.options} options: {verdict}", _positions(positions))
    if figures.rates:
        below("Answers by model and template", _rates(figures.rates))
        below("Cost per entity", _spending(figures.spending))
        below("Rounds", _rounds(figures.rounds))
    below(
        f"Evidence and votes: the same in {_share(figures.agreement.share)} of the settled cases",
        _agreement(figures.agreement),
    )


def _limits(judging: Judging) -> str:
    """The limits that hold for all of that, as they were last; empty where there are none."""
    rules = _settings(judging).get("votes")
    limits = rules if isinstance(rules, dict) else {}
    told = [
        f"{limits[key]:,} {name}"
        for key, name in (("max_calls", "requests"), ("max_tokens", "tokens"), ("max_cost", "in cost"))
        if isinstance(limits.get(key), int | float)
    ]
    return f" (limit: {', '.join(told)})" if told else ""


def _settings(judging: Judging) -> dict[str, object]:
    """By which it was asked; empty where that is not on record."""
    try:
        settings = json.loads(judging.settings)
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}


def _way(judging: Judging) -> str:
    """How it was asked, and why where several ways were tried; empty where that is not on record."""
    settings = _settings(judging)
    told = settings.get("because") or settings.get("way")
    return told if isinstance(told, str) else ""


def _table(first: str, *headings: str) -> "Table":
    """A table whose first column holds names and whose others hold numbers."""
    made = table([first])
    for heading in headings:
        made.add_column(heading, justify="right")
    return made


def _bias(positions: "Positions") -> str:
    """What the chi-square says."""
    if positions.chi_square is None or positions.p is None:
        return "nothing chosen"
    said = "the place makes a difference" if positions.p < _DOUBTFUL else "no sign that the place decides"
    return f"{said} (chi-square {positions.chi_square:.2f}, {positions.degrees} df, p = {positions.p:.2g})"


def _positions(positions: "Positions") -> "Table":
    made = _table("place", "chosen", "expected", "winner stood here", "winner chosen here")
    for each in positions.places:
        share = each.winner_chosen / each.winner_stood if each.winner_stood else None
        made.add_row(
            str(each.place),
            f"{each.chosen:,}",
            f"{each.expected:,.1f}",
            f"{each.winner_stood:,}",
            _share(share),
        )
    made.add_row("none", f"{positions.none:,}", "", "", "")
    return made


def _rates(rates: Sequence["Rates"]) -> "Table":
    made = _table("model, template", "votes", "ok", "hallucinated", "unusable", "failed", "shortened")
    for each in rates:
        name = f"{each.model}{' with ' if each.adapter else ''}{each.adapter}, {each.template}"
        made.add_row(
            cell(name),
            f"{each.votes:,}",
            f"{each.status['ok']:,}" + (f" ({each.cut_short:,} cut short)" if each.cut_short else ""),
            f"{_share(each.hallucinated)} ({each.status['not-offered']:,} not offered, "
            f"{each.status['invented']:,} invented)",
            f"{_share(each.unusable)} ({each.status['cut-off']:,} cut off, "
            f"{each.status['unreadable']:,} unreadable)",
            f"{_share(each.failed)} ({each.status['failed']:,})",
            f"{each.shortened:,}",
        )
    return made


def _spending(spending: "Spending") -> "Table":
    made = _table("", "all", "mean", "median", "most")
    rows = {
        "calls": spending.calls,
        "tokens": spending.tokens,
        "tokens read": spending.prompt_tokens,
        "of them cached": spending.cached_tokens,
        "tokens written": spending.completion_tokens,
        "seconds": spending.seconds,
    }
    for name, each in rows.items():
        digits = 2 if name == "seconds" else 0
        made.add_row(
            name,
            f"{each.total:,.{digits}f}",
            f"{each.mean:,.2f}",
            f"{each.median:,.{digits or 1}f}",
            f"{each.most:,.{digits}f}",
        )
    return made


def _rounds(rounds: Sequence["Round"]) -> "Table":
    made = _table("round", "votes", "counted", "for none", "as decided", "tokens", "seconds")
    for each in rounds:
        share = each.with_decision / each.settled if each.settled else None
        made.add_row(
            str(each.number + 1),
            f"{each.votes:,}",
            f"{each.counted:,}",
            f"{each.none:,}",
            _share(share),
            f"{each.tokens:,}",
            f"{each.seconds:,.2f}",
        )
    return made


def _agreement(agreement: "Agreement") -> "Table":
    made = _table("", "cases")
    rows = {
        "the same partner": agreement.same_link,
        "none, both": agreement.both_none,
        "partner by the evidence, none by the votes": agreement.link_to_none,
        "none by the evidence, partner by the votes": agreement.none_to_link,
        "another partner by the votes": agreement.changed_partner,
        "asked and not settled": agreement.unsettled,
    }
    for name, count in rows.items():
        made.add_row(name, f"{count:,}")
    return made


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{words(name)} {count:,}" for name, count in counts.items()) or "none yet"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
