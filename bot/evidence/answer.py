"""One way in which every collector answers: redacted, with its source, its time and one line for the card.

Free text is redacted here, once and for all collectors; of names, images and ids only what has a token's shape,
because ``token-service:1.4`` is no secret. It refuses to decide what is worth collecting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.redaction import redact, redact_name

NAMES = frozenset(
    {
        "name", "namespace", "kind", "image", "images", "image_id", "node", "pod", "container", "claim", "cronjob",
        "storage_class", "resource", "revision", "current_revision", "hash", "template", "object", "owner", "managers",
        "by", "what", "diff", "keys", "missing", "taints", "ports", "pods", "probes", "type", "status", "state",
        "phase", "reason", "schedule", "bound", "metrics", "strategy", "place", "tag", "nearest", "rule", "digest",
    }
)  # fmt: skip
"""Keys of names, words of Kubernetes and texts that were built here of redacted parts: only tokens are hidden there."""


def answered(source: str, at: datetime, summary: str, data: Mapping[str, Any], *, empty: bool = False) -> Evidence:
    """What a source told; rows in ``data`` may be dataclasses. ``summary`` is built of names and redacted parts.

    A source that told nothing raises instead; one that told a part says so in ``summary``.
    """
    return Evidence(source, EvidenceStatus.EMPTY if empty else EvidenceStatus.OK, summary, at, clean(data))


def clean(value: Any, key: str = "") -> Any:
    """The same as JSON, free text redacted."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(name): clean(below, str(name)) for name, below in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [clean(one, key) for one in value]
    if not isinstance(value, str):
        return value
    return redact_name(value) if key in NAMES else redact(value)


def counted(words: Mapping[str, int]) -> list[str]:
    """``["22 BackOff", "6 Unhealthy"]``, most first."""
    return [f"{number} {word}" for word, number in sorted(words.items(), key=lambda pair: -pair[1])]


def plural(number: int, noun: str) -> str:
    """``1 pod``, ``3 pods``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
