"""Links between two graphs: read, known, unmade, counted."""
