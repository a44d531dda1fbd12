"""The example comes out as it is said to: the links of a run are those of ``expected.tsv``."""

from pathlib import Path

import pytest

from kgalign import align
from kgalign.config import load_config
from kgalign.evaluate import read_pairs, score

FOLDER = Path(__file__).parents[2] / "examples" / "countries"


@pytest.fixture(scope="module")
def links() -> set[tuple[str, str]]:
    config = load_config(FOLDER / "config.toml")
    result = align(FOLDER / "left.ttl", FOLDER / "right.jsonld", config)
    return {(left, right) for left, right, _ in result.links()}


def test_the_links_are_the_expected_ones(links: set[tuple[str, str]]) -> None:
    assert links == set(read_pairs(FOLDER / "expected.tsv"))


def test_the_expected_links_are_nearly_all_right(links: set[tuple[str, str]]) -> None:
    """Two of the wrong ones are the halves of one island, the third two towns of one name."""
    found = score(links, read_pairs(FOLDER / "gold.tsv"), closed=True)
    assert found.recall == 1
    assert found.precision > 0.99
