"""Whether the model that answered is the one that was asked, by the names that servers give."""

import logging
import re
from collections.abc import Mapping
from typing import Any

from kgalign.errors import KgalignError
from kgalign.rdf.text import shorten

log = logging.getLogger(__name__)

_DATED = re.compile(r"[-@:](?:\d{4}|\d{6}|\d{8}|\d{4}-\d{2}-\d{2}|\d{3})$")
"""What follows a name where a server says which of its versions it is: ``gpt-4o-2024-08-06``."""
_NAMED = re.compile(r'"model"\s*:\s*"((?:[^"\\]|\\.)*)"')
_HEAD = 4000
"""Characters of an answer in which its model is looked for where it is not read as a whole."""
_SAID: set[tuple[str, str, str]] = set()
"""Servers with what was asked and what they called it, of which it was said already."""


def name_given(answer: Mapping[str, Any]) -> str:
    """The model that an answer says it is of; empty where it says nothing."""
    told = answer.get("model")
    return told if isinstance(told, str) else ""


def name_in(text: str) -> str:
    """The same of an answer that is not read yet."""
    found = _NAMED.search(text[:_HEAD])
    return found.group(1) if found else ""


def is_same(asked: str, told: str) -> bool:
    """Whether a server may mean the model that was asked by the name that it gives.

    >>> is_same("Qwen/Qwen3-8B", "qwen3-8b"), is_same("gpt-4o", "gpt-4o-2024-08-06"), is_same("a-8b", "a-1b")
    (True, True, False)
    """
    one, other = _plain(asked), _plain(told)
    return not other or other == one or _DATED.sub("", other) == one


def _plain(name: str) -> str:
    last = name.casefold().rstrip("/").rpartition("/")[2]
    return last.removesuffix(".gguf").removesuffix(":latest")


def notice(url: str, asked: str, told: str, *, strict: bool) -> str:
    """See whether another model answers than the one that was asked; that is said once for each server.

    :param url: of the server.
    :param asked: name of the model, or of the adapter.
    :param told: name that the server gave, empty for none.
    :param strict: whether that is an error.
    :returns: the name that was given, empty where it is the one that was asked.
    :raises KgalignError: it is another model, and that is an error.
    """
    if asked == told or not told:
        return ""
    if not is_same(asked, told):
        what = f"The server {url} answers as {shorten(told)}, though {shorten(asked)} was asked"
        if strict:
            raise KgalignError(what, "Name the model that is meant with --model, or leave out --strict-model")
        if (url, asked, told) not in _SAID:
            _SAID.add((url, asked, told))
            log.warning("%s: the votes may be another model's (--strict-model makes this an error)", what)
    return told
