"""What can be played on the page instead of what is on: every scenario and breakage, and the free sandbox.

It refuses to begin or to end a world: whoever runs the worlds does, once it is told what was chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

from markupsafe import Markup

from bot.sandbox.page.panels.panel import Act, Json, field
from bot.sandbox.page.render import render
from bot.sandbox.scenarios.schema import Scenario
from bot.sandbox.slack.errors import NotThere


class Playbill:
    """``on`` is the scenario that plays, "" for the free sandbox; ``loss`` says what becomes of what is on.

    ``groups`` are by their headings. ``choose`` takes a scenario's name, "" for the free sandbox, and answers what the
    page says meanwhile.
    """

    name, title = "playbill", "Scenarios"

    def __init__(
        self, groups: Mapping[str, Sequence[Scenario]], on: str, loss: str, choose: Callable[[str], str]
    ) -> None:
        self.on = on
        self._groups, self._loss, self._choose = groups, loss, choose
        self.acts: Mapping[str, Act] = {"play": self._play, "free": self._free}

    def mark(self) -> Hashable:
        """The same as long as this world is."""
        return self.on

    def html(self) -> Markup:
        """All of it; the page's script finds among them."""
        return render("panels/playbill.html", groups=self._groups, on=self.on, loss=self._loss)

    async def _play(self, body: Json) -> str:
        name = field(body, "scenario")
        if not any(name == one.name for group in self._groups.values() for one in group):
            raise NotThere(f"There is no scenario {name} here; choose one from the list.")
        return self._choose(name)

    async def _free(self, _body: Json) -> str:
        return self._choose("")
