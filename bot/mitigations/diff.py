"""The difference between two specs in lines that a person reads: what the dry run would change, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.domain.redaction import HIDDEN, names_secret, redact

MAX_LINES = 40
MAX_VALUE = 120


def spec_diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """One line per changed value: ``+ path: value``, ``- path: value`` or ``~ path: old -> new``.

    Everything that the API server's answer changed is shown, what a mutating webhook added too. Long values are cut.
    What is named like a secret or looks like one is hidden: the diff is kept and posted.
    """
    old, new = dict(_flat("", before)), dict(_flat("", after))
    lines = []
    for key in sorted(old.keys() | new.keys()):
        if key not in old:
            lines.append(f"+ {key}: {_short(key, new[key])}")
        elif key not in new:
            lines.append(f"- {key}: {_short(key, old[key])}")
        elif old[key] != new[key]:
            lines.append(f"~ {key}: {_short(key, old[key])} → {_short(key, new[key])}")
    if len(lines) > MAX_LINES:
        lines = [*lines[:MAX_LINES], f"and {len(lines) - MAX_LINES} more changes"]
    return "\n".join(lines)


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            # Annotation keys hold dots and slashes; brackets keep the path readable.
            step = f"[{key}]" if "." in str(key) or "/" in str(key) else f".{key}" if prefix else str(key)
            yield from _flat(f"{prefix}{step}", inner)
    elif isinstance(value, list) and value:
        for i, inner in enumerate(value):
            named = inner.get("name") if isinstance(inner, Mapping) else None
            yield from _flat(f"{prefix}[{named or i}]", inner)
    elif value not in ({}, []):
        yield prefix, value


def _short(path: str, value: Any) -> str:
    secret = isinstance(value, str) and any(map(names_secret, _names(path)))
    shown = HIDDEN if secret else redact(str(value))
    return shown if len(shown) <= MAX_VALUE else shown[: MAX_VALUE - 1] + "…"


def _names(path: str) -> list[str]:
    """The names that a value goes by: its own key, and for ``env[DB_PASSWORD].value`` that of its entry."""
    *above, last = [(named or step).rpartition("/")[2] for named, step in _STEP.findall(path)]
    return [last, *(above[-1:] if last == "value" else ())]


_STEP = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")
