"""How SPARQL endpoints are asked."""

from pydantic import Field

from kgalign.config.section import Section


class SparqlConfig(Section):
    """What is asked of an endpoint, and how politely; of what is fetched only the content counts."""

    left_query: str | None = None
    """File with a CONSTRUCT query for the left side; None for all statements."""
    right_query: str | None = None
    page: int = Field(default=10_000, ge=1, le=1_000_000)
    """Rows that are asked for at once; fewer after an error."""
    pause: float = Field(default=0.5, ge=0, le=60)
    """Seconds between two requests."""
    timeout: float = Field(default=120.0, gt=0, le=3600)
    """Seconds that an answer may take."""
    retries: int = Field(default=5, ge=0, le=100)
    """How often a request that failed is put again."""
    megabytes: int = Field(default=256, ge=1, le=4096)
    """Most megabytes (of 2**20 bytes) of one answer."""
    statements: int = Field(default=50_000_000, ge=1)
    """Most statements of an endpoint."""

    def query(self, side: str) -> str | None:
        """The file with the query of a side."""
        return self.right_query if side == "right" else self.left_query
