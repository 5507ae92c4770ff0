"""What Slack tells of one message and of the reactions on it, as the timeline needs it; it refuses to ask.

The text comes in Slack's markup and leaves as people read it, without its secrets and then cut: half of a secret has
no shape by which it could be hidden. Whether a message is a reply stands in its address alone: ``reactions.get``
doesn't promise a ``thread_ts``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bot.domain.note import PUSHPIN, Seen
from bot.domain.redaction import redact

_MARKUP = re.compile(r"<([^<>]*)>")
LONGEST = 3000
"""Characters of a message that are kept; Slack takes 40,000."""
CUT = " […]"


def seen(message: Mapping[str, Any], user: str, bot_user: str, link: str) -> Seen:
    """A message as ``reactions.get`` gives it, for whether ``user`` keeps 📌 on it."""
    on = any(
        str(one.get("name", "")) == PUSHPIN and user in (one.get("users") or ())
        for one in message.get("reactions") or ()
    )
    author = str(message.get("user") or "")
    root = root_of(message)
    return Seen(on, words(message), root, author, link, own=bool(bot_user) and author == bot_user)


def root_of(message: Mapping[str, Any]) -> str:
    """The ts of the thread's first message for a reply, else an empty string."""
    named = str(message.get("thread_ts") or "")
    if not named:
        named = (parse_qs(urlsplit(str(message.get("permalink") or "")).query).get("thread_ts") or [""])[0]
    return "" if named == message.get("ts") else named


def words(message: Mapping[str, Any]) -> str:
    """What a message says, without secrets and cut; what its attachments or files are where it says nothing."""
    return told(message) or "(a message without text)"


def told(message: Mapping[str, Any]) -> str:
    """The same, empty where there is nothing to tell."""
    text = plain(str(message.get("text") or "")).strip() or plain(_attached(message)).strip()
    files = [str(one.get("name") or one.get("title") or "a file") for one in message.get("files") or ()]
    if files:
        text = f"{text} (with {', '.join(files[:5])})" if text else ", ".join(files[:5])
    text = redact(text)
    if len(text) > LONGEST:
        text = text[: LONGEST - len(CUT)].rstrip() + CUT
    return text


def _attached(message: Mapping[str, Any]) -> str:
    """What an app's message says that has attachments alone: the plain text of each, else its title and text."""
    parts = (
        one.get("fallback") or "\n".join(str(one[key]) for key in ("pretext", "title", "text") if one.get(key))
        for one in message.get("attachments") or ()
    )
    return "\n".join(str(one) for one in parts if one)


def plain(text: str) -> str:
    """Slack's markup as people read it: ``<@U1|ana>`` is @ana, ``<https://x|the graph>`` the graph (https://x)."""
    read = _MARKUP.sub(lambda found: _read(found.group(1)), text)
    return read.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _read(inner: str) -> str:
    target, _, label = inner.partition("|")
    if target.startswith(("@", "#")):
        return target[0] + (label or target[1:])
    if target.startswith("!date^"):
        return label or target
    if target.startswith("!subteam^"):
        return f"@{(label or target.rpartition('^')[2]).removeprefix('@')}"
    if target.startswith("!"):
        return f"@{target[1:]}"
    shown = target.removeprefix("mailto:")
    return f"{label} ({target})" if label and label not in {target, shown} else shown
