"""Links of runs become pairs of texts; what is held out is shown nowhere."""

from pathlib import Path

import numpy as np
import pytest

from kgalign.retrieve.dense import texts_of
from kgalign.train.encoder_pairs import HELD_OUT_BY, Material, gather, sources_of
from kgalign.train.labels import SOURCES, Gold, SourceName
from kgalign.train.runs import Run
from tests.conftest import Pair
from tests.train import judged_runs


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return judged_runs.people(tmp_path_factory.mktemp("pairs") / "people", 120)


@pytest.fixture(scope="module")
def run(pair: Pair) -> Run:
    return Run(judged_runs.run(pair, pair.left.parent / "run", judge="evidence"))


def _gather(run: Run, gold: Gold | None = None, *sources: SourceName, alone: bool = False) -> Material:
    gold = gold or Gold()
    return gather([run], sources_of(sources, gold), gold, test=0.25, seed=3, alone=alone)


def _texts(run: Run) -> tuple[dict[str, str], dict[str, str]]:
    """IRI → text of both sides."""
    found = []
    for side in (run.left, run.right):
        found.append(dict(zip(side.entity_iri.to_pylist(), texts_of(side, run.config.retrieve), strict=True)))
    return found[0], found[1]


def _shown(material: Material) -> set[str]:
    return {text for each in material.pairs for text in (each.left, each.right, *each.hard)}


def test_what_the_evidence_is_sure_of_is_learned_from(run: Run, pair: Pair) -> None:
    material = _gather(run)
    left, right = _texts(run)
    links = {(left[a], right[b]) for a, b in pair.links}
    learned = {(each.left, each.right) for each in material.pairs}
    assert material.counts["links by evidence"] == material.counts["links"] > 30
    assert len(learned & links) > 0.85 * len(learned)
    assert all(0.5 < each.weight <= 1 for each in material.pairs)
    assert _gather(run).digest == material.digest


def test_candidates_that_lost_are_shown_and_never_a_partner(run: Run, pair: Pair) -> None:
    gold = Gold(tuple(sorted(pair.links)))
    material = _gather(run, gold)
    left, right = _texts(run)
    partners = {left[a]: right[b] for a, b in pair.links}
    assert material.counts["links by gold"] == len(pair.links)
    assert sum(len(each.hard) for each in material.pairs) > len(material.pairs)
    for each in material.pairs:
        assert each.right == partners[each.left]
        assert not set(each.hard) & each.same
        assert {each.left, each.right} <= each.same


@pytest.mark.parametrize("alone", [False, True])
def test_what_is_held_out_is_never_shown(run: Run, alone: bool) -> None:
    material = _gather(run, alone=alone)
    (sought,) = material.sought
    held_out = {text for text, out in zip(sought.rights, sought.held_out, strict=True) if out}
    assert len(sought.lefts) == material.counts["held-out entities"] > 5
    # Two people of one name and nothing else may be on both sides.
    texts = [text for side in _texts(run) for text in side.values()]
    alike = {text for text in texts if texts.count(text) > 1}
    assert not (_shown(material) & {*sought.lefts, *held_out}) - alike
    for partners in sought.partners:
        assert sought.held_out[partners].all()
    assert len(sought.rights) == len(run.right), "the others are there to be mistaken for them"


def test_whose_links_are_taken() -> None:
    link = (("http://a.example", "http://b.example"),)
    assert sources_of((), Gold()) == ("person", "votes", "evidence")
    assert sources_of((), Gold(link)) == ("gold",)
    assert sources_of(("votes", "person"), Gold(link)) == ("gold", "person", "votes")


def test_links_to_test_with_are_what_is_held_out(run: Run, pair: Pair) -> None:
    kept = tuple(sorted(pair.links)[:12])
    gold = Gold(held_out=kept)
    assert sources_of((), gold) == SOURCES
    assert sources_of(("evidence",), gold) == ("gold", "evidence")
    material = _gather(run, gold)
    (sought,) = material.sought
    left, right = _texts(run)
    found = {
        (text, sought.rights[place])
        for text, partners in zip(sought.lefts, sought.partners, strict=True)
        for place in partners
    }
    assert {(left[a], right[b]) for a, b in kept} <= found
    assert not _shown(material) & {left[a] for a, _ in kept}


def test_it_is_known_who_says_what_the_held_out_partners_are(run: Run, pair: Pair) -> None:
    links = tuple(sorted(pair.links))
    for gold, sources, expected in (
        (Gold(), (), {"evidence"}),
        (Gold(links), (), {"gold"}),
        (Gold(links[:30]), ("evidence",), {"evidence", "gold"}),
    ):
        counts = _gather(run, gold, *sources).counts
        by = {name: counts.get(f"{HELD_OUT_BY}{name}", 0) for name in SOURCES}
        assert {name for name, count in by.items() if count} == expected
        assert sum(by.values()) == counts["held-out entities"]


def test_texts_alone_are_paired_with_themselves(run: Run) -> None:
    material = _gather(run, alone=True)
    assert all(each.left == each.right and not each.hard for each in material.pairs)
    assert len({each.left for each in material.pairs}) == len(material.pairs)
    assert len(material.pairs) > 0.7 * (len(run.left) + len(run.right))


def test_texts_alone_need_no_links(run: Run) -> None:
    material = _gather(run, None, "person", alone=True)
    assert material.counts["links"] == 0
    assert material.sought == ()
    assert np.isclose(len(material.pairs), len(run.left) + len(run.right), atol=5)


def test_attributes_may_come_without_their_names(pair: Pair, tmp_path: Path) -> None:
    plain = Run(
        judged_runs.run(pair, tmp_path / "run", judge="evidence", retrieve={"attribute_names": False})
    )
    named = plain.config.retrieve.model_copy(update={"attribute_names": True})
    for with_names, without in zip(
        texts_of(plain.left, named), texts_of(plain.left, plain.config.retrieve), strict=True
    ):
        assert len(without) < len(with_names)
        assert ": " in with_names
        assert ": " not in without
