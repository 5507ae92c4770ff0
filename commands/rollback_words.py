"""What follows ``/incident act rollback``: the workload as people type it anywhere, and the revision after it."""

from __future__ import annotations

import re

from bot.domain.target import KIND_ALIASES

_LEAD = re.compile(r"(?:--to-revision|to|revision|rev)\b[.:=\s]*|rev(?=\d)|#(?=\d)", re.IGNORECASE)


def split(text: str) -> tuple[str, str]:
    """(workload, revision): ``deployment/api -n shop 41``, ``sts api 41 -n shop``, ``shop/api to rev 41``."""
    words = text.split()
    namespace: list[str] = []
    if "-n" in words[:-1]:
        at = words.index("-n")
        namespace = words[at : at + 2]
        del words[at : at + 2]
    kind_alone = len(words) > 1 and words[0].lower() in KIND_ALIASES
    workload, rest = words[: 1 + kind_alone], " ".join(words[1 + kind_alone :])
    while lead := _LEAD.match(rest):
        rest = rest[lead.end() :]
    return " ".join([*workload, *namespace]), rest
