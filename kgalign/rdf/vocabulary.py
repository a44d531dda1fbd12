"""Well-known IRIs, prefixes, predicates that name things, and the name that stands in an IRI."""

import re
from urllib.parse import unquote

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
XSD = "http://www.w3.org/2001/XMLSchema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
SKOSXL = "http://www.w3.org/2008/05/skos-xl#"
PROV = "http://www.w3.org/ns/prov#"
DC = "http://purl.org/dc/elements/1.1/"
DCTERMS = "http://purl.org/dc/terms/"
FOAF = "http://xmlns.com/foaf/0.1/"
SCHEMA = "http://schema.org/"
SCHEMA_HTTPS = "https://schema.org/"

RDF_TYPE = RDF + "type"
RDF_FIRST = RDF + "first"
RDF_REST = RDF + "rest"
RDF_NIL = RDF + "nil"
RDF_REIFIES = RDF + "reifies"
RDFS_LABEL = RDFS + "label"
RDFS_COMMENT = RDFS + "comment"
RDFS_SUBCLASS_OF = RDFS + "subClassOf"
OWL_SAME_AS = OWL + "sameAs"
OWL_CLASS = OWL + "Class"
OWL_THING = OWL + "Thing"
XSD_STRING = XSD + "string"

PREFIXES: dict[str, str] = {
    "bibo": "http://purl.org/ontology/bibo/",
    "crm": "http://www.cidoc-crm.org/cidoc-crm/",
    "dbo": "http://dbpedia.org/ontology/",
    "dbp": "http://dbpedia.org/property/",
    "dbr": "http://dbpedia.org/resource/",
    "dc": DC,
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": DCTERMS,
    "foaf": FOAF,
    "geo": "http://www.w3.org/2003/01/geo/wgs84_pos#",
    "geosparql": "http://www.opengis.net/ont/geosparql#",
    "gr": "http://purl.org/goodrelations/v1#",
    "org": "http://www.w3.org/ns/org#",
    "owl": OWL,
    "prov": PROV,
    "rdf": RDF,
    "rdfs": RDFS,
    "schema": SCHEMA,
    "sdo": SCHEMA_HTTPS,
    "skos": SKOS,
    "skosxl": SKOSXL,
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "void": "http://rdfs.org/ns/void#",
    "wd": "http://www.wikidata.org/entity/",
    "wdt": "http://www.wikidata.org/prop/direct/",
    "xsd": XSD,
}
"""Customary prefixes of well-known namespaces."""

NAME_PREDICATES: tuple[str, ...] = (
    RDFS_LABEL,
    SKOS + "prefLabel",
    SCHEMA + "name",
    SCHEMA_HTTPS + "name",
    FOAF + "name",
    DCTERMS + "title",
    DC + "title",
    SKOSXL + "literalForm",
    "http://www.w3.org/2006/vcard/ns#fn",
    "http://www.geonames.org/ontology#name",
    "http://www.geonames.org/ontology#officialName",
    "http://www.cidoc-crm.org/cidoc-crm/P190_has_symbolic_content",
    "https://w3id.org/italia/onto/l0/name",
    "http://purl.org/goodrelations/v1#name",
    "http://rdvocab.info/Elements/title",
    "http://rdaregistry.info/Elements/w/P10088",
    "http://purl.org/ontology/mo/title",
    "http://www.w3.org/ns/org#name",
    "http://usefulinc.com/ns/doap#name",
    "http://dbpedia.org/property/name",
    "http://dbpedia.org/ontology/title",
    "http://rdf.freebase.com/ns/type.object.name",
    "http://www.loc.gov/mads/rdf/v1#authoritativeLabel",
    "https://d-nb.info/standards/elementset/gnd#preferredName",
    SKOS + "altLabel",
    SKOS + "hiddenLabel",
    SCHEMA + "alternateName",
    SCHEMA_HTTPS + "alternateName",
    DCTERMS + "alternative",
    FOAF + "nick",
    "http://www.geonames.org/ontology#alternateName",
    "http://dbpedia.org/ontology/alias",
    "http://rdf.freebase.com/ns/common.topic.alias",
    "http://www.loc.gov/mads/rdf/v1#variantLabel",
    "https://d-nb.info/standards/elementset/gnd#variantName",
)
"""Predicates known to name things, the main names before other ones."""

_LOCAL = re.compile(r"([^/#:]+)[/#:]*$")
_CAMEL = re.compile(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])|(?<=[A-ZÀ-ÖØ-Þ])(?=[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ])")


def local_name(iri: str) -> str:
    """The name that stands at the end of an IRI, to be read by people.

    Percent signs are decoded and underscores read as spaces; camel case is parted where the name
    has no other breaks. An IRI without a local name is returned as it is.

    >>> local_name("http://dbpedia.org/resource/S%C3%A3o_Paulo")
    'São Paulo'
    >>> local_name("http://example.org/ontology#birthPlace")
    'birth Place'
    """
    found = _LOCAL.search(iri)
    if found is None:
        return iri
    name = unquote(found.group(1)).replace("_", " ").strip()
    if " " not in name:
        name = _CAMEL.sub(" ", name)
    return " ".join(name.split()) or iri
