"""What a panel is: a fragment that follows something, and acts that a person does in it.

A panel's HTML is put in place node by node, so that a tile keeps its identity while it changes. It refuses to know of
the Slack workspace: panels show what stands beside it.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any, Protocol

from markupsafe import Markup

Json = Mapping[str, Any]
Act = Callable[[Json], Awaitable[str]]
"""Takes the form's fields and answers a sentence for the person, "" for none; ``NotThere`` is a refusal in words."""


class Panel(Protocol):
    """``name`` stands in addresses, ``title`` on the tab; ``acts`` are by verb."""

    name: str
    title: str
    acts: Mapping[str, Act]

    def mark(self) -> Hashable:
        """Changes whenever the panel would be drawn differently; asked for several times a second."""

    def html(self) -> Markup:
        """The whole panel."""


def field(body: Json, name: str) -> str:
    """One field of the form, "" where it is missing."""
    value = body.get(name)
    return value.strip() if isinstance(value, str) else ""
