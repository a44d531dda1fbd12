"""What the evidence calls things, in words for people who have not read how it works."""

_ALIKE = {
    "other": "alike by at most 0.2 of 1",
    "faint": "alike by 0.35 of 1",
    "weak": "alike by 0.5 of 1",
    "part": "alike by 0.62 of 1",
    "alike": "by 0.74 of 1",
    "close": "alike by 0.86 of 1",
    "nearly the same": "alike by 0.96 of 1",
}
"""Level of a comparison of texts → what it means; those of the judge, which a test compares."""
_TEXTS = frozenset({"name", "text", "code"})
_KINDS = {
    "prior": "how seldom a pair is right, before anything is compared",
    "rivals": "what other pairs of the two add or take away",
    "alone": "how much it matters that each has one partner at most",
}


def level_in_words(kind: str, level: str) -> str:
    """The level that a comparison of a kind reached, with its meaning."""
    if kind in _KINDS:
        return _KINDS[kind]
    meaning = _ALIKE.get(level) if kind in _TEXTS else None
    return f"{level} ({meaning})" if meaning else level or "nothing to compare"
