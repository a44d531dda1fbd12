"""``kgalign plan``: what asking a language model will cost, before anything is spent."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kgalign.errors import KgalignError

from .common import Number, json_option, log_options, quiet_option, say, terminal_progress
from .options import settings, settings_options
from .paths import INPUT, PATH

if TYPE_CHECKING:
    from kgalign.config import Config
    from kgalign.judge.plan import Plan


@click.command()
@click.argument("left", type=INPUT)
@click.argument("right", type=INPUT)
@click.option(
    "-o",
    "--out",
    type=PATH,
    metavar="RUN",
    help="Run folder: what is found out on the way is kept there, and `kgalign run` goes on from it.",
)
@settings_options
@click.option("--refresh", is_flag=True, help="Ask SPARQL endpoints anew, in place of what they gave before.")
@click.option("--rate", type=Number(min=0, min_open=True), metavar="N", help="Votes per second.")
@click.option(
    "--probe/--no-probe",
    default=None,
    help="Whether the model is asked ten of the questions, to see how fast and at what length it answers; by "
    "default where --judge llm is given, no --rate, and its server is there.",
)
@json_option()
@quiet_option()
@log_options
def plan(
    left: str | Path,
    right: str | Path,
    out: Path | None,
    config: Path | None,
    refresh: bool,
    rate: float | None,
    probe: bool | None,
    as_json: bool,
    quiet: bool,
    **flags: str | bool | tuple[str, ...] | None,
) -> None:
    """Say what it would take to ask a language model where the evidence on LEFT and RIGHT is not sure.

    Entities, candidates, entities in doubt, expected questions, tokens, cost and time. No model has to be
    there; with one that is, ten questions tell more. The options are those of `kgalign run`.
    """
    from kgalign import pipeline
    from kgalign.judge.plan import make_plan
    from kgalign.run import start

    chosen = settings(config, flags)
    work = start.evidence(left, right, out, chosen, refresh=refresh, progress=terminal_progress(quiet))
    sides = work.get(pipeline.SELECT_LEFT), work.get(pipeline.SELECT_RIGHT)
    tries = chosen.judge.judge == "llm" and rate is None if probe is None else probe
    missing = ""
    try:
        found = make_plan(*sides, pipeline.judged_of(work), chosen, rate=rate, tries=tries)
    except KgalignError as error:
        if probe is not None or not tries:
            raise
        missing = error.message
        found = make_plan(*sides, pipeline.judged_of(work), chosen, rate=rate)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1))
    else:
        say(*_lines(found, chosen, missing), limit=200)


def _lines(plan: "Plan", config: "Config", missing: str) -> list[str]:
    """What is said of a plan.

    :param missing: why the model was not tried out although it was to be, empty for no reason.
    """
    share = plan.asked_about / plan.left_entities if plan.left_entities else 0.0
    per = plan.calls / plan.left_entities if plan.left_entities else 0.0
    tokens = (plan.tokens_in + plan.tokens_out) / plan.left_entities if plan.left_entities else 0.0
    priced = bool(config.llm.price_in or config.llm.price_out)
    cost = (
        f"{plan.cost:,.2f}" if priced else "unknown: give llm.price_in and llm.price_out, per million tokens"
    )
    if plan.seconds is None or plan.rate is None:
        time = "unknown: give --rate, votes per second, or --probe"
    else:
        time = f"{plan.seconds:,.0f} s, at {plan.rate:,.1f} votes per second"
    asked = f"{plan.tried} questions were asked to find out." if plan.tried else "Nothing was asked."
    lines = [
        f"Entities: {plan.left_entities:,} left, {plan.right_entities:,} right",
        f"Candidates: {plan.candidates:,}, of which {plan.known:,} are known",
        f"To ask about: {plan.asked_about:,} left entities ({share:.1%})",
        f"Questions: about {plan.calls:,.0f}, at most {plan.most_calls:,} ({per:.2f} per left entity)",
        f"Tokens: about {plan.tokens_in:,.0f} read and {plan.tokens_out:,.0f} written "
        f"({tokens:,.0f} per left entity)",
        f"Cost: {cost}",
        f"Time: {time}",
        f"Expected by playing {plan.sample:,} of them through with a model that is right "
        f"{plan.accuracy:.0%} of the time. {asked}",
    ]
    lines += [f"{missing}: so nothing was tried out"] * bool(missing)
    return lines + [f"The limit {plan.limited} ends it then, before all is asked"] * bool(plan.limited)
