"""``python -m bench compare``: the command."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from kgalign.cli.common import cell, console, log_options, terminal_progress
from kgalign.cli.options import settings as configured
from kgalign.cli.train_common import PRESETS, stay_offline, templates_option
from kgalign.cli.train_examples import CHOICES, TARGETS, Size

from bench.options import PATH

if TYPE_CHECKING:
    from bench.compare.report import Comparison

_STUDENT = "student:"
Command = TypeVar("Command", bound=Callable[..., Any])
LOGS: Callable[[Command], Command] = log_options
TEMPLATES: Callable[[Command], Command] = templates_option


@click.command("compare")
@click.argument("sources", metavar="DATA|RUN...", nargs=-1, required=True, type=PATH)
@click.option("-o", "--out", required=True, type=PATH, metavar="DIR",
              help="Folder to write to; what was done there is not done again.")  # fmt: skip
@click.option("--run", "runs", multiple=True, type=PATH, metavar="RUN",
              help="Run that DATA was made of: it knows the teacher's votes; repeatable.")  # fmt: skip
@click.option("--judge", "judges", multiple=True, metavar="JUDGE",
              help="llm (a server), vllm:MODEL, scripted or student:DIR; repeatable.")  # fmt: skip
@click.option("--adapter", "adapters", multiple=True, metavar="NAME",
              help="Adapter on the models, asked beside them (vllm: its folder); repeatable.")  # fmt: skip
@click.option("--llm-url", metavar="URL", help="The server's address, such as http://localhost:8000/v1.")
@click.option("--model", metavar="NAME", help="The model there; the only one it serves needs no naming.")
@click.option("--student", "students", multiple=True, type=PATH, metavar="DIR",
              help="A trained student; repeatable.")  # fmt: skip
@click.option(
    "--encoder", metavar="MODEL", help="Train a student on each data set, beginning from this encoder."
)
@click.option(
    "--base", metavar="MODEL", help="Train an adapter on each data set for this model, and ask both."
)
@click.option("--preset", type=click.Choice(PRESETS), default="cpu-tiny", show_default=True,
              help="How adapters are trained.")  # fmt: skip
@TEMPLATES
@click.option("--leave-one-out", is_flag=True,
              help="Train on all data sets but that of the test, too.")  # fmt: skip
@click.option("--choose", multiple=True, type=click.Choice(CHOICES), default=("random",), show_default=True,
              help="Of runs: which entities to train on; repeatable, to compare them.")  # fmt: skip
@click.option("--target", multiple=True, type=click.Choice(TARGETS), default=("answer",), show_default=True,
              help="Of runs: which answers to train on; repeatable, to compare them.")  # fmt: skip
@click.option("--size", type=Size(), metavar="N|SHARE",
              help="Of runs: most examples in all, or a share of the entities.")  # fmt: skip
@click.option(
    "--gold", multiple=True, type=PATH, metavar="FILE", help="Of runs: links that are right; repeatable."
)
@click.option("--test-gold", multiple=True, type=PATH, metavar="FILE",
              help="Of runs: links whose entities are in the test alone; repeatable.")  # fmt: skip
@click.option("--closed", is_flag=True, help="Of runs: the gold is complete.")
@click.option(
    "--epochs", type=click.IntRange(1), default=3, show_default=True, help="Of students trained here."
)
@click.option("--batch", type=click.IntRange(1), default=8, show_default=True, help="Questions of a step.")
@click.option("--max-pairs", type=click.IntRange(1), metavar="N", help="Most pairs of an epoch.")
@click.option("--max-tokens", type=click.IntRange(16), default=128, show_default=True, help="Of a pair.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads of the processor.")
@click.option("--questions", type=click.IntRange(1), metavar="N", help="Most questions of a test, by lot.")
@click.option(
    "--config", type=PATH, metavar="FILE", help="TOML file: its section [llm] says how models are asked."
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of all draws.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="No progress, and no table at the end.")
@LOGS
def compare(
    sources: tuple[Path, ...],
    out: Path,
    config: Path | None,
    questions: int | None,
    seed: int,
    as_json: bool,
    quiet: bool,
    **options: Any,  # noqa: ANN401 - one each
) -> None:
    """Compare judges on questions that none of them learned from.

    DATA is a folder of examples, RUN a finished run to make them of. The test of each data set is put to all
    systems: the evidence and the teacher of the runs, models and their adapters, students, and with --encoder
    and --base students and adapters that are trained here, on the same data set and, with --leave-one-out,
    on all others. Folders made of the same runs in other ways (kgalign train examples --choose …) are one
    data set, and what is trained on each is compared on one test.

    DIR gets comparison.md and comparison.json. Killed, the same command goes on.
    """
    if options["base"]:
        stay_offline(allow_download=False)
    from bench.compare.comparing import compare as compare_systems
    from bench.compare.report import as_json as json_of

    flags = {"llm_url": options["llm_url"], "model": options["model"], "seed": str(seed)}
    found = compare_systems(
        sources,
        out,
        _systems(options, seed),
        making=_making(options, seed),
        config=configured(config, flags),
        questions=questions,
        progress=terminal_progress(quiet),
    )
    if as_json:
        click.echo(json_of(found, ascii_only=True), nl=False)
    elif not quiet:
        _show(found, out)


def _systems(options: dict[str, Any], seed: int) -> Any:  # noqa: ANN401 - Systems, which is imported late
    from bench.compare.systems import Systems
    from kgalign.train.recipes import recipe_of
    from kgalign.train.student import StudentSettings

    judges = options["judges"]
    students = [Path(each.removeprefix(_STUDENT)) for each in judges if each.startswith(_STUDENT)]
    return Systems(
        runs=options["runs"],
        judges=tuple(each for each in judges if not each.startswith(_STUDENT)),
        adapters=options["adapters"],
        students=(*students, *options["students"]),
        encoder=options["encoder"],
        base=options["base"],
        recipe=recipe_of(options["preset"], {"seed": seed}),
        templates=options["templates"],
        leave_one_out=options["leave_one_out"],
        training=StudentSettings(
            epochs=options["epochs"],
            batch=options["batch"],
            max_pairs=options["max_pairs"],
            max_tokens=options["max_tokens"],
            seed=seed,
        ),
        threads=options["threads"],
    )


def _making(options: dict[str, Any], seed: int) -> Any:  # noqa: ANN401 - Making, or None for none
    from bench.compare.comparing import Making
    from kgalign.train.settings import Settings

    size = options["size"]
    settings = Settings(
        size=size if isinstance(size, int) else None, share=size if isinstance(size, float) else None
    )
    made = Making(
        choose=tuple(dict.fromkeys(options["choose"])),
        target=tuple(dict.fromkeys(options["target"])),
        settings=replace(settings, seed=seed),
        gold=options["gold"],
        test_gold=options["test_gold"],
        complete=options["closed"],
    )
    return None if made == Making(settings=Settings(seed=seed)) else made


def _show(found: "Comparison", out: Path) -> None:
    from bench.compare.report import GAIN_HEAD, HEAD, TRAINED_HEAD, cells, gain_cells, trained_cells

    screen = console()
    for each in found.notes:
        screen.print(cell(f"{each}.", 1000), soft_wrap=True)
    _table(HEAD, [cells(each) for each in found.rows], 3)
    if found.gains:
        screen.print()
        screen.print("Differences on the same questions", style="bold")
        _table(GAIN_HEAD, [gain_cells(each) for each in found.gains], 4)
    if found.trained:
        screen.print()
        screen.print("Trained for this", style="bold")
        _table(TRAINED_HEAD, [trained_cells(each) for each in found.trained], 1)
    screen.print(cell(f"The comparison is in {out}", 1000), soft_wrap=True)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> None:
    """A table whose first columns hold words and whose others hold figures."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(head):
        made.add_column(name, justify="left" if place < words else "right", overflow="fold")
    for row in rows:
        made.add_row(*(cell(each) for each in row))
    console().print(made)
