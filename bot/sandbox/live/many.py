"""Many scenarios side by side as a table: what plays, what went wrong, what is done, what waits."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from rich.text import Text

from bot.sandbox.live.parts import cut
from bot.sandbox.live.seen import Watched
from bot.sandbox.scenarios.engine import Result, Turn
from bot.sandbox.scenarios.schema import Scenario
from bot.sandbox.world import World

NAME = 27
"""Cells for a scenario's name."""


class Many:
    """What is known of each, by its name; in the order given."""

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        self._scenarios = {one.name: one for one in scenarios}
        self._playing: dict[str, Watched] = {}
        self._ended: dict[str, Result] = {}

    def watch(self, world: World, result: Result) -> Turn:
        """One begins."""
        self._playing[result.name] = Watched(self._scenarios[result.name], world, result)
        return self._playing[result.name].turn

    def done(self, result: Result) -> None:
        """One is over."""
        self._playing.pop(result.name, None)
        self._ended[result.name] = result

    def mark(self) -> Hashable:
        """Changes whenever another step begins, or a scenario begins or ends."""
        return len(self._ended), tuple((name, one.at, one.stage) for name, one in self._playing.items())

    def picture(self, width: int, height: int) -> list[Text]:
        """How many are how, then a line each: the wrong ones, those that play, the last that were done, the next."""
        wrong = [one for one in self._ended.values() if not one.ok]
        right = [one for one in self._ended.values() if one.ok]
        waiting = [name for name in self._scenarios if name not in self._ended and name not in self._playing]
        head = Text.assemble((f"{len(self._ended)} of {len(self._scenarios)} scenarios are over", "bold"))
        head.append(f" · ✓ {len(right)} as they should be", "green")
        head.append(f" · ✗ {len(wrong)} not", "bold red" if wrong else "bright_black")
        head.append(f" · {len(self._playing)} play · {len(waiting)} wait")
        titles = Text(f"   {'scenario':{NAME}} {'seconds':>7}  what", "bright_black")
        room = max(0, height - 2)
        bad = [_row("✗", "bold red", one.name, one.seconds, one.problems[0]) for one in wrong]
        on = [_row("▸", "cyan", name, one.result.transcript.seconds, one.step()) for name, one in self._playing.items()]
        bad = bad[-max(1, room - len(on)) :]
        over = [_row("✓", "green", one.name, one.seconds, "as it should be") for one in reversed(right)]
        next_ = [_row("·", "bright_black", name, None, self._scenarios[name].title) for name in waiting]
        left = max(0, room - len(bad) - len(on))
        shown_over = over[: max(left - len(next_), left // 2)]
        rows = [*bad, *on, *shown_over, *next_[: left - len(shown_over)]]
        return [cut(line, width) for line in [head, titles, *rows]][:height]


def _row(sign: str, style: str, name: str, seconds: float | None, words: str) -> Text:
    took = "" if seconds is None else f"{seconds:.0f}"
    line = Text.assemble((f" {sign} ", style), (f"{name:{NAME}}", style if sign in "✗▸" else ""), f" {took:>7}  ")
    return line.append(words.partition("\n")[0], "" if sign in "✗▸" else "bright_black")
