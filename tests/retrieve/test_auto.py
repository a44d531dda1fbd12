"""Whether embeddings pay follows from how near the words of the two sides lie."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from kgalign.config import RetrieveConfig
from kgalign.records import Candidates, Profile
from kgalign.retrieve import retrieve
from kgalign.retrieve.auto import choose
from tests.evaluate.small import profile

HERE = ["Ada Lovelace", "Turing", "Hopper", "Dijkstra"]
ELSEWHERE = ["qqq", "www", "zzz", "vvv", "xyx"]


def named(names: list[str], base: str = "http://r.example/") -> Profile:
    return profile(
        [f"{base}{number}" for number in range(len(names))],
        values={number: {"x:label": [name]} for number, name in enumerate(names) if name},
    )


def told(left: Profile, right: Profile, **more: object) -> dict[str, str]:
    return retrieve(left, right, RetrieveConfig.model_validate({"embedder": "auto", **more})).notes


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        (HERE, "half of the left entities have a candidate in words as near as 1.000"),
        ([*HERE[:3], *ELSEWHERE], "have a candidate in words as near as 1.000"),
        ([HERE[0], *ELSEWHERE], "half of the left entities have no candidate in words nearer than 0.000"),
        (ELSEWHERE, "not installed; kgalign doctor says what is missing"),
        (ELSEWHERE[:3], "half of the right entities have no candidate in words nearer than 0.000"),
    ],
)
def test_the_reason_tells_how_near_words_are(right: list[str], expected: str) -> None:
    notes = told(named(HERE, "http://l.example/"), named(right))
    assert notes["embedder"] == "none"
    assert expected in notes["embedder reason"]


def test_without_a_model_candidates_are_those_of_words() -> None:
    left, right = named(HERE, "http://l.example/"), named(ELSEWHERE)
    found = retrieve(left, right, RetrieveConfig(embedder="auto"))
    plain = retrieve(left, right, RetrieveConfig())
    assert plain.notes == {}
    for each in fields(Candidates):
        if each.name != "notes":
            assert np.array_equal(getattr(found, each.name), getattr(plain, each.name))


def test_entities_without_values_and_those_only_mentioned_do_not_count() -> None:
    left, right = named([*HERE[:2], "", "", "", *ELSEWHERE], "http://l.example/"), named(HERE * 3)
    assert "no candidate" in told(left, right)["embedder reason"]
    mentioned = np.arange(len(left)) >= 5
    assert "as near as 1.000" in told(replace(left, described=~mentioned), right)["embedder reason"]
    assert "no left entity has words" in told(named(["", ""], "http://l.example/"), right)["embedder reason"]


def test_values_count_as_names_do_and_only_channels_that_are_on() -> None:
    left, right = named(HERE, "http://l.example/"), named(HERE)
    assert "as near as 1.000" in told(left, right, channels=("values",))["embedder reason"]
    assert "nearer than 0.000" in told(left, right, channels=("structure",))["embedder reason"]


def test_an_installed_model_is_taken_where_it_pays_and_nowhere_else(tmp_path: Path) -> None:
    model = tmp_path
    sides = named(HERE, "http://l.example/"), named(HERE)
    taken = choose({}, *sides, model)
    assert (taken.embedder, taken.notes["embedder"]) == (
        f"sentence-transformers:{model}",
        "all-MiniLM-L6-v2",
    )
    every = np.arange(4, dtype=np.int32)
    alike = (every, every, np.full(4, 0.9, dtype=np.float32))
    assert choose({"names": [alike, alike]}, *sides, model).embedder is None
