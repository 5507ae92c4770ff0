"""One planted bug: a small change of one file of the program, and the tests that must go red for it.

It refuses a change that doesn't fit the source exactly once: a planting that fits nowhere proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


class MisfitError(Exception):
    """The source isn't what the planting was written for."""


@dataclass(frozen=True)
class Bug:
    """``old`` becomes ``new`` in ``file`` (a path from the root), ``also`` are further changes of the same file.

    ``why`` is what it would do to the people who run the program. ``tests`` are files, or ``file::function`` where the
    whole file takes long, in the order in which they are run.
    """

    name: str
    why: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    also: tuple[tuple[str, str], ...] = ()

    def planted(self, text: str) -> str:
        """The file's text with the bug in it; raises ``MisfitError`` where the old text isn't there exactly once."""
        for old, new in ((self.old, self.new), *self.also):
            found = text.count(old)
            if found != 1:
                raise MisfitError(f"{self.name}: {self.file} has this {found} times, not once: {old!r}")
            text = text.replace(old, new)
        return text
