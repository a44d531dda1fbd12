"""Where heavy work is done."""

from typing import Literal, Self

from pydantic import Field, model_validator

from kgalign.config.section import Section


class EngineConfig(Section):
    """Where heavy work is done; none of it decides what comes out."""

    name: Literal["local", "ray"] = "local"
    """``local``: threads of this process. ``ray``: tasks of a Ray cluster; needs the extra ``ray``."""
    address: str | None = None
    """Of the cluster: ``auto`` (the one that this machine is part of), ``HOST:PORT`` or ``ray://HOST:PORT``.
    None to start one on this machine, for as long as the run takes."""
    partitions: int | None = Field(default=None, ge=1, le=100_000)
    """Tasks of Ray that heavy work is cut into at most, each with parts that follow each other. None for a
    task for each part."""

    @model_validator(mode="after")
    def _only_of_ray(self) -> Self:
        if self.name != "ray" and (self.address is not None or self.partitions is not None):
            raise ValueError("an address and partitions are of the engine ray: name it, too (--engine ray)")
        return self
