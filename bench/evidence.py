"""Aligns pairs of graphs in this process, with the defaults and a prior of one's choice, and judges the
links.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from bench.links import certainty
from kgalign.assign import assign
from kgalign.config import AssignConfig, JudgeConfig, RetrieveConfig, SelectConfig
from kgalign.errors import InputError
from kgalign.export.link_files import write_links
from kgalign.export.rows import linked
from kgalign.export.tables import write_links_csv
from kgalign.judge import judge
from kgalign.judge.evidence.prior import Prior, load_prior
from kgalign.rdf import read_graph
from kgalign.records import Alignment, Outcome, Profile
from kgalign.retrieve import retrieve
from kgalign.select import select

Link = tuple[str, str]


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
    """Links of a probability of at least .95, and the share of them that is right; 0 for none."""


def decide(
    left: Sequence[Path], right: Sequence[Path], prior: Prior | None = None
) -> tuple[Profile, Profile, Alignment]:
    """The entities of both sides, and what ``kgalign run`` decides of them.

    Raises:
        InputError: a side has no entity.
    """
    one, other = (
        select(read_graph(paths), SelectConfig(), side=side)
        for paths, side in ((left, "left"), (right, "right"))
    )
    nobody = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32)
    config = JudgeConfig()
    verdicts = judge(one, other, retrieve(one, other, RetrieveConfig()), nobody, config, prior=prior)
    found = assign(verdicts, len(one), len(other), AssignConfig(), config)
    return one, other, found


def align(left: Sequence[Path], right: Sequence[Path], prior: Prior | None = None) -> Found:
    """Find the links between two graphs as ``kgalign run`` does; none where a side has no entity."""
    try:
        one, other, found = decide(left, right, prior)
    except InputError:
        return Found({}, "one-to-one")
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
    is_right = np.array([pair in true for pair in counted], dtype=bool)
    sure = certainty(np.array(list(counted.values()), dtype=np.float64), is_right)
    return Quality(
        precision,
        recall,
        f1,
        len(counted),
        len(counted) - right,
        sure.ece,
        sure.sure,
        sure.sure_right or 0.0,
    )


@click.command()
@click.argument("left", type=click.Path(path_type=Path))
@click.argument("right", type=click.Path(path_type=Path))
@click.argument("links", type=click.Path(path_type=Path))
@click.option("--prior", type=click.Path(path_type=Path), help="A file of `python -m bench prior`.")
@click.option("--left-also", multiple=True, type=click.Path(path_type=Path))
@click.option("--right-also", multiple=True, type=click.Path(path_type=Path))
def main(left: Path, right: Path, links: Path, prior: Path | None, **also: tuple[Path, ...]) -> None:
    """Align two graphs by a prior of one's choice; write owl:sameAs links, and beside them ``links.csv``."""
    files = [left, *also["left_also"]], [right, *also["right_also"]]
    found = decide(*files, prior=load_prior(prior))
    write_links(links, *found)
    write_links_csv(links.with_name("links.csv"), *found, linked(found[2], undecided=True))
    count = sum(read_graph(each).statements_read for each in files)
    links.with_name(f"{links.name}.triples").write_text(f"{count}\n", encoding="utf8")


if __name__ == "__main__":
    main()
