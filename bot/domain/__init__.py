"""What the words mean and which transitions are legal: standard library only, no I/O, never asks the time."""
