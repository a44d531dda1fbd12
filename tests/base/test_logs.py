"""Logging: one line or one JSON object per record, whatever the message holds."""

import io
import json
import logging
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.base.logs import configure, printable


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    logger = logging.getLogger("kgalign")
    handlers, level, propagate = list(logger.handlers), logger.level, logger.propagate
    yield
    logger.handlers, logger.propagate = handlers, propagate
    logger.setLevel(level)


@given(st.text())
def test_what_is_shown_is_one_line_without_control_characters(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(each) in {"Cc", "Cf", "Zl", "Zp", "Cs"} for each in shown)


@given(st.text(st.characters(categories=["L", "N", "P"]), max_size=200))
def test_ordinary_text_is_shown_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_long_text_is_cut_in_the_middle() -> None:
    shown = printable("a" * 5000 + "z", 100)
    assert len(shown) == 101
    assert shown.endswith("z")


def test_a_message_cannot_start_a_line_of_its_own() -> None:
    stream = io.StringIO()
    configure("info", False, stream)
    logging.getLogger("kgalign.test").info("read %s", "a\nerror: \x1b[31mall is lost")
    assert stream.getvalue() == "info: read a\\nerror: \\x1b[31mall is lost\n"


def test_json_keeps_the_message_and_the_traceback() -> None:
    stream = io.StringIO()
    configure("debug", True, stream)
    try:
        raise ValueError("ß\n")
    except ValueError:
        logging.getLogger("kgalign.test").exception("it broke:\n%s", "why")
    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert entry["level"] == "error"
    assert entry["logger"] == "kgalign.test"
    assert entry["message"] == "it broke:\nwhy"
    assert "ValueError: ß" in entry["traceback"]


def test_levels_below_the_chosen_one_are_silent() -> None:
    stream = io.StringIO()
    configure("warning", False, stream)
    logging.getLogger("kgalign.test").info("nobody asked")
    logging.getLogger("kgalign.test").warning("look")
    assert stream.getvalue() == "warning: look\n"


def test_configuring_twice_does_not_say_everything_twice() -> None:
    stream = io.StringIO()
    configure("info", False, stream)
    configure("info", False, stream)
    logging.getLogger("kgalign.test").info("once")
    assert stream.getvalue() == "info: once\n"
