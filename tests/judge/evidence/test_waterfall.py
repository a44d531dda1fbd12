"""The waterfall adds up by itself: what rivals take is what competition takes, and no rest hides in it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kgalign.base.progress import NoProgress
from kgalign.config import JudgeConfig, RetrieveConfig
from kgalign.judge.evidence import Evidence
from kgalign.judge.evidence.applied import Applied, learned_of
from kgalign.judge.evidence.prior import Additive, Prior, load_prior
from kgalign.judge.evidence.waterfall import verdicts_of
from kgalign.records import Profile, Verdicts
from kgalign.retrieve import retrieve
from tests.judge.evidence.test_terms import AS_IT_IS, candidates, judged, log_odds, only, sides
from tests.judge.generate import profiles, write_people


def all_leads_alike(prior: Prior) -> Prior:
    """The prior as it is, but that all start with what the best leads are worth, and none adds to it."""

    def flat(model: Additive) -> Additive:
        leads = {name: shape for name, shape in model.shapes.items() if "lead of" in name}
        without = {name: replace(each, worth=(0.0,) * len(each.worth)) for name, each in leads.items()}
        best = sum(each.worth[-1] for each in leads.values())
        return Additive(model.intercept + best, model.shapes | without)

    return replace(prior, start=flat(prior.start), final=flat(prior.final))


def settled(left: Profile, right: Profile, prior: Prior) -> tuple[Evidence, Verdicts]:
    """The evidence by what was learned, and its verdicts."""
    found = retrieve(left, right, RetrieveConfig())
    evidence = Evidence(
        left, right, found, np.zeros(len(found), dtype=bool), iterations=JudgeConfig().iterations, prior=prior
    )
    evidence.start()
    evidence.learn(NoProgress())
    learned = learned_of(evidence, evidence.settle("one-to-one"))
    applied = Applied(left, right, found, evidence.given, learned, prior=prior)
    applied.conclude()
    return applied, verdicts_of(applied)


def test_where_all_leads_are_worth_the_same_rivals_take_nothing_from_the_best(tmp_path: Path) -> None:
    """All other comparisons are there, each with its share of the sum, stretched and moved by decoys."""
    left, right = profiles(write_people(tmp_path, 60, partnered=0.8))
    evidence, found = settled(left, right, all_leads_alike(load_prior()))
    names = [each.name for each in found.features]
    assert names[0] == "prior"
    assert names[-1] == "rivals"
    assert evidence.line.stretch != 1
    assert evidence.reliance > 0.5
    assert {"for", "against"} <= evidence.final_measures.keys()
    for measure in ("pooled", "for", "against"):
        assert (evidence.final_measures[measure][np.flatnonzero(evidence.top)] != 0).any(), measure
    best = evidence.top
    assert best.any()
    assert np.abs(found.contribution[best, -1]).max() < 0.01
    assert np.ptp(found.contribution[:, 0]) == 0


def test_where_all_start_holds_what_leads_are_worth_in_the_middle() -> None:
    """Three pairs that compete with none: what they lead by is where all start, and no rival adds to it."""
    line = ((-12.0, 12.0), (-3.0, 3.0))
    prior = only(final={"lead of the right one": line}, intercept=1.0)
    found = judged(sides(3), candidates([(0, 0), (1, 1), (2, 2)], "names", [1.0] * 3), prior)
    assert log_odds(found)[0, 0] == pytest.approx(4, abs=1e-4)
    assert found.contribution[:, 0].tolist() == pytest.approx([4] * 3, abs=1e-4)
    assert found.contribution[:, -1].tolist() == pytest.approx([0] * 3, abs=1e-4)


def test_who_has_a_better_partner_gets_what_that_one_leaves_over() -> None:
    """Left 0 is right 0 with log-odds 4: with right 1, which nobody else wants, it is so with -4 at most."""
    prior = only(start={"IRI": ((0.0, 1.0), (0.0, 4.0))}, final={"prior": AS_IT_IS}, intercept=0.0)
    found = judged(sides(2), candidates([(0, 0), (0, 1)], "iri", [1.0, 0.5]), prior)
    assert log_odds(found) == {(0, 0): pytest.approx(4, abs=1e-3), (0, 1): pytest.approx(-4, abs=1e-3)}


def test_who_is_only_mentioned_gets_no_link_and_the_table_says_why() -> None:
    left, right = sides(2)
    right = replace(right, described=np.array([True, False]))
    found = judged((left, right), candidates([(0, 0), (1, 1)], "names", [1.0] * 2), only(intercept=5.0))
    assert log_odds(found)[0, 0] == pytest.approx(5, abs=1e-4)
    assert found.features[-1].name == "only mentioned"
    assert log_odds(found)[1, 1] == pytest.approx(-20, abs=1e-3)
    assert found.level[:, -1].tolist() == [-1, 0]
