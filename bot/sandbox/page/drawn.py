"""Messages already drawn, so that a page that comes back does not draw a whole channel again.

The page shares its loop with everything else in the sandbox; drawing three hundred cards takes most
of a second. It only remembers: what is drawn and when it is out of date is the caller's, by the key.
"""

from collections.abc import Callable, Hashable

# A few people looking at one full channel and a thread each.
KEPT = 2000


class Drawn:
    """HTML by key; the oldest is forgotten first."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._html: dict[Hashable, str] = {}

    def html(self, key: Hashable, draw: Callable[[], str]) -> str:
        """What was drawn under this key, drawn now if it never was."""
        found = self._html.pop(key, None)
        if found is None:
            found = draw()
        self._html[key] = found
        while len(self._html) > self._kept:
            del self._html[next(iter(self._html))]
        return found
