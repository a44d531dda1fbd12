"""IRIs as URIs."""

import re
from urllib.parse import quote

_NOT_URI = re.compile(r"[^A-Za-z0-9._~:/?#@!$&'()*+,;=%-]|%(?![0-9A-Fa-f]{2})")


def as_uri(iri: str) -> str:
    """The URI of an IRI (RFC 3987, section 3.1): what a URI may not hold is percent-encoded."""
    uri = _NOT_URI.sub(lambda found: quote(found[0], safe=""), iri)
    head, mark, fragment = uri.partition("#")
    return head + mark + fragment.replace("#", "%23")
