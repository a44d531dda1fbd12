"""``links.nt``: the links as owl:sameAs, or another statement of identity, in N-Triples."""

from pathlib import Path

from kgalign.export.files import replacing
from kgalign.export.rows import Written, count, links
from kgalign.rdf.vocabulary import OWL_SAME_AS, SKOS
from kgalign.records import Alignment, Profile

EXACT_MATCH = SKOS + "exactMatch"


def write_links(
    path: Path, left: Profile, right: Profile, alignment: Alignment, *, predicate: str = OWL_SAME_AS
) -> Written:
    """Write each link as one statement, left entity first, in the order of the entities.

    :raises OSError: no room, or no permission.
    """
    written = 0
    with replacing(path) as file:
        for link in links(left, right, alignment):
            file.write(f"<{link.left_iri}> <{predicate}> <{link.right_iri}> .\n")
            written += 1
    return count(alignment, written)
