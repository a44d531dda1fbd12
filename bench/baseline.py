"""The small assignment baseline: all texts of an entity as one, TF-IDF, CSLS, one global assignment.

Everything gets a partner, whether there is one or not. Reading and the choice of entities are kgalign's,
so that the two differ in matching alone. ``python -m bench.baseline LEFT RIGHT LINKS`` writes owl:sameAs.
"""

from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array, hstack
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from kgalign.config import SelectConfig
from kgalign.rdf import read_graph
from kgalign.records import Profile
from kgalign.select import select

NEIGHBOURS = 10
"""Neighbours that CSLS averages over, as in Lample et al. 2018."""
CANDIDATES = 50
"""Best partners of each entity that the assignment may choose among."""
_BATCH = 500
_LONGEST = 2000
"""Characters of an entity's text that are used."""

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
    """TF-IDF rows of unit length over character 3- to 5-grams within words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    # What one entity in twenty has tells little and costs most of the time.
    common = max(20, (len(left) + len(right)) // 20)
    model = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), min_df=2, max_df=common, sublinear_tf=True, dtype=np.float32
    )
    model.fit(left + right)
    return csr_array(model.transform(left)), csr_array(model.transform(right))


def best(rows: csr_array, columns: csr_array, k: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """(n, k) the most similar columns of each row and their cosines, in no order."""
    k = min(k, columns.shape[0])
    turned = columns.T.tocsr()
    places, values = [], []
    for start in range(0, rows.shape[0], _BATCH):
        cosines = (rows[start : start + _BATCH] @ turned).toarray()
        place = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        places.append(place)
        values.append(np.take_along_axis(cosines, place, axis=1))
    return np.concatenate(places), np.concatenate(values)


def match(left: csr_array, right: csr_array) -> list[tuple[int, int]]:
    """One-to-one partners by CSLS over the best candidates of either side; the smaller side is used up."""
    right_of, cosine = best(left, right, CANDIDATES)
    left_of, turned = best(right, left, CANDIDATES)
    density = [np.sort(each, axis=1)[:, -NEIGHBOURS:].mean(axis=1) for each in (cosine, turned)]
    rows = np.r_[np.repeat(np.arange(len(right_of)), right_of.shape[1]), left_of.ravel()]
    columns = np.r_[right_of.ravel(), np.repeat(np.arange(len(left_of)), left_of.shape[1])]
    csls = 2 * np.r_[cosine.ravel(), turned.ravel()] - density[0][rows] - density[1][columns]
    pairs, first = np.unique(np.stack([rows, columns]), axis=1, return_index=True)
    size = len(right_of), len(left_of)
    # A full matching must exist: each row gets a column of its own, dearer than any partner.
    costs = coo_array((4.0 - csls[first], (pairs[0], pairs[1])), shape=size)
    alone = coo_array((np.full(size[0], 1000.0), (np.arange(size[0]), np.arange(size[0]))))
    chosen = zip(*min_weight_full_bipartite_matching(hstack([costs, alone]).tocsr()), strict=True)
    return [(int(row), int(column)) for row, column in chosen if column < size[1]]


@click.command()
@click.argument("left", type=click.Path(path_type=Path))
@click.argument("right", type=click.Path(path_type=Path))
@click.argument("links", type=click.Path(path_type=Path))
@click.option("--left-also", multiple=True, type=click.Path(path_type=Path))
@click.option("--right-also", multiple=True, type=click.Path(path_type=Path))
def main(left: Path, right: Path, links: Path, **also: tuple[Path, ...]) -> None:
    """Match two graphs and write owl:sameAs links."""
    graphs: list[Any] = [read_graph([left, *also["left_also"]]), read_graph([right, *also["right_also"]])]
    profiles = [select(graph, SelectConfig()) for graph in graphs]
    iris = [profile.entity_iri.to_pylist() for profile in profiles]
    pairs = match(*vectors(*(texts(profile) for profile in profiles)))
    with links.open("w", encoding="utf8") as file:
        for a, b in pairs:
            file.write(f"<{iris[0][a]}> <http://www.w3.org/2002/07/owl#sameAs> <{iris[1][b]}> .\n")
    count = sum(graph.statements_read for graph in graphs)
    links.with_name(f"{links.name}.triples").write_text(f"{count}\n", encoding="utf8")


if __name__ == "__main__":
    main()
