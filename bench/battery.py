"""Runs the battery of made worlds (:mod:`bench.worlds`) and says how links fare in each kind of world."""

import json
import multiprocessing
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bench.evidence import Quality, align, quality
from bench.prior import write
from bench.results import table
from bench.sets import Set, family
from bench.worlds import World, battery
from kgalign.judge.evidence.prior import load_prior

HEAD = (
    "kind",
    "worlds",
    "mean F1",
    "worst F1",
    "false links per 100 left",
    "most false links",
    "cardinality wrong",
    "precision < .8",
    "links ≥ .95",
    "right of them",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One world and how its links were."""

    world: str
    kind: str
    set: str
    left: int
    """Left entities."""
    cardinality: str
    truth: str
    quality: Quality


def measure(
    sets: Sequence[Set], *, quick: bool, left_out: Path | None, tell: Callable[[Row], None]
) -> list[Row]:
    """Align every world.

    :param left_out: folder of priors by family (``python -m bench prior --left-out``); None for the shipped
        one.
    """
    tasks = ((world, left_out) for world in battery(sets, family, quick=quick))
    rows = []
    with multiprocessing.Pool() as pool:
        for row in pool.imap(_run, tasks, chunksize=4):
            tell(row)
            rows.append(row)
    return rows


def _run(task: tuple[World, Path | None]) -> Row:
    world, left_out = task
    prior = load_prior(left_out / f"{family(world.set)}.json" if left_out else None)
    with tempfile.TemporaryDirectory() as folder:
        found = align(*write(world, Path(folder)), prior=prior)
    judged = quality(found.links, world.gold, world.lefts, world.rights)
    return Row(
        world.name, world.kind, world.set, len(world.lefts), found.cardinality, world.cardinality, judged
    )


def cells(kind: str, rows: Sequence[Row]) -> list[str]:
    """The figures of one kind of world, as they are shown."""
    scores = [row.quality.f1 for row in rows]
    wrong, left = sum(row.quality.wrong for row in rows), sum(row.left for row in rows)
    linked = [row for row in rows if row.quality.links]
    sure = sum(row.quality.sure for row in rows)
    right = sum(row.quality.sure * row.quality.sure_right for row in rows)
    return [
        kind,
        str(len(rows)),
        f"{np.mean(scores):.3f}",
        f"{min(scores):.3f}",
        f"{100 * wrong / max(left, 1):.2f}",
        str(max(row.quality.wrong for row in rows)),
        str(sum(row.cardinality != row.truth for row in rows)),
        str(sum(row.quality.precision < 0.8 for row in linked)),
        str(sure),
        f"{right / sure:.3f}" if sure else "",
    ]


def as_markdown(rows: Sequence[Row], left_out: Path | None) -> str:
    """The table of the battery."""
    by_kind: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_kind[row.kind].append(row)
    lines = [cells(kind, each) for kind, each in sorted(by_kind.items())]
    whose = "learned without the family of each set" if left_out else "as shipped"
    note = (
        f"The prior is {whose}. A world is cut from a set, and in it nothing is true but what its gold says. "
        "Where there is no true link F1 is 1 if none was found, else 0."
    )
    return f"{note}\n\n{table(HEAD, [*lines, cells('all', list(rows))], words=1)}"


def as_json(rows: Iterable[Row]) -> str:
    """The rows as JSON, for other programs."""
    return json.dumps([asdict(row) for row in rows], indent=1) + "\n"
