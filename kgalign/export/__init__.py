"""Export: links, the fused graph and its conflicts in the formats that others read."""

from kgalign.export.conflicts import write_conflicts
from kgalign.export.differences import write_differences
from kgalign.export.link_files import write_link_files, write_links, write_oaei
from kgalign.export.provenance import write_provenance
from kgalign.export.rows import Written, links_and_refused
from kgalign.export.sssom import write_sssom
from kgalign.export.tables import write_worklist

__all__ = [
    "Written",
    "links_and_refused",
    "write_conflicts",
    "write_differences",
    "write_link_files",
    "write_links",
    "write_oaei",
    "write_provenance",
    "write_sssom",
    "write_worklist",
]
