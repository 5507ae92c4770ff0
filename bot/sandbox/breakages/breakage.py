"""One way in which a cluster breaks, and what a person should then be told. It refuses to break anything by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.sandbox.breakages.site import Site

Happening = Callable[[Site], object]


def nothing(_site: Site) -> None:
    """Nothing happens."""


@dataclass(frozen=True)
class Breakage:
    """A breakage.

    ``entry`` is the playbook of the catalog that is for it, ``alerts`` the rules that tell of it, the first of which is
    fired; ``workload`` is the main workload's name, ``about`` what they name where that isn't it, ``labels`` are
    further ones. ``alone`` is what has no neighbour, because it happens in no namespace. ``furnish`` happens long
    before, ``happen`` is the breaking, ``ago`` seconds before now, ``lately`` what is seen now.

    ``cause`` is the finding that has to come first, ``says`` are words of the card; ``offers`` is a button's first
    words, ``by_hand`` the beginning of the command that the card gives as advice, ``refuses`` why policy lets nothing
    be offered.
    """

    name: str
    entry: str
    title: str
    alerts: tuple[str, ...]
    cause: str
    happen: Happening
    workload: str = "api"
    says: tuple[str, ...] = ()
    offers: str = ""
    by_hand: str = ""
    refuses: str = ""
    furnish: Happening = nothing
    lately: Happening = nothing
    about: str = ""
    ago: float = 600.0
    alone: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
