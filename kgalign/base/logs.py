"""Logging for the command line: plain lines or one JSON object per line, on the standard error output."""

import json
import logging
import time
from typing import Literal, TextIO

Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")


class TextFormatter(logging.Formatter):
    """One line per record: what graphs hold can't start a line of its own or move the cursor."""

    def format(self, record: logging.LogRecord) -> str:
        """``warning: message``, with the traceback below it where there is one."""
        line = f"{record.levelname.lower()}: {printable(record.getMessage())}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object per record: time (UTC), level, logger, message and, with it, a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        entry = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def configure(level: Level, as_json: bool, stream: TextIO) -> None:
    """Send kgalign's log to ``stream``; the root logger and other libraries are left alone."""
    logger = logging.getLogger("kgalign")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    logger.propagate = False


def printable(text: str, limit: int = 2000) -> str:
    """Text from anywhere as one line that a terminal shows as it is: no control characters, not too long.

    Characters that turn the direction of writing are escaped too, since they can hide what follows them.
    """
    if len(text) > limit:
        half = limit // 2
        text = f"{text[:half]}…{text[-half:]}"
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text
    )
