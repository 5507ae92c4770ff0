"""Text from outside, made safe for Slack's markup: cleaned, cut, escaped, in that order.

Alert labels are hostile: one that holds ``<!channel>`` must not page everybody, one with ten thousand characters must
not make Slack refuse the card. Text is cut *before* it is escaped (a cut entity would show as garbage) and measured
after. Exactly ``&``, ``<`` and ``>`` are escaped, as Slack's formatting page says.
This module refuses to know blocks; every text object is built in ``cards.blocks``.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

ELLIPSIS = "…"
DASH = "–"  # noqa: RUF001 - an en dash is the mark for "no data" (neither tick nor cross)
TIMES = "×"  # noqa: RUF001 - the sign for "so many times", as kubectl users read it
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Marks that turn the reading direction around: a label could make "deny" read as "allow" with them.
_TURNING = dict.fromkeys([0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_ALONE = {"{time}": "%H:%M UTC", "{time_secs}": "%H:%M:%S UTC"}
_MARKUP = re.compile(r"<[^<>]*>|&(?:amp|lt|gt);|[\s\S]")
_SLACK_ID = re.compile(r"[A-Z0-9]{2,64}")


def clean(text: str, *, lines: bool = False) -> str:
    """One line without control characters, direction marks and lone surrogates; ``lines`` keeps line breaks."""
    kept = "".join(
        character if character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cs"} else " "
        for character in text.translate(_TURNING)
    )
    if not lines:
        return " ".join(kept.split())
    return "\n".join(line.rstrip() for line in kept.strip().splitlines())


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters, the last one an ellipsis when something is missing."""
    if len(text) <= limit:
        return text
    return text[: max(limit - 1, 0)].rstrip() + ELLIPSIS if limit > 0 else ""


def escape(text: str) -> str:
    """``&``, ``<`` and ``>`` as entities, ampersand first."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def safe(text: str, limit: int = 300, *, lines: bool = False) -> str:
    """Cleaned, cut and escaped, so that the *escaped* text has at most ``limit`` characters."""
    kept = cut(clean(text, lines=lines), limit)
    if len(escape(kept)) <= limit:
        return escape(kept)
    room = limit - 1
    taken = 0
    for position, character in enumerate(kept):
        taken += len(_ENTITIES.get(character, character))
        if taken > room:
            return escape(kept[:position].rstrip()) + ELLIPSIS
    return escape(kept)


def cut_markup(markup: str, limit: int) -> str:
    """The last resort for composed markup: cut between tokens, never inside ``<…>`` or an entity."""
    if len(markup) <= limit:
        return markup
    kept: list[str] = []
    taken = 0
    for token in _MARKUP.findall(markup):
        if taken + len(token) > limit - 1:
            break
        kept.append(token)
        taken += len(token)
    return "".join(kept).rstrip() + ELLIPSIS


def sentence(text: str) -> str:
    """The text with a full stop at its end, unless it ends already or is empty."""
    text = text.strip()
    return text if not text or text.endswith((".", "?", ELLIPSIS)) else f"{text}."


def code(text: str, limit: int = 300) -> str:
    """Inline code; backticks inside would end it and become apostrophes. Empty text gives an empty string."""
    inner = safe(text.replace("`", "'"), limit - 2)
    return f"`{inner}`" if inner else ""


def link(url: str, label: str, limit: int = 2000) -> str:
    """``<url|label>`` for http and https, the label alone for anything else or a url that is too long."""
    shown = safe(label, 100)
    address = web_address(url)
    return f"<{escape(address)}|{shown}>" if address and len(address) + len(shown) + 3 <= limit else shown


def web_address(url: str) -> str:
    """The url with ``<``, ``>``, ``|`` and blanks percent-encoded; empty unless it is http(s) with a host."""
    address = url.strip()
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if parts.scheme.lower() not in {"http", "https"} or not parts.netloc:
        return ""
    return quote(address, safe=":/?#[]@!$&'()*+,;=%-._~")


def date(at: datetime, form: str = "{time}") -> str:
    """A time in the reader's own zone; whoever can't see that reads UTC. ``form`` is Slack's token string."""
    utc = at.astimezone(UTC)
    fallback = utc.strftime(_ALONE.get(form, "%Y-%m-%d %H:%M UTC"))
    return f"<!date^{int(utc.timestamp())}^{form}|{fallback}>"


def moment(at: datetime, now: datetime) -> str:
    """The time alone within the last 18 hours, day and time otherwise."""
    near = abs((now - at).total_seconds()) < 18 * 3600
    return date(at) if near else date(at, "{date_short_pretty} {time}")


def mention(slack_id: str) -> str:
    """``<@U…>`` or, for a user group, ``<!subteam^S…>``; an id of another shape is shown as text."""
    if not _SLACK_ID.fullmatch(slack_id):
        return safe(slack_id, 64)
    return f"<!subteam^{slack_id}>" if slack_id.startswith("S") else f"<@{slack_id}>"


def channel_ref(channel_id: str) -> str:
    """``<#C…>``, which Slack shows as the channel's name."""
    return f"<#{channel_id}>" if _SLACK_ID.fullmatch(channel_id) else safe(channel_id, 64)


def duration(seconds: float) -> str:
    """``40 s``, ``7 min``, ``2 h 5 min``, ``3 d 4 h``: the two largest units, never negative."""
    whole = max(int(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if minutes < 3 and rest else f"{minutes} min"
    if whole < 86400:
        hours, rest = divmod(whole, 3600)
        return f"{hours} h {rest // 60} min" if rest >= 60 else f"{hours} h"
    days, rest = divmod(whole, 86400)
    return f"{days} d {rest // 3600} h" if rest >= 3600 else f"{days} d"


def plural(number: int, noun: str) -> str:
    """``1 alert``, ``2 alerts``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
