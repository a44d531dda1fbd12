"""Made worlds in scripts of other families: names and descriptions, changed here and there on the other side.

Words are drawn by rank, as those of a language are (Zipf), from made ones of the letters and vowel marks of a
script. A third of the names has another last word on the right side, and a quarter of a description's words
are others.
"""

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import click

from bench import child
from bench.options import RESULTS
from bench.properties import write_lines
from bench.results import table, write_section
from bench.sets import find_sets, score_links

_WORDS = 6_000
_OTHER_NAME, _OTHER_WORD = 0.3, 0.25
_LEFT, _RIGHT = "http://left.example/", "http://right.example/"
_LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
HEAD = ("script", "precision", "recall", "F1", "whole process: s", "CPU s", "peak MB")


@dataclass(frozen=True, slots=True)
class Script:
    """What words are made of."""

    letters: str
    marks: tuple[str, ...]
    """What follows a letter."""
    lengths: tuple[int, ...]
    """Letters of a word."""
    between: str
    """What stands between words."""


_KANA = "".join(map(chr, range(0x30A2, 0x30F0, 2)))
SCRIPTS = {
    "Latin": Script("bcdfghjklmnprstvz", ("a", "e", "i", "o", "u"), (2, 3, 4), " "),
    "Chinese": Script("".join(map(chr, range(0x4E00, 0x4E00 + 2_500))), ("",), (1, 2, 2, 2, 3), ""),
    "Japanese": Script(_KANA, ("", "", "\u3099"), (2, 3, 4), ""),
    "Thai": Script("กขคงจชซดตถทนบปผพฟมยรลวสหอ", ("ั", "ิ", "ี", "ุ", "ู", "า", "่", "้", ""), (2, 3, 4), ""),
    "Hindi": Script(
        "कखगघचछजटठडतथदधनपफबभमयरलवशसह", ("ा", "ि", "ी", "ु", "ू", "े", "ै", "ो", "ं", ""), (1, 2, 3), " "
    ),
}


def generate(folder: Path, script: Script, entities: int, seed: int = 0) -> None:
    """Write ``left.nt.gz``, ``right.nt.gz`` and ``gold.tsv.gz`` with so many entities a side."""
    folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(f"scripts {seed} {script.letters[:9]}")
    words = [_word(dice, script) for _ in range(_WORDS)]
    weights = list(accumulate(1 / (1 + rank) for rank in range(_WORDS)))
    said = []
    for _ in range(entities):
        name = [*dice.choices(words, cum_weights=weights), *dice.choices(words, k=dice.randint(1, 2))]
        said.append((name, dice.choices(words, cum_weights=weights, k=dice.randint(40, 120))))
    other = [_changed(dice, words, *each) for each in said]
    write_lines(folder / "gold.tsv.gz", (f"{_LEFT}{n}\t{_RIGHT}{n}\n" for n in range(entities)))
    for side, base, texts in (("left", _LEFT, said), ("right", _RIGHT, other)):
        write_lines(folder / f"{side}.nt.gz", _lines(base, texts, script.between))


def _word(dice: random.Random, script: Script) -> str:
    length = dice.choice(script.lengths)
    return "".join(dice.choice(script.letters) + dice.choice(script.marks) for _ in range(length))


def _changed(
    dice: random.Random, words: Sequence[str], name: list[str], text: list[str]
) -> tuple[list[str], list[str]]:
    if dice.random() < _OTHER_NAME:
        name = [*name[:-1], dice.choice(words)]
    return name, [dice.choice(words) if dice.random() < _OTHER_WORD else each for each in text]


def _lines(base: str, texts: Sequence[tuple[list[str], list[str]]], between: str) -> Iterator[str]:
    for number, (name, text) in enumerate(texts):
        yield f'<{base}{number}> {_LABEL} "{between.join(name)}" .\n'
        yield f'<{base}{number}> <{base}p/about> "{between.join(text)}" .\n'


def measure(
    names: Sequence[str], entities: int, seed: int, tell: Callable[[Sequence[str]], None]
) -> list[list[str]]:
    """Align and fuse a generated pair in each of some scripts.

    :returns: the rows of the table.
    :raises RuntimeError: a run fails.
    """
    found = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="bench-") as place:
            folder = Path(place)
            generate(folder / "sets" / "made", SCRIPTS[name], entities, seed)
            (each,) = find_sets(folder / "sets", closed=["made"])
            cost = child.kgalign("run", each.left, each.right, "-o", folder / "run", "--quiet")
            if cost.status:
                raise RuntimeError(cost.error or f"exit code {cost.status}")
            score = score_links(folder / "run" / "links.nt", each)
        figures = (f"{each:.4f}" for each in (score.precision, score.recall, score.f1))
        costs = (f"{cost.seconds:.1f}", f"{cost.cpu_seconds:.1f}", f"{cost.peak_bytes / 1e6:,.0f}")
        found.append([name, *figures, *costs])
        tell(found[-1])
    return found


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(SCRIPTS)), help="Only this script; repeatable.")
@click.option("--entities", default=5_000, show_default=True, help="Of each side.")
@click.option("--seed", default=0, show_default=True, help="Of the generated graphs.")
@RESULTS
def scripts(only: tuple[str, ...], entities: int, seed: int, results: Path) -> None:
    """Align and fuse generated pairs of graphs in scripts of several families."""
    click.echo(" | ".join(HEAD))
    rows = measure(only or tuple(SCRIPTS), entities, seed, lambda row: click.echo(" | ".join(row)))
    note = (
        f"Generated pairs of graphs (`bench/scripts.py`): {entities:,} entities a side, each with a name and "
        "a description in made words; a third of the names has another last word on the other side, a "
        "quarter of all words of descriptions are others."
    )
    chosen = "".join(f" --only {each}" for each in only)
    command = f"python -m bench scripts{chosen} --entities {entities}"
    said = f"{note}\n\n{table(HEAD, rows)}"
    write_section(results, "scripts", "Scripts of several families", command, said)
