"""The pair form: two records and whether they describe the same thing, in one short text.

Small models judge badly when they must read instructions, ten options and a form of JSON; trained on one
short text that ends in " yes" or " no" they judge well. The text is made here alone, of records as
:func:`~kgalign.judge.asking.rendering.show` gives them, for training and for asking: what is asked is spelled
as what was learned. The first record is spelled without regard to the second, so that the questions of one
entity begin alike, and that beginning is read once.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kgalign.judge.asking.quoting import ELLIPSIS, cut, unquoted, weight

LABELS = ("yes", "no")
"""The answers; in the text each follows a space."""
RECORD_TOKENS = 60.0
"""Most tokens of a record, as :func:`~kgalign.judge.asking.quoting.weight` counts: rather too many than too
few. Two of them have some 100 real ones."""
_CUTS = (200, 140, 100, 70, 50, 35, 25, 16)
"""Most characters of a value, one after the other until a record fits."""
_NAME = 40
"""Most characters of an attribute's name."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute or a relation of a record, with all its values in one text."""

    name: str
    value: str


def pair_prompt(
    first: Sequence[Attribute], second: Sequence[Attribute], tokens: float = RECORD_TOKENS
) -> str:
    r"""The whole text that is asked; the answer follows it at once.

    >>> print(pair_prompt([Attribute("name", "Bose 5")], [Attribute("title", "Bose Acoustimass 5")]))
    Record 1: name: Bose 5
    Record 2: title: Bose Acoustimass 5
    Do both describe the same thing? Answer:

    :param first: the attributes of the entity that asks, the most telling first.
    :param second: those of the option.
    :param tokens: most tokens of each record, see :data:`RECORD_TOKENS`.
    """
    return (
        f"Record 1: {spelled(first, tokens)}\nRecord 2: {spelled(second, tokens)}\n"
        "Do both describe the same thing? Answer:"
    )


def shown_prompt(first: str, second: str, tokens: float = RECORD_TOKENS) -> str:
    """The same of two records as they are shown in other questions.

    :param first: the text of a :class:`~kgalign.judge.asking.rendering.Record`, a JSON object.
    :param second: the same of the option.
    :param tokens: most tokens of each record.
    """
    return pair_prompt(attributes(first), attributes(second), tokens)


def attributes(record: str) -> list[Attribute]:
    """The attributes of a record as it is shown, its relations behind them like any others.

    >>> attributes('{"title": "Alien", "relations": {"director": ["Scott, R.", "…"]}}')
    [Attribute(name='title', value='Alien'), Attribute(name='director', value='Scott, R., …')]

    :param record: a JSON object on one line; what is none is taken for one value without a name.
    """
    try:
        content = json.loads(record)
    except (ValueError, RecursionError):
        return [Attribute("", record)]
    return list(_listed(content)) if isinstance(content, Mapping) else [Attribute("", str(content))]


def spelled(record: Sequence[Attribute], tokens: float = RECORD_TOKENS) -> str:
    """A record on one line, shortened until it fits: the longest values first, then the last attributes.

    >>> spelled([Attribute("name", "Bose Acoustimass 5"), Attribute("text", "x" * 300)], 20)
    'name: Bose Acoustimass 5; text: xxxxxxxxxxxxxxxxxxxxxxxx…'

    :param record: its attributes, the most telling first. They are data and made safe here.
    :param tokens: most tokens, as :func:`~kgalign.judge.asking.quoting.weight` counts.
    """
    kept = [Attribute(unquoted(each.name, _NAME), unquoted(each.value, _CUTS[0])) for each in record]
    kept = [each for each in kept if each.value]
    text = ""
    while kept:
        for most in _CUTS:
            text = "; ".join(_member(each, most) for each in kept)
            if weight(text) <= tokens:
                return text
        if len(kept) == 1:
            break
        kept.pop()
    return cut(text, max(1, int(tokens))) if text else ELLIPSIS


def _member(each: Attribute, most: int) -> str:
    value = cut(each.value, most)
    return f"{each.name}: {value}" if each.name else value


def _listed(content: Mapping[str, object]) -> Iterator[Attribute]:
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _listed(value)
        elif isinstance(value, list):
            yield Attribute(name, ", ".join(map(str, value)))
        elif value is not None:
            yield Attribute(name, str(value))
