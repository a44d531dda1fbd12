"""The vocabulary of runs, links and evidence, as package data."""
