"""What all tables share: their columns, and an age as kubectl writes it. It refuses to know any kind."""

from collections.abc import Callable
from typing import Any

from bot.sandbox.kubernetes.clock import moment
from bot.sandbox.kubernetes.selectors import written
from bot.sandbox.kubernetes.wire import Json

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
NAME = ("Name", "string", "name", 0)
AGE = ("Age", "string", "", 0)
Column = tuple[str, str, str, int]
Cells = Callable[[Json, float], list[Any]]
Tables = dict[str, tuple[tuple[Column, ...], Cells]]


def texts(*names: str, wide: int = 0) -> tuple[Column, ...]:
    """Columns of text; those with ``wide`` are shown by ``-o wide`` alone."""
    return tuple((name, "string", "", wide) for name in names)


def numbers(*names: str) -> tuple[Column, ...]:
    """Columns of numbers."""
    return tuple((name, "integer", "", 0) for name in names)


IMAGES = texts("Containers", "Images", "Selector", wide=1)


def span(seconds: float) -> str:
    """A duration: 42s, 3m10s, 25h, 9d."""
    whole = max(0, int(seconds))
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    if whole < 10 * _MINUTE:
        rest = whole % _MINUTE
        return f"{whole // _MINUTE}m{rest}s" if rest else f"{whole // _MINUTE}m"
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    return f"{whole // _HOUR}h" if whole < 2 * _DAY else f"{whole // _DAY}d"


def age(text: str | None, now: float) -> str:
    """How long ago that was."""
    return span(now - moment(text)) if text else "<unknown>"


def since(obj: Json, now: float) -> str:
    """The AGE column."""
    return age(obj["metadata"].get("creationTimestamp"), now)


def images(template: Json, selector: Json | None) -> list[Any]:
    """What ``-o wide`` adds for a pod template."""
    containers = template["spec"]["containers"]
    names = ",".join(one["name"] for one in containers)
    return [names, ",".join(one["image"] for one in containers), written(selector) if selector else "<none>"]
