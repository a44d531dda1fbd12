"""``links.nt``: the links as owl:sameAs statements in N-Triples."""

from pathlib import Path

from kgalign.export.files import replacing
from kgalign.export.rows import Written, count, links
from kgalign.records import Alignment, Profile

_SAME_AS = "<http://www.w3.org/2002/07/owl#sameAs>"


def write_links(path: Path, left: Profile, right: Profile, alignment: Alignment) -> Written:
    """Write each link as one statement, left entity first, in the order of the entities.

    Raises:
        OSError: no room, or no permission.
    """
    written = 0
    with replacing(path) as file:
        for link in links(left, right, alignment):
            file.write(f"<{link.left_iri}> {_SAME_AS} <{link.right_iri}> .\n")
            written += 1
    return count(alignment, written)
