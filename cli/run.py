"""``kgalign run``: the whole way from two graphs to one."""

import math
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from kgalign.base.logs import printable
from kgalign.base.own import without_pandas
from kgalign.errors import InputError
from kgalign.run.early import early

from .common import LINE, console, echo, log_options, megabytes, quiet_option, say, table, terminal_progress
from .options import settings, settings_options
from .paths import INPUT, PATH, PLACE

if TYPE_CHECKING:
    from rich.table import Table

    from kgalign.base.progress import Progress
    from kgalign.config import Config
    from kgalign.run.executing import Execution
    from kgalign.run.finished import Finished
    from kgalign.run.folder import RunRecord, StepRecord


@click.command()
@click.argument("left", type=INPUT)
@click.argument("right", type=INPUT)
@click.option(
    "-o",
    "--out",
    required=True,
    type=PLACE,
    metavar="RUN",
    help="Run folder, or an address for it in an object store (s3://BUCKET/PATH).",
)
@click.option(
    "--gold",
    multiple=True,
    type=PATH,
    metavar="FILE",
    help="Links to measure the candidates' recall with; they influence nothing; repeatable.",
)
@settings_options
@click.option("--force", is_flag=True, help="Redo everything, and take the folder over from other inputs.")
@click.option(
    "--check", is_flag=True, help="Look for damage in every file of RUN, and make again what is damaged."
)
@click.option(
    "--from",
    "before",
    type=PATH,
    metavar="RUN1",
    help="A finished run of earlier versions of the graphs: what did not change since is taken over from it.",
)
@click.option("--refresh", is_flag=True, help="Ask SPARQL endpoints anew, in place of what they gave before.")
@click.option(
    "--work",
    type=PATH,
    metavar="DIR",
    help="With an address: where the run works on this machine; where temporary files lie if not given.",
)
@click.option(
    "--take-over",
    is_flag=True,
    help="With an address: take it from a run that is said to be at work there and is gone.",
)
@quiet_option("No progress and no closing table.")
@log_options
def run(
    left: str | Path,
    right: str | Path,
    out: str | Path,
    gold: tuple[Path, ...],
    config: Path | None,
    force: bool,
    check: bool,
    refresh: bool,
    before: Path | None,
    work: Path | None,
    take_over: bool,
    quiet: bool,
    **flags: str | bool | tuple[str, ...] | None,
) -> None:
    """Align LEFT and RIGHT, fuse them, and write everything to the folder RUN.

    LEFT and RIGHT are RDF files (Turtle, N-Triples, N-Quads, TriG, RDF/XML, JSON-LD, N3, each also .gz),
    tables (CSV, TSV, each also .gz, Parquet), folders of them, addresses in an object store (s3://…), or
    SPARQL endpoints (sparql:URL). The same command again does only what has changed since.
    """
    if isinstance(out, Path) and (work or take_over):
        raise InputError(f"--{'work' if work else 'take-over'} is for a run in a store", "Leave it out")
    _begin(left, right, quiet)
    given = {"gold": gold, "force": force, "check": check, "refresh": refresh, "before": before}
    # What it needs is imported while this process imports its own.
    with early((left, right), ["kgalign.pipeline"]):
        without_pandas()
        execution, folder = _run(
            left, right, out, settings(config, flags), given, work, take_over, terminal_progress(quiet)
        )
    if not quiet:
        show_run(execution, folder)
        if isinstance(out, str):
            say(f"In the store: {out}", whole=True)
    close_strictly(execution.record, folder)


def _run(
    left: str | Path,
    right: str | Path,
    out: str | Path,
    config: "Config",
    given: dict[str, Any],
    work: Path | None,
    take_over: bool,
    progress: "Progress",
) -> tuple["Execution", Path]:
    """Run here or at an address; what was done, and where it lies on this machine."""
    if isinstance(out, Path):
        from kgalign.run import start

        return start.run(left, right, out, config, progress=progress, **given), out
    from kgalign.remote import run_at

    stored = run_at(left, right, out, config, work=work, take_over=take_over, progress=progress, **given)
    return stored.execution, stored.folder


def close_strictly(record: "RunRecord", out: Path) -> None:
    """Exit with 1 where fusion broke a shape and the configuration is strict about it."""
    step = record.steps.get("violations.json")
    if step is not None and step.counts["caused"] and record.config["fuse"]["strict"]:
        file = out / "violations.json"
        echo(f"Fusion broke the shapes {step.counts['caused']:,} times: see {file}", err=True)
        click.get_current_context().exit(1)


def _begin(left: str | Path, right: str | Path, quiet: bool) -> None:
    """Say on a terminal what is read, before anything is imported that takes seconds."""
    logs_json = click.get_current_context().meta.get("kgalign.json", False)
    if not quiet and not logs_json and sys.stderr.isatty():
        click.echo(printable(f"Reading {left} and {right}", LINE), err=True)


def show_run(execution: "Execution", out: Path) -> None:
    """Say what a run did, what came out, and what to do next."""
    record = execution.record
    if execution.done:
        console().print(_stages(record, execution.done, execution.seconds))
    else:
        say(f"Nothing to do: {out} is up to date with these inputs and options", limit=200)
    say(*summary(record))
    _say_next(record, out)


def _say_next(record: "RunRecord", out: Path) -> None:
    """Say how many entities of each side are linked, and what to do now."""
    from kgalign.run.finished import Finished

    finished = Finished(out)
    say("", _one_side("left", finished), _one_side("right", finished))
    for text in (*_next(record, out, finished), f"Results: {out}"):
        say(text, whole=True)


def _next(record: "RunRecord", out: Path, finished: "Finished") -> list[str]:
    """What to do now, in commands and paths that can be copied."""
    step = record.steps["worklist"]
    mistakes = _amount(step.figures["expected_mistakes"])
    rows = step.counts["rows"]
    doubtful = f"{rows:,} doubtful ({mistakes} mistakes to be expected): {_review(out)}"
    report = out / _REPORT
    example = _example(finished)
    explained = f"For example: kgalign explain {shlex.quote(str(out))} {shlex.quote(example)}"
    return (
        ([doubtful] if rows else [])
        + ([f"To see it: open {shlex.quote(str(report))}"] if report.is_file() else [])
        + ([explained] if example else [])
    )


_REPORT = "report.html"


def _one_side(side: Literal["left", "right"], finished: "Finished") -> str:
    """How many entities a side has, how many of them are linked, and how many found nobody."""
    from kgalign.arrays import unique
    from kgalign.export.lists import unmatched
    from kgalign.links.pairs import is_link

    profile, alignment = (finished.left if side == "left" else finished.right), finished.alignment
    linked = len(unique((alignment.left if side == "left" else alignment.right)[is_link(alignment)]))
    alone = len(unmatched(side, alignment, profile))
    only = len(profile) - linked - alone
    mentioned = f", {only:,} only mentioned" if only else ""
    whole = f"{len(profile):,} {'entity' if len(profile) == 1 else 'entities'}"
    return f"{side.capitalize()}: {whole}, {linked:,} linked, {alone:,} found nobody{mentioned}"


def _review(out: Path) -> str:
    """Where people look at what is in doubt: a command where this installation has it, else the list."""
    root = click.get_current_context().find_root().command
    if isinstance(root, click.Group) and "review" in root.list_commands(click.get_current_context()):
        return f"kgalign review {shlex.quote(str(out))}"
    return str(out / "worklist.csv")


def _example(finished: "Finished") -> str:
    """The IRI of an entity to explain: the most doubtful one, else the first with a link, else nothing."""
    from kgalign import pipeline
    from kgalign.links.pairs import is_link

    entities = [*finished.get(pipeline.WORKLIST).left[:_TRIED].tolist()]
    entities += finished.alignment.left[is_link(finished.alignment)][:_TRIED].tolist()
    iris = (finished.left.entity_iri[entity].as_py() for entity in entities)
    return next((iri for iri in iris if len(iri) <= _LONGEST_IRI and iri.isascii() and iri.isprintable()), "")


_TRIED = 20
_LONGEST_IRI = 200


def show_fusion(record: "RunRecord", out: Path) -> None:
    """Say what fusion came to, where nothing before it was done again."""
    say(*_taken_back(record), *_fusion(record), f"Results: {out}")


def _stages(record: "RunRecord", done: Sequence[str], whole: float) -> "Table":
    """Seconds and peak memory of each stage; of those that were partly done before, what was done now.

    :param whole: seconds that all of it took: less than its parts together where some were done side by side.
    """
    from kgalign.pipeline import STAGE_OF, STAGES

    made = table(["stage"], ("seconds", "peak memory"))
    rows = {stage: [record.steps[name] for name in done if STAGE_OF[name] == stage] for stage in STAGES}
    for stage, steps in (rows | {"all": [record.steps[name] for name in done]}).items():
        spent = whole if stage == "all" else sum(step.seconds for step in steps)
        seconds = f"{spent:.2f}" if steps else "kept"
        peak = megabytes(max(step.peak_bytes for step in steps)) if steps else ""
        made.add_row(stage, seconds, peak)
    return made


def summary(record: "RunRecord") -> list[str]:
    """What came out, in a few lines."""
    count = {name: step.counts for name, step in record.steps.items()}
    found, chosen = count["assign"], record.steps["assign"].notes
    lines = [
        *_grown(record.steps.get("learn")),
        f"Candidates: {count['retrieve']['candidates']:,}",
        *_embedder(record.steps["retrieve"]),
        *_common(record.steps["retrieve"]),
        f"Matches: {found['matches']:,}, of which {found['confirmed']:,} were known{_same_iri(found)}",
        f"Undecided: {found['undecided']:,}{_open(found)}",
        *_expected(record),
        f"Cardinality: {chosen['cardinality']} ({chosen['reason']})",
    ]
    lines += _taken_back(record)
    lines += _votes(record.steps["ask"], record.config["judge"]["judge"])
    if "recall" in record.steps:
        lines.append(f"Recall of the candidates: {_recall(record)}")
    return lines + _fusion(record) + _since(record)


def _since(record: "RunRecord") -> list[str]:
    """What changed since the run that this one grew from."""
    step = record.steps.get("changes")
    return [f"Since {record.inputs['from'][0].path}: {step.notes['summary']}"] if step else []


def _grown(step: "StepRecord | None") -> list[str]:
    """What was new since the run that this one grew from, and by which weights it was judged."""
    notes = step.notes if step else {}
    named = (("grown", "Grown"), ("weights", "Weights"))
    return [f"{title}: {notes[name]}" for name, title in named if name in notes]


def _expected(record: "RunRecord") -> list[str]:
    """How many links are right and how many partners were not linked, as far as the probabilities tell."""
    expected, asked = record.steps["assign"].figures, record.config["assign"]["precision"]
    links, held = int(expected["links"]), int(expected.get("held_back", 0))
    right = (
        f"{_percent(expected['expected_precision'])} of {_links(links)} found here are right; "
        if links
        else ""
    )
    missed = f"about {_amount(expected['expected_missed'])} left entities without a link have a partner"
    lines = [f"Expected: {right}{missed}"]
    if held:
        lines.append(f"Held back: {_links(held)} more, for a precision of {asked}; they are left to people")
    return lines


def _links(number: int) -> str:
    return f"{number:,} link{'' if number == 1 else 's'}"


def _percent(share: float) -> str:
    """A share in percent, rounded down: nothing is promised that is not there."""
    return f"{math.floor(share * 1e4 + 1e-6) / 100:g}%"


def _amount(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"


def _same_iri(count: Mapping[str, int]) -> str:
    """What is one without having been found."""
    number = count.get("same_iri", 0)
    return f"; besides {number:,} with one IRI on both sides" if number else ""


def _embedder(step: "StepRecord") -> list[str]:
    """Which embedder was chosen, and why, where that was left to the run."""
    chosen = step.notes
    return [f"Embedder: {chosen['embedder']} ({chosen['embedder reason']})"] if "embedder" in chosen else []


def _common(step: "StepRecord") -> list[str]:
    """Which entities can't be told apart by their words."""
    return [f"Warning: {text}" for name, text in step.notes.items() if name.startswith("common words")]


def _taken_back(record: "RunRecord") -> list[str]:
    """How many links people took back."""
    count = record.steps["assign"].counts.get("rejected", 0)
    return [f"Taken back by a person: {count:,} (decisions.sqlite)"] if count else []


def _fusion(record: "RunRecord") -> list[str]:
    """What went into the fused graph and what came out, and what people should look at."""
    count = {name: step.counts for name, step in record.steps.items()}
    lines = [_statements({**count["fuse"], **count["fused.ttl"]})]
    if "violations.json" in count:
        lines.append(_violations(count["violations.json"]))
    notes = record.steps["vocabularies"].notes
    lines += [f"Other unit: {text}" for name, text in notes.items() if name.startswith("unit ")]
    for step in ("assign", "vocabularies", "fuse"):
        notes = record.steps[step].notes
        lines += [f"Warning: {text}" for name, text in notes.items() if name.startswith(f"{step} ")]
    return lines


def _violations(count: Mapping[str, int]) -> str:
    """What the shapes say before and after."""
    before = f"{count['left']:,} in the left graph, {count['right']:,} in the right one"
    return (
        f"Violations of the shapes: {before}, {count['fused']:,} in the fused one, "
        f"of which fusion caused {count['caused']:,}"
    )


def _open(count: Mapping[str, int]) -> str:
    """What else stays open, and why."""
    parts = [f"{count[name]:,} {text}" for name, text in _OPEN.items() if count.get(name)]
    return f"; besides {' and '.join(parts)}" if parts else ""


_OPEN = {
    "not_asked": "doubtful that nobody was asked about, because of a limit",
    "failed": "whose questions failed: the same command asks them again",
}


def _votes(step: "StepRecord", judge: str) -> list[str]:
    """Who was asked, how much, and what it cost.

    :param judge: who was to be asked.
    """
    figure = step.figures
    if not figure:
        why = step.notes.get("asked", "").partition(": ")[2]
        return [f"Asked {judge} about 0 entities: {why}"] if why else []
    if "not asked" in step.notes:
        return [f"{step.notes['not asked']}."]
    tokens = figure["tokens_in"] + figure["tokens_out"]
    cost = f", cost {figure['cost']:,.2f}" if figure["cost"] else ""
    held = figure.get("tokens_cached", 0.0)
    cached = f", of which {held / tokens:.0%} were read before" if held and tokens else ""
    lines = [
        f"Asked {step.notes['model']} about {figure['entities_in_doubt']:,.0f} entities: "
        f"{figure['calls']:,.0f} votes, {figure['calls_now']:,.0f} of them now, "
        f"{tokens:,.0f} tokens{cached}{cost}"
    ]
    for name, why in (("not_asked", "because of a limit"), ("failed", "because questions failed")):
        if figure.get(name):
            lines.append(f"{figure[name]:,.0f} of them not to the end, {why}")
    voter = [step.notes[name] for name in ("controls", "voter") if name in step.notes]
    it_was = "" if " + " in step.notes["model"] else "It was "  # of several each is named
    told = [it_was + ", ".join(voter)] if "controls" in step.notes else voter
    told += [it_was + step.notes["way"]] if "way" in step.notes else []
    told += [step.notes["dropped"]] if "dropped" in step.notes else []
    return [*lines, *told, *([step.notes["shortened"]] if "shortened" in step.notes else [])]


def _statements(count: Mapping[str, int]) -> str:
    """Statements in = statements out, to be checked by eye."""
    fates = [
        (count["duplicates"], "said twice"),
        (count["agreeing"], "said in another form"),
        (count["lost"] + count["counted"], f"lost in {count['conflicts']:,} conflicts"),
    ]
    gone = "".join(f", {number:,} {text}" for number, text in fates if number)
    added = [
        (count["computed"], "computed"),
        (count["same_as"], "of identity added"),
        (count["replaced"], "of retired IRIs"),
    ]
    new = "".join(f", {number:,} {text}" for number, text in added if number)
    text = f"Statements: {count['left']:,} + {count['right']:,} in{gone}{new}; {count['statements']:,} out"
    repeated = count["statements"] - count["written"]
    return text + (f" ({repeated:,} of them only repeat another in another named graph)" if repeated else "")


def _recall(record: "RunRecord") -> str:
    figures = record.steps["recall"].figures
    return ", ".join(f"{name} {share:.3f}" for name, share in figures.items() if name.endswith("@10"))
