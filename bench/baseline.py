"""Two small baselines, ``mnn`` and ``hun``: all texts of an entity as one, TF-IDF, and one rule to pair by.

Reading and the choice of entities are kgalign's, so that they differ from it in matching alone.
``python -m bench.baseline mnn|hun LEFT RIGHT LINKS`` writes owl:sameAs.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array, hstack
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from kgalign.config import SelectConfig
from kgalign.export.rows import is_iri
from kgalign.rdf import read_graph
from kgalign.records import Profile
from kgalign.select import select

CANDIDATES = 50
"""Best partners of each entity, from either side, that the assignment may choose among."""
_BATCH = 500
"""Rows whose cosines are in memory at once."""
_LONGEST = 2000
"""Characters of an entity's text that are used."""
_ALONE = 1000.0
"""What it costs to give an entity no partner: more than any partner, so that only a shortage leads to it."""

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def texts(profile: Profile) -> list[str]:
    """All values of each entity, the local name of its IRI included, joined by spaces."""
    joined: list[list[str]] = [[] for _ in range(len(profile))]
    values = profile.texts.to_pylist()
    for entity, text in zip(profile.value_entity.tolist(), profile.value_text.tolist(), strict=True):
        joined[entity].append(values[text])
    for entity, iri in enumerate(profile.entity_iri.to_pylist()):
        joined[entity].append(iri.rstrip("/").rpartition("/")[2].rpartition("#")[2].replace("_", " "))
    return [" ".join(parts)[:_LONGEST].casefold() for parts in joined]


def vectors(left: list[str], right: list[str]) -> tuple[csr_array, csr_array]:
    """TF-IDF rows of unit length over all character 2- to 4-grams within words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    model = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, dtype=np.float32)
    model.fit(left + right)
    return csr_array(model.transform(left)), csr_array(model.transform(right))


def _cosines(rows: csr_array, columns: csr_array) -> Iterator[tuple[int, Floats]]:
    """The cosines of a batch of rows with all columns, and the number of the first row."""
    turned = columns.T.tocsr()
    for start in range(0, rows.shape[0], _BATCH):
        yield start, (rows[start : start + _BATCH] @ turned).toarray()


def mnn(left: csr_array, right: csr_array) -> list[tuple[int, int]]:
    """Mutual nearest neighbours: pairs of which each is the other's best; of equals the first is it."""
    right_of = np.zeros(left.shape[0], dtype=np.int64)
    left_of = np.full(right.shape[0], -1)
    top = np.zeros(right.shape[0], dtype=np.float32)
    for start, cosines in _cosines(left, right):
        right_of[start : start + len(cosines)] = cosines.argmax(axis=1)
        better = cosines.max(axis=0) > top
        left_of[better] = start + cosines[:, better].argmax(axis=0)
        np.maximum(top, cosines.max(axis=0), out=top)
    return [(a, b) for a, b in enumerate(right_of.tolist()) if left_of[b] == a]


def _best(rows: csr_array, columns: csr_array) -> tuple[Ids, Ids, Floats]:
    """(n * k,) each: a row, one of its k most similar columns, their cosine."""
    k = min(CANDIDATES, columns.shape[0])
    places, values = [], []
    for _, cosines in _cosines(rows, columns):
        place = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        places.append(place.ravel())
        values.append(np.take_along_axis(cosines, place, axis=1).ravel())
    return np.repeat(np.arange(rows.shape[0]), k), np.concatenate(places), np.concatenate(values)


def hun(left: csr_array, right: csr_array) -> list[tuple[int, int]]:
    """One-to-one partners of the greatest sum of cosines (the Hungarian assignment); the smaller side is
    used up, whether there is a partner or not.

    Only the best candidates of either side are looked at, by the sparse method of Jonker and Volgenant;
    up to as many entities that is the exact assignment.
    """
    size = left.shape[0], right.shape[0]
    a, b, cosine = _best(left, right)
    d, c, turned = _best(right, left)
    key, first = np.unique(np.r_[a, c] * size[1] + np.r_[b, d], return_index=True)
    costs = coo_array((2.0 - np.r_[cosine, turned][first], (key // size[1], key % size[1])), shape=size)
    # A full matching must exist, so each row gets a column of its own.
    alone = coo_array((np.full(size[0], _ALONE), (np.arange(size[0]), np.arange(size[0]))))
    chosen = zip(*min_weight_full_bipartite_matching(hstack([costs, alone]).tocsr()), strict=True)
    return [(int(row), int(column)) for row, column in chosen if column < size[1]]


SYSTEMS: dict[str, Callable[[csr_array, csr_array], list[tuple[int, int]]]] = {"mnn": mnn, "hun": hun}


@click.command()
@click.argument("system", type=click.Choice(sorted(SYSTEMS)))
@click.argument("left", type=click.Path(path_type=Path))
@click.argument("right", type=click.Path(path_type=Path))
@click.argument("links", type=click.Path(path_type=Path))
@click.option("--left-also", multiple=True, type=click.Path(path_type=Path))
@click.option("--right-also", multiple=True, type=click.Path(path_type=Path))
def main(system: str, left: Path, right: Path, links: Path, **also: tuple[Path, ...]) -> None:
    """Match two graphs and write owl:sameAs links."""
    graphs: list[Any] = [read_graph([left, *also["left_also"]]), read_graph([right, *also["right_also"]])]
    profiles = [select(graph, SelectConfig()) for graph in graphs]
    # As kgalign: what is only mentioned gets no link.
    described = [np.flatnonzero(profile.described).tolist() for profile in profiles]
    said = [[all_[row] for row in rows] for all_, rows in zip(map(texts, profiles), described, strict=True)]
    iris = [
        profile.entity_iri.take(rows).to_pylist() for profile, rows in zip(profiles, described, strict=True)
    ]
    with links.open("w", encoding="utf8") as file:
        for a, b in SYSTEMS[system](*vectors(*said)):
            if is_iri(iris[0][a]) and is_iri(iris[1][b]):
                file.write(f"<{iris[0][a]}> <http://www.w3.org/2002/07/owl#sameAs> <{iris[1][b]}> .\n")
    count = sum(graph.statements_read for graph in graphs)
    links.with_name(f"{links.name}.triples").write_text(f"{count}\n", encoding="utf8")


if __name__ == "__main__":
    main()
