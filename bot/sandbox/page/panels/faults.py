"""The faults' panel: one row for each way worth a press in which Slack, the cluster and Alertmanager let the bot down.

A switch gives orders to the world's switchboard and takes the same ones back; some are over as soon as they are
pressed, and what is used up (a post that is dropped once) is off again by itself: the panel shows what holds. It
refuses to remember, and to know a fault that isn't in the table.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from bot.sandbox.faults.every import KINDS, Switchboard, sentence
from bot.sandbox.faults.fault import Order
from bot.sandbox.faults.presets import PRESETS, Preset
from bot.sandbox.page.panels.panel import Act, Json, field
from bot.sandbox.page.render import render
from bot.sandbox.slack.errors import NotThere


@dataclass(frozen=True)
class Row:
    """``word`` is how it stands, ``on`` None where there is nothing to switch off."""

    name: str
    label: str
    about: str
    on: bool | None
    word: str


class FaultsPanel:
    """The rows of these groups, all of them unless said otherwise, and whatever else a scenario ordered."""

    name, title = "faults", "Faults"

    def __init__(self, board: Switchboard, groups: Iterable[str] = PRESETS) -> None:
        self._board = board
        self._groups = {head: PRESETS[head] for head in groups}
        self._by_name = {one.name: one for listed in self._groups.values() for one in listed}
        self.acts: Mapping[str, Act] = {"turn": self._turn, "clear": self._clear}

    def mark(self) -> Hashable:
        """Which faults hold, those of a scenario too."""
        return tuple(self._is_on(one) for one in self._by_name.values()), tuple(self._others())

    def html(self) -> Markup:
        """All rows."""
        groups = [(head, [self._row(one) for one in listed]) for head, listed in self._groups.items()]
        others = [sentence(one) for one in self._others()]
        count = sum(bool(row.on) for _, rows in groups for row in rows) + len(others)
        return render("panels/faults.html", groups=groups, count=count, others=others)

    def _row(self, preset: Preset) -> Row:
        if not _holding(preset):
            return Row(preset.name, preset.label, preset.about, None, "now")
        on, once = self._is_on(preset), all(_is_used_up(order) for order in _holding(preset))
        words = ("✕ waits", "once") if once else ("✕ on", "off")
        return Row(preset.name, preset.label, preset.about, on, words[0 if on else 1])

    def _is_on(self, preset: Preset) -> bool:
        return any(self._board.holds(order) for order in _holding(preset))

    def _others(self) -> list[Order]:
        """What holds by a scenario's order, and stands in no row."""
        told = [order for one in self._by_name.values() if self._is_on(one) for order in one.orders]
        return [one for one in self._board.holding if one not in told]

    async def _turn(self, body: Json) -> str:
        preset = self._by_name.get(field(body, "switch"))
        if preset is None:
            raise NotThere("There is no such fault.")
        if self._is_on(preset):
            for order in preset.orders:
                self._board.lift(order)
            return f"Over: {_begin(preset.label)}."
        found = [await self._board.put(order) for order in preset.orders]
        return "" if _holding(preset) else f"Done: {_begin(preset.label)}{_counted(found[-1])}."

    async def _clear(self, _body: Json) -> str:
        self._board.clear()
        return "Everything works again."


def _is_used_up(order: Order) -> bool:
    """Whether it ends by itself, once it has hit."""
    kind = KINDS[order.of][order.kind]
    return order.times is not None and "times" in kind.takes and not kind.stays


def _holding(preset: Preset) -> list[Order]:
    """Its orders that can be taken back."""
    return [order for order in preset.orders if KINDS[order.of][order.kind].holds is not None]


def _counted(found: object) -> str:
    """How many connections or watches it was about, where the switchboard counts them."""
    return f" ({found} of them)" if isinstance(found, int) else ""


def _begin(label: str) -> str:
    """A label within a sentence; names keep their capital."""
    proper = label.startswith(("Slack", "Retry"))
    return label if proper else label[0].lower() + label[1:]
