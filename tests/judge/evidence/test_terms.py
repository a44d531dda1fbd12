"""Each measure of the evidence has a world in which it alone decides: a prior that weighs nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from kgalign.config import JudgeConfig
from kgalign.judge import judge
from kgalign.judge.evidence import generic
from kgalign.judge.evidence.associate import TYPES
from kgalign.judge.evidence.model import CERTAIN
from kgalign.judge.evidence.prior import Additive, BaseRate, Prior, Shape, Wrong, load_prior
from kgalign.records import Candidates, Profile, Verdicts
from tests.evaluate.small import Values, profile

Pair = tuple[int, int]
Line = tuple[tuple[float, ...], tuple[float, ...]]
AS_IT_IS: Line = ((-50.0, 50.0), (-50.0, 50.0))


def only(
    start: Mapping[str, Line] | None = None,
    final: Mapping[str, Line] | None = None,
    intercept: float = 0.0,
    meaning: Mapping[str, Line] | None = None,
) -> Prior:
    """A prior that weighs these measures and no others, and takes the graphs for what they are.

    :param start: knots and what they are worth, by measure; ``final`` of what is learned,
        ``meaning`` of what an embedder adds to the start.
    """
    shipped = load_prior()
    models = []
    for model, lines in (
        (shipped.start, start or {}),
        (shipped.final, final or {}),
        (shipped.meaning, meaning or {}),
    ):
        assert lines.keys() <= model.shapes.keys()
        shapes = {
            name: Shape(*lines.get(name, ((0.0, 1.0), (0.0, 0.0))), missing=0.0) for name in model.shapes
        }
        models.append(Additive(0.0, shapes))
    return Prior(
        models[0],
        replace(models[1], intercept=intercept),
        models[2],
        base=BaseRate(0.0, 0.0, 1.0),
        wrong=Wrong(0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0),
        counts=0.5,
        matches=1e-9,
    )


def candidates(pairs: Sequence[Pair], channel: str, scores: Sequence[float]) -> Candidates:
    """Candidates that one channel retrieved."""
    columns = np.array(pairs, dtype=np.int32)
    rank = np.array([sum(a == c for a, _ in pairs[: i + 1]) for i, (c, _) in enumerate(pairs)])
    return Candidates(
        left=columns[:, 0].copy(),
        right=columns[:, 1].copy(),
        rank=rank.astype(np.int32),
        score=(1 / (60 + rank)).astype(np.float32),
        channels=(channel,),
        channel_rank=rank[:, None].astype(np.int16),
        channel_score=np.array(scores, dtype=np.float32)[:, None],
    )


def judged(
    sides: tuple[Profile, Profile], found: Candidates, prior: Prior, known: Sequence[Pair] = ()
) -> Verdicts:
    """The verdicts under one-to-one."""
    ends = np.array(known, dtype=np.int32).reshape(-1, 2)
    given = (ends[:, 0].copy(), ends[:, 1].copy())
    return judge(*sides, found, given, JudgeConfig(), cardinality="one-to-one", prior=prior)


def log_odds(verdicts: Verdicts) -> dict[Pair, float]:
    ends = zip(verdicts.left.tolist(), verdicts.right.tolist(), strict=True)
    return dict(zip(ends, verdicts.log_odds.tolist(), strict=True))


def sides(count: int, left: Values | None = None, right: Values | None = None) -> tuple[Profile, Profile]:
    """Two sides of entities without anything but these values."""
    found = [
        profile([f"http://{name}.example/{n}" for n in range(count)], values=values)
        for name, values in (("l", left), ("r", right))
    ]
    return found[0], found[1]


def two_each(count: int) -> list[Pair]:
    """Every entity with its partner and the one after."""
    return [(n, (n + k) % count) for n in range(count) for k in (0, 1)]


def test_nearness_of_meaning_decides_where_nothing_was_learned() -> None:
    pairs = two_each(20)
    scores = [0.8 if a == b else 0.6 for a, b in pairs]
    leads = {f"meaning, lead of the {end} one": ((-0.2, 0.2), (-4.0, 4.0)) for end in ("left", "right")}
    final = {"prior": AS_IT_IS}
    odds = log_odds(judged(sides(20), candidates(pairs, "dense", scores), only(None, final, meaning=leads)))
    assert all(odds[n, n] > 7 for n in range(20))
    assert all(odds[n, (n + 1) % 20] < -7 for n in range(20))
    found = judged(sides(20), candidates(pairs, "names", scores), only(None, final, meaning=leads))
    assert not any(log_odds(found).values())


def test_a_pair_that_an_embedder_did_not_find_is_missing_there_and_not_at_cosine_0() -> None:
    pairs = two_each(20)
    scores = [0.5 if a == b else 0.0 for a, b in pairs]
    meaning = {"meaning": ((0.0, 1.0), (-9.0, 9.0))}
    final = {"prior": AS_IT_IS}
    found = judged(sides(20), candidates(pairs, "dense", scores), only(None, final, meaning=meaning))
    own = next(n for n, each in enumerate(found.features) if each.name == "meaning")
    wrong = found.left != found.right
    assert not found.contribution[wrong, own].any()
    assert (found.level[wrong, own] == -1).all()


def test_nearness_of_meaning_is_learned_from_known_pairs_and_decides_the_others() -> None:
    pairs = two_each(40)
    scores = [0.92 if a == b else 0.35 for a, b in pairs]
    prior = only(final={"for": AS_IT_IS, "against": AS_IT_IS})
    found = judged(sides(40), candidates(pairs, "dense", scores), prior, [(n, n) for n in range(30)])
    assert [each.name for each in found.features if each.kind == "dense"] == ["meaning"]
    odds = log_odds(found)
    assert all(odds[n, n] > 2 for n in range(30, 40))
    assert all(odds[n, (n + 1) % 40] < -2 for n in range(30, 40))
    told_nothing = log_odds(judged(sides(40), candidates(pairs, "names", scores), prior, [(0, 0)]))
    assert told_nothing[35, 35] == pytest.approx(0, abs=1e-5)


def test_one_iri_on_both_sides_is_measured_and_counts_as_the_prior_says() -> None:
    """The shipped prior found that it adds nothing to what else such pairs share; another may."""
    pairs = two_each(6)
    same = candidates(pairs, "iri", [float(a == b) for a, b in pairs])
    prior = only(start={generic.SAME_IRI: ((0.0, 1.0), (-3.0, 4.0))}, final={"prior": AS_IT_IS})
    odds = log_odds(judged(sides(6), same, prior))
    assert [odds[n, n] for n in range(6)] == pytest.approx([4.0] * 6, abs=1e-4)
    elsewhere = judged(sides(6), candidates(pairs, "names", [1.0] * 12), prior)
    assert max(log_odds(elsewhere).values()) == pytest.approx(-3.0, abs=1e-4)
    assert set(load_prior().start.shapes[generic.SAME_IRI].worth) == {0.0}


def test_the_share_of_all_words_is_of_the_entity_that_says_more() -> None:
    """Right 0 says what left 0 says and no more; right 1 says that and as much again."""
    left: Values = {0: {"p": ["amber basalt"]}}
    right: Values = {0: {"q": ["amber basalt"]}, 1: {"q": ["amber basalt copper dolomite"]}}
    prior = only(start={"share of all words": ((0.0, 1.0), (-5.0, 5.0))}, final={"prior": AS_IT_IS})
    found = judged(sides(2, left, right), candidates([(0, 0), (0, 1)], "values", [1.0, 1.0]), prior)
    assert log_odds(found)[0, 0] == pytest.approx(5, abs=1e-4)
    assert log_odds(found)[0, 1] == pytest.approx(-5, abs=1e-4), "what its rival leaves over"
    assert found.level[:, [f.name for f in found.features].index("share of all words")].tolist()[0] == 10
    assert found.level[1, [f.name for f in found.features].index("share of all words")] < 7


def test_the_rarity_of_what_is_shared_decides_where_as_much_is_shared() -> None:
    """All have "stone"; one of each side has "zircon": pairs that share either word share all they have."""
    left: Values = {n: {"p": ["stone"]} for n in range(8)} | {8: {"p": ["zircon"]}}
    right: Values = {n: {"q": ["stone"]} for n in range(8)} | {8: {"q": ["zircon"]}}
    prior = only(start={"rarity of shared words": ((0.0, 7.0), (-3.0, 3.0))}, final={"prior": AS_IT_IS})
    pairs = [(0, 0), (1, 1), (8, 8)]
    odds = log_odds(judged(sides(9, left, right), candidates(pairs, "values", [1.0] * 3), prior))
    assert odds[8, 8] > odds[0, 0] + 0.5
    assert odds[0, 0] == pytest.approx(odds[1, 1])


def test_a_known_pair_is_certain_whatever_is_measured() -> None:
    found = judged(sides(4), candidates(two_each(4), "names", [1.0] * 8), only(intercept=-6.0), [(0, 1)])
    odds = log_odds(found)
    assert odds[0, 1] == pytest.approx(CERTAIN)
    assert odds[0, 0] == pytest.approx(-CERTAIN, abs=1e-3), "its entities are taken"


def test_what_was_learned_counts_as_far_as_there_are_matches_and_known_pairs_are_matches() -> None:
    """The start says 1, what is learned 5: twenty known pairs and as many of the prior's own mean half."""
    start = {"names": ((0.0, 1.0), (0.0, 0.0))}
    prior = replace(only(start=start, intercept=5.0), matches=20.0)
    prior = replace(prior, start=replace(prior.start, intercept=-9.0))
    pairs = [(n, n) for n in range(40)]
    found = judged(sides(40), candidates(pairs, "names", [1.0] * 40), prior, pairs[:20])
    reliance = found.notes["reliance"]
    assert 0.5 <= reliance < 0.6
    assert log_odds(found)[30, 30] == pytest.approx(5 * reliance - 9 * (1 - reliance), abs=0.01)


def test_types_that_never_match_speak_against_a_pair_and_never_for_one() -> None:
    """Thirty cities match thirty cities, and thirty rivers rivers: a city and a river of one name do not."""
    kinds = ["City"] * 31 + ["River"] * 31
    both = tuple(
        profile([f"http://{name}.example/{n}" for n in range(62)], types=kinds) for name in ("l", "r")
    )
    pairs = sorted([(n, n) for n in range(62)] + [(30, 61), (61, 30)])
    known = [(n, n) for n in range(62) if n not in (30, 61)]
    found = judged((both[0], both[1]), candidates(pairs, "names", [1.0] * 64), only(), known)
    odds = log_odds(found)
    assert odds[30, 30] == pytest.approx(0, abs=1e-4)
    assert odds[30, 61] < -2
    column = [each.name for each in found.features].index(TYPES)
    assert found.contribution[:, column].max() == pytest.approx(0, abs=1e-5)
    # They count once, in full, and not among what attributes say.
    beside = only(final={"for": AS_IT_IS, "against": AS_IT_IS})
    twice = log_odds(judged((both[0], both[1]), candidates(pairs, "names", [1.0] * 64), beside, known))
    assert twice[30, 30] == pytest.approx(0, abs=1e-4)
    # One of each counts beside what was seen, and not as many as where comparisons have many levels.
    many = judged(
        (both[0], both[1]), candidates(pairs, "names", [1.0] * 64), replace(only(), counts=50.0), known
    )
    assert log_odds(many)[30, 61] == pytest.approx(odds[30, 61], abs=1e-4)


@pytest.mark.parametrize("measure", ["for", "against"])
def test_an_attribute_that_corresponds_speaks_for_a_pair_and_against_one(measure: str) -> None:
    """Forty known pairs teach that a town is a place; of the others it says who is who."""
    left: Values = {n: {"l:town": [f"quay {n * 7919 % 9973:x}"]} for n in range(50)}
    right: Values = {n: {"r:place": [f"quay {n * 7919 % 9973:x}"]} for n in range(50)}
    prior = only(final={measure: AS_IT_IS})
    pairs = two_each(50)
    known = [(n, n) for n in range(40)]
    odds = log_odds(judged(sides(50, left, right), candidates(pairs, "values", [1.0] * 100), prior, known))
    right_ones, wrong = [odds[n, n] for n in range(41, 49)], [odds[n, n + 1] for n in range(41, 49)]
    assert min(right_ones) > (2 if measure == "for" else -0.01)
    assert max(wrong) < (0.01 if measure == "for" else -2)


def test_words_and_names_are_weighed_anew_by_the_matches() -> None:
    left: Values = {n: {"l:label": [f"quay {n * 7919 % 9973:x}"]} for n in range(50)}
    right: Values = {n: {"r:label": [f"quay {n * 7919 % 9973:x}"]} for n in range(50)}
    pairs = two_each(50)
    known = [(n, n) for n in range(40)]
    prior = only(final={"pooled": AS_IT_IS})
    odds = log_odds(judged(sides(50, left, right), candidates(pairs, "values", [1.0] * 100), prior, known))
    assert min(odds[n, n] for n in range(41, 49)) > 2 > -2 > max(odds[n, n + 1] for n in range(41, 49))
