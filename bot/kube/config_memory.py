"""What is remembered of ConfigMaps: which keys, a hash of the content, when it changed. Never a value.

So a change of configuration has a time although the cluster keeps no history of it. Bounded; what was looked at longest
ago is forgotten first. It refuses to ask the cluster anything.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.kube.managers import newest, writes
from bot.kube.objects import Json, mapping, stamp, text

MOST = 500
Place = tuple[str, str]
"""(namespace, name)."""


@dataclass(frozen=True)
class Known:
    """One ConfigMap. ``digest`` is empty and ``keys`` too when it wasn't there.

    ``changed_at`` is RFC 3339: when a change was seen, else when ``managedFields`` say the content was written.
    ``seen`` is true if the change was seen happening.
    """

    digest: str
    keys: tuple[str, ...] = ()
    version: str = ""
    changed_at: str = ""
    by: str = ""
    seen: bool = False
    read_at: datetime | None = None

    @property
    def exists(self) -> bool:
        """Whether it was there."""
        return bool(self.digest)


class ConfigMemory:
    """Of one cluster."""

    def __init__(self) -> None:
        self._known: OrderedDict[Place, Known] = OrderedDict()
        self._named: OrderedDict[str, tuple[Place, ...]] = OrderedDict()

    def name(self, target: str, places: Sequence[Place]) -> None:
        """Notes which ConfigMaps a target (its key) names."""
        self._named[target] = tuple(places)
        self._named.move_to_end(target)
        while len(self._named) > MOST:
            self._named.popitem(last=False)

    def named_by(self, target: str) -> tuple[Place, ...] | None:
        """The ConfigMaps that a target names; None where nobody has looked."""
        return self._named.get(target)

    def get(self, place: Place) -> Known | None:
        """What is known; None for what was never looked at."""
        return self._known.get(place)

    def learn(self, place: Place, obj: Json | None, now: datetime) -> Known:
        """Takes in what was read, None for "it isn't there"; a difference from before is a change seen now."""
        before = self._known.get(place)
        fresh = replace(_read(obj) if obj is not None else Known(""), read_at=now)
        if before is not None and before.digest != fresh.digest:
            # The write's own time where it is told; a deletion leaves none.
            fresh = replace(fresh, changed_at=fresh.changed_at or stamp(now), seen=True)
        elif before is not None and before.seen:
            fresh = replace(fresh, changed_at=before.changed_at, by=before.by, seen=True)
        self._known[place] = fresh
        self._known.move_to_end(place)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        return fresh


def _read(obj: Json) -> Known:
    content = {kind: mapping(obj, kind) for kind in ("data", "binaryData")}
    wrote = newest([one for one in writes(obj) if one.owns("data") or one.owns("binaryData")])
    return Known(
        digest=hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest(),
        keys=tuple(sorted({*content["data"], *content["binaryData"]})),
        version=text(obj, "metadata", "resourceVersion"),
        changed_at=stamp(wrote.at) if wrote is not None and wrote.at is not None else "",
        by=wrote.words if wrote is not None else "",
    )
