"""How much of what a file holds is taken: a stranger's file may be made to exhaust the machine."""

from pydantic import ByteSize, Field

from kgalign.config.section import Section


class LimitsConfig(Section):
    """What is larger is refused with a sentence; none of it decides what comes out of what is read."""

    memory: ByteSize | None = Field(default=None, ge=200_000_000)
    """Bytes of memory that a run may hold, such as ``"4GB"``: what is longer lies in files under the run
    folder, and is looked at in parts. None for a share of what is free when it begins. What comes out is the
    same."""

    processes: int | None = Field(default=None, ge=1, le=2)
    """Processes that a run works in: with two of them steps that do not need each other are done side by
    side, and share ``memory``. None for two where there are cores and graphs enough for that."""

    depth: int = Field(default=1000, ge=1, le=2000)
    """Most objects and arrays of JSON-LD, or elements of RDF/XML, that may lie in each other. Parsers take
    time and memory by the square of it, and from some three thousand on the process would be lost."""
    value_megabytes: int = Field(default=64, ge=16, le=1024)
    """Most megabytes (of 2**20 bytes) of one value, as it stands in the unpacked text of a file."""
    columns: int = Field(default=1000, ge=1, le=100_000)
    """Most columns of a table."""

    @property
    def value_bytes(self) -> int:
        """The same in bytes."""
        return self.value_megabytes << 20
