"""``python -m bench``: measure kgalign."""

import sys
from pathlib import Path

import click

from bench.compare.command import compare
from bench.estimating import estimate
from bench.looking import worklist
from bench.options import PATH, RESULTS
from bench.properties import properties
from bench.scripts import scripts
from bench.training import encoder, judge, sft, student
from bench.walking import walk
from kgalign.base.logs import printable
from kgalign.errors import KgalignError


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KgalignError as error:
            click.echo(f"error: {printable(str(error))}", err=True)
            ctx.exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure kgalign: its links on sets of graphs, its growth with size, its speed in reading, its votes.

    Every system runs as a process of its own, with the same defaults for every set, and sees no gold.
    A command that measured all it was pointed at puts its table into bench/RESULTS.md, in place of
    its last one.
    """


@main.command()
@click.option("--data", required=True, type=PATH, help="Folder of sets.")
@click.option(
    "--only", multiple=True, metavar="NAME", help="Only this set; repeatable. RESULTS.md stays as it is."
)
@click.option(
    "--closed", multiple=True, metavar="NAME", help="A further set whose gold is complete; repeatable."
)
@click.option("--baseline/--no-baseline", default=True, help="Whether the baselines run beside kgalign.")
@click.option(
    "--student", type=PATH, metavar="DIR", help="Show runs that ask this student, in place of the baselines."
)
@click.option(
    "--left-out", type=PATH, metavar="FOLDER", help="Show runs by priors without the family, beside the rest."
)
@click.option("--swapped", is_flag=True, help="Show runs with the sides swapped, beside the rest.")
@click.option("--runs", type=PATH, metavar="FOLDER", help="Keep the run folders there, for eval and explain.")
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the rows there as JSON.")
@RESULTS
def align(
    data: Path,
    only: tuple[str, ...],
    closed: tuple[str, ...],
    baseline: bool,
    student: Path | None,
    left_out: Path | None,
    swapped: bool,
    runs: Path | None,
    json_file: Path | None,
    results: Path,
) -> None:
    """Align each set under a folder; quality of links and probabilities, seconds, memory, triples per second.

    Two baselines run beside it, mutual nearest neighbours (mnn) and the Hungarian assignment (hun) by TF-IDF
    of all texts; where kgalign is below the better one, its row has a mark.

    A set is a folder with left.nt.gz, right.nt.gz and gold.tsv.gz. Where the gold is complete every
    other link is wrong; elsewhere a link counts only where the gold knows one of its entities.
    openea_d_w_15k_v2 is run with its labels beside the graphs.
    """
    from bench import align as bench
    from bench import align_table as report
    from bench.results import relative, write_section
    from bench.sets import find_sets

    sets = find_sets(data, only, closed)
    systems: tuple[str, ...] = bench.SYSTEMS if baseline else bench.SYSTEMS[:1]
    if student is not None:
        systems = (bench.SYSTEMS[0], bench.STUDENT)
    if left_out is not None:
        systems = (*systems, bench.LEFT_OUT)
    if swapped:
        systems = (*systems, bench.SWAPPED)
    click.echo(report.heading())
    rows = bench.measure(sets, systems, runs, lambda row: click.echo(report.line(row)), student, left_out)
    click.echo("".join(f"{text}\n" for text in report.ending(rows)), nl=False)
    if json_file is not None:
        json_file.write_text(report.as_json(rows), encoding="utf8")
    if not only and (baseline or swapped or student is not None or left_out is not None):
        command = f"python -m bench align --data {relative(data)}"
        command += "".join(f" --closed {name}" for name in closed)
        command += "" if baseline or student is not None else " --no-baseline"
        command += " --left-out FOLDER" if left_out is not None else ""
        command += " --swapped" if swapped else ""
        name, title = f"align {data.resolve().name}", f"Alignment: {data.resolve().name}"
        if student is not None:
            command += f" --student {relative(student)}"
            name, title = f"{name}, student", f"{title}, with a student"
        write_section(results, name, title, command, report.as_markdown(rows, student))
    if any(row.error for row in rows):
        sys.exit(1)


@main.command()
@click.option("--out", type=PATH, default=Path("docs/picture.svg"), show_default=True, help="Where it goes.")
def picture(out: Path) -> None:
    """Draw the picture of the first page, from a run of the example."""
    from bench import picture as bench

    out.write_text(bench.picture(), encoding="utf8")


@main.command()
@click.option("--ways", is_flag=True, help="Count the modules on the ways of an entity and of a vote too.")
def house(ways: bool) -> None:
    """Show how the code is laid out: the floors with their modules and lines, and what runs against them."""
    from bench import house as bench

    click.echo(bench.as_text())
    for name, modules in (bench.ways() if ways else {}).items():
        click.echo(f"On the way of {name} {modules} modules of kgalign are called.")


@main.command()
@click.option("--data", required=True, type=PATH, help="Folder of sets.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this set; repeatable.")
@click.option("--out", type=PATH, metavar="FILE", help="Where the prior goes; without it nothing is written.")
@click.option(
    "--left-out", type=PATH, metavar="FOLDER", help="Where priors go that left one family out, each."
)
@click.option(
    "--embedder",
    metavar="NAME",
    help="Learn what it adds too, as of `kgalign run --embedder`: two hours more.",
)
def prior(
    data: Path, only: tuple[str, ...], out: Path | None, left_out: Path | None, embedder: str | None
) -> None:
    """Learn the prior of the evidence from sets with gold, and with each family of sets left out."""
    from bench import prior as bench
    from bench.sets import find_sets

    sets = find_sets(data, only)
    found = bench.learn(sets, click.echo)
    if embedder is not None:
        found = bench.learn_meaning(list(bench.embedded(sets, embedder)), found, click.echo)
    if out is not None:
        out.write_text(bench.as_json(found[""], sets), encoding="utf8")
    if left_out is not None:
        left_out.mkdir(parents=True, exist_ok=True)
        for name, each in found.items():
            if name:
                (left_out / f"{name}.json").write_text(bench.as_json(each, sets), encoding="utf8")


@main.command()
@click.option("--data", required=True, type=PATH, help="Folder of sets.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this set; repeatable.")
@click.option("--quick", is_flag=True, help="About a third of the worlds.")
@click.option(
    "--left-out", type=PATH, metavar="FOLDER", help="Priors that left a family out, from `bench prior`."
)
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the rows there as JSON.")
@RESULTS
def worlds(
    data: Path,
    only: tuple[str, ...],
    quick: bool,
    left_out: Path | None,
    json_file: Path | None,
    results: Path,
) -> None:
    """Made worlds: few entities, few partners or none, copies, no names, sides swapped, 20 against
    thousands.
    """
    from bench import battery as bench
    from bench.results import relative, write_section
    from bench.sets import find_sets

    rows = bench.measure(
        find_sets(data, only),
        quick=quick,
        left_out=left_out,
        tell=lambda row: click.echo(f"{row.quality.f1:.3f}  {row.cardinality:<13} {row.world}"),
    )
    body = bench.as_markdown(rows, left_out)
    click.echo(body)
    if json_file is not None:
        json_file.write_text(bench.as_json(rows), encoding="utf8")
    if not only:
        name = f"worlds {data.resolve().name}" + (", family left out" if left_out else "")
        command = f"python -m bench worlds --data {relative(data)}" + (" --quick" if quick else "")
        command += " --left-out FOLDER" if left_out else ""
        title = "Made worlds" + (", family left out" if left_out else "")
        write_section(results, name, title, command, body)


@main.command()
@click.option(
    "--sizes", default="1000,10000,100000", show_default=True, help="Entities a side, with commas between."
)
@click.option("--seed", default=0, show_default=True, help="Of the generated graphs.")
@click.option(
    "--long", is_flag=True, help="Describe people in long texts, and add products with look-alikes."
)
@click.option("--codes", is_flag=True, help="Give entities values that are all different, and nothing else.")
@click.option("--memory", default="", metavar="SIZE", help="Given to `kgalign run`.")
@click.option(
    "--splink", type=PATH, metavar="PYTHON", help="Measure Splink beside it, by the Python that has it."
)
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the figures there as JSON.")
@RESULTS
def scale(
    sizes: str,
    seed: int,
    long: bool,
    codes: bool,
    memory: str,
    splink: Path | None,
    json_file: Path | None,
    results: Path,
) -> None:
    """Align and fuse generated pairs of graphs; seconds and memory per stage, exponent of growth."""
    from bench import scale as bench
    from bench.results import write_section

    if codes and (long or splink):
        raise click.UsageError("--codes goes with neither --long nor --splink.")
    setting = bench.Setting(seed, long, memory, splink, codes)
    found = bench.measure(_numbers(sizes), setting, lambda each: click.echo(each.line()))
    body = bench.as_markdown(found, setting)
    click.echo(body)
    if json_file is not None:
        json_file.write_text(bench.as_json(found), encoding="utf8")
    if any(each.error for each in found):
        sys.exit(1)
    said = [f"--sizes {sizes}", *(["--long"] if long else ["--codes"] if codes else []), *setting.options]
    said += ["--splink .venv-splink/bin/python"] if splink else []
    name, title = ("scale long", "Growth, long texts") if long else ("scale", "Growth")
    name, title = ("scale codes", "Growth, values that are all different") if codes else (name, title)
    if memory:
        name, title = f"{name} limited", f"{title}, in {memory} of memory"
    write_section(results, name, title, f"python -m bench scale {' '.join(said)}", body)


@main.command()
@click.option("--size", default=30_000, show_default=True, help="Entities a side.")
@click.option("--kills", default=10, show_default=True, help="How often it is killed.")
@click.option("--memory", default="", metavar="SIZE", help="Given to `kgalign run`.")
@RESULTS
def killed(size: int, kills: int, memory: str, results: Path) -> None:
    """Kill a run at moments spread over it, let it go on each time, and compare what comes out."""
    from bench import killing as bench
    from bench.results import write_section

    options = ["--memory", memory] if memory else []
    found = bench.measure(size, kills, options, click.echo)
    body = bench.as_markdown(found)
    click.echo(body)
    if found.other:
        sys.exit(1)
    command = " ".join(["python -m bench killed", f"--size {size} --kills {kills}", *options])
    write_section(results, "killed", "Killed and gone on", command, body)


@main.command()
@click.option("--data", type=PATH, required=True, help="Folder of sets.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this set; repeatable.")
@click.option("--sizes", default="", help="Generated pairs: entities a side, with commas between.")
@click.option("--long", default="", help="The same, with long texts.")
@RESULTS
def room(data: Path, only: tuple[str, ...], sizes: str, long: str, results: Path) -> None:
    """Measure memory and disk of whole runs, and hold what is told beforehand against it."""
    from bench import room as bench
    from bench.results import relative, write_section
    from bench.sets import find_sets

    sets = find_sets(data, only=only)
    short, many = (_numbers(each) if each else [] for each in (sizes, long))
    found = bench.measure(sets, short, many, lambda run: click.echo(str(run)))
    body = bench.as_markdown(found)
    click.echo(body)
    said = [f"--data {relative(data)}", *(f"--only {name}" for name in only)]
    said += [f"--{name} {which}" for name, which in (("sizes", sizes), ("long", long)) if which]
    write_section(results, "room", "Room", f"python -m bench room {' '.join(said)}", body)


@main.command()
@click.option(
    "--sizes", default="30000,100000", show_default=True, help="Entities a side, with commas between."
)
@click.option(
    "--partitions", default="1,4,16", show_default=True, help="Into which work is cut, with commas between."
)
@RESULTS
def ray(sizes: str, partitions: str, results: Path) -> None:
    """Align and fuse generated pairs in threads and on Ray; seconds, bytes moved, memory of workers."""
    from bench import cluster as bench
    from bench.results import write_section

    cut = [int(part) for part in partitions.split(",")]
    found = bench.measure(_numbers(sizes), cut, lambda each: click.echo(each.line()))
    body = bench.as_markdown(found)
    click.echo(body)
    command = f"python -m bench ray --sizes {sizes} --partitions {partitions}"
    write_section(results, "ray", "On Ray", command, body)


@main.command()
@click.option("--data", required=True, type=PATH, help="Folder of sets.")
@click.option(
    "--only", multiple=True, metavar="NAME", help="Only this set; repeatable. RESULTS.md stays as it is."
)
@RESULTS
def grow(data: Path, only: tuple[str, ...], results: Path) -> None:
    """Hold back a part of the entities, and let a run of all grow from one without them."""
    from bench import grow as bench
    from bench.results import relative, write_section
    from bench.sets import find_sets

    found = bench.measure(
        find_sets(data, only or bench.SETS), bench.SHARES, lambda each: click.echo(each.line())
    )
    click.echo(bench.as_markdown(found))
    if not only:
        command = f"python -m bench grow --data {relative(data)}"
        write_section(results, "grow", "Runs that grow", command, bench.as_markdown(found))


@main.command()
@click.option("--size", default=80_000, show_default=True, help="Entities of each side.")
@click.option("--times", default=300, show_default=True, help="Questions that are answered.")
@click.option("--seed", default=0, show_default=True)
def review(size: int, times: int, seed: int) -> None:
    """How long a curator waits for the next question, with tens of thousands of open cases."""
    from bench import review as bench

    for line in bench.measure(size, seed, times).lines():
        click.echo(line)


def _numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) >= 20 for part in parts):
        raise click.BadParameter("give numbers from 20 on, with commas between", param_hint="--sizes")
    return sorted({int(part) for part in parts})


@main.command()
@click.argument("files", nargs=-1, type=PATH)
@click.option("--size", default=100_000, show_default=True, help="Entities of the generated graph.")
@RESULTS
def read(files: tuple[Path, ...], size: int, results: Path) -> None:
    """Read a generated graph, or FILES, with pyoxigraph and with kgalign."""
    from bench import read as bench
    from bench.results import relative, write_section

    body = bench.as_markdown(bench.measure(files, size))
    click.echo(body)
    command = " ".join(["python -m bench read", *map(relative, files)])
    write_section(results, "read", "Reading", command, body)


@main.command()
@click.option("--data", required=True, type=PATH, help="Folder with select_recorded.jsonl.gz.")
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the figures there as JSON.")
@RESULTS
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
@click.option(
    "--model", required=True, metavar="URL|JUDGE", help="A server, or a judge: builtin, vllm:FOLDER."
)
@click.option("--data", required=True, type=PATH, help="Folder of sets.")
@click.option(
    "--only",
    multiple=True,
    default=("abt_buy", "imdb_tmdb", "doremus_4het"),
    show_default=True,
    metavar="NAME",
    help="A set; repeatable.",
)
@click.option(
    "--way", "ways", multiple=True, default=("json", "choice", "pair", "likelihood"), show_default=True
)
@click.option("--max-calls", type=int, default=400, show_default=True, help="Most questions in each run.")
@click.option("--ask-anyway", is_flag=True, help="Ask on where it is no better than chance.")
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the rows there as JSON.")
@RESULTS
def model(
    model: str,
    data: Path,
    only: tuple[str, ...],
    ways: tuple[str, ...],
    max_calls: int,
    ask_anyway: bool,
    json_file: Path | None,
    results: Path,
) -> None:
    """What a language model is worth as a judge: controls, habits, cost, F1 with it and without."""
    from bench import model as bench
    from bench.results import relative, write_section
    from bench.sets import find_sets

    served = model.startswith("http")
    settings = {
        "judge": {"judge": "llm" if served else model},
        "llm": {"url": model} if served else {},
        "votes": {"max_calls": max_calls, "ask_anyway": ask_anyway},
    }
    click.echo(" | ".join(bench.HEAD))
    sets = find_sets(data, only)
    rows = bench.measure(sets, ways, settings, lambda row: click.echo(" | ".join(row.cells())))
    if json_file is not None:
        json_file.write_text(bench.as_json(rows), encoding="utf8")
    names = "".join(f" --only {name}" for name in only)
    further = "".join(f" --way {way}" for way in ways) + f" --max-calls {max_calls}"
    further += " --ask-anyway" if ask_anyway else ""
    shown = "URL" if served else model
    command = f"python -m bench model --model {shown} --data {relative(data)}{names}{further}"
    what = "a served model" if served else model
    section = f"model {what}{' --ask-anyway' if ask_anyway else ''}"
    write_section(results, section, f"A model as a judge: {what}", command, bench.as_markdown(rows))


@main.command()
@click.option("--data", required=True, type=PATH, help="Folder with select_recorded.jsonl.gz.")
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the figures there as JSON.")
@RESULTS
def cited(data: Path, json_file: Path | None, results: Path) -> None:
    """Whether what answers rely on tells right links from wrong ones."""
    from bench import cited as bench
    from bench.questions import read_questions
    from bench.results import relative, write_section

    rows = bench.measure(read_questions(data))
    body = bench.as_markdown(rows)
    click.echo(body)
    if json_file is not None:
        json_file.write_text(bench.as_json(rows), encoding="utf8")
    command = f"python -m bench cited --data {relative(data)}"
    write_section(results, "cited", "What answers rely on", command, body)


@main.command()
@click.option("--data", required=True, type=PATH, help="Folder with select_recorded.jsonl.gz.")
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the figures there as JSON.")
@RESULTS
def difficulty(data: Path, json_file: Path | None, results: Path) -> None:
    """How much harder doubtful questions are than sure ones, and what controls foretell of them."""
    from bench import difficulty as bench
    from bench.questions import read_questions
    from bench.results import relative, write_section

    found = bench.measure(read_questions(data))
    body = bench.as_markdown(found)
    click.echo(body)
    if json_file is not None:
        json_file.write_text(bench.as_json(found), encoding="utf8")
    command = f"python -m bench difficulty --data {relative(data)}"
    write_section(results, "difficulty", "Controls and doubtful questions", command, body)


@main.command()
@click.option("--data", required=True, type=PATH, help="Folder of sets.")
@click.option(
    "--only",
    multiple=True,
    default=("abt_buy", "abt_buy_half", "dbp15k_fr_en"),
    show_default=True,
    metavar="NAME",
    help="A set; repeatable.",
)
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the rows there as JSON.")
@RESULTS
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
@click.option(
    "--setup",
    default="",
    metavar="TEXT",
    help="For the heading; results of other set-ups keep their section.",
)
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the rows there as JSON.")
@RESULTS
def overhead(
    url: str,
    model: str | None,
    adapter: str,
    votes: int,
    concurrency: int,
    rounds: int,
    note: str,
    setup: str,
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
    command += f' --setup "{setup}"' if setup else ""
    name = ", ".join(filter(None, ["overhead of a real server" if url else "overhead", setup]))
    asking = "What asking takes, beside a real server" if url else "What asking takes"
    title = ", ".join(filter(None, [asking, setup]))
    body = bench.as_markdown(rows)
    write_section(results, name, title, command, f"{body}\n\n{note}" if note else body)


@main.command()
@click.option("--seeds", default=5, show_default=True, help="Draws of the questions.")
@click.option("--questions", default=1000, show_default=True, help="In each of them.")
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the rows there as JSON.")
@RESULTS
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
@click.option("--data", required=True, type=PATH, help="Folder with data.nq.gz, metadata.nq.gz, gold.nt.gz.")
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the figures there as JSON.")
@RESULTS
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
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the figures there as JSON.")
@RESULTS
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


for command in (student, encoder, sft, judge, compare, worklist, properties, scripts, estimate, walk):
    main.add_command(command)

if __name__ == "__main__":
    main()
