"""Names inside IRIs."""

import re
from urllib.parse import unquote

_SCHEME = re.compile(r"[^:/?#]*://")


def local_name(iri: str) -> str:
    """What comes after the last slash or number sign of an IRI, percent signs decoded.

    Where there is neither, as in ``urn:isbn:123``, it is what comes after the last colon. Marks at the end
    of the IRI part nothing.
    """
    text = iri.rstrip("/#:")
    found = _SCHEME.match(text)
    parts = text[found.end() if found else 0 :].replace("#", "/").split("/")
    name = parts[0].rsplit(":", 1)[-1] if found is None and len(parts) == 1 else parts[-1]
    return unquote(name)
