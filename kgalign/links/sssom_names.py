"""Names that SSSOM fixes (https://mapping-commons.github.io/sssom/)."""

FIXED = {
    "owl": "http://www.w3.org/2002/07/owl#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "semapv": "https://w3id.org/semapv/vocab/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "sssom": "https://w3id.org/sssom/",
}
"""Prefixes; no file may give them another meaning."""

NOTHING = "sssom:NoTermFound"
"""What stands in place of what is not there."""
