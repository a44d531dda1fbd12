"""The configuration: defaults, a file, flags over it, and every fault at once."""

from pathlib import Path

import pytest

from kgalign.config import Config, as_config, known_keys, load_config
from kgalign.errors import ConfigError


def _write(folder: Path, text: str) -> Path:
    path = folder / "run.toml"
    path.write_text(text, encoding="utf8")
    return path


def test_nothing_gives_the_defaults() -> None:
    assert load_config() == as_config(None) == as_config({}) == Config()


def test_a_file_sets_keys_and_flags_go_over_it(tmp_path: Path) -> None:
    path = _write(tmp_path, 'seed = 7\n[retrieve]\nk = 5\n[assign]\ncardinality = "one-to-one"\n')
    config = load_config(path, {"retrieve.k": "9"})
    assert config.seed == 7
    assert config.retrieve.k == 9
    assert config.assign.cardinality == "one-to-one"
    assert config.fuse == Config().fuse


def test_paths_in_a_file_are_relative_to_it(tmp_path: Path) -> None:
    path = _write(tmp_path, '[read]\nleft_also = ["labels.ttl"]\n[judge]\nknown = ["/data/known.tsv"]\n')
    config = load_config(path, {"read.right_also": ("more.nt",)})
    assert config.read.left_also == (str(tmp_path / "labels.ttl"),)
    assert config.judge.known == ("/data/known.tsv",)
    assert config.read.right_also == ("more.nt",)


def test_queries_are_relative_to_the_file_and_endpoints_are_no_paths(tmp_path: Path) -> None:
    text = '[read]\nleft_also = ["sparql:http://e/"]\n[sparql]\nright_query = "q.rq"\n'
    config = load_config(_write(tmp_path, text))
    assert config.read.left_also == ("sparql:http://e/",)
    assert config.sparql.query("right") == str(tmp_path / "q.rq")
    assert config.sparql.query("left") is None


def test_all_faults_are_reported_at_once_with_their_places(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        """
        seed = -1
        [retreive]
        k = 3
        [judge]
        knwon = ["a.tsv"]
        match_probability = 2
        [assign]
        cardinality = "one-to-two"
        [retrieve]
        k = "many"
        [read]
        left_also = "a.ttl"
        [fuse]
        cardinality = "auto"
        """,
    )
    with pytest.raises(ConfigError) as caught:
        load_config(path, {"select.max_hops": 9}, {"select.max_hops": "--max-hops"})
    text = str(caught.value)
    assert len(caught.value.faults) == 9
    for expected in (
        str(path),
        "9 faults",
        "seed must be greater than or equal to 0, not -1",
        "retreive is no key (did you mean retrieve?)",
        "judge.knwon is no key (did you mean judge.known?)",
        "judge.match_probability must be less than 1, not 2",
        "assign.cardinality must be 'one-to-one', 'one-to-many', 'many-to-one', 'many-to-many' or 'auto'",
        "retrieve.k must be a valid integer",
        "read.left_also must be a list, not 'a.ttl'",
        "fuse.cardinality is no key (did you mean assign.cardinality?)",
        "--max-hops must be less than or equal to 3, not 9",
    ):
        assert expected in text


def test_thresholds_must_be_in_order() -> None:
    with pytest.raises(ConfigError, match="undecided_probability must not be above match_probability"):
        as_config({"judge": {"match_probability": 0.3, "undecided_probability": 0.4}})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"k = [1,", "it is not TOML"),
        (b"a = 1\na = 2\n", "line 2"),
        (b"\xff\xfe", "it is not UTF-8 text"),
        (b"read = 3", "read must be a table of keys, not 3"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=expected) as caught:
        load_config(path, {"read.left_also": ("a.ttl",)})
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "none.toml")


def test_a_long_wrong_value_is_cut() -> None:
    with pytest.raises(ConfigError) as caught:
        as_config({"retrieve": {"k": "x" * 10_000}})
    assert len(str(caught.value)) < 300


def test_every_key_has_a_section_but_the_seed() -> None:
    keys = known_keys()
    assert [key for key in keys if "." not in key] == ["seed"]
    assert {"retrieve.k", "judge.known", "assign.cardinality"} <= set(keys)


@pytest.mark.parametrize("of_all", [True, False])
def test_a_model_has_one_server_or_several(of_all: bool) -> None:
    def urls(url: object) -> tuple[str, ...]:
        llm = {"url": url} if of_all else {"models": [{"model": "A", "url": url}]}
        return as_config({"llm": llm}).llm.voters()[0].urls

    one, two = "http://a:8000/v1", "http://b:8000/v1"
    assert urls(one) == urls([f"{one}/"]) == (one,)
    assert urls([two, one]) == (two, one)
    for wrong, told in (
        ([one, f"{one}/"], "the same server twice"),
        ([], "must be a URL, or a list of several"),
        (8000, "must be a URL, or a list of several"),
        ([one, "b:8000"], "must be a URL such as"),
    ):
        with pytest.raises(ConfigError, match=f"{'llm' if of_all else 'llm.models'}.url: {told}"):
            urls(wrong)


def test_how_the_only_server_is_written_is_the_same_as_ever() -> None:
    one = "http://a:8000/v1"
    assert as_config({"llm": {"url": [one]}}) == as_config({"llm": {"url": one}})
    assert as_config({"llm": {"url": one}}).llm.model_dump(mode="json")["url"] == one
