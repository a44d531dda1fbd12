"""``kgalign votes list``: one line per vote, or per case."""

from collections.abc import Collection, Generator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from kgalign.records import Outcome
from kgalign.records.votes import Decision, Status, Vote

from .common import json_option, line, log_options, run_argument
from .votes_common import judging_option, named, opened, words

if TYPE_CHECKING:
    from kgalign.ledger.query import Filters, OnRecord
    from kgalign.ledger.store import Ledger

_DECIDED = [Outcome.MATCH, Outcome.NO_MATCH, Outcome.UNDECIDED, Outcome.NOT_ASKED, Outcome.FAILED]
_OUTCOMES = [outcome.name.lower() for outcome in _DECIDED]
_VOTE = "{:<11}  {:>5}  {:<6}  {:<10}  {:<10}  {:>5}  {:>11}  {:>6}  {:<8}  {}"
_CASE = "{:<9}  {:>11}  {:>5}  {:>7}  {:<9}  {:<5}  {:>11}  {}"
_VOTE_HEADING = _VOTE.format(
    "status",
    "round",
    "kind",
    "direction",
    "view",
    "place",
    "probability",
    "tokens",
    "seconds",
    "asker → choice",
)
_CASE_HEADING = _CASE.format(
    "outcome", "probability", "asked", "counted", "stopped", "flips", "by evidence", "case → leading option"
)

Found: TypeAlias = "Generator[tuple[OnRecord, list[Vote]], None, None]"


@click.command("list")
@run_argument
@click.option(
    "--outcome", "outcomes", multiple=True, type=click.Choice(_OUTCOMES), help="Outcome of the case."
)
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice([each.value for each in Status]),
    help="What became of the question.",
)  # fmt: skip
@click.option("--entity", "entities", multiple=True, metavar="IRI", help="Entity of the case, left or right.")
@click.option("--flips", is_flag=True, help="Cases whose votes contradict each other.")
@click.option("--disagreement", is_flag=True, help="Votes against what the evidence chose.")
@click.option("--round", "number", type=click.IntRange(min=1), metavar="N", help="N-th question of its case.")
@judging_option
@click.option("--cases", "by_case", is_flag=True, help="One line per case instead of per vote.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Most lines shown.")
@json_option("Print one JSON object per line.")
@log_options
def list_votes(
    run: Path,
    outcomes: tuple[str, ...],
    statuses: tuple[str, ...],
    entities: tuple[str, ...],
    flips: bool,
    disagreement: bool,
    number: int | None,
    judging: str | None,
    by_case: bool,
    limit: int | None,
    as_json: bool,
) -> None:
    """List the votes of the run folder RUN, by case and round.

    Filters given together must all hold; one that is given several times holds if one of its values does.
    With --cases those cases are listed that have a vote which passes. Rounds count from 1; in JSON, "number"
    is as the ledger has it, from 0.
    """
    from kgalign.explain import bare
    from kgalign.ledger.query import Filters, find_cases, find_judging

    filters = Filters(
        outcomes=outcomes,
        flips=flips,
        statuses=tuple(map(Status, statuses)),
        disagreement=disagreement,
        number=None if number is None else number - 1,
    )
    with opened(run) as ledger:
        name = find_judging(ledger, judging).name
        cases = {case for iri in entities for case in find_cases(ledger, name, bare(iri))}
        found = _found(ledger, name, cases if entities else None, filters)
        with closing(found), closing(_cases(found, as_json) if by_case else _votes(found, as_json)) as lines:
            if not as_json:
                click.echo(_CASE_HEADING if by_case else _VOTE_HEADING)
            for each in islice(lines, limit):
                click.echo(each)


def _found(ledger: "Ledger", judging: str, names: Collection[str] | None, filters: "Filters") -> Found:
    """The cases that pass, with those of their votes that do."""
    from kgalign.ledger.query import cases

    for case in cases(ledger, judging, names):
        if filters.takes(case):
            votes = filters.votes(case)
            if votes or not filters.of_votes:
                yield case, votes


def _votes(found: Found, as_json: bool) -> Generator[str, None, None]:
    """A line per vote."""
    from kgalign.ledger.export import json_text, vote_record

    for _, votes in found:
        for vote in votes:
            yield json_text(vote_record(vote)) if as_json else _vote_line(vote)


def _vote_line(vote: Vote) -> str:
    question, answer = vote.question, vote.answer
    place = f"{answer.place}/{len(question.options)}" if answer.place else "-"
    probability = chosen_probability(vote)
    return _VOTE.format(
        words(answer.status.value),
        question.number + 1,
        question.kind.value,
        words(question.direction.value),
        question.view.value,
        place,
        "-" if probability is None else f"{probability:.3f}",
        vote.prompt_tokens + vote.completion_tokens,
        f"{vote.seconds:.2f} s",
        f"{line(question.asker)} → {named(answer.choice)}",
    )


def chosen_probability(vote: Vote) -> float | None:
    """What the model gave to its choice; None where that can't be told."""
    answer = vote.answer
    if answer.probabilities is None or answer.choice is None:
        return None
    return answer.probabilities[answer.place - 1] if answer.place else answer.probabilities[-1]


def _cases(found: Found, as_json: bool) -> Generator[str, None, None]:
    """A line per case."""
    from kgalign.ledger.export import json_text

    for case, _ in found:
        yield json_text(case_record(case)) if as_json else _case_line(case)


def _case_line(case: "OnRecord") -> str:
    flips, name = "yes" if case.flips else "no", line(case.case)
    decision = case.decision
    if decision is None:
        return _CASE.format("not yet", "-", len(case.votes), "-", "-", flips, "-", name)
    return _CASE.format(
        words(decision.outcome),
        f"{decision.probability:.3f}",
        decision.asked,
        decision.counted,
        words(decision.stopped),
        flips,
        f"{decision.evidence_probability:.3f}" + (" " if agrees(decision) else "≠"),
        f"{name} → {named(decision.chosen)}",
    )


def agrees(decision: Decision) -> bool:
    """Whether what leads after the votes led before."""
    return decision.chosen == decision.evidence_choice


def case_record(case: "OnRecord") -> dict[str, Any]:
    """A case as plain values: its decision (null where there is none yet), its votes as a count."""
    from kgalign.ledger.export import decision_record

    decision = None if case.decision is None else decision_record(case.decision)
    return {
        "record": "case",
        "case": case.case,
        "votes": len(case.votes),
        "flips": case.flips,
        "decision": decision,
    }
