"""What a registry of images tells, whichever it is: tags, and of one image its digest and when it was made.

It refuses to say which tag is meant; that is ``bot.domain.tags``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Tags:
    """The tags of one repository, in no order; ``cut`` whether there are more than were read."""

    names: tuple[str, ...]
    cut: bool = False


@dataclass(frozen=True)
class Published:
    """One image: its digest, and when it was built or pushed (RFC 3339, UTC; empty where nobody says)."""

    digest: str
    made_at: str = ""


class Registry(Protocol):
    """One registry; its questions raise only errors of ``bot.domain.errors``."""

    async def tags(self, repository: str, *, within: float) -> Tags:
        """All tags; ``NotFoundError`` where there is no such repository."""

    async def published(self, repository: str, reference: str, *, within: float) -> Published | None:
        """The image under a tag or a digest; None where there is none."""

    async def check(self, *, within: float) -> str:
        """A sentence on how it lets us in; raises where it doesn't."""

    async def close(self) -> None:
        """Closes the connections."""
