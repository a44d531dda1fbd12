"""The tables for people: IRIs in place of ids, nothing lost on the way to Parquet."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kgalign.records import (
    Alignment,
    Attribute,
    Candidates,
    Feature,
    Outcome,
    Profile,
    Relation,
    Verdicts,
    tables,
)
from kgalign.values import ValueKind


def _ids(*values: int) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    return np.array(values, dtype=np.int32)


def _profile(*iris: str) -> Profile:
    attributes = (
        Attribute(("http://a.example/p", "^http://a.example/q"), ValueKind.CODE, 2, 0.5, 1.0, 1.0, 0.5),
        Attribute(("http://a.example/name",), ValueKind.NAME, 4, 1.0, 0.5, 0.9, 0.9, is_name=True),
    )
    text = pa.array(iris, pa.large_string())
    none = _ids()
    return Profile(
        entity_iri=text,
        entity_term=_ids(*range(len(iris))),
        entity_name=text,
        entity_type=_ids(*[-1] * len(iris)),
        types=(),
        described=np.ones(len(iris), dtype=bool),
        attributes=attributes,
        value_entity=none,
        value_attribute=none,
        value_text=none,
        texts=pa.array([], pa.large_string()),
        relations=(Relation("http://a.example/knows", 7, 0.5, 0.25),),
        edge_head=none,
        edge_relation=none,
        edge_tail=none,
    )


LEFT, RIGHT = _profile("http://l.example/a", "_:b"), _profile("http://r.example/x", "http://r.example/y\t[z]")

VERDICTS = Verdicts(
    left=_ids(0, 0, 1),
    right=_ids(0, 1, 1),
    probability=np.array([0.9, 0.1, 0.3], dtype=np.float32),
    log_odds=np.array([2.2, -2.2, -0.8], dtype=np.float32),
    features=(Feature("names", "name", ("a",), (1.0,)), Feature("names", "name", ("a",), (1.0,))),
    contribution=np.array([[2, 0.2], [-2, -0.2], [-1, 0.2]], dtype=np.float32),
    level=np.zeros((3, 2), dtype=np.int8),
    given=np.array([False, False, True]),
    voted=np.full(3, -1, dtype=np.int8),
)

ALIGNMENT = Alignment(
    left=_ids(0, 1, 1),
    right=_ids(0, 0, 1),
    probability=np.array([0.9, 1.0, 0.3], dtype=np.float32),
    outcome=np.array([Outcome.MATCH, Outcome.CONFIRMED, Outcome.UNDECIDED], dtype=np.uint8),
    verdict=_ids(0, -1, 2),
    cardinality="many-to-many",
    reason="said so",
)


def test_a_profile_is_listed_by_importance_then_its_relations() -> None:
    rows = tables.profile_table(LEFT, RIGHT).to_pylist()
    assert [row["side"] for row in rows] == ["left"] * 3 + ["right"] * 3
    assert [row["path"] for row in rows[:3]] == [
        "http://a.example/name",
        "http://a.example/p / ^http://a.example/q",
        "http://a.example/knows",
    ]
    assert rows[0]["is_name"] is True
    assert rows[2]["kind"] == "relation"
    assert rows[2]["importance"] is None


def test_verdicts_have_outcomes_and_what_each_feature_adds() -> None:
    (table,) = tables.verdicts_tables(VERDICTS, ALIGNMENT, LEFT, RIGHT)
    rows = table.to_pylist()
    assert [row["outcome"] for row in rows] == ["match", "no_match", "undecided"]
    assert (rows[1]["left"], rows[1]["right"]) == ("http://l.example/a", "http://r.example/y\t[z]")
    for row in rows:
        assert np.isclose(row["log_odds: names"] + row["log_odds: names (2)"], row["log_odds"], atol=1e-6)


def test_candidates_have_rank_and_score_of_each_channel() -> None:
    candidates = Candidates(
        left=_ids(0, 1),
        right=_ids(1, 0),
        rank=_ids(1, 1),
        score=np.array([0.5, 0.25], dtype=np.float32),
        channels=("names", "values"),
        channel_rank=np.array([[1, 0], [0, 3]], dtype=np.int16),
        channel_score=np.array([[0.75, 0], [0, 0.125]], dtype=np.float32),
    )
    (table,) = tables.candidates_tables(candidates, LEFT, RIGHT)
    (first, second) = table.to_pylist()
    assert (first["names_rank"], first["names_score"], first["values_rank"]) == (1, 0.75, 0)
    assert (second["left"], second["values_score"]) == ("_:b", 0.125)


def test_links_have_names_and_outcomes() -> None:
    rows = tables.links_table(ALIGNMENT, LEFT, RIGHT).to_pylist()
    assert [row["outcome"] for row in rows] == ["match", "confirmed", "undecided"]
    assert rows[1]["left_name"] == "_:b"


def test_a_table_survives_parquet_with_the_same_bytes(tmp_path: Path) -> None:
    found = list(tables.verdicts_tables(VERDICTS, ALIGNMENT, LEFT, RIGHT))
    for name in ("one", "two"):
        tables.write_parquet(found, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert pq.read_table(tmp_path / "one").to_pylist() == pa.concat_tables(found).to_pylist()
