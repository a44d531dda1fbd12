"""Who may talk to the page's server: the page itself, and nothing else on this machine or elsewhere.

What is refused, and why: a name that is none of ours (DNS rebinding), another origin (other sites), another
port of this machine (the same site for a browser, yet another program), a request without the token of the
start address (other users), and what a form of another page could send.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any

TOKEN_HEADER = "x-kgalign-token"
"""A header of our own: a page elsewhere can't send it without asking first, and is refused then. No cookie
is used: browsers give cookies to every port of a machine."""
LONGEST_BODY = 256 * 1024
"""Bytes of a request."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def policy(nonce: str) -> str:
    """What the page may do: its own scripts and styles, its own server, and nothing else."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            f"style-src 'nonce-{nonce}'",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )


class Guard:
    """Lets through what the page itself asks, and adds the headers that keep the page to itself.

    :param app: what answers.
    :param port: at which the server listens.
    :param token: what the start address holds.
    """

    def __init__(self, app: App, *, port: int, token: str) -> None:
        self._app, self._token = app, token
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it; what is no request is not answered."""
        if scope["type"] != "http":
            return
        nonce = scope["nonce"] = secrets.token_urlsafe(16)
        refused = self._refusal(scope)
        if refused is not None:
            await _refuse(_guarded(send, nonce), *refused)
            return
        await self._app(scope, _bounded(receive), _guarded(send, nonce))

    def _refusal(self, scope: Scope) -> tuple[HTTPStatus, str] | None:
        """Why a request is not let through; None where it is."""
        headers = _plain(scope)
        if headers is None:
            return HTTPStatus.BAD_REQUEST, "a header is there twice"
        host = headers.get("host", "")
        if host not in self._hosts:
            return HTTPStatus.MISDIRECTED_REQUEST, "this is not the server of that name"
        if headers.get("origin", f"http://{host}") != f"http://{host}":
            return HTTPStatus.FORBIDDEN, "another page asks"
        is_api = scope["path"].startswith("/api/")
        site = headers.get("sec-fetch-site", "same-origin")
        if site != "same-origin" and (is_api or site != "none"):
            return HTTPStatus.FORBIDDEN, "another page asks"
        return self._api_refusal(scope, headers) if is_api else _page_refusal(scope)

    def _api_refusal(self, scope: Scope, headers: Mapping[str, str]) -> tuple[HTTPStatus, str] | None:
        if scope["method"] != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED, "only POST"
        if not secrets.compare_digest(headers.get(TOKEN_HEADER, "").encode(), self._token.encode()):
            return HTTPStatus.UNAUTHORIZED, "open the address that the terminal shows"
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "only application/json"
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            return HTTPStatus.LENGTH_REQUIRED, "the length is missing"
        if int(length) > LONGEST_BODY:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too long"
        return None


def _page_refusal(scope: Scope) -> tuple[HTTPStatus, str] | None:
    allowed = scope["method"] in ("GET", "HEAD")
    return None if allowed else (HTTPStatus.METHOD_NOT_ALLOWED, "only GET")


def _plain(scope: Scope) -> dict[str, str] | None:
    """The headers by name; None where one that decides anything is there twice."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        if key in found and key in ("host", "origin", "content-type", "sec-fetch-site", TOKEN_HEADER):
            return None
        found[key] = value.decode("latin-1")
    return found


def _bounded(receive: Receive) -> Receive:
    """Receive no more than a request may hold, whatever its head said."""
    taken = 0

    async def next_part() -> MutableMapping[str, Any]:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return message if taken <= LONGEST_BODY else {"type": "http.disconnect"}

    return next_part


def _guarded(send: Send, nonce: str) -> Send:
    """Send every answer with the headers that guard it."""
    extra = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
    extra.append((b"content-security-policy", policy(nonce).encode()))
    own = {name for name, _ in extra}

    async def with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            kept = [each for each in message.get("headers", []) if each[0].lower() not in own]
            message = {**message, "headers": [*kept, *extra]}
        await send(message)

    return with_headers


async def _refuse(send: Send, status: HTTPStatus, why: str) -> None:
    body = f"{why}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
