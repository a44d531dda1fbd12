"""``alignment.rdf``: the links in the format of the Alignment API, which the OAEI uses."""

from pathlib import Path
from typing import TextIO
from xml.sax.saxutils import escape

from kgalign.export.files import replacing
from kgalign.export.rows import Link, Written, count, links
from kgalign.records import Alignment, Profile

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
  <onto1><Ontology rdf:about="{left}"/></onto1>
  <onto2><Ontology rdf:about="{right}"/></onto2>
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


def write_oaei(
    path: Path,
    left: Profile,
    right: Profile,
    alignment: Alignment,
    *,
    left_source: str = "urn:kgalign:left",
    right_source: str = "urn:kgalign:right",
) -> Written:
    """Write each link as one cell with its probability as the measure.

    :param alignment: what was decided; undecided pairs are no links.
    :param left_source: IRI that stands for the left graph.
    :param right_source: IRI that stands for the right graph.
    :raises OSError: no room, or no permission.
    """
    written = 0
    arity = _ARITY[alignment.cardinality]
    with replacing(path) as file:
        file.write(_HEAD.format(arity=arity, left=_attribute(left_source), right=_attribute(right_source)))
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
