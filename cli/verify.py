"""``kgalign verify``: whether the files of a run folder are what was written."""

from pathlib import Path

import click

from .common import echo, line, log_options, plural, run_argument


@click.command()
@run_argument
@click.option(
    "--clean", is_flag=True, help="First take away what writers left that were stopped and are gone."
)
@log_options
def verify(run: Path, clean: bool) -> None:
    """Check every file of the run folder RUN: is it whole, damaged, or made by hand?

    What a step wrote is held against the digest of its contents, and each row of the ledger of votes and of
    the store of decisions against its own. A file that no step wrote is called made by hand, and one of which
    no digest is known is called so: embeddings, and folders that an older version made.
    Exits with 0, or with 1 where something is damaged: `kgalign run --check` makes that again.
    """
    from kgalign.run.folder import RunFolder
    from kgalign.run.verify import State, verify_run

    if clean:
        for path in RunFolder(run).clean():
            click.echo(line(f"taken away: {path}"))
    found = verify_run(run)
    width = max(len(each.value) for each in State)
    for each in found:
        why = f" ({each.why})" if each.why else ""
        click.echo(line(f"{each.state.value:{width}}  {each.name}{why}"))
    counts = {state: sum(each.state is state for each in found) for state in State}
    told = ", ".join(f"{count:,} {state.value}" for state, count in counts.items() if count)
    echo(f"{plural(len(found), 'file')}: {told}")
    if counts[State.DAMAGED]:
        click.get_current_context().exit(1)
