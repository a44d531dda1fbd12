"""Well-known IRIs, prefixes, and predicates that name things."""

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
VCARD = "http://www.w3.org/2006/vcard/ns#"

RDF_TYPE = RDF + "type"
RDF_REIFIES = RDF + "reifies"
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
    "vcard": VCARD,
    "void": "http://rdfs.org/ns/void#",
    "wd": "http://www.wikidata.org/entity/",
    "wdt": "http://www.wikidata.org/prop/direct/",
    "xsd": XSD,
}
"""Customary prefixes of well-known namespaces."""

NAME_PREDICATES = frozenset(
    {
        VCARD + "fn",
        SKOS + "hiddenLabel",
        DCTERMS + "alternative",
        FOAF + "nick",
        "http://www.cidoc-crm.org/cidoc-crm/P190_has_symbolic_content",
        "http://rdaregistry.info/Elements/w/P10088",
        "http://rdf.freebase.com/ns/type.object.name",
        "http://rdf.freebase.com/ns/common.topic.alias",
        "http://www.loc.gov/mads/rdf/v1#authoritativeLabel",
        "http://purl.obolibrary.org/obo/IAO_0000118",
    }
)
"""Predicates that name things though their own names do not say so in the usual words."""
