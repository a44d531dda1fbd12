"""Names that stand in IRIs: which namespaces carry readable local names, and how they read."""

import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import unquote

_CAMEL = re.compile(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])")
_LETTERS = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d")
_IDENTIFIER = re.compile(r"^[0-9a-fA-F]{8}[0-9a-fA-F-]{8,}$")
_SMALL_NAMESPACE = 5


def split_namespaces(iris: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split IRIs into namespaces and local names, with an eye on how often a namespace is used.

    A local name may itself hold a slash (``…/resource/AC/DC``): where what stands before the last
    slash is the namespace of few IRIs, and a shorter prefix is that of many, the shorter one wins.

    :returns: namespaces and local names, each as long as ``iris``.
    """
    cuts = [_last_cut(iri) for iri in iris]
    counts = Counter(iri[:cut] for iri, cut in zip(iris, cuts, strict=True))
    resolved: dict[str, str] = {}
    for namespace, count in counts.items():
        best = namespace
        while count < _SMALL_NAMESPACE:
            shorter = best[: best.rfind("/", 0, len(best) - 1) + 1]
            if shorter.count("/") < 3:
                break
            best = shorter
            if counts.get(best, 0) >= 20 * count:
                resolved[namespace] = best
                break
    namespaces = [resolved.get(iri[:cut], iri[:cut]) for iri, cut in zip(iris, cuts, strict=True)]
    return namespaces, [iri[len(space) :] for iri, space in zip(iris, namespaces, strict=True)]


def _last_cut(iri: str) -> int:
    hash_at = iri.rfind("#", 0, len(iri) - 1)
    if hash_at >= 0 and iri[hash_at + 1 :] not in ("id", "this", "it", "me"):
        return hash_at + 1
    end = len(iri) if hash_at < 0 else hash_at
    cut = iri.rfind("/", 0, end - 1) + 1
    return cut or iri.rfind(":") + 1


def spell(local: str) -> str:
    """How a local name reads: percent signs decoded, underscores and camel case as spaces."""
    text = unquote(local).replace("_", " ").strip()
    if " " not in text:
        text = _CAMEL.sub(" ", text)
    return " ".join(text.split())


def is_readable(locals_: Sequence[str]) -> bool:
    """Whether a namespace's local names are names, and not numbers, hashes or serial ids.

    They are where most hold a word, and where most still differ once digits are taken away.
    """
    words = ["".join(_LETTERS.findall(spell(local))).casefold() for local in locals_]
    good = sum(_is_word(local) for local in locals_)
    if good < 0.5 * len(locals_):
        return False
    return len(locals_) < _SMALL_NAMESPACE or len(set(words)) >= 0.5 * len(locals_)


def _is_word(local: str) -> bool:
    text = spell(local)
    if _IDENTIFIER.match(text):
        return False
    runs = _LETTERS.findall(text)
    letters = sum(map(len, runs))
    if letters == 0:
        return False
    # Chinese, Japanese and Korean names are short: two characters are a word there.
    longest = max(map(len, runs))
    enough = longest >= 3 or (longest >= 1 and any(ord(c) > 0x2E80 for c in text))
    return enough and len(_DIGITS.findall(text)) <= 0.4 * (letters + len(_DIGITS.findall(text)))
