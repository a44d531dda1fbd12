"""Templates: the package's are sound, a user's replace them file by file, a fault is told in a sentence."""

import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.errors import KgalignError
from kgalign.judge.asking.templates import FIELDS, Template, load_templates, parse_template
from kgalign.records.votes import QuestionKind

GOOD = """\
name: select-1
version: 2
kind: select
phrasing: my own

[system]
Find it. Answer with {"choice": "LABEL"}; {} and {{record}} are no fields.

[user]
{record}
Candidates
{options}
One of {labels}?
"""


def test_the_package_has_three_phrasings_of_each_kind_that_begin_alike() -> None:
    templates = load_templates()
    for kind in QuestionKind:
        found = templates.of(kind)
        assert [each.name for each in found] == [f"{kind}-{number}" for number in (1, 2, 3)]
        assert len({each.system for each in found}) == 1, "a server reads the beginning of all once"
        assert len({each.fixed for each in found}) == len({each.phrasing for each in found}) == 3
        assert all(each.kind is kind and each.label == f"{each.name}@{each.version}" for each in found)
    assert len(templates.digest) == 64


def test_the_prompts_of_the_package_favour_no_label() -> None:
    for each in (*load_templates().select, *load_templates().verify):
        # "A" and "I" are words, too.
        assert not re.search(r"\b[B-HJ-Z]\b", each.system + each.fixed)


def test_no_word_of_the_prompts_can_be_copied_into_an_answer() -> None:
    for each in (*load_templates().select, *load_templates().verify):
        form = each.system.partition("Answer with one JSON object")[2]
        assert [key for key in ("choice", "values", "reason") if f'"{key}":' in form] == [
            "choice", "values", "reason"
        ]  # fmt: skip
        assert "{" not in form
        assert not re.search(r"\b[A-Z]{4,}\b", form.replace("JSON", ""))


def test_a_template_is_known_by_its_text(tmp_path: Path) -> None:
    (tmp_path / "select-1.txt").write_text(GOOD, "utf8")
    (tmp_path / "notes.md").write_text("not read")
    own = load_templates(tmp_path)
    usual = load_templates()
    assert own.select[0].label == "select-1@2"
    assert own.select[0].sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    assert own.select[1:] == usual.select[1:] and own.verify == usual.verify
    assert own.digest != usual.digest
    (tmp_path / "select-1.txt").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_templates(tmp_path) == own


def test_a_further_number_is_a_further_phrasing(tmp_path: Path) -> None:
    (tmp_path / "select-12.txt").write_text(GOOD.replace("select-1", "select-12"), "utf8")
    assert [each.name for each in load_templates(tmp_path).select] == [
        "select-1", "select-2", "select-3", "select-12",
    ]  # fmt: skip


def test_braces_that_are_no_fields_stay() -> None:
    template = parse_template(GOOD, "select-1.txt")
    assert template.system == 'Find it. Answer with {"choice": "LABEL"}; {} and {record} are no fields.'
    assert template.pieces[1::2] == FIELDS


@given(st.lists(st.text(st.sampled_from("{}$recodptinslab% \\"), max_size=30), min_size=3, max_size=3))
def test_what_is_put_in_is_not_looked_at_again(values: list[str]) -> None:
    record, options, labels = values
    filled = parse_template(GOOD, "select-1.txt").fill(dict(zip(FIELDS, values, strict=True)))
    assert filled == f"{record}\nCandidates\n{options}\nOne of {labels}?"


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("{labels}", "{label}", ["{label}", "{record}, {options}, {labels}"]),
        ("{labels}", "{ labels }", ["unknown field", "{labels}"]),
        ("{labels}", "{labels!r}", ["unknown field"]),
        ("{labels}", "them", ["lacks the field {labels}"]),
        ("{record}\n", "", ["lacks the field {record}"]),
        ("Find it.", "Find {record}.", ["{record}", "[system]"]),
        ("Find it.", "Find {score}.", ["{score}"]),
        ("{record}\n", "Record: {record}\n", ["on a line of its own"]),
        ("{options}\n", "{options}.\n", ["on a line of its own"]),
        ("{record}\n", "{record}\n{record}\n", ["each once"]),
        ("Candidates\n", 'A: {"name": "x"}\n', ["reads like a record"]),
        ("{record}\nCandidates\n{options}", "{options}\n{record}", ["{record} and then {options}"]),
        ("kind: select", "kind: verify", ["kind 'verify'", "'select'"]),
        ("kind: select", "kind: guess", ["kind 'guess'"]),
        ("kind: select\n", "", ["lacks kind"]),
        ("kind: select\n", "kind: select\nkind: select\n", ["broken header"]),
        ("version: 2", "version: two", ["version 'two'"]),
        ("version: 2", "version: 0", ["version '0'"]),
        ("version: 2", "revision: 2", ["revision: 2", "name, version, kind, phrasing"]),
        ("phrasing: my own", "phrasing:", ["broken header"]),
        ("name: select-1", "name: select-2", ["'select-1'"]),
        ("name: select-1", "no header at all", ["broken header"]),
        ("[user]", "[usr]", ["[system]", "[user]"]),
        ("[system]\nFind it.", "[system]\n\n[user]\nFind it.", ["[system]"]),
        ("Find it.", "x" * 50_000, ["40000"]),
    ],
)
def test_a_fault_is_told_with_its_place_and_what_is_allowed(old: str, new: str, wanted: list[str]) -> None:
    assert old in GOOD
    with pytest.raises(KgalignError) as caught:
        parse_template(GOOD.replace(old, new, 1), "select-1.txt", "Template mine/select-1.txt")
    told = str(caught.value)
    assert told.startswith("Template mine/select-1.txt ")
    assert all(each in told for each in wanted), told
    assert "\n" not in told and len(told) < 400


def test_a_folder_that_is_none_or_empty_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(KgalignError, match="can't be read"):
        load_templates(tmp_path / "missing")
    with pytest.raises(KgalignError, match="holds none"):
        load_templates(tmp_path)
    (tmp_path / "selct-1.txt").write_text(GOOD.replace("select-1", "selct-1"), "utf8")
    with pytest.raises(KgalignError, match=r"selct-1.*select-N\.txt"):
        load_templates(tmp_path)
    (tmp_path / "selct-1.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(KgalignError, match="UTF-8"):
        load_templates(tmp_path)


@given(st.text(st.characters(exclude_categories=[]), max_size=200))
def test_any_other_text_is_a_fault_and_no_crash(text: str) -> None:
    for whole in (text, GOOD.replace("Find it.", text, 1)):
        try:
            template: Template | None = parse_template(whole, "select-1.txt")
        except KgalignError as error:
            assert str(error).isprintable()
            template = None
        assert whole != text or template is None
