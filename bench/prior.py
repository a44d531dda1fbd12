"""Learns the prior of the evidence from a folder of sets, and judges it with whole families left out.

Every set teaches as it is and as worlds cut from it (:mod:`bench.worlds`), in which entities have no partner.
The start is learned first, from what can be measured without it; then the pairs are judged with it, and the
final model is learned from what the evidence measures then; and once more, with the final model in place.
"""

import json
import multiprocessing
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from bench.additive import Doubles, Rows, fit
from bench.sets import Set, family
from bench.worlds import Source, World
from kgalign.base.progress import NoProgress
from kgalign.config import RetrieveConfig, SelectConfig
from kgalign.judge.evidence import Evidence
from kgalign.judge.evidence.prior import from_json
from kgalign.links.gold import read_pairs
from kgalign.links.pairs import entity_ids
from kgalign.rdf import read_graph
from kgalign.records import Candidates, Profile
from kgalign.retrieve import retrieve
from kgalign.select import select

COUNTS = 12.0
MATCHES = 20.0
BASE = {"log_odds": -1.0, "trust": 0.3, "spread": 2.0}
SPREADS = {"crossing_spread": 1.0, "stretch_spread": 0.3}
SIZES = (5, 15, 40, 100, 300)
ALONE = (0.0, 0.5, 0.9, 1.0)
FEW, MANY = 20, 1000
SEVERAL = frozenset({"cora_split", "historical_1n", "oaei2014_identity"})
"""Sets whose entities have several partners: what leads are worth can't be learned from them."""
_MOST_ROWS = {"start": 4000, "final": 2000, "meaning": 4000}
_LEXICAL = {"characters in common, ": -0.05, "names, ": 0.0}
_NEARLY = {"start": _LEXICAL, "final": {"": -4.0}, "meaning": {**_LEXICAL, "meaning, ": -0.05}}
"""Model → measure → the lead from which a pair is worth learning from."""
_RELIANCE = 0.6
"""How far what was learned has to count in a case for it to teach what to make of much that was learned."""
_FEW_DECOYS, _FEW_OF_BOTH = 10, 4
_WHOLE, _WORLD = 3.0, 0.5
"""How much a whole set weighs, and a world."""

_LEVELS = [float(each) for each in range(8)]
_COSINE = [0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
_COSINE_LEAD = [-0.4, -0.2, -0.1, -0.05, -0.02, 0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45, 0.6]
_LEVEL_LEAD = [-4, -2, -1, -0.5, 0, 0.25, 0.5, 1, 2, 4]
_LEAD = [-10, -6, -3, -1.5, -0.5, 0, 0.5, 1, 2, 3, 5, 8, 12]
_ENDS = ("right", "left")
START: dict[str, Sequence[float]] = {
    "names": _LEVELS,
    "words shared": _LEVELS,
    "rarity of shared words": _LEVELS,
    "codes shared": _LEVELS[:4],
    "characters in common": _COSINE,
    "words in common": _COSINE,
    "share of all words": _COSINE,
    "IRI": [0, 1],
    **{f"names, lead of the {end} one": _LEVEL_LEAD for end in _ENDS},
    **{
        f"{name}, lead of the {end} one": _COSINE_LEAD
        for name in ("characters in common", "words in common")
        for end in _ENDS
    },
}
"""What is known of a pair before anything is learned, and the knots of its shapes."""
FINAL: dict[str, Sequence[float]] = {
    "prior": [-12, -8, -6, -4.5, -3, -2, -1, 0, 1, 2, 3, 4.5, 6, 8, 11],
    "pooled": [-12, -8, -5, -3, -1.5, 0, 1.5, 3, 5, 8, 12, 16, 22, 30],
    "for": [0, 1, 2, 3, 4.5, 6, 8, 11, 15, 20, 30],
    "against": [-20, -12, -8, -5, -3, -1.5, -0.5, 0],
    "surprise": _LEVELS[:7],
    "neighbours": _LEVELS[:7],
    **{f"lead of the {end} one": _LEAD for end in _ENDS},
}
"""What is known once correspondences and neighbours are."""


MEANING: dict[str, Sequence[float]] = {
    "meaning": [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
    **{f"meaning, lead of the {end} one": [-0.6, *_COSINE_LEAD[:-1]] for end in _ENDS},
}
"""What an embedder adds to the start."""
_MOST_EMBEDDED = 14_000
"""Entities of a side; to embed more takes an hour on two cores."""


@dataclass(frozen=True, slots=True)
class Best:
    """Log-odds of best pairs, whether they are right, and log-odds of decoys."""

    log_odds: npt.NDArray[np.float64]
    right: npt.NDArray[np.bool_]
    wrong: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """A pair of graphs, read and with candidates, and which pairs are true."""

    name: str
    set: str
    whole: bool
    left: Profile
    right: Profile
    candidates: Candidates
    match: npt.NDArray[np.bool_]
    counted: npt.NDArray[np.bool_]
    """(c,) pairs of which it is known whether they are true."""


def cases(sets: Sequence[Set], tell: Callable[[str], None]) -> Iterator[Case]:
    """Every set as it is, and the worlds cut from it."""
    for each in sets:
        tell(each.name)
        whole = _whole(each, RetrieveConfig())
        if whole is not None:
            yield whole
        known = _known(set(read_pairs(each.gold)))
        source = Source(each)
        for world in _worlds(source):
            with tempfile.TemporaryDirectory() as folder:
                paths = write(world, Path(folder))
                case = _case(world.name, each, paths, set(world.gold), known, closed=False)
                if case is not None:
                    yield case


def _whole(each: Set, config: RetrieveConfig, most: int | None = None) -> Case | None:
    """A set as it is."""
    files = [each.left, *each.left_also], [each.right, *each.right_also]
    gold = set(read_pairs(each.gold))
    return _case(each.name, each, files, gold, _known(gold), closed=each.closed, config=config, most=most)


def _known(gold: set[tuple[str, str]]) -> tuple[set[str], set[str]]:
    return {a for a, _ in gold}, {b for _, b in gold}


def _worlds(source: Source) -> Iterator[World]:
    lopsided = source.cut("prior 20 against many", (FEW, min(MANY, len(source.single) - FEW + 2)), 2, "")
    if lopsided is not None and len(lopsided.rights) > MANY // 2:
        yield lopsided
        yield lopsided.swapped()
    for size in SIZES:
        for alone in ALONE:
            partnered = 0 if alone == 1 else max(1, round(size * (1 - alone)))
            for turn in range(2 if size <= 40 else 1):
                world = source.cut(f"prior {size} {alone} {turn}", (size, size), partnered, "")
                if world is not None:
                    yield world


def write(world: World, folder: Path) -> tuple[list[Path], list[Path]]:
    """Write both sides of a world as N-Triples."""
    paths = folder / "left.nt", folder / "right.nt"
    for path, rows in zip(paths, (world.left, world.right), strict=True):
        path.write_text("".join(f"{s} {p} {o} .\n" for s, p, o in rows), encoding="utf8")
    return [paths[0]], [paths[1]]


def _case(
    name: str,
    each: Set,
    files: tuple[list[Path], list[Path]],
    gold: set[tuple[str, str]],
    known: tuple[set[str], set[str]],
    *,
    closed: bool,
    config: RetrieveConfig | None = None,
    most: int | None = None,
) -> Case | None:
    """A pair of graphs as a case; None where a side has more entities than ``most``."""
    left, right = (
        select(read_graph(paths), SelectConfig(), side=side)
        for paths, side in zip(files, ("left", "right"), strict=True)
    )
    if most is not None and max(len(left), len(right)) > most:
        return None
    found = retrieve(left, right, config or RetrieveConfig())
    pairs = sorted(gold)
    ids = [entity_ids(side, [pair[end] for pair in pairs]) for end, side in ((0, left), (1, right))]
    true = set((ids[0].astype(np.int64) << 32 | ids[1]).tolist())
    keys = found.left.astype(np.int64) << 32 | found.right
    match = np.isin(keys, np.fromiter(true, dtype=np.int64, count=len(true)))
    inside = [
        np.isin(np.arange(len(side)), entity_ids(side, sorted(iris)))
        for side, iris in zip((left, right), known, strict=True)
    ]
    counted = inside[0][found.left] | inside[1][found.right] | closed
    counted &= left.described[found.left] & right.described[found.right]
    return Case(name, each.name, name == each.name, left, right, found, match, counted)


def _rows(case: Case, measures: Mapping[str, Any], model: str, known: Doubles | None = None) -> Rows | None:
    """The pairs of a case that are worth learning from: those that come first or nearly so.

    :param known: (c,) log-odds to which the model's shapes are added.
    """
    leads = [
        measures[f"{name}lead of the {end} one"][:] > least
        for name, least in _NEARLY[model].items()
        for end in _ENDS
    ]
    rows = np.flatnonzero(np.logical_or.reduce(leads) & case.counted)
    most = _MOST_ROWS[model]
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    if not len(rows):
        return None
    weight = (_WHOLE if case.whole else _WORLD) / np.sqrt(len(rows))
    columns = {name: np.asarray(values[rows], dtype=np.float32) for name, values in measures.items()}
    before = None if known is None else known[rows]
    return Rows(columns, case.match[rows], np.full(len(rows), weight), before)


def gather(task: tuple[Case, Mapping[str, Any], str]) -> tuple[str, Rows | None, bool]:
    """A case's set, its pairs to learn from, and whether much could be learned from its own matches."""
    case, prior, model = task
    given = np.zeros(len(case.candidates), dtype=bool)
    evidence = Evidence(case.left, case.right, case.candidates, given, prior=from_json(prior))
    evidence.start()
    if model == "final":
        evidence.learn(NoProgress())
        return case.set, _rows(case, evidence.final_measures, model), evidence.reliance >= _RELIANCE
    return case.set, _rows(case, evidence.start_measures, model), True


def _nearness(case: Case, prior: Mapping[str, Any]) -> Rows | None:
    """A case's pairs to learn from what nearness of meaning adds to what the start says."""
    given = np.zeros(len(case.candidates), dtype=bool)
    evidence = Evidence(
        case.left, case.right, case.candidates, given, prior=from_json(without_meaning(prior))
    )
    evidence.start()
    return _rows(case, evidence.start_measures, "meaning", evidence.by_prior - evidence.shift)


def without_meaning(prior: Mapping[str, Any]) -> dict[str, Any]:
    """The prior that does not know of an embedder."""
    return {**prior, "meaning": {"intercept": 0.0, "shapes": {}}}


def learn_meaning(
    held: Sequence[Case], priors: Mapping[str, Mapping[str, Any]], tell: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Learn what nearness of meaning adds to priors, from sets whose candidates an embedder found too.

    Returns:
        As :func:`learn`, of priors that are there: a family that none has left out gets what all taught.
    """
    gathered = []
    for case in held:
        tell(case.name)
        gathered.append((family(case.set), _nearness(case, priors[family(case.set)])))
    found = {}
    for name, prior in priors.items():
        fitted = fit(MEANING, [rows for of, rows in gathered if rows is not None and of != name])
        found[name] = {**prior, "meaning": mirrored(fitted)}
    return found


def embedded(sets: Sequence[Set], embedder: str) -> Iterator[Case]:
    """The sets that are not too large to embed, with candidates that an embedder found too."""
    for each in sets:
        if each.name in SEVERAL:
            continue
        case = _whole(each, RetrieveConfig(embedder=embedder), most=_MOST_EMBEDDED)
        if case is not None:
            yield case


def _wrong(task: tuple[Case, Mapping[str, Any]]) -> tuple[str, Best]:
    """The best pairs of a case and its decoys, as the evidence has them before it is held against them."""
    case, prior = task
    given = np.zeros(len(case.candidates), dtype=bool)
    evidence = Evidence(case.left, case.right, case.candidates, given, prior=from_json(prior))
    evidence.start()
    evidence.learn(NoProgress())
    best, wrong = evidence.best_and_wrong(further=0.0)
    shift = evidence.final_shift
    counted = best & case.counted
    return case.set, Best(evidence.log_odds[counted] - shift, case.match[counted], wrong - shift)


def _mean(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The model half-way between two with the same knots."""

    def half(a: float, b: float) -> float:
        return round((a + b) / 2, 3)

    shapes = {
        name: {
            "knots": each["knots"],
            "worth": [
                half(*pair) for pair in zip(each["worth"], other["shapes"][name]["worth"], strict=True)
            ],
            "missing": half(each["missing"], other["shapes"][name]["missing"]),
        }
        for name, each in one["shapes"].items()
    }
    return {"intercept": half(one["intercept"], other["intercept"]), "shapes": shapes}


def mirrored(model: Mapping[str, Any]) -> dict[str, Any]:
    """The model that knows no left and no right: a lead is worth the same on either side.

    Which of two graphs is called left says nothing, and the sets are too few to learn that it does not.
    """
    left, right = (
        {name.replace(f"{end} one", "{} one"): each for name, each in model["shapes"].items() if end in name}
        for end in _ENDS
    )
    both = _mean({"intercept": 0.0, "shapes": left}, {"intercept": 0.0, "shapes": right})["shapes"]
    shapes = {name.format(end): each for name, each in both.items() for end in _ENDS}
    return {**model, "shapes": {name: shapes.get(name, each) for name, each in model["shapes"].items()}}


def _straight(knots: Sequence[float], slope: float) -> dict[str, Any]:
    ends = [float(min(knots)), float(max(knots))]
    return {"knots": ends, "worth": [slope * end for end in ends], "missing": 0.0}


def _at_first() -> dict[str, Any]:
    """A prior to begin with: names and characters alone, what is learned at half."""
    slopes = {"names": 0.6, "characters in common": 3.0}
    slopes |= {f"characters in common, lead of the {end} one": 4.0 for end in _ENDS}
    final = {"prior": 1.0, "for": 0.5, "against": 0.5}
    return {
        "start": {
            "intercept": -6.0,
            "shapes": {name: _straight(knots, slopes.get(name, 0.0)) for name, knots in START.items()},
        },
        "final": {
            "intercept": 0.0,
            "shapes": {name: _straight(knots, final.get(name, 0.0)) for name, knots in FINAL.items()},
        },
        "base": BASE,
        "wrong": {"mean": -4.0, "further": 0.7, "crossing": 3.4, "rise": 0.6, "stretch": 0.1, **SPREADS},
        "counts": COUNTS,
        "matches": MATCHES,
        "meaning": {"intercept": 0.0, "shapes": {}},
    }


def learn(sets: Sequence[Set], tell: Callable[[str], None]) -> dict[str, dict[str, Any]]:
    """Learn priors.

    Returns:
        Family → the prior learned with that family left out; "" → the one learned from all.
    """
    held = [case for case in cases(sets, tell) if case.match.any() or not case.whole]
    families = ["", *sorted({family(each.name) for each in sets})]
    priors = {each: _at_first() for each in families}
    with multiprocessing.Pool() as pool:
        for model, knots in (("start", START), ("final", FINAL)):
            tell(f"measuring for {model}")
            # A set is measured under a prior that has not seen its family.
            tasks = [(case, priors[family(case.set)], model) for case in held]
            gathered = pool.map(gather, tasks, chunksize=8)
            tell(f"fitting {model}")
            usable = [each for each in gathered if each[1] is not None and each[0] not in SEVERAL]
            # Worlds of few matches teach caution, large sets how far what is learned can be trusted: each
            # half counts the same.
            for every in (True, False) if model == "final" else (True,):
                parts = [
                    [rows for name, rows, much in usable if rows and family(name) != each and (every or much)]
                    for each in families
                ]
                fitted = pool.starmap(fit, [(knots, each) for each in parts], chunksize=1)
                for each, found in zip(families, fitted, strict=True):
                    halved = found if every else _mean(priors[each][model], found)
                    priors[each] = {**priors[each], model: mirrored(halved)}
        tell("measuring decoys")
        measured = pool.map(_wrong, [(case, priors[family(case.set)]) for case in held], chunksize=8)
    usual = [each for each in measured if each[0] not in SEVERAL]
    for each in families:
        priors[each] = {**priors[each], "wrong": fit_wrong([b for name, b in usual if family(name) != each])}
    return priors


def fit_wrong(cases: Sequence[Best]) -> dict[str, float]:
    """What wrong best pairs look like, and how matches lie to them: means and a straight line over cases."""
    seen = [each for each in cases if len(each.wrong) >= _FEW_DECOYS]
    alone = [each for each in seen if not each.right.any() and len(each.right) >= _FEW_DECOYS]
    further = float(np.median([each.log_odds.mean() - each.wrong.mean() for each in alone]))
    both = [each for each in seen if min(each.right.sum(), (~each.right).sum()) >= _FEW_OF_BOTH]
    lines = np.array([_crossing(each) for each in both])
    means = np.array([each.wrong.mean() + further for each in both])
    rise, crossing = np.polyfit(means, lines[:, 1], 1)
    return {
        "mean": round(float(np.mean([each.wrong.mean() + further for each in seen])), 3),
        "further": round(further, 3),
        "crossing": round(float(crossing), 3),
        "rise": round(float(rise), 3),
        "stretch": round(float(lines[:, 0].mean()), 3),
        **SPREADS,
    }


def _crossing(case: Best) -> tuple[float, float]:
    """Logarithm of the slope, and zero, of the log ratio of right and wrong best pairs: logistic regression
    in which both weigh the same, held by wide normal priors.
    """
    weight = np.where(case.right, 1 / case.right.sum(), 1 / (~case.right).sum())
    weight *= min(case.right.sum(), (~case.right).sum())

    def loss(theta: npt.NDArray[np.float64]) -> float:
        line = np.exp(theta[0]) * (case.log_odds - theta[1])
        off = (weight * (np.logaddexp(0, line) - case.right * line)).sum()
        return float(off + (theta[0] / 0.5) ** 2 / 2 + ((theta[1] + 1) / 4) ** 2 / 2)

    found = minimize(loss, np.array([0.0, -1.0]), method="Nelder-Mead").x
    return float(found[0]), float(found[1])


def as_json(prior: Mapping[str, Any], sets: Sequence[Set]) -> str:
    """The prior as the file that is shipped."""
    about = (
        "What agreements, leads and missing values are worth in general: shapes of an additive logistic "
        "model, learned by `python -m bench prior` from pairs of graphs with gold links, as they are and cut "
        "into worlds where entities have no partner. Natural log-odds at the knots, straight between them."
    )
    content = {"about": about, "learned_from": [each.name for each in sets], **prior}
    lines = json.dumps(content, indent=1)
    # A list of numbers stands on one line, to be read.
    import re

    return re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", lines) + "\n"
