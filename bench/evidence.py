"""Aligns pairs of graphs in this process, with the defaults and a prior of one's choice, and judges the
links.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from kgalign.assign import assign
from kgalign.config import AssignConfig, JudgeConfig, RetrieveConfig, SelectConfig
from kgalign.errors import InputError
from kgalign.judge import judge
from kgalign.judge.evidence.prior import Prior, load_prior
from kgalign.rdf import read_graph
from kgalign.records import Outcome
from kgalign.retrieve import retrieve
from kgalign.select import select

Link = tuple[str, str]
SURE = 0.95


@dataclass(frozen=True, slots=True)
class Found:
    """The links of one alignment."""

    links: dict[Link, float]
    """(left IRI, right IRI) → probability."""
    cardinality: str


@dataclass(frozen=True, slots=True)
class Quality:
    """How good links are, by what is known to be true."""

    precision: float
    recall: float
    f1: float
    links: int
    wrong: int
    ece: float
    """Expected calibration error of the links, in ten bins."""
    sure: int
    sure_right: float
    """Links of a probability of at least .95, and the share of them that is right."""


def align(left: Sequence[Path], right: Sequence[Path], prior: Prior | None = None) -> Found:
    """Find the links between two graphs as ``kgalign run`` does; none where a side has no entity."""
    try:
        one, other = (
            select(read_graph(paths), SelectConfig(), side=side)
            for paths, side in ((left, "left"), (right, "right"))
        )
    except InputError:
        return Found({}, "one-to-one")
    nobody = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32)
    config = JudgeConfig()
    verdicts = judge(one, other, retrieve(one, other, RetrieveConfig()), nobody, config, prior=prior)
    found = assign(verdicts, len(one), len(other), AssignConfig(), config)
    rows = np.flatnonzero(found.outcome == Outcome.MATCH)
    iris = [side.entity_iri.to_pylist() for side in (one, other)]
    links = {
        (iris[0][a], iris[1][b]): float(p)
        for a, b, p in zip(
            found.left[rows].tolist(),
            found.right[rows].tolist(),
            found.probability[rows].tolist(),
            strict=True,
        )
    }
    return Found(links, found.cardinality)


def quality(
    links: dict[Link, float], gold: Collection[Link], lefts: Collection[str], rights: Collection[str]
) -> Quality:
    """Judge links by the gold; those of entities that are not in ``lefts`` or ``rights`` are not counted."""
    counted = {pair: p for pair, p in links.items() if pair[0] in lefts or pair[1] in rights}
    true = set(gold)
    right = len(counted.keys() & true)
    precision, recall = right / max(len(counted), 1), right / max(len(true), 1)
    f1 = 2 * precision * recall / (precision + recall) if right else float(not true and not counted)
    chance = np.array(list(counted.values()))
    is_right = np.array([pair in true for pair in counted], dtype=bool)
    sure = chance >= SURE
    return Quality(
        precision,
        recall,
        f1,
        len(counted),
        len(counted) - right,
        _ece(chance, is_right),
        int(sure.sum()),
        float(is_right[sure].mean()) if sure.any() else 0.0,
    )


def _ece(chance: "np.ndarray[tuple[int], np.dtype[np.float64]]", right: object) -> float:
    if not len(chance):
        return 0.0
    bins = np.minimum((chance * 10).astype(int), 9)
    truth = np.asarray(right, dtype=float)
    parts = [
        (bins == each).mean() * abs(chance[bins == each].mean() - truth[bins == each].mean())
        for each in set(bins.tolist())
    ]
    return float(sum(parts))


@click.command()
@click.argument("left", type=click.Path(path_type=Path))
@click.argument("right", type=click.Path(path_type=Path))
@click.argument("links", type=click.Path(path_type=Path))
@click.option("--prior", type=click.Path(path_type=Path), help="A file of `python -m bench prior`.")
@click.option("--left-also", multiple=True, type=click.Path(path_type=Path))
@click.option("--right-also", multiple=True, type=click.Path(path_type=Path))
def main(left: Path, right: Path, links: Path, prior: Path | None, **also: tuple[Path, ...]) -> None:
    """Align two graphs by a prior of one's choice and write owl:sameAs links."""
    files = [left, *also["left_also"]], [right, *also["right_also"]]
    found = align(*files, prior=load_prior(prior))
    with links.open("w", encoding="utf8") as file:
        for a, b in sorted(found.links):
            file.write(f"<{a}> <http://www.w3.org/2002/07/owl#sameAs> <{b}> .\n")
    count = sum(read_graph(each).statements_read for each in files)
    links.with_name(f"{links.name}.triples").write_text(f"{count}\n", encoding="utf8")


if __name__ == "__main__":
    main()
