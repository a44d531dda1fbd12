"""The links in every format that a run folder holds: owl:sameAs, SSSOM and the Alignment format.

``links.nt`` has them as owl:sameAs, or another statement of identity, in N-Triples; ``alignment.rdf`` in the
format of the Alignment API, which the OAEI uses.
"""

from pathlib import Path
from typing import TextIO
from xml.sax.saxutils import escape

from kgalign.base.files import replacing_text
from kgalign.base.version import __version__
from kgalign.config import Config
from kgalign.decisions.people import Words
from kgalign.export.rows import Link, Written, count, links, links_and_refused
from kgalign.export.sssom import write_sssom
from kgalign.rdf.vocabulary import OWL_SAME_AS, SKOS
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
_CELL = """\
  <map><Cell>
    <entity1 rdf:resource="{left}"/>
    <entity2 rdf:resource="{right}"/>
    <relation>=</relation>
    <measure rdf:datatype="http://www.w3.org/2001/XMLSchema#float">{measure}</measure>
  </Cell></map>
"""
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
    with replacing_text(path) as file:
        for link in links(left, right, alignment):
            file.write(f"<{link.left_iri}> <{predicate}> <{link.right_iri}> .\n")
            written += 1
    return count(alignment, written)


def write_oaei(path: Path, left: Profile, right: Profile, alignment: Alignment) -> Written:
    """Write each link as one cell with its probability as the measure.

    :param alignment: what was decided; undecided pairs are no links.
    :raises RunError: no room, or no permission.
    """
    written = 0
    arity = _ARITY[alignment.cardinality]
    with replacing_text(path) as file:
        file.write(_HEAD.format(arity=arity))
        for link in links(left, right, alignment):
            _write_cell(file, link)
            written += 1
        file.write(_TAIL)
    return count(alignment, written)


def _write_cell(file: TextIO, link: Link) -> None:
    measure = round(link.probability, 6)
    file.write(
        _CELL.format(left=_attribute(link.left_iri), right=_attribute(link.right_iri), measure=measure)
    )


def _attribute(text: str) -> str:
    return escape(text, {'"': "&quot;"})
