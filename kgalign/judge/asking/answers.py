"""Answers read: what a reply chose, what it relies on, and whether to believe it.

The first of these that applies is the answer's status:

1. ``CUT_OFF``, ``UNREADABLE``: no choice can be read; cut off where the server says that it was. An answer
   that was cut off after its choice counts as far as it goes: the choice does, what it cites does not.
2. ``NOT_OFFERED``: it chose a word that is no label of the question.
3. ``INVENTED``: a value that it cites does not stand in the question.
4. ``OK``.

What is read is the first JSON object that has a ``choice``, in prose, between fences or after thoughts; what
comes after it is not. A bare label, such as ``B`` or ``[B]``, is a choice that cites nothing. A form that was
not asked for is tolerated as long as it is plain what it means.
"""

import json
import math
import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import Any

from kgalign.judge.asking.quoting import clean
from kgalign.llm.protocol import Reply
from kgalign.records.votes import CUT_SHORT, NONE, Answer, Citation, Question, Status

_CHOICE = "choice"
_SHORT = 40
"""Most characters of a reply that may be a bare label."""
_LONGEST = 65_536
"""Characters of a reply that are looked at."""
_STARTS = 64
"""Braces at which an object is tried for."""
_MOST_CITED = 32
"""Values of an answer that are looked at."""
_VALUE = 200
"""Most characters of a cited value that are looked at and kept: no longer ones are shown."""
_REASON = 300
"""Most characters that are kept of the reason."""
_WHOLE_WORDS = 8
"""A shorter cited value must not begin or end within a word of the value that it stands in."""
_THINKS, _THOUGHT = "<think>", "</think>"
_BARE = re.compile(r"[\s\[\](){}\"'`*.:]*(\w+)[\s\[\](){}\"'`*.:]*")
_BEGUN = re.compile(r'\{\s*"choice"')
_BEGUN_CHOICE = re.compile(r'\{\s*"choice"\s*:\s*')
_AGAIN = re.compile(r'(?<!\\)"choice"\s*:')
_QUOTES = " \t\"'`´‘’‚‛“”„‟«»‹›「」『』…"
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_SPACES = re.compile(r"\s+")
_PREFIX = re.compile(r"([^:=]{1,80}?)\s*[:=]\s*(.+)", re.DOTALL)
_LISTED = re.compile(r"\s*[,;|]\s*")
_RECORD = re.compile(r"^(\w+): (\{.*\})$", re.MULTILINE)
_UNSPACED = "\u0e00"
"""From here on lie scripts that put no spaces between words."""


class _Unreadable(Exception):
    """There is no choice to be read."""


def read_answer(question: Question, reply: Reply) -> Answer:
    """Read a reply and check it against its question; no text makes it fail."""
    probabilities = _probabilities(question, reply)
    cut_off = reply.finish == CUT_SHORT
    try:
        choice, cited, reason = _parse(reply.text, question.labels, cut_off=cut_off)
    except _Unreadable:
        status = Status.CUT_OFF if cut_off else Status.UNREADABLE
        return Answer(status, None, 0, probabilities=probabilities)
    citations = _check(question, cited)
    label = _label(choice, question.labels)
    if label is None:
        return Answer(Status.NOT_OFFERED, None, 0, citations, reason, probabilities)
    none = label == len(question.labels) - 1
    return Answer(
        status=Status.OK if all(each.found for each in citations) else Status.INVENTED,
        choice=NONE if none else question.options[label],
        place=0 if none else label + 1,
        citations=citations,
        reason=reason,
        probabilities=probabilities,
    )


def _parse(text: str, labels: tuple[str, ...], *, cut_off: bool) -> tuple[str, list[str], str]:
    """Choice, cited values and reason, the choice as it is spelt.

    :param cut_off: whether the answer may end before its object does: then its choice alone is read.
    :raises _Unreadable: there is no choice.
    """
    text = text[:_LONGEST].strip()
    _, thought, after = text.partition(_THOUGHT)
    if text.startswith(_THINKS) and not thought:
        raise _Unreadable  # what it thinks is no answer yet
    for part in (after.strip(), "" if text.startswith(_THINKS) else text):
        bare = _BARE.fullmatch(part) if len(part) <= _SHORT else None
        if bare and _label(bare[1], labels) is not None:
            return bare[1], [], ""
        found = next((each for each in _objects(part) if _CHOICE in each), None)
        if found is not None:
            return _fields(found)
        if cut_off and "{" in part:
            return _begun(part[part.index("{") :]), [], ""
    raise _Unreadable


def _begun(text: str) -> str:
    """The choice of an object that has no end; it comes first, and is complete itself.

    :raises _Unreadable: it is not, or there are two.
    """
    key = _BEGUN_CHOICE.match(text)
    if key is None or _AGAIN.search(text, key.end()):
        raise _Unreadable
    try:
        choice, _ = json.JSONDecoder(strict=False).raw_decode(text, key.end())
    except (ValueError, RecursionError):
        raise _Unreadable from None
    if not isinstance(choice, str):
        raise _Unreadable
    return choice


def _fields(found: dict[str, Any]) -> tuple[str, list[str], str]:
    choice, reason = found[_CHOICE], found.get("reason")
    if not isinstance(choice, str):
        raise _Unreadable
    cited = list(islice(_scalars(found.get("values"), depth=2), _MOST_CITED))
    return choice, cited, clean(reason, _REASON) if isinstance(reason, str) else ""


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in a text, from left to right; what is in an object is not looked for again."""
    decoder = json.JSONDecoder(strict=False, object_pairs_hook=_once)
    start = text.find("{")
    for _ in range(_STARTS):
        if start < 0:
            return
        try:
            found, end = decoder.raw_decode(text, start)
        # A number of thousands of digits is a ValueError, a thousand brackets are too deep.
        except (ValueError, RecursionError):
            if _BEGUN.match(text, start):
                return  # a broken answer; an object within it is none
            end = start + 1
        else:
            yield found
        start = text.find("{", end)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; one with two different choices is none."""
    if len({json.dumps(value) for key, value in pairs if key == _CHOICE}) > 1:
        raise ValueError("two choices")
    return dict(pairs)


def _scalars(value: object, depth: int) -> Iterator[str]:
    """The texts and numbers in a value, a list or an object of values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bool):
        yield str(value).lower()
    elif isinstance(value, int | float):
        yield str(value)
    elif isinstance(value, list | dict) and depth:
        for each in value.values() if isinstance(value, dict) else value:
            yield from _scalars(each, depth - 1)
    elif value is not None:
        raise _Unreadable


def _label(choice: str, labels: tuple[str, ...]) -> int | None:
    """Which label this is, but for case and surrounding spaces."""
    wanted = choice.strip().casefold()
    return next((i for i, label in enumerate(labels) if label.casefold() == wanted), None)


def _probabilities(question: Question, reply: Reply) -> tuple[float, ...] | None:
    """What the model gave to each label, in their order; None where it gave nothing usable."""
    if reply.probabilities is None:
        return None
    given = [reply.probabilities.get(label, 0.0) for label in question.labels]
    total = math.fsum(given) if all(math.isfinite(each) and each >= 0 for each in given) else 0.0
    return tuple(each / total for each in given) if 0 < total < math.inf else None


def _check(question: Question, cited: list[str]) -> tuple[Citation, ...]:
    """Each cited value once, and whether it stands in the question."""
    words: _Words | None = None
    citations: dict[str, Citation] = {}
    for value in cited:
        kept = clean(value, _VALUE)
        if kept in citations:
            continue
        found = kept in question.values
        if not found:
            words = words or _Words(question)
            wanted = folded(kept)
            if not wanted:
                continue
            found = words.hold(wanted)
        citations[kept] = Citation(kept, found)
    return tuple(citations.values())


def folded(text: str) -> str:
    """A value as it is compared: in NFKC, without case, quotes around it, ellipsis or doubled spaces."""
    # A model may escape once more what it saw escaped.
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text[:_LONGEST]).replace("\\", "")
    plain = unicodedata.normalize("NFKC", clean(text)).casefold()
    return _SPACES.sub(" ", plain).strip(_QUOTES + ".")


def _stands_in(wanted: str, shown: list[str]) -> bool:
    return any(wanted == value or (wanted in value and _apart(wanted, value)) for value in shown)


def _apart(wanted: str, value: str) -> bool:
    """Whether it stands in the value as words of its own: ``198`` is not cited from ``1981``."""
    if len(wanted) >= _WHOLE_WORDS:
        return True
    start = value.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        if not (_joined(value[start - 1 : start + 1]) or _joined(value[end - 1 : end + 1])):
            return True
        start = value.find(wanted, start + 1)
    return False


def _joined(pair: str) -> bool:
    """Whether two characters belong to one word; one character alone stands at an end."""
    return len(pair) == 2 and pair.isalnum() and max(pair) < _UNSPACED


class _Words:
    """What stands in a question, ready to be compared: values, names of attributes, labels."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._shown = [folded(value) for value in question.values]

    @cached_property
    def _labels(self) -> set[str]:
        labels = [label for label, _ in _RECORD.findall(self._question.messages[-1].content)]
        return {folded(label) for label in (*self._question.labels, *labels)} | {"option", "options"}

    @cached_property
    def _keys(self) -> set[str]:
        records = [_loaded(text) for _, text in _RECORD.findall(self._question.messages[-1].content)]
        return {folded(key) for record in records for key in _keys(record)}

    def hold(self, wanted: str, prefixes: int = 3) -> bool:
        """Whether a folded text is a value or a part of one, or made of values and of names that stand there.

        ``title`` alone invents nothing, and so is found; ``title: Bunker``, ``A: title = Bunker`` and
        ``Rock, Pop`` are values with something around them.
        """
        if _stands_in(wanted, self._shown) or self._is_name(wanted):
            return True
        parts = _LISTED.split(wanted)
        if len(parts) > 1 and all(folded(part) in self._shown for part in parts):
            return True
        prefix = _PREFIX.fullmatch(wanted)
        named = prefix and prefixes and self._is_name(prefix[1])
        return bool(prefix and named and self.hold(folded(prefix[2]), prefixes - 1))

    def _is_name(self, text: str) -> bool:
        """Whether this is the name of an attribute, a label, or a label and a name: ``A.title``."""
        text = folded(text)
        if text in self._keys or text in self._labels:
            return True
        label, _, key = text.replace(".", " ", 1).partition(" ")
        return label in self._labels and (key in self._keys or key in self._labels)


def _keys(record: object) -> Iterator[str]:
    if isinstance(record, dict):
        for key, value in record.items():
            yield key
            yield from _keys(value)


def _loaded(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
