"""What all controllers share: the store, the ways to write, the clock, the pace and the timers.

It refuses to hold any behaviour of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.kubernetes.clock import ClusterClock
from bot.sandbox.kubernetes.events import Events
from bot.sandbox.kubernetes.kinds import Kind
from bot.sandbox.kubernetes.manners import Manner
from bot.sandbox.kubernetes.store import Store
from bot.sandbox.kubernetes.wire import Json
from bot.sandbox.kubernetes.writes import Writes
from bot.sandbox.measures import Measure


@dataclass(frozen=True)
class Pace:
    """How long things take, in seconds.

    `ready_after` counts from a pod's creation to Ready. `scale` multiplies every other built-in
    duration (0.1 is ten times faster). Back-off waits are a tenth of the real ones; what the
    messages say about them stays as in the real world, and so do numbers written in specs, such as
    `progressDeadlineSeconds`.
    """

    ready_after: float = 1.0
    scale: float = 1.0

    @property
    def start(self) -> float:
        """From scheduled to the container's start."""
        return self.ready_after * 0.3

    @property
    def warm(self) -> float:
        """From the container's start to Ready."""
        return self.ready_after * 0.7

    @property
    def crash(self) -> float:
        """How long a crashing container lives: always too short to become Ready."""
        return self.ready_after * 0.4

    def backoff(self, restarts: int) -> float:
        """The wait before the next start."""
        return backoff_seconds(restarts) * 0.1 * self.scale


def backoff_seconds(restarts: int) -> int:
    """The kubelet's back-off: none at first, then 10 s doubling up to 5 min."""
    return 0 if restarts <= 0 else min(300, 10 * 2 ** (restarts - 1))


def _nothing_lacks(_image: str) -> bool:
    return False


@dataclass
class World:
    """One cluster as its controllers see it.

    ``down`` are nodes that are silent, ``unheeded`` objects (by uid) that their controller doesn't look at,
    ``refused`` owners whose pods a quota refused, with the moment of the next try. ``lacks`` says of an image that the
    registry it names hasn't got it. ``measures`` are curves that somebody put there, beside what the pods show.
    """

    clock: ClusterClock
    store: Store
    writes: Writes
    events: Events
    pace: Pace
    down: set[str] = field(default_factory=set)
    unheeded: set[str] = field(default_factory=set)
    refused: dict[str, float] = field(default_factory=dict)
    next_start: dict[tuple[str, str], str] = field(default_factory=dict)
    manners: dict[tuple[str, str], Manner] = field(default_factory=dict)
    lacks: Callable[[str], bool] = _nothing_lacks
    measures: list[Measure] = field(default_factory=list)
    _due: list[float] = field(default_factory=list)

    def wake_at(self, moment: float) -> None:
        """Ask for another pass at that moment."""
        self._due.append(moment)

    def take_due(self) -> float | None:
        """The earliest moment asked for since the last call."""
        earliest = min(self._due, default=None)
        self._due.clear()
        return earliest

    def owned(self, kind: Kind, owner: Json) -> list[Json]:
        """The objects whose controller is `owner`, in the order of their names."""
        return self.store.owned(kind, owner["metadata"]["uid"])


def owner_reference(owner: Json) -> Json:
    """The reference by which a controller marks what it made."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
