"""Fettle: the program (rooms in docs/architecture.md)."""
