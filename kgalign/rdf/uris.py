"""IRIs as URIs."""

import re
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

_NOT_URI = re.compile(r"[^A-Za-z0-9._~:/?#@!$&'()*+,;=%-]|%(?![0-9A-Fa-f]{2})")
_MAY_DIFFER = r"[^A-Za-z0-9._~:/?#@!$&'()*+,;=-]|#.*#"
"""What an IRI has that may be no URI as it is."""


def as_uri(iri: str) -> str:
    """The URI of an IRI (RFC 3987, section 3.1): what a URI may not hold is percent-encoded."""
    uri = _NOT_URI.sub(lambda found: quote(found[0], safe=""), iri)
    head, mark, fragment = uri.partition("#")
    return head + mark + fragment.replace("#", "%23")


def as_uris(iris: pa.LargeStringArray) -> pa.LargeStringArray:
    """(n,) the URI of each IRI."""
    other = pc.match_substring_regex(iris, _MAY_DIFFER)
    if not pc.any(other, min_count=0).as_py():
        return iris
    changed = [as_uri(iri) for iri in iris.filter(other).to_pylist()]
    return pc.replace_with_mask(iris, other, pa.array(changed, pa.large_string()))
