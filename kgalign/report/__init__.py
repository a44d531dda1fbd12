"""Reports on finished runs: what a person looks at, and what two runs link differently."""

from kgalign.report.changes import Change, Changes, Kind, compare

__all__ = ["Change", "Changes", "Kind", "compare"]
