"""As much of HTTP/1.1 as the scripted judge speaks: how requests are read and responses spelled."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from kgalign.llm.scripted.wire import Refused

LONGEST_HEAD = 64 * 1024
_LONGEST_BODY = 64 * 1024 * 1024
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent back, in JSON."""

    status: int
    body: bytes
    headers: str = ""
    """More lines of the head, each with its end."""

    def head(self, *, last: bool) -> bytes:
        """What stands before the body.

        :param last: whether the connection ends after it.
        """
        close = "Connection: close\r\n" if last else ""
        return (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\nServer: kgalign-scripted\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n{self.headers}{close}\r\n"
        ).encode("latin-1")


def json_response(status: int, content: object, headers: str = "") -> Response:
    """A response that says this."""
    return Response(status, json.dumps(content, separators=(",", ":")).encode("ascii"), headers)


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request; names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    last: bool
    """Whether the connection ends after it."""


async def read_head(reader: asyncio.StreamReader) -> Head:
    """The head of the next request.

    Raises:
        Refused: it is too long, or no HTTP.
        IncompleteReadError: the connection ended.
    """
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError:
        raise Refused(431, "The head of the request is too long") from None
    line, *rest = text.strip("\r\n").split("\r\n")
    parts = line.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise Refused(400, "This is no HTTP request")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)
    }
    wish = headers.get("connection", "").lower()
    last = "close" in wish or (parts[2] == "HTTP/1.0" and "keep-alive" not in wish)
    return Head(parts[0], parts[1].partition("?")[0], headers, last)


async def read_body(head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The body that follows a head; who waits to be told so is told to send it.

    Raises:
        Refused: its length is not given, or too much.
        IncompleteReadError: the connection ended.
    """
    if "transfer-encoding" in head.headers:
        raise Refused(411, "Give the length of the body")
    length = head.headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise Refused(400, "The length of the body is no number")
    # A number of more digits than Python reads is also too many bytes.
    if len(length) > 18 or int(length) > _LONGEST_BODY:
        raise Refused(413, "The body is too long")
    if head.headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return await reader.readexactly(int(length))
