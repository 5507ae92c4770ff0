"""How findings write numbers, times and lists, so that all of them read alike.

Times are text such as "03:00 UTC"; the card may put its own in their place. It refuses to know what is written about.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bot.domain.observed import SeriesSeen

_SIZES = (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


def instant(text: str) -> datetime | None:
    """RFC 3339 text as an instant; None for anything else. A time without a zone is UTC, as the cluster's are."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):  # no time, or one at the edge of the calendar
        return None


def clock(at: datetime | None) -> str:
    """``03:00 UTC``."""
    return f"{at.astimezone(UTC):%H:%M} UTC" if at is not None else "an unknown time"


def span(length: timedelta) -> str:
    """``40 s``, ``7 min``, ``3 h``, ``2 days``: the largest unit of which there are at least two."""
    seconds = max(0, round(length.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 172800 else f"{seconds // 86400} days"


def number_of(number: int, thing: str) -> str:
    """``1 pod``, ``3 pods``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def agree(number: int, one: str, many: str) -> str:
    """The word that goes with a number: ``is`` or ``are``."""
    return one if number == 1 else many


def part_of(number: int, total: int, thing: str = "pod") -> str:
    """``3 of 6 pods``; ``the only pod``, ``both pods`` and ``all 6 pods`` where that is so."""
    if total <= 1:
        return f"the only {thing}"
    if number >= total == 2:
        return f"both {thing}s"
    return f"all {total} {thing}s" if number >= total else f"{number} of {total} {thing}s"


def size(amount: float) -> str:
    """``512 MiB``."""
    for unit, factor in _SIZES:
        if amount >= factor:
            return f"{amount / factor:.3g} {unit}"
    return f"{amount:.0f} B"


def share(ratio: float) -> str:
    """``98 %``; two digits below ten."""
    return f"{ratio * 100:.0f} %" if ratio >= 0.1 else f"{ratio * 100:.2g} %"


def measured(value: float, unit: str) -> str:
    """A value of a series with its unit."""
    if unit == "bytes":
        return size(value)
    if unit == "ratio":
        return share(value)
    return {"cores": f"{value:.3g} cores", "seconds": f"{value:.3g} s", "per_second": f"{value:.3g}/s"}.get(
        unit, f"{value:.3g}"
    )


def quantity(value: float, resource: str) -> str:
    """An amount of a quota's resource: sizes for memory and storage, plain numbers else."""
    return size(value) if "memory" in resource or "storage" in resource else f"{value:.4g}"


def listed(words: Sequence[str], most: int = 3) -> str:
    """``a, b and c``; beyond ``most``: ``a, b, c and 4 more``."""
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def cut(text: str, most: int = 160) -> str:
    """One line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def image(reference: str) -> str:
    """``api:1.4.2``: an image without its registry and path, a digest shortened."""
    name = reference.rsplit("/", 1)[-1]
    before, at, digest = name.partition("@")
    return f"{before}@{digest[:19]}" if at else name


def last_of(series: SeriesSeen) -> float:
    """The newest value; series without points aren't asked."""
    return series.points[-1][1]


def begin(text: str) -> str:
    """The text with a large first letter."""
    return f"{text[:1].upper()}{text[1:]}"


def stop(text: str) -> str:
    """The text with one full stop at its end, or with the mark that it was cut there."""
    text = text.rstrip(". ")
    return text if text.endswith("…") else f"{text}."
