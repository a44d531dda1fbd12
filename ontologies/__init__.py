"""The vocabulary of runs, links, evidence and votes, and the SHACL shapes of votes, as package data."""
