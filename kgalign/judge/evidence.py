"""Tier 1: the evidence model. Unsupervised, free, and able to say why."""

import numpy as np

from kgalign.arrays import Doubles, Flags
from kgalign.cardinality import choose
from kgalign.config import JudgeConfig
from kgalign.judge import associate
from kgalign.judge.cardinality import leftovers
from kgalign.judge.comparisons import Comparison, Pooled, steps
from kgalign.judge.correspond import AttributeComparisons
from kgalign.judge.mixture import Hat, Mixture, fit
from kgalign.judge.neighbours import Neighbours
from kgalign.judge.values import prepare
from kgalign.progress import NoProgress, Progress
from kgalign.rdf.graph import Ids
from kgalign.records import Candidates, Feature, Profile, Verdicts

_ROUNDS = 4
_COSINES = (0.0, 0.3, 0.45, 0.6, 0.7, 0.8, 0.9, 1.0)
_AGREE = 0.7
"""Similarity from which two attributes say the same in the same words: what goes with what adds nothing."""


def judge(
    left: Profile,
    right: Profile,
    candidates: Candidates,
    known: tuple[Ids, Ids],
    config: JudgeConfig,
    *,
    cardinality: str = "auto",
    progress: Progress | None = None,
) -> Verdicts:
    """Judge every candidate pair by what its entities share.

    Names, words and codes are compared first, whatever properties hold them; from what matches by
    these it is learned which properties correspond and which of their values go together; then
    neighbours that match are counted in, over a few iterations.

    :param known: entity ids of pairs that match for certain, left and right.
    :param cardinality: as in the configuration; ``auto`` decides from the evidence.
    :returns: verdicts in the order of the candidates.
    """
    watch = progress or NoProgress()
    if not len(candidates):
        return _nothing(candidates)
    a, b = candidates.left, candidates.right
    keys = a.astype(np.int64) * len(right) + b
    given = np.isin(keys, known[0].astype(np.int64) * len(right) + known[1])
    texts = prepare(left, right)
    with watch.task("judge by evidence", config.iterations + 3, "rounds") as task:
        comparisons = Pooled(left, right, texts).compare(a, b) + _retrieved(candidates)
        model = _Model(a, b, given, cardinality)
        mixture = model.fit(comparisons, _start(candidates, given))
        task.advance()
        learned = AttributeComparisons(left, right, texts, a, b, mixture.expected)
        comparisons += learned.compare(a, b)
        mixture = model.fit(comparisons, mixture.expected)
        task.advance()
        taken = {(c.left, c.right) for c in learned.found if c.agreement >= _AGREE}
        associations = associate.learn(left, right, a, b, mixture.expected, taken)
        comparisons += [associate.compare(each, a, b) for each in associations]
        mixture = model.settle(comparisons, mixture)
        task.advance()
        neighbours = Neighbours(left, right, a, b)
        everything = comparisons
        for _ in range(config.iterations if neighbours.any else 0):
            everything = comparisons + neighbours.compare(mixture.expected)
            mixture = model.fit(everything, mixture.expected, rounds=2)
            task.advance()
    return _verdicts(candidates, everything, mixture, model)


def _nothing(candidates: Candidates) -> Verdicts:
    """The verdicts on no candidates."""
    empty = np.zeros(0, dtype=np.float32)
    return Verdicts(
        left=candidates.left,
        right=candidates.right,
        probability=empty,
        log_odds=empty,
        features=(),
        contribution=np.zeros((0, 0), dtype=np.float32),
        level=np.zeros((0, 0), dtype=np.int8),
        given=np.zeros(0, dtype=bool),
        voted=np.zeros(0, dtype=np.int8),
        notes={},
    )


def _retrieved(candidates: Candidates) -> list[Comparison]:
    """What retrieval alone can tell: one IRI on both sides, and nearness of meaning by an embedder.

    What either is worth is learned like all else.
    """
    found = []
    score = dict(zip(candidates.channels, candidates.channel_score.T, strict=True))
    if "iri" in score:
        found.append(Comparison("IRI", "iri", ("another", "the same"), score["iri"].astype(np.float32)))
    if "dense" in score:
        labels = tuple(f"cosine {knot:g}" for knot in _COSINES)
        found.append(Comparison("meaning", "dense", labels, steps(score["dense"], _COSINES)))
    return found


class _Model:
    """Fits the mixture under one cardinality."""

    def __init__(self, a: Ids, b: Ids, given: Flags, asked: str) -> None:
        self.a, self.b, self.given, self.asked = a, b, given, asked
        self.several_right, self.several_left = 0.0, 0.0
        self.cardinality, _ = choose(asked, self.several_right, self.several_left)

    def fit(self, comparisons: list[Comparison], start: Doubles, rounds: int = _ROUNDS) -> Mixture:
        """Learn what the levels of the comparisons are worth."""
        positions = np.stack([c.position for c in comparisons], axis=1)
        return fit(
            self.a,
            self.b,
            positions,
            [len(c.labels) for c in comparisons],
            start,
            given=self.given,
            # Without a name on one side there is less to go by.
            stratum=np.isnan(positions[:, 0]),
            one_left=self.cardinality in ("one-to-one", "one-to-many"),
            one_right=self.cardinality in ("one-to-one", "many-to-one"),
            rounds=rounds,
        )

    def settle(self, comparisons: list[Comparison], mixture: Mixture) -> Mixture:
        """Fit again, and once more under another cardinality where the evidence is for it."""
        mixture = self.fit(comparisons, mixture.expected)
        self.several_right, self.several_left = leftovers(self.a, self.b, mixture.score, mixture.expected)
        self.cardinality, _ = choose(self.asked, self.several_right, self.several_left)
        return mixture if self.cardinality == "one-to-one" else self.fit(comparisons, mixture.expected)


def _start(candidates: Candidates, given: Flags) -> Doubles:
    """Where to start: pairs that are each other's best over all channels are probable matches."""
    score = candidates.channel_score.sum(axis=1).astype(np.float64)
    best_left = np.zeros(int(candidates.left.max()) + 1)
    best_right = np.zeros(int(candidates.right.max()) + 1)
    np.maximum.at(best_left, candidates.left, score)
    np.maximum.at(best_right, candidates.right, score)
    mutual = (score >= best_left[candidates.left]) & (score >= best_right[candidates.right])
    return np.where(given, 1.0, np.where(mutual & (score > 0), 0.8, 0.02))


def _verdicts(
    candidates: Candidates, comparisons: list[Comparison], mixture: Mixture, model: _Model
) -> Verdicts:
    """Log-odds as a sum: where all start, what a pair shares, and what its rivals take away."""
    calibration = mixture.calibration
    by_score, by_lead = calibration.slope
    factor = by_score + by_lead
    position = np.stack([c.position for c in comparisons], axis=1)
    level = np.where(np.isnan(position), -1, np.rint(np.nan_to_num(position))).astype(np.int8)
    contribution = np.empty((len(candidates), len(comparisons) + 2), dtype=np.float32)
    contribution[:, 0] = calibration.prior
    for k, weights in enumerate(mixture.weights):
        contribution[:, k + 1] = factor * Hat(position[:, k], len(weights)).look_up(weights)
    contribution[:, -1] = 0
    given = np.flatnonzero(model.given)
    contribution[given, 0] += calibration.log_odds[given] - contribution[given, :-1].sum(axis=1)
    contribution[:, -1] = calibration.log_odds - contribution[:, :-1].sum(axis=1)
    features = (
        Feature("prior", "prior", ("every best pair",), (float(np.median(calibration.prior)),)),
        *(
            Feature(c.name, c.kind, c.labels, tuple((factor * w).tolist()))
            for c, w in zip(comparisons, mixture.weights, strict=True)
        ),
        Feature("rivals", "rivals", ("what other pairs of the two take away",), (0.0,)),
    )
    constant = np.zeros((len(candidates), 1), np.int8)
    return Verdicts(
        left=candidates.left,
        right=candidates.right,
        probability=calibration.probability.astype(np.float32),
        log_odds=contribution.sum(axis=1, dtype=np.float64).astype(np.float32),
        features=features,
        contribution=contribution,
        level=np.concatenate([constant, level, constant], axis=1),
        given=model.given,
        voted=np.full(len(candidates), -1, dtype=np.int8),
        notes={
            "null_share": calibration.null_share,
            "by_score": by_score,
            "by_lead": by_lead,
            "expected_matches": float(mixture.expected.sum()),
            "several_right": model.several_right,
            "several_left": model.several_left,
        },
    )
