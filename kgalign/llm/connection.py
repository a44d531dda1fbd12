"""Connections to a server that are kept: a body goes out, a status and a body come back.

Nothing is known here of what is said. The client of OpenAI took more time for a question than all else that
is done for it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp

_CONNECT = 10.0
"""Seconds in which a connection must come about."""
_CONNECTIONS = 4096
_IDLE = 3.0
"""Seconds after which an unused connection is closed: before servers do so (uvicorn: 5), since a request
on a connection that is just being closed is lost."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Names in whatever case."""
    body: bytes


class Connection:
    """Connections to one server; to be used in one event loop.

    Proxies are those of the environment. What it redirects to is followed; the key goes to no other host.

    :param url: what paths follow.
    :param key: of the server.
    :param timeout: seconds in which more of an answer must come; None for no such limit.
    """

    def __init__(self, url: str, key: str, timeout: float | None) -> None:
        self._url, self._timeout = url, timeout
        self._headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
        self._session: aiohttp.ClientSession | None = None
        self._proxy: dict[str, Any] = {}

    async def send(self, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """What a path answers, to a POST if there is a body.

        :param path: below the URL, or a whole URL.
        :raises UnicodeError: the body is no Unicode text.
        :raises TimeoutError: the time is up.
        :raises OSError: nothing listens there.
        :raises aiohttp.ClientError: it does not answer, or what comes is no HTTP.
        """
        session = self._session or self._open()
        url = path if "://" in path else f"{self._url}{path}"
        given: dict[str, Any] = dict(self._proxy)
        if body is not None:
            given["data"] = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            given["headers"] = {"Content-Type": "application/json"}
        async with session.request("GET" if body is None else "POST", url, **given) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def close(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> "aiohttp.ClientSession":
        import aiohttp
        from aiohttp.helpers import get_env_proxy_for_url
        from yarl import URL

        try:
            proxy, credentials = get_env_proxy_for_url(URL(self._url))
            self._proxy = {"proxy": proxy, "proxy_auth": credentials}
        except LookupError:
            self._proxy = {}
        connect = min(self._timeout or _CONNECT, _CONNECT)
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(None, sock_connect=connect, sock_read=self._timeout),
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_IDLE),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self._session
