"""Growth with the number of properties: generated pairs whose entities say little by each of very many.

As in data sets that were made from the boxes of an encyclopedia: 2,999 properties a side, of which an entity
has thirty. Which says the same as which is to be found among nine million pairs.
"""

import gzip
import json
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from bench import child
from bench.options import PATH, RESULTS
from bench.results import table, write_section
from bench.scale import stages
from bench.sets import find_sets, score_links

ENTITIES = 500
"""Of each side."""
_FACTS = 30
"""Values of an entity."""
_SAME = 0.8
"""Share of its values that the other side has too."""
_LEFT, _RIGHT = "http://left.example/", "http://right.example/"
_LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
HEAD = ("properties a side", "triples", "judge: s", "whole process: s", "CPU s", "peak MB", "F1")


@dataclass(frozen=True, slots=True)
class Row:
    """One run."""

    properties: int
    """Of each side."""
    triples: int
    judge: float
    """Seconds of the judge."""
    seconds: float
    """Of the whole process."""
    cpu_seconds: float
    peak_bytes: int
    f1: float
    error: str = ""

    def cells(self) -> list[str]:
        """The figures as they are shown."""
        if self.error:
            return [f"{self.properties:,}", f"failed: {self.error}", *[""] * (len(HEAD) - 2)]
        seconds = (f"{each:.1f}" for each in (self.judge, self.seconds, self.cpu_seconds))
        peak = f"{self.peak_bytes / 1e6:,.0f}"
        return [f"{self.properties:,}", f"{self.triples:,}", *seconds, peak, f"{self.f1:.4f}"]


def generate(folder: Path, properties: int, seed: int = 0) -> int:
    """Write ``left.nt.gz``, ``right.nt.gz`` and ``gold.tsv.gz`` with so many properties a side.

    Returns:
        Statements of both sides together.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(f"properties {seed} {properties}")
    of_right = dice.sample(range(properties), properties)
    names = [f"{_word(dice)} {_word(dice)}" for _ in range(ENTITIES)]
    facts = [
        [(_skewed(dice, properties), _value(dice)) for _ in range(min(_FACTS, properties))]
        for _ in range(ENTITIES)
    ]
    # Each property is there, however few have it.
    for number in range(properties):
        facts[number % ENTITIES].append((number, _value(dice)))
    turned = [
        [(of_right[p], value if dice.random() < _SAME else _value(dice)) for p, value in each]
        for each in facts
    ]
    write_lines(folder / "gold.tsv.gz", (f"{_LEFT}{n}\t{_RIGHT}{n}\n" for n in range(ENTITIES)))
    sides = (("left", _LEFT, facts), ("right", _RIGHT, turned))
    return sum(write_lines(folder / f"{side}.nt.gz", _lines(base, names, said)) for side, base, said in sides)


def _word(dice: random.Random) -> str:
    return "".join(dice.choice("bdfgklmnprst") + dice.choice("aeiou") for _ in range(3)).title()


def _skewed(dice: random.Random, size: int) -> int:
    """A number below ``size``, small ones more often."""
    return int(size * dice.random() ** 2)


def _value(dice: random.Random) -> str:
    """A word, a number, a day or a code."""
    kind = dice.randrange(4)
    if kind == 0:
        return f"{_word(dice)} {_word(dice)}"
    if kind == 1:
        return str(dice.randint(1, 10**6))
    if kind == 2:
        return f"{dice.randint(1800, 2020)}-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}"
    return f"{dice.randrange(16**6):06X}"


def _lines(base: str, names: Sequence[str], facts: Sequence[Sequence[tuple[int, str]]]) -> Iterator[str]:
    for number, name in enumerate(names):
        yield f'<{base}{number}> {_LABEL} "{name}" .\n'
        for of, value in facts[number]:
            yield f'<{base}{number}> <{base}p/{of}> "{value}" .\n'


def write_lines(path: Path, lines: Iterable[str]) -> int:
    """Write lines and count them; a fixed time in the header, so that the same seed gives the same bytes."""
    listed = list(lines)
    path.write_bytes(gzip.compress("".join(listed).encode(), compresslevel=4, mtime=0))
    return len(listed)


def measure(sizes: Sequence[int], seed: int, tell: Callable[[Row], None]) -> list[Row]:
    """Align and fuse a generated pair of each number of properties."""
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            found.append(_measure(Path(folder), size, seed))
        tell(found[-1])
    return found


def _measure(folder: Path, properties: int, seed: int) -> Row:
    triples = generate(folder / "sets" / "wide", properties, seed)
    (each,) = find_sets(folder / "sets", closed=["wide"])
    run = folder / "run"
    cost = child.kgalign("run", each.left, each.right, "-o", run, "--quiet")
    if cost.status:
        error = cost.error or f"exit code {cost.status}"
        return Row(properties, triples, 0.0, cost.seconds, cost.cpu_seconds, cost.peak_bytes, 0.0, error)
    seconds, _ = stages(json.loads((run / "run.json").read_text(encoding="utf8"))["steps"])
    f1 = score_links(run / "links.nt", each).f1
    costs = seconds["judge"], cost.seconds, cost.cpu_seconds, cost.peak_bytes
    return Row(properties, triples, *costs, f1)


def as_markdown(rows: Sequence[Row]) -> str:
    """The table."""
    note = (
        f"Generated pairs of graphs (`bench/properties.py`): {ENTITIES} entities a side, each with some "
        f"{_FACTS} values by properties of which few are frequent; four in five are the partner's too."
    )
    return f"{note}\n\n{table(HEAD, [row.cells() for row in rows])}"


def as_json(rows: Sequence[Row]) -> str:
    """The rows as JSON, for other programs."""
    return json.dumps([asdict(row) for row in rows], indent=1) + "\n"


@click.command()
@click.option(
    "--sizes", default="300,1000,2999", show_default=True, help="Properties a side, with commas between."
)
@click.option("--seed", default=0, show_default=True, help="Of the generated graphs.")
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the figures there as JSON.")
@RESULTS
def properties(sizes: str, seed: int, json_file: Path | None, results: Path) -> None:
    """Align and fuse generated pairs of graphs with very many properties; seconds and memory."""
    wanted = [part.strip() for part in sizes.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in wanted):
        raise click.BadParameter("give numbers from 1 on, with commas between", param_hint="--sizes")
    click.echo(" | ".join(HEAD))
    rows = measure([int(part) for part in wanted], seed, lambda row: click.echo(" | ".join(row.cells())))
    if json_file is not None:
        json_file.write_text(as_json(rows), encoding="utf8")
    if any(row.error for row in rows):
        click.get_current_context().exit(1)
    command = f"python -m bench properties --sizes {sizes}"
    write_section(results, "properties", "Many properties", command, as_markdown(rows))
