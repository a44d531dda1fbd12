"""How language tags are spelt.

RDF compares tags without case, and the parser lowers them. People want theirs back as they wrote
them: ``pt-BR``. So the spelling of each tag is looked up in the text: where one tag is spelt in one
way only, that is its spelling; where several are seen, all of them are written in lower case. Text
that only looks like a tag (``"…"@Home`` in a long string) can at worst bring about lower case.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from kgalign.rdf.columns import Part


def spellings(seen: Iterable[bytes | str]) -> dict[str, str]:
    """The one spelling of each tag, by its lower-case form; tags without a single one are left out."""
    found: dict[str, set[str]] = {}
    for tag in seen:
        text = tag.decode("ascii") if isinstance(tag, bytes) else tag
        text = text.partition("--")[0]
        found.setdefault(text.lower(), set()).add(text)
    return {lower: forms.pop() for lower, forms in found.items() if len(forms) == 1}


def respell(part: Part, spelling: Mapping[str, str]) -> Part:
    """The same statements with their language tags as they are spelt; lower case where that varies."""
    tags = []
    for tag in part.terms.languages:
        language, dashes, direction = tag.partition("--")
        lower = language.lower()
        tags.append(spelling.get(lower, lower) + dashes + direction)
    return replace(part, terms=replace(part.terms, languages=tuple(tags)))
