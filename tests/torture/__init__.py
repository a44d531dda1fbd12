"""A seeded battery of kills, damage and hostile servers, judged by what must hold whatever happens.

``make torture`` runs all of it, ``python -m tests.torture --help`` says how to run a part. A small share
of it stands among the tests.
"""
