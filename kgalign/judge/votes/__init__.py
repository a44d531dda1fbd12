"""What votes come to: ballots, reducers, and the decisions of a run."""
