"""What the ``sssom`` package makes of our mappings."""

import logging
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from kgalign.export import write_sssom
from kgalign.rdf.uris import as_uri
from kgalign.records import Outcome
from tests.evaluate.small import alignment, profile, verdicts
from tests.export.matched_vocabularies import vocabularies
from tests.export.worlds import World, nasty, worlds

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from sssom.constants import SchemaValidationType
    from sssom.parsers import parse_sssom_table, to_mapping_set_document
    from sssom.validators import validate

CHECKS = [
    SchemaValidationType.JsonSchema,
    SchemaValidationType.PrefixMapCompleteness,
    SchemaValidationType.StrictCurieFormat,
]

pytestmark = pytest.mark.filterwarnings("ignore")


def check(path: Path, of: World) -> list[tuple[str, str]]:
    """Write, parse and validate; the mapped URIs."""
    left, right, linked, judged = of
    write_sssom(path, left, right, linked, judged, version="1.2.3")
    read = parse_sssom_table(path)
    validate(read, CHECKS, fail_on_error=True)
    mappings = to_mapping_set_document(read).mapping_set.mappings
    return [
        (
            read.converter.expand(each.subject_id) or each.subject_id,
            read.converter.expand(each.object_id) or each.object_id,
        )
        for each in mappings
    ]


def test_properties_and_classes_are_valid(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "mappings.sssom.tsv"
    of = nasty()
    with caplog.at_level(logging.WARNING):
        written = write_sssom(path, *of, version="1.2.3", vocabularies=vocabularies())
        read = parse_sssom_table(path)
        validate(read, CHECKS, fail_on_error=True)
        mappings = to_mapping_set_document(read).mapping_set.mappings
    assert [record.message for record in caplog.records] == []
    assert len(mappings) == written.links
    types = [str(each.subject_type) for each in mappings if each.subject_type]
    assert (types.count("rdf property"), types.count("rdfs class")) == (9, 5)


def uris(of: World) -> list[tuple[str, str]]:
    left, right = (profile.entity_iri.to_pylist() for profile in of[:2])
    return [(as_uri(a), as_uri(b)) for a, b in zip(left, right, strict=True)]


def test_every_nasty_link_is_valid_and_comes_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    of = nasty()
    with caplog.at_level(logging.WARNING):
        assert sorted(check(tmp_path / "mappings.sssom.tsv", of)) == sorted(uris(of))
    assert [record.message for record in caplog.records] == []


def test_known_links_are_valid_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sides = profile(["http://l/0", "http://l/1"]), profile(["http://r/0", "http://r/1"])
    linked = alignment([(0, 0, 1.0, Outcome.CONFIRMED), (1, 1, 0.9, Outcome.MATCH)])
    of = (*sides, linked, verdicts([(0, 0, 1.0), (1, 1, 0.9)], given=[0]))
    with caplog.at_level(logging.WARNING):
        assert check(tmp_path / "mappings.sssom.tsv", of) == uris(of)
    assert [record.message for record in caplog.records] == []


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(of=worlds())
def test_any_link_is_valid_and_comes_back(tmp_path_factory: pytest.TempPathFactory, of: World) -> None:
    path = tmp_path_factory.mktemp("sssom") / "mappings.sssom.tsv"
    assert sorted(check(path, of)) == sorted(uris(of))
