"""The garbage collector of a process that lives for months and takes thousands of alerts a second.

Python's own settings are made for short programs: it would look at everything that was imported again and again, and
at what is young after every other alert. Nothing here frees less, it only looks less often.
"""

from __future__ import annotations

import gc

YOUNG = 5000
"""Containers made and not freed before the young ones are looked at; some ten deliveries of alerts."""


def settle() -> None:
    """Called once, when everything is loaded and connected: what is there now stays to the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
