"""``kgalign update``: brings a run up to date in place, where its input files have changed."""

from pathlib import Path

import click

from kgalign.base.own import without_pandas

from .common import log_options, quiet_option, run_argument, say, terminal_progress
from .run import close_strictly, show_run

_SHOWN = 5
"""Changed files that are named."""


@click.command()
@run_argument
@quiet_option("No progress and no closing table.")
@log_options
def update(run: Path, quiet: bool) -> None:
    """Bring the run folder RUN up to date with its input files, where these have changed.

    The same files are read again, with the same options; what did not change since is taken over, and what is
    new is judged by what was learned before. A call that was stopped goes on when it is given again. What the
    run was before lies in RUN/before. For other files, or more of them: `kgalign run ... --from RUN`.
    """
    without_pandas()
    from kgalign.run.update import update as bring_up_to_date

    done = bring_up_to_date(run, progress=terminal_progress(quiet))
    if done.execution is None:
        if not quiet:
            say(f"Nothing to do: no input file of {run} has changed", limit=200)
        return
    if not quiet:
        names = [f"Changed: {path}" for path in done.changed[:_SHOWN]]
        more = len(done.changed) - _SHOWN
        say(*names, *([f"… and {more:,} more"] if more > 0 else []))
        show_run(done.execution, run)
    close_strictly(done.execution.record, run)
