"""What this machine knows to be in a store: kept beside the working folder for when a run goes on."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from kgalign.base.files import write_text
from kgalign.remote.store import Stored


@dataclass(frozen=True, slots=True)
class Known:
    """A file that is in the store."""

    sha256: str
    stored: Stored | None = None
    """Its size and age there, of files that no step wrote."""


@dataclass(slots=True)
class Note:
    """All of them; nothing is known where nothing was noted."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    records: list[str] = field(default_factory=list)
    """SHA-256 of the ``run.json`` that is there; and of those that may have got there since."""
    files: dict[str, Known] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Note":
        """What was noted in a file; nothing where there is none that can be read."""
        try:
            return TypeAdapter(Note).validate_json(path.read_bytes(), strict=True)
        except (OSError, ValidationError):
            return cls()

    def write(self, path: Path) -> None:
        """Write it down.

        :raises RunError: there is no room, or no permission.
        """
        write_text(path, json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")
