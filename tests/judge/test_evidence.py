"""The judge as a whole, on generated people: what it finds, how sure it is, and what it says of it."""

from pathlib import Path

import numpy as np
import pytest

import kgalign
from kgalign.api import AlignmentResult
from kgalign.config import Cardinality, JudgeConfig, RetrieveConfig
from kgalign.judge import judge
from kgalign.rdf.graph import Ids
from kgalign.records import Feature, Outcome, Verdicts
from kgalign.retrieve import retrieve
from tests.conftest import Pair, write_elements
from tests.judge.generate import LEFT, RIGHT, profiles, true_pairs, write_people

NOBODY: Ids = np.zeros(0, dtype=np.int32)


def links(result: AlignmentResult) -> set[tuple[str, str]]:
    return {(a, b) for a, b, _ in result.links()}


def scores(result: AlignmentResult, pair: Pair) -> tuple[float, float, float]:
    """Precision, recall and F1 against all true links."""
    found = links(result)
    right = len(found & pair.links)
    precision, recall = right / max(len(found), 1), right / len(pair.links)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def align(pair: Pair, cardinality: Cardinality = "auto") -> AlignmentResult:
    return kgalign.align(pair.left, pair.right, {"assign": {"cardinality": cardinality}})


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("left_copies", "right_copies", "expected"),
    [
        ((1,), (1,), "one-to-one"),
        ((1,), (3, 4), "one-to-many"),
        ((3, 4), (1,), "many-to-one"),
    ],
)
def test_auto_sees_which_side_holds_several_records_of_one_person(
    tmp_path: Path, left_copies: tuple[int, ...], right_copies: tuple[int, ...], expected: str, seed: int
) -> None:
    pair = write_people(tmp_path, 80, left_copies=left_copies, right_copies=right_copies, seed=seed)
    result = align(pair)
    assert result.alignment.cardinality == expected
    assert "asked" not in result.alignment.reason
    assert "%" in result.alignment.reason or "." in result.alignment.reason
    assert scores(result, pair)[2] > 0.9


@pytest.mark.parametrize("partnered", [0.7])
@pytest.mark.parametrize("seed", [0, 1])
def test_several_records_are_seen_although_many_have_no_partner(
    tmp_path: Path, partnered: float, seed: int
) -> None:
    pair = write_people(tmp_path, 100, right_copies=(3, 4), partnered=partnered, noise=0.2, seed=seed)
    result = align(pair)
    assert result.alignment.cardinality == "one-to-many"
    assert scores(result, pair)[2] > 0.8


@pytest.mark.parametrize("cardinality", ["one-to-many", "many-to-many"])
def test_a_cardinality_that_is_asked_for_is_taken(tmp_path: Path, cardinality: Cardinality) -> None:
    pair = write_people(tmp_path, 60, right_copies=(2, 3))
    result = align(pair, cardinality)
    assert result.alignment.cardinality == cardinality
    assert result.alignment.reason == f"{cardinality} was asked for"
    assert scores(result, pair)[2] > 0.85


def test_one_to_one_that_is_asked_for_keeps_one_record_of_each(tmp_path: Path) -> None:
    pair = write_people(tmp_path, 60, right_copies=(2, 3))
    found = links(align(pair, "one-to-one"))
    assert len({a for a, _ in found}) == len({b for _, b in found}) == len(found)
    assert found <= pair.links


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("count", "noise"), [(200, 0.1), (200, 0.25)])
def test_those_without_a_partner_stay_alone(tmp_path: Path, count: int, noise: float, seed: int) -> None:
    pair = write_people(tmp_path, count, partnered=0.5, noise=noise, seed=seed)
    precision, recall, _ = scores(align(pair), pair)
    assert precision >= 0.8
    assert recall >= 0.85


@pytest.mark.parametrize("count", [8, 30, 150])
def test_clean_pairs_of_any_size_are_found(tmp_path: Path, count: int) -> None:
    pair = write_people(tmp_path, count, noise=0.05)
    assert scores(align(pair), pair)[2] >= 0.97


def judged(pair: Pair, known: tuple[Ids, Ids] = (NOBODY, NOBODY)) -> Verdicts:
    left, right = profiles(pair)
    return judge(left, right, retrieve(left, right, RetrieveConfig()), known, JudgeConfig())


def feature(verdicts: Verdicts, *words: str) -> tuple[int, Feature]:
    """The one feature whose name holds the words, and its column."""
    found = [(i, f) for i, f in enumerate(verdicts.features) if all(word in f.name for word in words)]
    assert len(found) == 1, [f.name for f in verdicts.features]
    return found[0]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return write_people(tmp_path_factory.mktemp("people"), 150, partnered=0.8)


@pytest.fixture(scope="module")
def verdicts(people: Pair) -> Verdicts:
    return judged(people)


@pytest.fixture(scope="module")
def is_true(people: Pair, verdicts: Verdicts) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    a, b = true_pairs(people, *profiles(people))
    truth = set(zip(a.tolist(), b.tolist(), strict=True))
    return np.array(
        [pair in truth for pair in zip(verdicts.left.tolist(), verdicts.right.tolist(), strict=True)]
    )


def test_the_probability_follows_from_the_sum_of_the_contributions(verdicts: Verdicts) -> None:
    assert verdicts.contribution.shape == verdicts.level.shape == (len(verdicts), len(verdicts.features))
    total = verdicts.contribution.astype(np.float64).sum(axis=1)
    assert np.allclose(total, verdicts.log_odds, atol=1e-4)
    assert np.allclose(
        1 / (1 + np.exp(-verdicts.log_odds.astype(np.float64))), verdicts.probability, atol=1e-5
    )
    for column, each in enumerate(verdicts.features):
        assert len(each.levels) == len(each.weights)
        assert verdicts.level[:, column].min() >= -1
        assert verdicts.level[:, column].max() < len(each.levels)


def test_probabilities_are_calibrated(
    verdicts: Verdicts, is_true: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> None:
    assert verdicts.probability.sum() == pytest.approx(is_true.sum(), rel=0.1)
    assert is_true[verdicts.probability >= 0.9].mean() >= 0.95
    assert is_true[verdicts.probability <= 0.1].mean() <= 0.02


def test_a_difference_of_unit_is_learned(
    verdicts: Verdicts, is_true: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> None:
    """Inches on the left, centimetres on the right: where both are right they are equal to the last digit."""
    column, found = feature(verdicts, "height", "groesse")
    assert found.kind == "number"
    levels = verdicts.level[:, column]
    near = next(i for i, label in enumerate(found.levels) if "0.1 %" in label)
    assert (levels[is_true] >= near).mean() >= 0.75
    assert (levels[~is_true] >= near).mean() <= 0.25
    assert verdicts.contribution[is_true, column].mean() > 0 > verdicts.contribution[~is_true, column].mean()


def test_words_of_another_language_go_together(
    verdicts: Verdicts, is_true: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> None:
    column, found = feature(verdicts, "trade ~ beruf")
    assert found.kind == "association"
    assert verdicts.contribution[is_true, column].mean() > 0 > verdicts.contribution[~is_true, column].mean()


def renamed(pair: Pair, folder: Path, **names: str) -> Pair:
    """The same catalogues with other IRIs for some of their properties."""
    folder.mkdir()
    files = []
    for file, side in ((pair.left, LEFT), (pair.right, RIGHT)):
        text = file.read_text(encoding="utf8")
        for name, iri in names.items():
            text = text.replace(f"<{side}{name}>", f"<{iri}>")
        files.append(folder / file.name)
        files[-1].write_text(text, encoding="utf8")
    return Pair(files[0], files[1], pair.gold, pair.links)


def test_properties_of_one_local_name_are_kept_apart(
    people: Pair, verdicts: Verdicts, tmp_path: Path
) -> None:
    names = {
        "passport": "http://one.example/v/note",
        "born": "http://two.example/v/note",
        "ausweis": "http://three.example/notiz",
        "geburtsdatum": "http://four.example/notiz",
    }
    pair = renamed(people, tmp_path / "renamed", **names)
    found = judged(pair)
    assert np.allclose(found.contribution, verdicts.contribution, atol=1e-4)
    sides = profiles(pair)
    for left, right in (("passport", "ausweis"), ("born", "geburtsdatum")):
        column, known = feature(found, f"<{names[left]}> = <{names[right]}>")
        assert sides[0].attributes[known.left_attribute].path == (names[left],)
        assert sides[1].attributes[known.right_attribute].path == (names[right],)
        assert column == feature(verdicts, left, right)[0]


def test_a_property_called_type_is_not_taken_for_the_type(
    people: Pair, is_true: np.ndarray[tuple[int], np.dtype[np.bool_]], tmp_path: Path
) -> None:
    """What goes together in matches speaks for a pair; types only ever speak against one."""
    found = judged(renamed(people, tmp_path / "renamed", trade=f"{LEFT}v/type", beruf=f"{RIGHT}v/type"))
    column, association = feature(found, "type ~ type")
    assert association.left_attribute >= 0
    assert found.contribution[is_true, column].mean() > 0


def test_codes_and_dates_correspond_under_other_names(verdicts: Verdicts) -> None:
    assert feature(verdicts, "passport", "ausweis")[1].weights[-1] > 0.5
    weights = feature(verdicts, "born", "geburtsdatum")[1].weights
    assert weights[0] < 0 < weights[-1]


def test_the_sides_of_a_property_that_say_nothing_in_common_are_not_compared(verdicts: Verdicts) -> None:
    names = [each.name for each in verdicts.features]
    for wrong in ("passport = beruf", "trade = ausweis", "height = geburtsdatum", "born = groesse"):
        assert wrong not in names


def known_file(folder: Path, *pairs: tuple[str, str]) -> Path:
    path = folder / "known.tsv"
    path.write_text("".join(f"{a}\t{b}\n" for a, b in pairs), encoding="utf8")
    return path


def test_a_known_pair_stands_against_all_evidence(tmp_path: Path) -> None:
    pair = write_elements(tmp_path / "elements")
    iron, zinc = "http://elements.example/Iron", "http://chemie.example/8"
    known = known_file(tmp_path, (iron, zinc))
    result = kgalign.align(pair.left, pair.right, {"judge": {"known": [str(known)]}})
    rows = result.to_arrow().to_pylist()
    ours = [row for row in rows if row["left"] == iron]
    assert [(row["right"], row["outcome"]) for row in ours] == [(zinc, "confirmed")]
    assert [row["left"] for row in rows if row["right"] == zinc] == [iron]
    confirmed = result.alignment.outcome == Outcome.CONFIRMED
    assert result.alignment.probability[confirmed] == pytest.approx(1)
    assert len(links(result) & pair.links) >= len(pair.links) - 2


def test_known_pairs_anchor_what_else_is_learned(tmp_path: Path) -> None:
    """Records with nothing in common but what only the known pairs can teach: words that stand for words."""
    colours = dict(
        zip(
            "red blue green black white pink grey brown".split(),
            "kq wv xz jj pp mm tt hh".split(),
            strict=True,
        )
    )
    shapes = dict(zip("ring cube cone ball rod disc".split(), "aa1 bb2 cc3 dd4 ee5 ff6".split(), strict=True))
    left, right, gold = [], [], []
    for number, (colour, shape) in enumerate((c, s) for c in colours for s in shapes):
        a, b = (
            f"http://l.example/{number * 7919 % 1000:04d}",
            f"http://r.example/{number * 104729 % 1000:04d}",
        )
        left += [
            f'<{a}> <http://l.example/colour> "{colour}" .',
            f'<{a}> <http://l.example/shape> "{shape}" .',
        ]
        right += [
            f'<{b}> <http://r.example/f> "{colours[colour]}" .',
            f'<{b}> <http://r.example/g> "{shapes[shape]}" .',
        ]
        gold.append((a, b))
    (tmp_path / "left.nt").write_text("\n".join(left) + "\n", encoding="utf8")
    (tmp_path / "right.nt").write_text("\n".join(right) + "\n", encoding="utf8")
    known = known_file(tmp_path, *gold[: len(gold) * 3 // 4])
    result = kgalign.align(tmp_path / "left.nt", tmp_path / "right.nt", {"judge": {"known": [str(known)]}})
    assert set(gold[: len(gold) * 3 // 4]) <= links(result)
    assert links(result) <= set(gold)


def test_neighbours_tell_namesakes_apart(tmp_path: Path) -> None:
    """Forty people share eight names; each works for a firm whose name is its own."""
    left, right, gold = [], [], set()
    label = "<http://www.w3.org/2000/01/rdf-schema#label>"
    people = (
        "Ada Lovelace,Alan Turing,Grace Hopper,Edsger Dijkstra,"
        "Barbara Liskov,Donald Knuth,Tony Hoare,Niklaus Wirth"
    )
    syllables = "ba de fi go lu ma ne ri so tu".split()
    for number in range(40):
        name = people.split(",")[number % 8]
        firm = (
            "".join(syllables[number * k % 10] for k in (1, 3, 7, 9)).title()
            + f" {syllables[number // 10]} Ltd"
        )
        a, b = f"http://l.example/{number * 37 % 100:03d}", f"http://r.example/{number * 53 % 100:03d}"
        left += [
            f'<{a}> {label} "{name}" .',
            f"<{a}> <http://l.example/worksFor> <{a}f> .",
            f'<{a}f> {label} "{firm}" .',
        ]
        right += [
            f'<{b}> {label} "{name}" .',
            f"<{b}f> <http://r.example/staff> <{b}> .",
            f'<{b}f> {label} "{firm}" .',
        ]
        gold |= {(a, b), (f"{a}f", f"{b}f")}
    (tmp_path / "left.nt").write_text("\n".join(left) + "\n", encoding="utf8")
    (tmp_path / "right.nt").write_text("\n".join(right) + "\n", encoding="utf8")
    found = links(kgalign.align(tmp_path / "left.nt", tmp_path / "right.nt"))
    assert len(found & gold) >= 0.9 * len(gold)
    assert len(found & gold) >= 0.9 * len(found)


def test_nothing_to_judge_is_judged(people: Pair) -> None:
    left, right = profiles(people)
    candidates = retrieve(left, right, RetrieveConfig())
    none = {
        name: getattr(candidates, name)[:0]
        for name in ("left", "right", "rank", "score", "channel_rank", "channel_score")
    }
    found = judge(
        left, right, type(candidates)(channels=candidates.channels, **none), (NOBODY, NOBODY), JudgeConfig()
    )
    assert len(found) == 0
