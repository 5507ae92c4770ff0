"""What there is to see of a scenario that plays, as values: steps, workloads, the card, what happened, the audit.

Each part is read again only when what it is read from has changed. It refuses to draw and to change anything.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal

from bot.sandbox.page.panels import audit, reading
from bot.sandbox.page.panels.reading import State, Workload
from bot.sandbox.scenarios import audited
from bot.sandbox.scenarios.captions import caption
from bot.sandbox.scenarios.engine import Result
from bot.sandbox.scenarios.schema import Scenario, Step
from bot.sandbox.scenarios.steps import Player
from bot.sandbox.world import World

WRITES = frozenset({"create", "update", "patch", "delete"})
NO_WRITES = ("reviews", "leases", "events")
"""What a client creates to ask something, to be elected or to tell: nothing of the cluster is changed by it."""
WRITE = "✎"
LOOKED_THROUGH, KEPT = 400, 40
Stage = Literal["starts", "plays", "looks back", "right", "wrong"]


@dataclass(frozen=True)
class StepSeen:
    """``seconds`` is how long it took, or has taken so far; None for one that is to come."""

    state: Literal["done", "now", "wrong", "later"]
    caption: str
    seconds: float | None = None


@dataclass(frozen=True)
class Line:
    """One thing that happened: when (clock, UTC), what it is, and words about it; ``is_write`` if the bot did it."""

    at: str
    state: State
    words: str
    is_write: bool = False


@dataclass(frozen=True)
class Seen:
    """One moment. ``card`` are the lines of the one that is looked at, ``heading`` its name."""

    name: str
    title: str
    stage: Stage
    seconds: float
    steps: Sequence[StepSeen]
    workloads: Sequence[Workload] = ()
    heading: str = "Card"
    card: Sequence[str] = ()
    happened: Sequence[Line] = ()
    audit: Sequence[Line] = ()
    entries: int = 0
    problems: Sequence[str] = ()


@dataclass
class Watched:
    """One scenario that plays in a world; the engine calls ``turn`` before each step.

    ``store`` is the bot's; once that is gone, what was read of it last is what there is to see.
    """

    scenario: Scenario
    world: World
    result: Result
    at: int = -1
    _player: Player | None = None
    _began: float = 0.0
    _captions: list[str] = field(default_factory=list)
    _kept: dict[str, tuple[Hashable, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = self.world.folder / "fettle.db"
        self._captions = [caption(step) for step in self.scenario.steps]

    async def turn(self, at: int, _step: Step, player: Player) -> bool:
        """A step begins, at once."""
        if at == 0:
            self._began = self.result.transcript.seconds
        self.at, self._player = at, player
        return True

    def mark(self) -> Hashable:
        """Changes whenever something else is to be seen, but for the seconds."""
        return (
            self.at, len(self.result.times), self.result.seconds, self.world.cluster.store.version,
            self.world.slack_server.workspace.last_change, audit.written(self.store),
        )  # fmt: skip

    @property
    def stage(self) -> Stage:
        """How far it is."""
        if self.result.seconds:
            return "right" if self.result.ok else "wrong"
        if self.at < 0:
            return "starts"
        return "looks back" if self.result.problems or len(self.result.times) == len(self._captions) else "plays"

    def step(self) -> str:
        """The step that is on, in a line."""
        if self.stage == "plays":
            return f"step {self.at + 1} of {len(self._captions)}: {self._captions[self.at]}"
        return {"starts": "Slack, the cluster and the bot start"}.get(self.stage, "looking back")

    def seen(self) -> Seen:
        """Everything as it is now."""
        world = self.world
        version = world.cluster.store.version
        if self.store.is_file() or "audit" not in self._kept:
            self._once("audit", audit.written(self.store), lambda: _audit(self.store))
        lines, entries = self._kept["audit"][1]
        card_mark = (world.slack_server.workspace.last_change, self.at)
        heading, card = self._once("card", card_mark, self._card)
        return Seen(
            name=self.scenario.name,
            title=self.scenario.title,
            stage=self.stage,
            seconds=self.result.seconds or self.result.transcript.seconds,
            steps=self._steps(),
            workloads=self._once("workloads", version, lambda: reading.workloads(world.cluster)),
            heading=heading,
            card=card,
            happened=self._once("happened", version, lambda: happened(world)),
            audit=lines,
            entries=entries,
            problems=self.result.problems,
        )

    def _once(self, name: str, mark: Hashable, read: Callable[[], Any]) -> Any:
        if name not in self._kept or self._kept[name][0] != mark:
            self._kept[name] = (mark, read())
        return self._kept[name][1]

    def _steps(self) -> list[StepSeen]:
        found, times = [], self.result.times
        for at, words in enumerate(self._captions):
            began = times[at - 1] if 0 < at <= len(times) else self._began
            if at < len(times):
                found.append(StepSeen("done", words, times[at] - began))
            elif at == self.at:
                state: Literal["now", "wrong"] = "wrong" if self.result.problems else "now"
                found.append(StepSeen(state, words, self.result.transcript.seconds - began))
            else:
                found.append(StepSeen("later", words))
        return found

    def _card(self) -> tuple[str, list[str]]:
        """The one that the scenario looks at, else the newest."""
        card = self._player.card if self._player is not None else None
        if card is None:
            card = next(iter(reversed(self.world.slack.cards())), None)
        if card is None:
            return "Card", []
        more = len(self.world.slack.cards()) - 1
        others = f", and {more} more {'card' if more == 1 else 'cards'}" if more else ""
        return f"Card INC-{card.incident}{others}", card.lines


def happened(world: World) -> list[Line]:
    """Events of the cluster and the bot's writes, the newest last."""
    found = [
        (
            one.at,
            State("warn", "⚠", one.reason) if one.warning else State("gone", "·", one.reason),
            f"{one.about}: {one.message}{f' ({one.count} times)' if one.count > 1 else ''}",
        )
        for one in reading.events(world.cluster)
    ]
    for one in islice(reversed(world.cluster_server.requests), LOOKED_THROUGH):
        if one.user != world.cluster_server.access.bot_user or one.verb not in WRITES or "dryRun" in one.query:
            continue
        if one.resource.endswith(NO_WRITES):
            continue
        at = datetime.fromtimestamp(one.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = "no answer yet" if not one.status else str(one.status)
        state = State("bad" if one.status >= 400 else "new", WRITE, f"Fettle: {one.verb}")
        found.append((at, state, f"{one.resource} {one.namespace}/{one.name}, answered {answer}"))
    newest = sorted(found, key=lambda one: one[0])[-KEPT:]
    return [Line(clock(at), state, words, is_write=state.sign == WRITE) for at, state, words in newest]


def _audit(store: Any) -> tuple[list[Line], int]:
    entries, total = audit.newest(store, KEPT)
    lines = [
        Line(
            clock(one.at),
            State("bad", "✕", "does not follow") if one.follows is False else State("gone", f"#{one.seq}", one.who),
            audited.what(one),
        )
        for one in reversed(entries)
    ]
    return lines, total


def clock(at: str) -> str:
    """The hours, minutes and seconds of a time as it is written in JSON."""
    _, mark, rest = at.replace(" ", "T").partition("T")
    return rest[:8] if mark else at
