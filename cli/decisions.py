"""``kgalign decisions``: what people decided on a run, in and out."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import as_utf8, json_option, line, log_options, plural, run_argument, say

if TYPE_CHECKING:
    from kgalign.decisions import Decision

_SHOWN = 5
_ID = 8
"""Characters of an id that people see."""
_AGAIN = "The same `kgalign run` again holds to it"


@click.group()
def decisions() -> None:
    """Take in, make, show and give back what people decided on the run folder RUN.

    All of it stands in RUN/decisions.sqlite, to which rows are only added: --force keeps it, and whatever is
    undone can be redone. `kgalign run` to the same folder learns from it and holds to it.
    """


_by = click.option("--by", metavar="NAME", default="", help="Who decided: a name or an ORCID.")
_file = click.Path(path_type=Path, dir_okay=False)


@decisions.command("import")
@click.argument("file", type=_file)
@run_argument
@log_options
def import_decisions(file: Path, run: Path) -> None:
    """Add the decisions in FILE to those on the run folder RUN.

    FILE is SSSOM (.sssom.tsv, .json), kgalign's CSV with its column `outcome`, owl:sameAs and
    owl:differentFrom in RDF, or two columns of IRIs with a tab between. Of SSSOM what people curated or
    reviewed counts, predictions of tools do not. What is added twice is there once.
    """
    from kgalign.run.deciding import take_in

    found = take_in(run, file)
    say(f"{plural(found.read, 'decision')} in {file}, {found.added:,} of them new")
    if found.predictions:
        say(f"{plural(found.predictions, 'prediction')} that nobody looked at: no decisions, and passed over")
    if found.strangers:
        named = "; ".join(" and ".join(filter(None, each.pair)) for each in found.strangers[:_SHOWN])
        say(f"Warning: {len(found.strangers):,} are about none of these entities: {named}")
    if found.added:
        say(_AGAIN)


@decisions.command("export")
@run_argument
@click.option("-o", "--output", required=True, type=_file, help="File to write.")
@log_options
def export_decisions(run: Path, output: Path) -> None:
    """Write what holds of the decisions on the run folder RUN as SSSOM, as manual curation.

    What nobody could tell is a review with agreement 0. Blank nodes have no place there; they are counted.
    """
    from kgalign.decisions import standing
    from kgalign.export.decided import write_decisions
    from kgalign.run.deciding import decisions_of, prefixes_in

    written = write_decisions(output, standing(decisions_of(run)).said, prefixes_in(run))
    left_out = f", {written.left_out:,} left out" if written.left_out else ""
    say(f"{output}: {plural(written.links, 'mapping')}{left_out}")


@decisions.command("list")
@run_argument
@click.option("--all", "everything", is_flag=True, help="Also what was undone or said anew since, and undos.")
@json_option("Print one JSON object per line.")
@log_options
def list_decisions(run: Path, everything: bool, as_json: bool) -> None:
    """Show what holds of the decisions on the run folder RUN, and where they contradict each other."""
    from kgalign.decisions import standing
    from kgalign.ledger.export import json_text
    from kgalign.run.deciding import decisions_of

    made = decisions_of(run)
    found = standing(made)
    holding = {each.id for each in (*found.said, *found.undos)}
    for each in made if everything else found.said:
        told = {"id": each.id, **asdict(each), **({"holds": each.id in holding} if everything else {})}
        gone = "" if each.id in holding else "  [holds no more]"
        click.echo(json_text(told) if as_json else line(f"{_told(each)}{gone}"))
    if as_json:
        return
    for several in found.disagreements:
        said = ", ".join(f"{each.by or 'somebody'}: {each.verdict}" for each in several)
        click.echo(
            line(f"People disagree on {' and '.join(several[0].pair)}, so that nothing counts: {said}")
        )
    for one in found.contradictions:
        chain = ", ".join(" and ".join(each.pair) for each in one.same)
        click.echo(
            line(
                f"{' and '.join(one.different.pair)} are said to be different, and are one by {chain}; "
                f"the weakest is {' and '.join(one.weakest.pair)}"
            )
        )
    if not (made if everything else found.said):
        say("Nothing holds any more; --all shows what did" if made else "Nobody has decided anything yet")


@decisions.command("add")
@run_argument
@click.argument("left")
@click.argument("right", required=False, default="")
@click.option("--same", "verdict", flag_value="same", help="The two are one.")
@click.option("--different", "verdict", flag_value="different", help="They are not.")
@click.option("--unsure", "verdict", flag_value="unsure", help="It can't be told.")
@click.option(
    "--nothing", "verdict", flag_value="nothing", help="Nothing corresponds to LEFT, of either side."
)
@click.option(
    "--relation", type=click.Choice(["exact", "close", "broad", "narrow"]), default="exact",
    show_default=True, help="With --same: how they correspond; only `exact` links them.",
)  # fmt: skip
@click.option("--why", metavar="TEXT", default="", help="A reason; it is kept.")
@_by
@log_options
def add_decision(
    run: Path, left: str, right: str, verdict: str | None, relation: str, why: str, by: str
) -> None:
    """Decide on LEFT and RIGHT, entities of the two sides of the run folder RUN."""
    from kgalign.decisions import Relation, Verdict
    from kgalign.run.deciding import decide

    if verdict is None:
        raise click.UsageError("Say one of --same, --different, --unsure and --nothing.")
    if (verdict == "nothing") == bool(right):
        raise click.UsageError("--nothing takes one IRI, all others take two.")
    left, right, by, why = map(as_utf8, (left, right, by, why))
    made = decide(run, left, right, Verdict(verdict), relation=Relation(relation), by=by, why=why)
    say(_told(made), _AGAIN)


@decisions.command("undo")
@run_argument
@click.argument("id")
@_by
@log_options
def undo_decision(run: Path, id: str, by: str) -> None:
    """Take the decision ID of the run folder RUN back; ID is what `list` shows, or how it begins.

    An undo is a decision too: its ID, which is printed and which `list --all` shows, takes it back.
    """
    from kgalign.run.deciding import undo

    back, made = undo(run, id, by=as_utf8(by))
    say(f"Taken back: {_told(back)}", f"The undo is {made.id[:_ID]}", _AGAIN)


def _told(each: "Decision") -> str:
    if each.undoes:
        return f"{each.id[:_ID]}  undo of {each.undoes[:_ID]}{_signed(each)}"
    relation = "" if each.relation == "exact" else f" ({each.relation})"
    relation = " (merge taken back)" if each.takes_back else relation
    return f"{each.id[:_ID]}  {each.verdict}{relation}  {'  '.join(filter(None, each.pair))}{_signed(each)}"


def _signed(each: "Decision") -> str:
    """Who said so, when and why."""
    who = f"  {each.by}" if each.by else ""
    when = f" {each.at}" if each.at else ""
    why = f"  ({each.why})" if each.why else ""
    return f"{who}{when}{why}"
