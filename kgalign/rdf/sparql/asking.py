"""One request to an endpoint: bounded in time and size, to no other host, with what went wrong in words."""

import email.utils
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO
from urllib.parse import urlencode, urlsplit

from kgalign.base.version import __version__
from kgalign.config.sparql import SparqlConfig
from kgalign.errors import InputError
from kgalign.rdf.sparql.address import Endpoint
from kgalign.rdf.text import shorten

ENDINGS: Mapping[str, str] = {
    "application/n-triples": ".nt",
    "text/plain": ".nt",
    "text/turtle": ".ttl",
    "application/x-turtle": ".ttl",
    "application/rdf+xml": ".rdf",
}
"""Types of content that are taken, and how files of them end."""
_ACCEPT = "application/n-triples, text/turtle;q=0.9, application/rdf+xml;q=0.5"
_AGENT = f"kgalign/{__version__} (alignment of RDF graphs)"
_PIECE = 1 << 16
_LONGEST_URL = 2000
_SAID = 300
"""Bytes of a refusal that are looked at."""
_LATER = frozenset({429, 503})
_SMALLER = frozenset({408, 500, 502, 504})


class Failed(Exception):
    """A request that may succeed if it is put again.

    :param reason: what happened, for a sentence.
    :param after: seconds that the server wants to be left alone, None where it does not say.
    :param smaller: whether a smaller page may help.
    """

    def __init__(self, reason: str, *, after: float | None = None, smaller: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.after, self.smaller = reason, after, smaller


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered."""

    body: bytes
    ending: str
    """How a file of its format ends."""


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows redirects within a host, from HTTP to HTTPS too, and to no other."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        upgraded = (old.scheme, new.scheme) == ("http", "https") and old.hostname == new.hostname
        if (old.scheme, old.netloc) != (new.scheme, new.netloc) and not upgraded:
            fp.close()
            raise InputError(
                f"the SPARQL endpoint at {old.netloc} sends on to another: {shorten(new.netloc)}",
                "Give the address of that one, if you trust it",
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def ask(endpoint: Endpoint, query: str, config: SparqlConfig) -> Answer:
    """Put a query to an endpoint.

    :raises Failed: it did not answer, or not to the end, or asks to come again.
    :raises InputError: it can't be reached, refuses the query, or answers with something else than RDF.
    """
    request = _request(endpoint, query)
    deadline = time.monotonic() + config.timeout
    try:
        with urllib.request.build_opener(_SameHost).open(request, timeout=config.timeout) as response:
            ending = _ending(endpoint, response.headers.get_content_type())
            return Answer(_body(endpoint, response, deadline, config), ending)
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(endpoint, error) from error
    except urllib.error.URLError as error:
        reason = error.reason
        if isinstance(reason, TimeoutError):
            raise Failed(_slow(config), smaller=True) from error
        told = reason.strerror.lower() if isinstance(reason, OSError) and reason.strerror else str(reason)
        raise InputError(
            f"the SPARQL endpoint at {endpoint.host} can't be reached: {shorten(told)}",
            "Check its address, and whether it is up; what was fetched is kept",
        ) from error
    except TimeoutError as error:
        raise Failed(_slow(config), smaller=True) from error
    except (http.client.HTTPException, OSError) as error:
        raise Failed(f"it broke off in its answer ({type(error).__name__})", smaller=True) from error


def _request(endpoint: Endpoint, query: str) -> urllib.request.Request:
    """A GET request, or a POST where the address would be too long."""
    headers = {"Accept": _ACCEPT, "User-Agent": _AGENT}
    form = urlencode({"query": query})
    whole = f"{endpoint.url}{'&' if urlsplit(endpoint.url).query else '?'}{form}"
    if len(whole) <= _LONGEST_URL:
        return urllib.request.Request(whole, headers=headers)
    return urllib.request.Request(endpoint.url, form.encode(), headers)


def _ending(endpoint: Endpoint, content: str) -> str:
    if content in ENDINGS:
        return ENDINGS[content]
    what = "an HTML page" if content == "text/html" else f"'{shorten(content, 60)}'"
    raise InputError(
        f"{endpoint.host} answers with {what} where RDF was asked for",
        "Give the address of the SPARQL endpoint itself, which is often …/sparql",
    )


def _body(
    endpoint: Endpoint, response: http.client.HTTPResponse, deadline: float, config: SparqlConfig
) -> bytes:
    """All of an answer."""
    pieces: list[bytes] = []
    size = 0
    while piece := response.read1(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > config.megabytes << 20:
            raise InputError(
                f"{endpoint.host} answers with more than {config.megabytes} MB at once",
                "Ask for smaller pages with sparql.page, or allow more with sparql.megabytes",
            )
        if time.monotonic() > deadline:
            raise Failed(_slow(config), smaller=True)
    if response.length:
        raise Failed("it broke off in its answer", smaller=True)
    return b"".join(pieces)


def _slow(config: SparqlConfig) -> str:
    return f"it did not answer in {config.timeout:g} seconds"


def _refused(endpoint: Endpoint, error: urllib.error.HTTPError) -> Exception:
    """What to raise for a status that is no success."""
    after = _seconds(error.headers.get("Retry-After"))
    if error.code in _LATER:
        return Failed(f"it answers with status {error.code}", after=after)
    if error.code in _SMALLER:
        return Failed(f"it answers with status {error.code}", after=after, smaller=True)
    try:
        said = error.read(_SAID).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        said = ""
    shown = f": {shorten(said)}" if said.strip() and not said.lstrip().startswith("<") else ""
    return InputError(
        f"the SPARQL endpoint at {endpoint.host} answers with status {error.code}{shown}",
        "Check its address and the query",
    )


def _seconds(told: str | None) -> float | None:
    """Seconds to wait by ``Retry-After``, which is a number or a date."""
    if not told:
        return None
    try:
        return max(float(int(told)), 0.0)
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(told)
    except (ValueError, TypeError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
