"""``kgalign fuse``: the last part of a run again."""

from pathlib import Path

import click

from .common import log_options, quiet_option, run_argument, say, terminal_progress
from .options import fuse_options, named_overrides
from .run import close_strictly, show_fusion


@click.command()
@run_argument
@fuse_options
@quiet_option("No progress, and nothing at the end.")
@log_options
def fuse(run: Path, config: Path | None, quiet: bool, **flags: str | bool | tuple[str, ...] | None) -> None:
    """Fuse the graphs of the run folder RUN again, by other rules; links stay as they are, unless other
    clusters are too large now (fuse.max_cluster).

    Nothing is retrieved or judged again, and the input files need not be there any more. Without --config the
    rules are those of the run, with it those in the section [fuse] of FILE, which may say nothing else than
    the run about the rest; the options go over either. `kgalign run` goes by its own options again.
    """
    from kgalign.run.again import fuse_again

    progress = terminal_progress(quiet)
    execution = fuse_again(run, config, *named_overrides(flags), progress=progress)
    if not quiet:
        if not execution.done:
            say(f"Nothing to do: {run} is fused like this already", limit=200)
        show_fusion(execution.record, run)
    close_strictly(execution.record, run)
