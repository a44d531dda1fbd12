"""Addresses in object stores (``s3://``, ``gs://``, ``abfs://``) and in HDFS: which can be used, and how.

Who asks is told by the environment alone. An address that holds a key is refused and never shown.
"""

import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from kgalign.base.logs import printable
from kgalign.errors import InputError

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

SCHEMES = ("s3", "gs", "gcs", "abfs", "abfss", "hdfs", "viewfs")
_ADDRESS = re.compile(rf"({'|'.join(SCHEMES)})://", re.I)
_OPTIONS = {"region", "endpoint_override", "scheme"}
"""What may stand behind the question mark of an address; Arrow knows more, keys among them."""
_ONE_REQUEST = "allow_delayed_open=true"
_LONGEST = 80
"""Characters of an address that are shown where it is refused."""
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and, of one's own store, AWS_ENDPOINT_URL",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "abfs": "AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET",
    "hdfs": "HADOOP_HOME, JAVA_HOME and CLASSPATH",
}
"""Scheme → variables of the environment from which the libraries take who asks."""


def is_address(place: object) -> bool:
    """Whether a place lies in an object store or in HDFS."""
    return isinstance(place, str) and _ADDRESS.match(place) is not None


def checked(address: str) -> str:
    """An address that holds no secret.

    :raises InputError: it holds one, or something that is not known.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        raise InputError("an address of a store can't be read", "Write s3://BUCKET/PATH") from None
    host = parts.netloc.rpartition("@")[2]
    shown = f"{parts.scheme}://{printable(host, _LONGEST)}{printable(parts.path, _LONGEST)}"
    azure = parts.scheme.lower().startswith("abfs")  # container@account
    if "@" in parts.netloc and (not azure or ":" in parts.netloc.partition("@")[0]):
        raise InputError(
            f"the address {shown} holds a key or a password",
            f"Leave it out: who asks is told by the environment ({variables(address)})",
        )
    options = parse_qsl(parts.query, keep_blank_values=True)
    unknown = any(name not in _OPTIONS or "@" in value for name, value in options)
    if unknown or not parts.netloc or not address.isprintable():
        raise InputError(
            f"the address {shown} can't be used",
            f"Write s3://BUCKET/PATH, with nothing behind a question mark but {', '.join(sorted(_OPTIONS))}",
        )
    return address


def variables(address: str) -> str:
    """Names of the variables of the environment that say who asks the store of an address."""
    scheme = address.partition(":")[0].lower()
    return next((told for each, told in _CREDENTIALS.items() if scheme.startswith(each)), "")


def opened(address: str) -> "tuple[FileSystem, str]":
    """The filesystem of a checked address, and the path in it.

    :raises OSError, ValueError, NotImplementedError: the store can't be spoken to.
    """
    from pyarrow.fs import FileSystem

    place = re.sub(r"^gcs://", "gs://", address, flags=re.I)
    if place.lower().startswith("s3:"):
        # A small file is written by one request and not by three.
        with suppress(ValueError):  # older versions of Arrow don't know that
            system, path = FileSystem.from_uri(f"{place}{'&' if '?' in place else '?'}{_ONE_REQUEST}")
            return system, path.rstrip("/")
    system, path = FileSystem.from_uri(place)
    return system, path.rstrip("/")


def on_this_machine(place: str | Path) -> Path:
    """The path of what has to lie on this machine.

    :raises InputError: it is an address.
    """
    if is_address(place):
        shown = printable(checked(str(place)))
        raise InputError(
            f"{shown} lies in a store, and this takes what lies on this machine",
            f"Copy it first: `kgalign copy {shlex.quote(shown)} run` makes a folder `run` of a run there",
        )
    return Path(place)
