"""What can be chosen on the page where somebody runs a bot of their own: whatever can be broken in this very world.

Their bot is connected to this world, keeps its store and has settings that somebody gave it. What is told against a bot
that begins afresh is listed with the way to play it. It refuses to begin or to end a world.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence

from markupsafe import Markup

from bot.sandbox.breakages.every import BREAKAGES
from bot.sandbox.page.panels.panel import Act, Json, field
from bot.sandbox.page.render import render
from bot.sandbox.scenarios.schema import Scenario
from bot.sandbox.slack.errors import NotThere

NEEDS_OWN = "needs the sandbox's own bot"
WHY = (
    "A scenario is judged by what a bot does that begins afresh, with the settings of the scenario; some end it on the "
    "way or move its clock. Yours has a past and settings of its own."
)


class Rehearsal:
    """``groups`` are all that can be played, by their headings; ``breaks`` breaks this world and answers a sentence."""

    name, title = "playbill", "Scenarios"

    def __init__(self, groups: Mapping[str, Sequence[Scenario]], breaks: Callable[[str], Awaitable[str]]) -> None:
        here = {head: [one for one in listed if one.name in BREAKAGES] for head, listed in groups.items()}
        self._here = {head: listed for head, listed in here.items() if listed}
        self._others = {head: listed for head, listed in groups.items() if head not in self._here}
        self._breaks = breaks
        self.acts: Mapping[str, Act] = {"play": self._play}

    def mark(self) -> Hashable:
        """Always the same: nothing is on that could end."""
        return self.name

    def html(self) -> Markup:
        """All of it; the page's script finds among them."""
        return render("panels/rehearsal.html", here=self._here, others=self._others, needs=NEEDS_OWN, why=WHY)

    async def _play(self, body: Json) -> str:
        name = field(body, "scenario")
        if any(name == one.name for listed in self._here.values() for one in listed):
            return await self._breaks(name)
        if any(name == one.name for listed in self._others.values() for one in listed):
            raise NotThere(f"{name} {NEEDS_OWN}: fettle sandbox --scenario {name} plays it in a sandbox of its own.")
        raise NotThere(f"There is no scenario {name} here; choose one from the list.")
