"""The links in every format that a run folder holds: owl:sameAs, SSSOM and the Alignment format.

``links.nt`` has them as owl:sameAs, or another statement of identity, in N-Triples; ``alignment.rdf`` in the
format of the Alignment API, which the OAEI uses.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from kgalign.base.files import replacing
from kgalign.base.version import __version__
from kgalign.config import Config
from kgalign.decisions.people import Words
from kgalign.export.rows import Written, count, links, links_and_refused, six_digits
from kgalign.export.sssom import write_sssom
from kgalign.rdf.vocabulary import OWL_SAME_AS, SKOS
from kgalign.rdf.write import joined
from kgalign.records import Alignment, Profile, Verdicts
from kgalign.records.vocabularies import Vocabularies

EXACT_MATCH = SKOS + "exactMatch"

# Arity of the format, left to right and right to left: ``?`` injective but not total, ``*`` neither.
_ARITY = {"one-to-one": "??", "one-to-many": "?*", "many-to-one": "*?", "many-to-many": "**"}

_HEAD = """\
<?xml version="1.0" encoding="utf-8"?>
<rdf:RDF xmlns="http://knowledgeweb.semanticweb.org/heterogeneity/alignment#"
         xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
         xmlns:xsd="http://www.w3.org/2001/XMLSchema#">
<Alignment>
  <xml>yes</xml>
  <level>0</level>
  <type>{arity}</type>
  <onto1><Ontology rdf:about="urn:kgalign:left"/></onto1>
  <onto2><Ontology rdf:about="urn:kgalign:right"/></onto2>
"""
_CELL = (
    """  <map><Cell>
    <entity1 rdf:resource=\"""",
    """\"/>
    <entity2 rdf:resource=\"""",
    """\"/>
    <relation>=</relation>
    <measure rdf:datatype="http://www.w3.org/2001/XMLSchema#float">""",
    """</measure>
  </Cell></map>
""",
)
"""What stands around left, right and measure."""
_TAIL = """\
</Alignment>
</rdf:RDF>
"""


def write_link_files(
    paths: tuple[Path, Path, Path],
    profiles: tuple[Profile, Profile],
    alignment: Alignment,
    verdicts: Verdicts,
    evidence: Verdicts,
    vocabularies: Vocabularies,
    config: Config,
    words: Words,
) -> Written:
    """Write the links as owl:sameAs, as SSSOM and in the format of the OAEI, in this order.

    :param evidence: the verdicts without the votes.
    :param words: who decided on a pair, and why.
    :returns: the links in the first of them, and those that it can't hold.
    :raises RunError: no room, or no permission.
    """
    written = write_links(paths[0], *profiles, alignment)
    write_sssom(
        paths[1],
        *profiles,
        alignment,
        verdicts,
        version=__version__,
        pairs=links_and_refused(alignment, verdicts, evidence, config.judge.match_probability),
        vocabularies=vocabularies,
        vocabulary=config.fuse.vocabulary,
        words=words,
    )
    write_oaei(paths[2], *profiles, alignment)
    return written


def write_links(
    path: Path, left: Profile, right: Profile, alignment: Alignment, *, predicate: str = OWL_SAME_AS
) -> Written:
    """Write each link as one statement, left entity first, in the order of the entities.

    :raises RunError: no room, or no permission.
    """
    written = 0
    begin, middle, end = (pa.scalar(each, pa.large_string()) for each in ("<", f"> <{predicate}> <", "> .\n"))
    with replacing(path) as file:
        for some in links(left, right, alignment):
            file.write(joined(begin, some.left_iri, middle, some.right_iri, end))
            written += len(some)
    return count(alignment, written)


def write_oaei(path: Path, left: Profile, right: Profile, alignment: Alignment) -> Written:
    """Write each link as one cell with its probability as the measure.

    :param alignment: what was decided; undecided pairs are no links.
    :raises RunError: no room, or no permission.
    """
    written = 0
    arity = _ARITY[alignment.cardinality]
    around = [pa.scalar(each, pa.large_string()) for each in _CELL]
    with replacing(path) as file:
        file.write(_HEAD.format(arity=arity).encode())
        for some in links(left, right, alignment):
            # Of what XML has to escape, an IRI can hold the ampersand alone.
            ends = (pc.replace_substring(each, "&", "&amp;") for each in (some.left_iri, some.right_iri))
            values = *ends, pa.array(six_digits(some.pairs.probability), pa.large_string())
            pieces = [each for pair in zip(around, values, strict=False) for each in pair]
            file.write(joined(*pieces, around[-1]))
            written += len(some)
        file.write(_TAIL.encode())
    return count(alignment, written)
