"""``kgalign votes show``: every question on an entity, word by word, and what came back."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kgalign.base.logs import printable
from kgalign.records.votes import NONE, Judging, Status, Vote

from .common import json_option, line, log_options, plural, run_argument
from .votes_common import judging_option, named, opened, words
from .votes_list import agrees, chosen_probability

if TYPE_CHECKING:
    from kgalign.ledger.query import OnRecord

_CUT_SHORT = " (cut off: what was complete counts)"


@click.command("show")
@run_argument
@click.argument("iri")
@click.argument("other", required=False)
@judging_option
@click.option("--full", is_flag=True, help="Show instructions too, which all questions of a template share.")
@json_option()
@log_options
def show_votes(
    run: Path, iri: str, other: str | None, judging: str | None, full: bool, as_json: bool
) -> None:
    """Show what a language model was asked about the entity IRI in the run folder RUN, and what it answered.

    IRI is a left entity or one of its options. With a second IRI, OTHER, only votes are shown that could have
    said that the two are the same. Of each round: the options in their order, the messages, the answer, the
    values it cites (found in the question or not), probabilities, tokens, seconds; at the end the decision.
    """
    from kgalign.explain import bare
    from kgalign.ledger.export import json_text
    from kgalign.ledger.query import cases, find_cases, find_judging

    asked = [bare(iri)] + ([] if other is None else [bare(other)])
    with opened(run) as ledger:
        chosen = find_judging(ledger, judging)
        names = find_cases(ledger, chosen.name, *asked)
        found = [
            (case, [vote for vote in case.votes if _offers(vote, asked)])
            for case in cases(ledger, chosen.name, names)
        ]
    if as_json:
        click.echo(json_text(_record(asked, chosen, found), indent=1))
    else:
        _show(chosen, found, full=full)


def _offers(vote: Vote, asked: Sequence[str]) -> bool:
    from kgalign.ledger.query import offers

    return len(asked) == 1 or offers(vote.question, *asked)


def _record(
    asked: Sequence[str], judging: Judging, found: Sequence[tuple["OnRecord", list[Vote]]]
) -> dict[str, Any]:
    from kgalign.ledger.export import decision_record, judging_record, vote_record

    return {
        "asked": list(asked),
        "judging": judging_record(judging),
        "cases": [
            {
                "case": case.case,
                "flips": case.flips,
                "votes": [vote_record(vote) for vote in votes],
                "decision": None if case.decision is None else decision_record(case.decision),
            }
            for case, votes in found
        ],
    }


def _show(judging: Judging, found: Sequence[tuple["OnRecord", list[Vote]]], *, full: bool) -> None:
    model = f"{judging.model} with {judging.adapter}" if judging.adapter else judging.model
    click.echo(f"Judging {judging.name}: {line(model)}, begun {line(judging.begun_at)}")
    for case, votes in found:
        click.echo()
        click.echo(click.style(f"Case {line(case.case)}: {plural(len(votes), 'vote')}", bold=True))
        shown: dict[str, int] = {}
        for vote in votes:
            click.echo()
            _show_vote(vote, shown, full=full)
        click.echo()
        _show_decision(case)


def _show_vote(vote: Vote, shown: dict[str, int], *, full: bool) -> None:
    """One round.

    :param shown: message → round that it was printed in; it isn't printed again.
    :param full: whether to show what all questions share.
    """
    question, answer = vote.question, vote.answer
    ok = answer.status is Status.OK
    click.echo(
        click.style(f"Round {question.number + 1}: ", bold=True)
        + f"{question.kind.value}, {words(question.direction.value)}, {question.view.value}, "
        + f"template {line(question.template)}{', shortened' if question.shortened else ''}: "
        + click.style(words(answer.status.value), fg="green" if ok else "red")
    )
    click.echo(f"  asked of {line(question.asker)}")
    _show_options(vote)
    for message in question.messages:
        if message.role == "system" and not full:
            continue
        before = shown.setdefault(f"{message.role} {message.content}", question.number + 1)
        if before < question.number + 1:
            click.echo(f"  {message.role} | (as in round {before})")
            continue
        for each in message.content.split("\n"):
            click.echo(f"  {message.role} | {line(each)}")
    for each in vote.reply.split("\n") if vote.reply else []:
        click.echo(f"  answer | {line(each)}")
    if answer.reason:
        click.echo(f"  reason: {line(answer.reason)}")
    for citation in answer.citations:
        mark = click.style("✓ found", fg="green") if citation.found else click.style("✗ not found", fg="red")
        click.echo(f"  cites {mark}: {line(citation.value)}")
    probability = chosen_probability(vote)
    given = "" if probability is None else f", probability {probability:.3f}"
    place = f" at place {answer.place} of {len(question.options)}" if answer.place else ""
    click.echo(f"  chose {named(answer.choice)}{place}{given}")
    if vote.served:
        click.echo(f"  the server called the model {line(vote.served)}")
    cached = f" ({vote.cached_tokens:,} of them cached)" if vote.cached_tokens else ""
    click.echo(
        f"  tokens: {vote.prompt_tokens:,} read{cached}, {vote.completion_tokens:,} written; "
        f"{vote.seconds:.2f} seconds, {plural(vote.attempts, 'attempt')}, ended with "
        f"{printable(vote.finish) or 'nothing'}{_CUT_SHORT if vote.cut_short else ''}, {line(vote.asked_at)}"
    )


def _show_options(vote: Vote) -> None:
    """The options in the order shown, with what the model gave to each."""
    question, answer = vote.question, vote.answer
    options = (*question.options, NONE)
    given = answer.probabilities or (None,) * len(options)
    for option, label, probability in zip(options, question.labels, given, strict=False):
        mark = "→" if answer.choice == option else " "
        share = "" if probability is None else f"  {probability:.3f}"
        click.echo(f"  {mark} {line(label)}{share}  {named(option)}")


def _show_decision(case: "OnRecord") -> None:
    decision = case.decision
    if decision is None:
        click.echo("Decision: none yet, the run was stopped before")
        return
    before = (
        "as the evidence had it"
        if agrees(decision)
        else f"the evidence had {named(decision.evidence_choice)}"
    )
    click.echo(
        click.style(f"Decision: {words(decision.outcome)}", bold=True)
        + f", {named(decision.chosen)}, probability {decision.probability:.3f} "
        + f"({before}, {decision.evidence_probability:.3f})"
    )
    for option, probability in zip((NONE, *decision.options), decision.probabilities, strict=False):
        click.echo(f"    {probability:.3f}  {named(option)}")
    click.echo(
        f"  {decision.asked} asked, {decision.counted} counted, {decision.most} at most; "
        f"stopped: {words(decision.stopped)}; "
        + ("the votes contradict each other" if case.flips else "no votes contradict each other")
    )
