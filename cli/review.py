"""``kgalign review``: the queue of doubtful entities, answered by people on a local page or in a terminal."""

import shlex
import threading
import webbrowser
from pathlib import Path

import click

from .common import Number, log_options, plural, run_argument, say


@click.command()
@run_argument
@click.option(
    "--by", metavar="NAME", default="", help="Who answers: a name or an ORCID; the page asks for it."
)
@click.option(
    "--port", default=0, show_default=True, type=click.IntRange(0, 65535), metavar="PORT",
    help="Where the page is, on this machine alone; 0 for any that is free.",
)  # fmt: skip
@click.option("--no-open", is_flag=True, help="Open no browser; the address is printed.")
@click.option(
    "--overlap", default=0.0, show_default=True, type=Number(0, 1), metavar="SHARE",
    help="How many of the entities are asked of two people.",
)  # fmt: skip
@click.option(
    "--random", "share", default=0.1, show_default=True, type=Number(0, 0.9), metavar="SHARE",
    help="How many of the questions are about entities that nobody doubts.",
)  # fmt: skip
@click.option("--terminal", is_flag=True, help="Ask here, line by line, with no page and no server.")
@log_options
def review(
    run: Path, by: str, port: int, no_open: bool, overlap: float, share: float, terminal: bool
) -> None:
    """Answer what is in doubt in the run folder RUN, entity by entity, until Ctrl-C.

    A page on this machine shows each entity beside its best candidates; keys answer. Each answer is in
    RUN/decisions.sqlite before the next question comes, and "Learn now" on the page, or the next `kgalign
    run`, learns from it and holds to it. The page also asks for the looks by which `kgalign estimate` says
    how good the run is. It needs the extra `review`; --terminal needs nothing.
    """
    from kgalign.review import Review

    if terminal:
        from .review_terminal import ask

        ask(Review(run, share=share, overlap=overlap), by)
        return
    from kgalign.review import serving

    serving.check_extra()
    opened = Review(run, share=share, overlap=overlap)
    listening = serving.listen(port)

    def ready(address: str) -> None:
        say(f"{plural(len(opened.order), 'entity').replace('entitys', 'entities')} to look at in {run}")
        say(f"Open {address}", "Stop with Ctrl-C; what is answered is kept", limit=500)
        if not no_open:
            # Aside: a browser of the terminal, where there is no other, comes back only when it is closed.
            threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()

    serving.serve(opened, listening, by=by, ready=ready)
    if opened.catch_up().running:
        say("Stopped while the run was learning: the same `kgalign run` goes on from there")
        return
    say(
        "Stopped. “Learn now” on the page, or the same `kgalign run`, learns from the answers and holds "
        "to them",
        f"How good the run is: kgalign estimate {shlex.quote(str(run))}",
        limit=500,
    )
