"""Models by name, and the addresses of their servers."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, model_validator

from kgalign.config.section import Section


def is_plain_url(url: str) -> bool:
    """Whether this is an HTTP URL with nothing secret in it."""
    try:
        parts = urlsplit(url)
        plain = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = plain and url.isprintable() and " " not in url and not parts.query and "@" not in parts.netloc
    return bool(parts.scheme in ("http", "https") and parts.hostname and plain and not parts.fragment)


def plain_url(value: str) -> str:
    """An address without what is secret and without a slash at its end.

    :raises ValueError: it is none.
    """
    if not is_plain_url(value):
        raise ValueError(
            "must be a URL such as http://localhost:8000/v1, without a user, a password or a query; "
            "a key is no part of it, it comes from KGALIGN_LLM_KEY"
        )
    return value.rstrip("/")


def _one_or_several(value: object) -> object:
    """An address, or several that differ; a list of one is that one.

    :raises ValueError: it is neither, or one of them is none.
    """
    if value is None or isinstance(value, str):
        return value if value is None else plain_url(value)
    if not isinstance(value, list | tuple) or not value or not all(isinstance(each, str) for each in value):
        raise ValueError("must be a URL, or a list of several")
    urls = tuple(map(plain_url, value))
    if len(set(urls)) < len(urls):
        raise ValueError("the same server twice is one server; give each once")
    return urls if len(urls) > 1 else urls[0]


Urls = Annotated[str | tuple[str, ...], BeforeValidator(_one_or_several)]
"""The address of a model's server, or those of several."""


class ModelConfig(Section):
    """One of several models."""

    model: str
    url: Annotated[str | tuple[str, ...] | None, BeforeValidator(_one_or_several)] = None
    """Its server, or several; None for those of all."""
    adapter: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _is_named(cls, value: object) -> object:
        return {"model": value} if isinstance(value, str) else value

    @property
    def name(self) -> str:
        """What its votes are known by."""
        return f"{self.model} with {self.adapter}" if self.adapter else self.model
