"""Additive models: what is planted is found, and no shape falls."""

import numpy as np
import pytest

from bench.additive import Rows, fit


def test_a_planted_shape_is_found_again() -> None:
    dice = np.random.default_rng(0)
    x = dice.uniform(0, 2, 20_000).astype(np.float32)
    noise = dice.uniform(0, 1, 20_000).astype(np.float32)
    log_odds = -2 + np.interp(x, [0, 1, 2], [0, 3, 3])
    x[:4000] = np.nan
    log_odds[:4000] = -1
    match = dice.random(20_000) < 1 / (1 + np.exp(-log_odds))
    rows = Rows({"x": x, "noise": noise}, match, np.ones(20_000))
    found = fit({"x": [0, 1, 2], "noise": [0, 1]}, [rows])
    assert found["shapes"]["x"]["worth"] == pytest.approx([0, 3, 3], abs=0.3)
    assert found["shapes"]["x"]["missing"] + found["intercept"] == pytest.approx(-1, abs=0.3)
    assert found["shapes"]["noise"]["worth"][-1] < 0.3


def test_no_shape_falls_whatever_the_rows_say() -> None:
    x = np.linspace(0, 2, 500).astype(np.float32)
    rows = Rows({"x": x}, x < 0.5, np.ones(500))
    found = fit({"x": [0, 1, 2]}, [rows])
    assert found["shapes"]["x"]["worth"] == [0, 0, 0]
