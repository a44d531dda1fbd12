"""``kgalign plan``: what asking a language model will cost, before anything is spent."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import PATH, Number, json_option, log_options, quiet_option, say, terminal_progress
from .options import settings, settings_options

if TYPE_CHECKING:
    from kgalign.config import Config
    from kgalign.judge.plan import Plan


@click.command()
@click.argument("left", type=PATH)
@click.argument("right", type=PATH)
@click.option(
    "-o",
    "--out",
    type=PATH,
    metavar="RUN",
    help="Run folder: what is found out on the way is kept there, and `kgalign run` goes on from it.",
)
@settings_options
@click.option("--rate", type=Number(min=0, min_open=True), metavar="N", help="Votes per second.")
@json_option()
@quiet_option()
@log_options
def plan(
    left: Path,
    right: Path,
    out: Path | None,
    config: Path | None,
    rate: float | None,
    as_json: bool,
    quiet: bool,
    **flags: str | bool | tuple[str, ...] | None,
) -> None:
    """Say what it would take to ask a language model where the evidence on LEFT and RIGHT is not sure.

    Entities, candidates, entities in doubt, expected questions, tokens, cost and time. No model is asked and
    none has to be there. The options are those of `kgalign run`.
    """
    from kgalign import pipeline
    from kgalign.judge.plan import make_plan
    from kgalign.run import start

    chosen = settings(config, flags)
    work = start.evidence(left, right, out, chosen, progress=terminal_progress(quiet))
    found = make_plan(
        work.get(pipeline.SELECT_LEFT),
        work.get(pipeline.SELECT_RIGHT),
        pipeline.judged_of(work),
        chosen,
        rate=rate,
    )
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1))
    else:
        say(*_lines(found, chosen), limit=200)


def _lines(plan: "Plan", config: "Config") -> list[str]:
    share = plan.asked_about / plan.left_entities if plan.left_entities else 0.0
    per = plan.calls / plan.left_entities if plan.left_entities else 0.0
    tokens = (plan.tokens_in + plan.tokens_out) / plan.left_entities if plan.left_entities else 0.0
    priced = bool(config.llm.price_in or config.llm.price_out)
    cost = (
        f"{plan.cost:,.2f}" if priced else "unknown: give llm.price_in and llm.price_out, per million tokens"
    )
    time = f"{plan.seconds:,.0f} s" if plan.seconds is not None else "unknown: give --rate, votes per second"
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
        f"{plan.accuracy:.0%} of the time. Nothing was asked.",
    ]
    return lines + [f"The limit {plan.limited} ends it before that"] * bool(plan.limited)
