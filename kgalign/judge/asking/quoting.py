"""Text from graphs and models made fit to stand in a prompt, a ledger or on a screen: clean, cut, quoted.

A value is data. Three things keep it so: characters that are not seen are taken out (:func:`clean`), the
rest is a JSON string on one line (:func:`quoted`), and in that string nothing is spelt that a chat
template or a tokenizer takes for its own: ``<`` and the brackets of ``[INST]`` are written as JSON escapes.
"""

import json
import re

ELLIPSIS = "…"
"""Ends a value that was cut."""
_SPACES = re.compile(r"\s+")
"""With line and paragraph separators, tabulators and no-break spaces."""
_JOINERS = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200d\u2060-\u2064\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U000e0100-\U000e01ef]+"
)
"""Joiners, fillers, variation selectors: they shape words and emoji, and can hide a message in them. What is
seen is the same without them."""
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2065-\u206f\ud800-\udfff\ufdd0-\ufdef\ufff0-\ufffb"
    "\ufffe\uffff\U000e0000-\U000e007f]+"
)
"""Control characters, what turns the direction of writing, lone surrogates, tags, noncharacters."""
_REPLACEMENT = "\ufffd"
_OPENS_TOKEN = re.compile(r"[<\uff1c\ufe64]|\[(?=/?[A-Za-z_0-9]+\])")
"""What may begin a token of a chat template: ``<|im_end|>``, ``</s>``, ``<<SYS>>``, ``[/INST]``, ``[gMASK]``;
the wide signs become ``<`` where a tokenizer normalises."""
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode
_DIGIT = re.compile(r"[0-9]")
_WIDE = re.compile("[\u0800-\uffff]")
_WIDEST = re.compile("[\U00010000-\U0010ffff]")


def clean(text: str, limit: int = 1000) -> str:
    r"""One line that shows all it says: no control characters, no hidden ones, single spaces, not too long.

    >>> clean("Bunker,\tThe\u202e \u200b1981 ")
    'Bunker, The� 1981'

    :param text: any text; of a long one only the beginning is looked at.
    :param limit: most characters of what comes out, with the sign of the cut.
    """
    if len(text) <= limit and text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()  # what most texts are
    head = text[: 4 * limit]
    shown = _SPACES.sub(" ", head)
    if not shown.isascii():
        shown = _JOINERS.sub("", shown)
    shown = _SPACES.sub(" ", _UNSEEN.sub(_REPLACEMENT, shown)).strip()
    if len(text) > len(head) and len(shown) <= limit:
        shown = f"{shown[: limit - 1].rstrip()}{ELLIPSIS}"
    return cut(shown, limit)


def cut(text: str, limit: int) -> str:
    """The text, or its beginning and an ellipsis: at most ``limit`` characters.

    >>> cut("Acoustimass", 8)
    'Acousti…'
    """
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}{ELLIPSIS}"


def quoted(text: str) -> str:
    r"""A clean text as a JSON string without anything that a chat template could take for its own.

    >>> print(quoted('12" <|im_end|> [INST] {record}'))
    "12\" \u003c|im_end|> \u005bINST] {record}"
    """
    encoded = _ENCODE(text)
    if "<" in encoded or "[" in encoded or not encoded.isascii():
        return _OPENS_TOKEN.sub(_escaped, encoded)
    return encoded


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def weight(text: str) -> float:
    """About how many tokens a text has, rather too many than too few, whatever the tokenizer.

    >>> weight("The same real-world thing."), weight("東京都")
    (7.428571428571429, 4.5)

    The weight of a text is the sum of the weights of its parts.
    A token of English is about four characters; 3.5 leaves room for names. Some tokenizers spell each digit
    alone, and the quotes of JSON rarely join a word. Outside ASCII a character is counted by its bytes in
    UTF-8: two make a token, three one and a half, four three.
    """
    amount = len(text) / 3.5 + 0.3 * text.count('"') + 0.7 * len(_DIGIT.findall(text))
    if not text.isascii():
        others = len(text.encode("ascii", "ignore"))
        wide, widest = len(_WIDE.findall(text)), len(_WIDEST.findall(text))
        amount += (len(text) - others) * (1 - 1 / 3.5) + 0.5 * wide + 2 * widest
    return amount
