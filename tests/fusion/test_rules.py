"""The rules of fusion in a configuration: what is right, and what is refused before anything is done."""

from pathlib import Path

import pytest

from kgalign.config import Config, load_config
from kgalign.config.fusion import FuseConfig
from kgalign.errors import ConfigError
from kgalign.fusion.policies.rules import nearest, place_of

TOML = """
[fuse]
policy = "MostTrusted"

[fuse.kinds]
number = "Median"

[fuse.properties]
"http://example.org/p" = "MostRecent"
"http://example.org/q" = { policy = "KeepFirst", sources = ["right", "left"] }
"http://example.org/r" = { policy = "KeepSingleValueByQualityScore", quality = "new" }

[fuse.quality.new]
function = "TimeCloseness"
property = "http://purl.org/dc/terms/modified"
days = 1000
"""


def load(folder: Path, text: str) -> Config:
    path = folder / "run.toml"
    path.write_text(text, encoding="utf8")
    return load_config(path)


def test_all_forms_of_a_rule(tmp_path: Path) -> None:
    fuse = load(tmp_path, TOML).fuse
    assert (fuse.policy, fuse.kinds) == ("MostTrusted", {"number": "Median"})
    assert fuse.properties["http://example.org/p"].policy == "MostRecent"
    assert fuse.properties["http://example.org/q"].sources == ("right", "left")
    assert fuse.quality["new"].days == 1000
    assert FuseConfig.model_validate(fuse.model_dump(mode="json")) == fuse


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('policy = "Votin"', "Votin"),
        ('policy = "KeepSingleValueByQualityScore"', "needs a quality score: describe one in fuse.quality"),
        ('kinds = { text = "Average" }', "Average does not fit a text"),
        ('kinds = { nodes = "Voting" }', "nodes"),
        ('properties = { "urn:p" = "Nothing" }', "Nothing"),
        ('properties = { "urn:p" = { policy = "Voting", sources = ["a"] } }', "no order of sources"),
        ('properties = { "urn:p" = { policy = "Voting", quality = "a" } }', "goes by no quality score"),
        ('properties = { "urn:p" = { policy = "WeightedVoting", quality = "a" } }', "fuse.quality lacks"),
        ('quality = { a = { function = "ScoredList" } }', "needs names"),
        ('quality = { a = { function = "Threshold", low = 2 } }', "needs the property"),
        ('quality = { a = { function = "Threshold", property = "urn:p", names = ["x"] } }', "by no names"),
        ('quality = { a = { function = "Completeness", property = "urn:p" } }', "by no property"),
        (
            'quality = { a = { function = "IntervalMembership", property = "urn:p", low = 3, high = 2 } }',
            "low must not be above high",
        ),
        ('quality = { a = { function = "NormalizedCount", property = "urn:p", high = 0 } }', "above 0"),
        ('quality = { a = { function = "TimeCloseness", property = "urn:p", days = 0 } }', "days"),
        (
            'policy = "KeepAllValuesWithHighestScore"\n'
            'quality = { a = { function = "Completeness" }, b = { function = "Completeness" } }',
            "say in a rule which of a, b it is",
        ),
    ],
)
def test_what_is_wrong_is_refused_at_once(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"[fuse]\n{text}\n")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_only_score_needs_no_naming(tmp_path: Path) -> None:
    text = (
        '[fuse]\npolicy = "KeepSingleValueByQualityScore"\n[fuse.quality.full]\nfunction = "Completeness"\n'
    )
    assert load(tmp_path, text).fuse.quality["full"].function == "Completeness"


def test_what_comes_nearest() -> None:
    known = ["http://example.org/population", "http://example.org/name", "http://other.example/v#label"]
    assert nearest("http://example.org/populaton", known) == "; did you mean http://example.org/population?"
    assert nearest("label", known) == "; did you mean http://other.example/v#label?"
    assert nearest("http://schema.org/name", known) == "; did you mean http://example.org/name?"
    assert nearest("urn:x-nothing:q", known) == ""
    assert nearest("anything", []) == ""


def test_a_source_is_named_in_full_before_it_is_by_its_start() -> None:
    names = ("http://en.example", "left")
    assert [place_of(each, names) for each in ("left", "leftover", "en.example", "right")] == [1, 1, 0, 2]
    assert place_of("left", ("le", "left")) == 1
