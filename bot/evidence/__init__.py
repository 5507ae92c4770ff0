"""Read-only collectors of observed facts, each with a deadline of its own."""
