"""Names that stand in IRIs: which namespaces carry readable local names, and how they read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Flags
from kgalign.base import scratch
from kgalign.base.cores import in_order, slices
from kgalign.rdf.graph import Graph, Ids, TermKind
from kgalign.select.namespaces import SMALL_NAMESPACE, split_namespaces

_CAMEL = re.compile(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_WORDS = re.compile(r"(?<!\d)(?<![^\W\d_])[^\W\d_]{3,}(?![^\W_])")
_DIGITS = re.compile(r"\d")
_IDENTIFIER = re.compile(r"^[0-9a-fA-F]{8}[0-9a-fA-F-]{8,}$")
_FEW = 3
_FIRST_WIDE_SCRIPT = "\u2e80"
_USUAL = "^[!-$&-~]*$"
"""ASCII without spaces, control characters and percent signs."""
_ROWS = 1 << 16
"""Local names that are spelt at once."""


@dataclass(frozen=True, slots=True)
class LocalNames:
    """What the IRIs of a graph's nodes say by themselves."""

    text: pa.LargeStringArray
    """(terms,) how the local name of an IRI reads; null for everything but the IRIs of nodes."""
    readable: Flags
    """(terms,) whether it can serve as a name."""
    namespace: Ids
    """(terms,) the number of the IRI's namespace; -1 for everything but the IRIs of nodes."""

    @property
    def spoken(self) -> Flags:
        """(terms,) whether an IRI that is a value is read as the name in it.

        Names that share their namespace with others: an address of a page, alone on its host, stays one.
        """
        members = np.bincount(self.namespace + 1)
        members[0] = 0
        return self.readable & (members >= _FEW)[self.namespace + 1]


def find_local_names(graph: Graph, nodes: Flags) -> LocalNames:
    """Read the local names of all nodes that have an IRI.

    :param nodes: (terms,) which terms are nodes.
    """
    terms = len(graph.terms)
    ids = np.flatnonzero(nodes & (graph.terms.kind == TermKind.IRI))
    split = split_namespaces(graph.terms.value.take(pa.array(ids)))
    spelt = spell_all(split.local)
    readable = np.zeros(terms, dtype=bool)
    namespace = np.full(terms, -1, dtype=np.int32)
    namespace[ids] = split.space
    ends = np.cumsum(np.bincount(split.space, minlength=len(split.spaces)))
    for rows in np.split(np.argsort(split.space, kind="stable"), ends[:-1]) if split.spaces else ():
        readable[ids[rows]] = _hold_names(spelt.take(pa.array(rows)))
    row = np.zeros(terms, dtype=np.int64)
    row[ids] = np.arange(len(ids))
    return LocalNames(spelt.take(pa.array(row, mask=namespace < 0)), readable, namespace)


def spell_all(locals_: pa.LargeStringArray) -> pa.LargeStringArray:
    """As :func:`spell`, for many."""
    return scratch.gather_texts(in_order(lambda rows: _spelt(locals_[rows]), slices(len(locals_), _ROWS)))


def _spelt(locals_: pa.LargeStringArray) -> pa.LargeStringArray:
    text = pc.ascii_trim_whitespace(pc.replace_substring(locals_, "_", " "))
    camel = pc.replace_substring_regex(text, "([a-z])([A-Z])", "\\1 \\2")
    several = pc.replace_substring_regex(text, " +", " ")
    text = pc.if_else(pc.match_substring(text, " "), several, camel)
    others = pc.invert(pc.match_substring_regex(locals_, _USUAL))
    rest = [spell(local) for local in locals_.filter(others).to_pylist()]
    return pc.replace_with_mask(text, others, pa.array(rest, pa.large_string()))


def spell(local: str) -> str:
    """How a local name reads: percent signs decoded, underscores and camel case as spaces.

    >>> spell("S%C3%A3o_Paulo")
    'São Paulo'
    >>> spell("birthPlace")
    'birth Place'
    """
    if local.isalnum() and (local.isdecimal() or local[1:].islower()):
        return local
    text = _CONTROL.sub(" ", unquote(local)) if "%" in local else local
    text = text.replace("_", " ").strip()
    if " " not in text:
        text = _CAMEL.sub(" ", text)
    return " ".join(text.split())


def are_names(texts: Sequence[str]) -> bool:
    """Whether a namespace's local names, as they read, are names, and not numbers, hashes or serial ids.

    They are where most hold a word, and where most still differ once digits are taken away.
    """
    return _hold_names(pa.array(texts, pa.large_string()))


def _hold_names(texts: pa.LargeStringArray) -> bool:
    size = len(texts)
    some = texts.filter(pc.invert(pc.match_substring_regex(texts, "^[0-9]+$"))).to_pylist()
    others = [text for text in some if not text.isdecimal()]
    runs = [_LETTERS.findall(text) for text in others] + [[]] * (len(others) < size)
    good = sum(_is_word(text, letters) for text, letters in zip(others, runs, strict=False))
    if good < 0.5 * size:
        return False
    words = {"".join(letters).casefold() for letters in runs}
    return size < SMALL_NAMESPACE or len(words) >= 0.5 * size


def _is_word(text: str, runs: Sequence[str]) -> bool:
    if not runs or _IDENTIFIER.match(text):
        return False
    # Letters among digits (``02mjmr``) are an identifier's. Chinese, Japanese and Korean names are
    # short: one character is a word there.
    if not _WORDS.search(text) and not any(max(run) >= _FIRST_WIDE_SCRIPT for run in runs):
        return False
    letters, digits = sum(map(len, runs)), len(_DIGITS.findall(text))
    return digits <= 0.4 * (letters + digits)
