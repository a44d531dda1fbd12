"""The judge that comes with kgalign: a small language model in this process, trained on pairs of records."""
