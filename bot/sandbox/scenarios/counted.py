"""What was counted, as words: ``1 pod``, ``2 pods``. It refuses to count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def count(number: int, what: str) -> str:
    """The number with its noun, in the plural where it takes one."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def state(found: Mapping[str, int | bool]) -> str:
    """What a workload has: writes of the bot, ready pods, a restart; what isn't in it is left out."""
    parts = [count(found["writes"], "write") + " by Fettle"] if "writes" in found else []
    parts += [count(found["ready"], "ready pod")] if "ready" in found else []
    parts += ["a restart" if found["restarted"] else "no restart"] if "restarted" in found else []
    return _all(parts) or "nothing"


def spread(incidents: int, cards: int) -> str:
    """Where incidents stand: on cards of their own, and the others in the digest."""
    own = "its card" if incidents == 1 else "a card each"
    if cards >= incidents:
        return f"{count(incidents, 'incident')}: {own}"
    return f"{count(incidents, 'incident')}: {cards} with a card, {incidents - cards} in the digest"


def headline(problem: str) -> str:
    """The first line of what went wrong, without the words that only introduce the lines after it."""
    first = problem.split("\n", maxsplit=1)[0]
    if not first.endswith(":"):
        return first
    whole, stop, _ = first.rpartition(". ")
    return f"{whole}." if stop else f"{first[:-1]}."


def _all(parts: Sequence[str]) -> str:
    *most, last = parts or [""]
    return f"{', '.join(most)} and {last}" if most else last
