"""``kgalign unmerge``: takes a merge back, in every output, and remembers it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import as_utf8, log_options, quiet_option, run_argument, say, terminal_progress
from .run import show_fusion

if TYPE_CHECKING:
    from kgalign.links.unmerged import Unmerged
    from kgalign.run.again import Unmerging

_SHOWN = 20
"""Pairs that are named."""


@click.command()
@run_argument
@click.argument("iri", required=False)
@click.argument("other", metavar="[IRI2]", required=False)
@click.option("--reason", metavar="TEXT", help="Why; it is kept with the pair.")
@click.option("--by", metavar="NAME", help="Who takes it back, or merges again: a name or an ORCID.")
@click.option("--list", "as_list", is_flag=True, help="Show what was taken back, and change nothing.")
@click.option("--undo", is_flag=True, help="Merge again what was taken back.")
@quiet_option("No progress, and nothing but warnings at the end.")
@log_options
def unmerge(
    run: Path,
    iri: str | None,
    other: str | None,
    reason: str | None,
    by: str | None,
    as_list: bool,
    undo: bool,
    quiet: bool,
) -> None:
    """Take back a merge of the run folder RUN in everything that was made from it, and remember it.

    IRI is an entity of either side, or a minted IRI: all its links are taken back; with IRI2, the link
    between the two alone. Nothing is judged again, and nobody gets another partner. What was taken back
    stands with all other decisions in RUN/decisions.sqlite, and a later `kgalign run` to this folder holds to
    it, with --force too; `kgalign decisions undo` takes effect at the next run.
    """
    from kgalign.run.again import merge_again, take_back, unmerged_in

    if as_list:
        _check_alone(iri, reason, by, undo)
        _list(unmerged_in(run))
        return
    if iri is None:
        raise click.UsageError("Missing argument 'IRI': what is to be taken back? --list shows what was.")
    if undo and reason is not None:
        raise click.UsageError("--reason has no meaning with --undo.")
    progress = terminal_progress(quiet)
    iri, other = as_utf8(iri), None if other is None else as_utf8(other)
    if undo:
        done = merge_again(run, iri, other, by=as_utf8(by or ""), progress=progress)
    else:
        reason, by = as_utf8(reason or ""), as_utf8(by or "")
        done = take_back(run, iri, other, reason=reason, by=by, progress=progress)
    _show(done, run, "Merged again" if undo else "Taken back", quiet)


def _check_alone(iri: str | None, reason: str | None, by: str | None, undo: bool) -> None:
    if iri is not None or reason is not None or by is not None or undo:
        raise click.UsageError("--list goes with nothing else: it changes nothing.")


def _list(pairs: "Iterable[Unmerged]") -> None:
    taken = list(pairs)
    for each in taken:
        who, why = (f"  {each.by}" if each.by else ""), (f"  ({each.reason})" if each.reason else "")
        say(f"{each.left}  {each.right}{who}{why}")
    if not taken:
        click.echo("Nothing was taken back")


def _more(pairs: Sequence[object]) -> list[str]:
    """How many are not shown."""
    return [f"… and {len(pairs) - _SHOWN:,} more"] if len(pairs) > _SHOWN else []


def _show(done: "Unmerging", run: Path, verb: str, quiet: bool) -> None:
    lines: list[str] = []
    if not quiet:
        lines.extend(f"{verb}: {each.left} and {each.right}" for each in done.pairs[:_SHOWN])
        lines.extend(_more(done.pairs))
    for each in done.known[:_SHOWN]:
        lines.append(
            f"Warning: the input itself says that {each.left} and {each.right} are the same; "
            "a run to another folder links them again"
        )
    lines.extend(_more(done.known))
    for each in done.still[:_SHOWN]:
        why = "both graphs use this IRI" if each.left == each.right else "other links hold them together"
        lines.append(f"Warning: {each.left} and {each.right} are one node all the same: {why}")
    lines.extend(_more(done.still))
    say(*lines)
    if not quiet:
        show_fusion(done.execution.record, run)
