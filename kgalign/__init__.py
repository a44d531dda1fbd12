"""Find which entities of two RDF graphs are the same, and fuse the graphs into one.

The public names; what they need is imported when one is first used, so that ``import kgalign`` is fast.
"""

import importlib
from typing import TYPE_CHECKING

from kgalign.base.version import __version__

if TYPE_CHECKING:
    from kgalign.api import AlignmentResult, align, fuse, open
    from kgalign.config import Config, load_config
    from kgalign.errors import ConfigError, InputError, KgalignError, MissingExtra, RunError
    from kgalign.rdf.graph import Graph
    from kgalign.records import Alignment, Candidates, Outcome, Profile, Verdicts
    from kgalign.run.folder import RunFolder

__all__ = [
    "Alignment",
    "AlignmentResult",
    "Candidates",
    "Config",
    "ConfigError",
    "Graph",
    "InputError",
    "KgalignError",
    "MissingExtra",
    "Outcome",
    "Profile",
    "RunError",
    "RunFolder",
    "Verdicts",
    "__version__",
    "align",
    "fuse",
    "load_config",
    "open",
]

_HOMES = {
    "kgalign.api": ("AlignmentResult", "align", "fuse", "open"),
    "kgalign.config": ("Config", "load_config"),
    "kgalign.errors": ("ConfigError", "InputError", "KgalignError", "MissingExtra", "RunError"),
    "kgalign.run.folder": ("RunFolder",),
    "kgalign.rdf.graph": ("Graph",),
    "kgalign.records": ("Alignment", "Candidates", "Outcome", "Profile", "Verdicts"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'kgalign' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
