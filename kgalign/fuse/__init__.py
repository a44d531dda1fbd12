"""From two graphs and the links between them to one graph."""

from kgalign.fuse.plain import fuse, write_fused

__all__ = ["fuse", "write_fused"]
