"""Text from a file in a message: it is data, and may be long or hold anything."""

LIMIT = 160
"""Characters of it that are shown."""


def shorten(text: str, limit: int = LIMIT) -> str:
    """Text made fit for one line: control characters replaced, the end cut off where it is long."""
    plain = "".join(char if char.isprintable() else "\ufffd" for char in " ".join(text.split()))
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"
