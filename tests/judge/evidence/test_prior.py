"""The shipped prior: what its file must hold, and that better never counts less."""

import json

import numpy as np

from kgalign.judge.evidence import generic
from kgalign.judge.evidence.prior import FILE, load_prior


def test_the_shipped_prior_weighs_what_is_measured() -> None:
    prior = load_prior()
    leads = {f"{name}, lead of the {end} one" for name in generic.LEADS for end in ("right", "left")}
    assert prior.start.shapes.keys() | prior.meaning.shapes.keys() == generic.KINDS.keys() | leads
    assert all(name.startswith(generic.MEANING) for name in prior.meaning.shapes)
    assert not prior.start.shapes.keys() & prior.meaning.shapes.keys()
    assert prior.final.shapes.keys() == {
        "prior",
        "pooled",
        "for",
        "against",
        "surprise",
        "neighbours",
        "lead of the right one",
        "lead of the left one",
    }


def test_no_shape_falls_and_all_are_read_as_they_stand() -> None:
    content = json.loads(FILE.read_text(encoding="utf8"))
    assert "learned" in content["about"]
    prior = load_prior()
    for name, model in (("start", prior.start), ("final", prior.final), ("meaning", prior.meaning)):
        for measure, shape in model.shapes.items():
            given = content[name]["shapes"][measure]
            assert list(shape.worth) == given["worth"], measure
            assert (np.diff(shape.knots) > 0).all(), measure
            assert (np.diff(shape.worth) >= 0).all(), measure
            knots = np.array([*shape.knots, np.nan], dtype=np.float32)
            assert np.allclose(shape.look_up(knots), [*shape.worth, shape.missing], atol=1e-5)


def test_the_parts_add_up_to_the_log_odds() -> None:
    prior = load_prior()
    values = {name: np.array([0.0, 1.0, np.nan], dtype=np.float32) for name in prior.start.shapes}
    total = sum(part.astype(np.float64) for part in prior.start.parts(values).values())
    assert np.allclose(prior.start.log_odds(values), total + prior.start.intercept)
