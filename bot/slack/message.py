"""A message for Slack as this program makes it: the page that is read aloud, and the blocks that are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Block = dict[str, Any]
"""One Block Kit block or element, as JSON."""


@dataclass(frozen=True)
class Message:
    """``text`` is what a phone notification says, already escaped; ``blocks`` the message itself.

    ``broadcast`` is for thread messages that shall also show in the channel, because they page.
    """

    text: str
    blocks: Sequence[Mapping[str, Any]] = ()
    broadcast: bool = False


@dataclass(frozen=True)
class Attachment:
    """A file for a thread. ``name`` is unique in that thread: by it a file that was shared without an answer is found.

    ``comment`` stands above it, already escaped; ``alt`` is what a screen reader says of a picture.
    """

    name: str
    title: str
    content: bytes
    comment: str = ""
    alt: str = ""
