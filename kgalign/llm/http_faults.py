"""What a server's refusals and broken connections say."""

import datetime
import email.utils
import errno
import math
import socket
from collections.abc import Iterator, Mapping

_UNREACHABLE = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH})


def seconds_asked_for(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait, given as such or as a date (RFC 9110, 10.2.3)."""
    try:
        if "retry-after-ms" in headers:
            seconds = float(headers["retry-after-ms"]) / 1000
        else:
            seconds = float(headers["retry-after"])
    except KeyError:
        return None
    except ValueError:
        try:
            date = email.utils.parsedate_to_datetime(headers["retry-after"]).astimezone(datetime.UTC)
        except (KeyError, ValueError, OverflowError):
            return None
        seconds = (date - datetime.datetime.now(datetime.UTC)).total_seconds()
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """An error, and what caused it, the innermost last."""
    seen: set[int] = set()
    left = [error]
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            left += each.exceptions
        left += [cause for cause in (each.__cause__, each.__context__) if cause is not None]


def is_unreachable(error: BaseException) -> bool:
    """Whether nothing listens there."""
    if not isinstance(error, OSError):
        return False
    # asyncio joins the errors of a host's several addresses into one text.
    return (
        isinstance(error, socket.gaierror)
        or error.errno in _UNREACHABLE
        or "Connect call failed" in str(error)
    )


def message_of(body: object) -> str:
    """What a server says of a refusal, in the forms that are common."""
    for _ in range(4):
        if not isinstance(body, dict):
            break
        body = body.get("message", body.get("error", body.get("detail")))
    return body if isinstance(body, str) and not body.lstrip().startswith("<") else ""
