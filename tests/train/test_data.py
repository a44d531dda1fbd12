"""The folder of examples: what is written is read, and what was changed, or leaks, is refused."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.errors import InputError
from kgalign.train.data import (
    ABOUT,
    About,
    Example,
    Split,
    check_leaks,
    example_id,
    read_data,
    read_split,
    write_data,
)


def example(number: int, *entities: str, text: str = "which?") -> Example:
    """A select question."""
    question = ({"role": "system", "content": "Say."}, {"role": "user", "content": f"{number} {text}"})
    return Example(
        id=example_id(question),
        kind="select",
        case=f"http://l/{number}",
        entities=(f"http://l/{number}", *entities),
        origin="gold",
        messages=(*question, {"role": "assistant", "content": '{"choice": "A"}'}),
        labels=("A", "B", "none"),
        answer="A",
        weight=0.5,
        asker="{}",
        options=("{}", '{"name": "x"}'),
        template="select-1@1",
    )


ALL: dict[Split, list[Example]] = {
    "train": [example(1), example(2)],
    "valid": [example(3)],
    "test": [replace(example(4), evidence=(0.2, 0.7, 0.1))],
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    about = write_data(
        tmp_path / "data", ALL, About({"select-1@1": "ab"}, {}, {}, {"seed": 1}, {"votes": 3.0})
    )
    read, splits = read_data(tmp_path / "data")
    assert splits == ALL
    assert read == about
    assert read.counts == {"train": 2, "valid": 1, "test": 1}
    assert read.settings == {"seed": 1}
    again = write_data(
        tmp_path / "again", ALL, About({"select-1@1": "ab"}, {}, {}, {"seed": 1}, {"votes": 3.0})
    )
    assert again.digest == about.digest
    for name in ("train.jsonl", ABOUT):
        assert (tmp_path / "data" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


@given(text=st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("texts")
    write_data(folder, {"train": [example(1, text=text)]}, About({}, {}, {}))
    assert list(read_split(folder, "train")) == [example(1, text=text)]


def test_a_lone_surrogate_does_not_stop_it(tmp_path: Path) -> None:
    write_data(tmp_path, {"train": [example(1, text="\udc80")]}, About({}, {}, {}))
    assert next(read_split(tmp_path, "train")).messages[1]["content"] == "1 ?"


def test_an_unfinished_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished folder"):
        read_data(tmp_path)
    write_data(tmp_path, ALL, About({}, {}, {}))
    (tmp_path / ABOUT).unlink()
    with pytest.raises(InputError, match="no finished folder"):
        read_data(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', '{"nonsense": 1}'])
def test_a_broken_about_is_refused(tmp_path: Path, text: str) -> None:
    write_data(tmp_path, ALL, About({}, {}, {}))
    (tmp_path / ABOUT).write_text(text, encoding="utf8")
    with pytest.raises(InputError, match=r"can't be read"):
        read_data(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("digests", {}),
        ("digests", []),
        ("digests", {"train": "x", "valid": "x", "test": None}),
        ("settings", None),
        ("settings", []),
        ("settings", {"runs": {"name": "x"}}),
        ("settings", {"runs": None}),
        ("settings", {"runs": ["x"]}),
        ("templates", None),
    ],
)
def test_a_damaged_about_is_refused(tmp_path: Path, name: str, value: object) -> None:
    write_data(tmp_path, ALL, About({}, {}, {}))
    content = json.loads((tmp_path / ABOUT).read_text(encoding="utf8"))
    (tmp_path / ABOUT).write_text(json.dumps({**content, name: value}), encoding="utf8")
    with pytest.raises(InputError, match=r"data\.json can't be read: "):
        read_data(tmp_path)


def test_another_layout_is_refused(tmp_path: Path) -> None:
    write_data(tmp_path, ALL, About({}, {}, {}))
    content = json.loads((tmp_path / ABOUT).read_text(encoding="utf8"))
    (tmp_path / ABOUT).write_text(json.dumps({**content, "format": 2}), encoding="utf8")
    with pytest.raises(InputError, match="layout 2"):
        read_data(tmp_path)


def test_what_was_changed_is_refused(tmp_path: Path) -> None:
    write_data(tmp_path, ALL, About({}, {}, {}))
    path = tmp_path / "train.jsonl"
    path.write_text(path.read_text(encoding="utf8").replace("0.5", "0.6"), encoding="utf8")
    with pytest.raises(InputError, match="was changed"):
        read_data(tmp_path)
    path.write_text("{}\n", encoding="utf8")
    with pytest.raises(InputError, match=r"Line 1 .* is no example"):
        read_data(tmp_path)


def test_an_entity_in_two_splits_is_refused(tmp_path: Path) -> None:
    leaking: dict[Split, list[Example]] = {**ALL, "test": [example(4, "http://l/1")]}
    with pytest.raises(InputError, match="http://l/1 in train and in test"):
        check_leaks(leaking, "data")
    write_data(tmp_path, leaking, About({}, {}, {}))
    with pytest.raises(InputError, match="http://l/1 in train and in test"):
        read_data(tmp_path)
    check_leaks({"train": [example(1, "http://l/2"), example(2)]}, "data")


def test_an_answer_that_is_no_label_is_refused(tmp_path: Path) -> None:
    write_data(tmp_path, {"train": [replace(example(1), answer="C")]}, About({}, {}, {}))
    with pytest.raises(InputError, match="none of its labels"):
        list(read_split(tmp_path, "train"))


@pytest.mark.parametrize(
    "evidence", [[0.5, 0.5], "much", {"A": 1}, [0.1, 0.8, None], 3, [math.nan, 0, 1], [-1, 1, 1], [0, 0, 0]]
)
def test_evidence_that_is_none_of_the_options_is_refused(tmp_path: Path, evidence: object) -> None:
    write_data(tmp_path / "data", ALL, About({}, {}, {}))
    path = tmp_path / "data" / "test.jsonl"
    line = json.loads(path.read_text(encoding="utf8"))
    path.write_text(json.dumps(line | {"evidence": evidence}) + "\n", encoding="utf8")
    with pytest.raises(InputError, match=r"Line 1 of .*test\.jsonl is no example"):
        list(read_split(tmp_path / "data", "test"))
