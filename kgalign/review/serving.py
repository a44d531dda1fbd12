"""The page's server: on this machine alone, until it is stopped."""

import secrets
import socket
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from kgalign.errors import InputError, MissingExtra
from kgalign.review.session import Review

HOST = "127.0.0.1"
"""Nobody else can reach it."""
_NEEDED = ("jinja2", "starlette", "uvicorn")
_STOPPING = 2
"""Seconds that answers under way have once it is to stop."""


def check_extra() -> None:
    """See that what serves the page is installed.

    :raises MissingExtra: it is not.
    """
    if any(find_spec(name) is None for name in _NEEDED):
        raise MissingExtra("The page of `kgalign review`", "review")


def listen(port: int) -> socket.socket:
    """A socket of this machine that takes connections.

    :param port: 0 for any that is free.
    :raises InputError: another program listens there.
    """
    # asyncio sends without delay where the protocol is named, and 40 ms later where it is not.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((HOST, port))
        made.listen(128)
    except OSError as error:
        made.close()
        raise InputError(
            f"{HOST}:{port} can't be listened at: {error.strerror or error}", "Give another --port, or 0"
        ) from error
    return made


def serve(review: Review, listening: socket.socket, *, by: str, ready: Callable[[str], None]) -> None:
    """Serve the page of a review until Ctrl-C.

    :param listening: from :func:`listen`.
    :param by: the name that the page begins with.
    :param ready: called with the start address once it can be opened.
    """
    import uvicorn

    from kgalign.review.app import application

    port, token = listening.getsockname()[1], secrets.token_urlsafe(24)
    config = uvicorn.Config(
        application(review, port=port, token=token, by=by),
        log_level="error",
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=_STOPPING,
    )

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            ready(f"http://{HOST}:{port}/#token={token}")

        def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ANN401 - uvicorn's signature
            self.should_exit = True  # and the signal is not raised again at the end

    with listening:
        Server(config).run(sockets=[listening])
