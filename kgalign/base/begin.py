"""To be imported before all else by a process of our own: what holds for all of it."""

from kgalign.base.own import one_arena, without_pandas

one_arena()
without_pandas()
