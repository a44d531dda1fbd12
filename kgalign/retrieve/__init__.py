"""Retrieve: the few pairs worth judging, from several channels."""

from kgalign.retrieve.union import retrieve

__all__ = ["retrieve"]
