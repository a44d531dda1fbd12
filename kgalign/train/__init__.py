"""Training: from links, decisions and votes to a judge of one's own.

No stage and no command of a run imports this package; what it makes (adapters, students, encoders) is named
in the configuration of a run. Its heavy libraries are the ``train`` extra, imported where they are used.
"""
