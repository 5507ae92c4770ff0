"""Conclusions from evidence: pure functions of a snapshot, one cause a file, ranked by ``ranked``."""
