"""HTTP to one server over connections that are kept.

It is not OpenAI's SDK: that builds a model of each request and each answer, which takes half of all the time
that a vote takes here, and with it half of what a server on the same machine is kept from doing.
"""

import urllib.request
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from kgalign import __version__

_CONNECT = 10.0
"""Seconds in which a connection must come about."""
_CONNECTIONS = 4096
_IDLE = 3.0
"""Seconds after which an unused connection is closed: before servers do so (uvicorn: 5), since a request
on a connection that is just being closed is lost."""
_PIECE = 1 << 18
"""Bytes of an answer that are taken in at once: one with log-probabilities has some 50,000."""


class Response(NamedTuple):
    """What a server answered, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Connections to one server; to be used in one event loop.

    Args:
        url: of the server; it decides whether a proxy of the environment is used.
        key: sent with every request.
        timeout: seconds in which a connection must come about, if that is less than ten.

    Whatever goes wrong is raised as aiohttp raises it, see :attr:`faults`.
    """

    def __init__(self, url: str, key: str, timeout: float) -> None:
        import aiohttp  # takes a quarter of a second

        self.faults: tuple[type[Exception], ...] = (aiohttp.ClientError, OSError)
        """What says that no answer came."""
        self.misuse: tuple[type[Exception], ...] = (
            aiohttp.InvalidURL,
            aiohttp.NonHttpUrlClientError,
            ValueError,
        )
        """What says that nothing could be sent, to be looked at before."""
        self._proxy = _proxy(url)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_IDLE),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=min(timeout, _CONNECT)),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_PIECE,
            headers={
                "Accept": "application/json",
                "Authorization": f"Bearer {key}",
                "User-Agent": f"kgalign/{__version__}",
            },
        )

    async def send(self, url: str, body: bytes | None = None) -> Response:
        """What a URL answers, to a POST of JSON if there is a body."""
        if body is None:
            sent = self._session.get(url, proxy=self._proxy)
        else:
            sent = self._session.post(url, data=body, headers=_JSON, proxy=self._proxy)
        async with sent as response:
            return Response(response.status, response.headers, await response.read())

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


_JSON = {"Content-Type": "application/json"}


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for a URL.

    Read once: aiohttp would look for it, and for a password in ~/.netrc, at each request and in a thread.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None  # it is no URL, as will be told when it is asked
    if not parts.hostname or urllib.request.proxy_bypass(parts.hostname):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy
