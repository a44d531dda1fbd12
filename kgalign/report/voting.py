"""What a language model said: how often it answered the same question differently, and what it made up."""

from collections.abc import Iterator

from kgalign.base.notebook import Html
from kgalign.ledger.figures import Agreement, Positions, Rates, Statistics
from kgalign.report.findings import Findings
from kgalign.report.page import Figure, Section, beside, joined, paragraph, table

_TEMPLATES, _OPTIONS = 12, 3
_DOUBTFUL = 0.01
"""A p-value below which the places are said to differ."""


def votes(found: Findings) -> Section | None:
    """The votes of a run, without what they cost, which differs from run to run; None if there are none."""
    figures = found.statistics
    if figures is None or not figures.votes:
        return None
    parts = [
        paragraph(_summary(figures)),
        beside(_agreement(figures.agreement), _rates(figures.rates)),
        *_places(figures.positions),
    ]
    return Section("votes", "Votes of a language model", joined(parts))


def _summary(figures: Statistics) -> str:
    flips = figures.flips
    rate = "-" if flips.rate is None else f"{flips.rate:.1%}"
    outcomes = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in figures.outcomes.items())
    right, asked = (sum(getattr(each, name) for each in figures.controls) for name in ("right", "votes"))
    controls = (
        f" Of {asked:,} questions whose answers are known {right:,} were answered right." if asked else ""
    )
    return (
        f"{figures.votes:,} votes on {figures.cases:,} cases: {outcomes}. Flip rate {rate}: of "
        f"{flips.cases:,} cases that were asked the same options again, {flips.flipped:,} were answered "
        f"differently.{controls}"
    )


def _agreement(agreement: Agreement) -> Html:
    rows = (
        ("the same partner", agreement.same_link),
        ("none, both", agreement.both_none),
        ("partner by the evidence, none by the votes", agreement.link_to_none),
        ("none by the evidence, partner by the votes", agreement.none_to_link),
        ("another partner by the votes", agreement.changed_partner),
        ("asked and not settled", agreement.unsettled),
    )
    return table("Evidence and votes", ("", "cases"), rows)


def _rates(rates: tuple[Rates, ...]) -> Html:
    rows = [
        (
            f"{each.model}{' with ' if each.adapter else ''}{each.adapter}",
            each.template,
            each.votes,
            Figure(f"{each.hallucinated:.1%}"),
            Figure(f"{each.unusable:.1%}"),
            Figure(f"{each.failed:.1%}"),
        )
        for each in sorted(rates, key=lambda each: -each.votes)[:_TEMPLATES]
    ]
    shown = f" ({_TEMPLATES} of {len(rates):,})" if len(rates) > _TEMPLATES else ""
    headings = ("model", "template", "votes", "made up", "unusable", "failed")
    return table(f"Models and templates{shown}", headings, rows)


def _places(positions: tuple[Positions, ...]) -> Iterator[Html]:
    """Whether the place of an option decides, for the numbers of options that were shown most."""
    for each in sorted(positions, key=lambda each: (-each.votes, each.options))[:_OPTIONS]:
        if each.p is None:
            continue
        said = "the place makes a difference" if each.p < _DOUBTFUL else "no sign that the place decides"
        rows = [(place.place, place.chosen, round(place.expected, 1)) for place in each.places]
        yield table(
            f"Places of {each.options} options: {said} (p = {each.p:.2g})",
            ("place", "chosen", "expected"),
            rows,
        )
