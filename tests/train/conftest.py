"""A run that was judged, and examples made of it."""

from tests.train.judged_fixtures import data, pair, run

__all__ = ["data", "pair", "run"]
