"""Measuring whether an action worked, one check a file; absence of data is never a pass."""
