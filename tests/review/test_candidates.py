"""The candidates lie in an order that tells nothing, and is always the same for the same entity."""

import shutil
from pathlib import Path

from kgalign.config import as_config
from kgalign.review import Review
from kgalign.run import start
from tests.conftest import write_elements


def test_where_the_likeliest_one_stands_tells_nothing(countries_made: Path) -> None:
    review = Review(countries_made)
    places = [0] * 5
    for left in range(len(review.left.profile)):
        shown = [each.entity for each in review.question("Ada", left).candidates]
        if len(shown) == 5:
            best = review.opened.ranked(left)[0]
            assert set(shown) == set(review.opened.ranked(left)[:5])
            places[shown.index(best)] += 1
    assert sum(places) > 300
    assert min(places) > 0.13 * sum(places), "a fifth each is what chance gives"


def test_the_same_entity_has_the_same_order_whoever_asks_and_whenever(countries: Path) -> None:
    first, again = Review(countries), Review(countries, share=0.5)
    for left in first.order.left.tolist():
        orders = [
            [each.iri for each in review.question(by, left).candidates]
            for review, by in ((first, "Ada"), (first, "Grace"), (again, "Ada"))
        ]
        assert orders[0] == orders[1] == orders[2]


def test_another_seed_gives_another_order(tmp_path: Path) -> None:
    pair = write_elements(tmp_path / "inputs")
    orders = []
    for seed in (0, 1):
        config = as_config({"seed": seed})
        start.run(pair.left, pair.right, tmp_path / "run", config)
        review = Review(Path(shutil.copytree(tmp_path / "run", tmp_path / str(seed))))
        lefts = range(len(review.left.profile))
        orders.append([[each.iri for each in review.question("Ada", left).candidates] for left in lefts])
    assert [sorted(each) for each in orders[0]] == [sorted(each) for each in orders[1]]
    assert orders[0] != orders[1]
