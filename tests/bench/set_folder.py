"""A folder of sets, as ``python -m bench align`` takes it."""

import gzip
from pathlib import Path

import pyoxigraph as ox

from tests.conftest import Pair


def write_set(pair: Pair, folder: Path) -> None:
    """Write two graphs with their links as one set."""
    folder.mkdir(parents=True)
    triples = ox.serialize(ox.parse(path=str(pair.left)), format=ox.RdfFormat.N_TRIPLES)
    (folder / "left.nt.gz").write_bytes(gzip.compress(triples or b""))
    (folder / "right.nt.gz").write_bytes(gzip.compress(pair.right.read_bytes()))
    (folder / "gold.tsv.gz").write_bytes(gzip.compress(pair.gold.read_bytes()))
