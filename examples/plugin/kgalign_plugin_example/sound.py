"""A channel of retrieval: names that sound alike, by Soundex (Russell 1918)."""

from collections.abc import Sequence

from kgalign.records import Profile
from kgalign.retrieve.channels import Channel, Pairs, Search, both_ways, by_entity
from kgalign.values.folding import one_by_one
from kgalign.values.text import fold, idf, weigh, word_rows
from kgalign.values.vocabulary import Vocabulary

_CODES = str.maketrans("bfpvcgjkqsxzdtlmnr", "111122222222334556")


def soundex(word: str) -> str:
    """The first letter of a word, and what the consonants after it sound like."""
    kept = [letter for letter in word if letter not in "hw"]
    codes = ["".join(kept).translate(_CODES)[place] for place in range(len(kept))]
    sounds = [code for before, code in zip(["", *codes], codes, strict=False) if code != before]
    digits = [code for code in sounds[1:] if code.isdigit()]
    return (word[:1] + "".join(digits) + "000")[:4]


def _sounds(name: str) -> list[str]:
    return [soundex(word) for word in fold(name).split()]


def find(left: Profile, right: Profile, search: Search) -> Sequence[Pairs]:
    """Entities whose names have sounds in common, the rare ones before the others."""
    vocabulary = Vocabulary()
    sounds_of = one_by_one(_sounds)
    sounds = [sounds_of(profile.entity_name.fill_null("")) for profile in (left, right)]
    places = [vocabulary.add(each) for each in sounds]
    numbers, width = vocabulary.numbers(), len(vocabulary.names)
    rows = [word_rows(each.counts, numbers[place], width) for each, place in zip(sounds, places, strict=True)]
    weights = idf(*rows)
    one, other = (weigh(matrix, weights) for matrix in rows)
    return both_ways(by_entity(one), by_entity(other), search.k, search.progress, "retrieve by sound")


SOUND = Channel("names that sound alike", find)
