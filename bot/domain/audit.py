"""Audit entries: gap-free, ordered, chained by hash; they hold ids and digests, never names or bodies.

Actor names, reasons and payloads live in tables that can be purged; the entry holds a salted digest of them, so the
chain verifies after an erasure. ``hash`` is SHA-256 over the canonical JSON of all other fields, ``prev`` included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from json.encoder import encode_basestring
from typing import Any

from bot.domain.proposal import canonical, sha256

GENESIS = "0" * 64
"""The ``prev`` of the first entry."""

TAGS = (
    "artifact:file:deleted",
    "artifact:file:kept",
    "artifact:file:left",
    "artifact:link:lent",
    "alert:delivery:received",
    "alert:sweep:settled",
    "incident:state:declared",
    "incident:state:triggered",
    "incident:state:reopened",
    "incident:state:acknowledged",
    "incident:state:mitigating",
    "incident:state:mitigated",
    "incident:state:resolved",
    "incident:target:chosen",
    "incident:aftermath:seen",
    "incident:evidence:collected",
    "incident:note:added",
    "incident:note:retracted",
    "incident:page:refused",
    "incident:page:sent",
    "incident:routing:annotated",
    "incident:routing:woken",
    "proposal:state:proposed",
    "proposal:state:recorded",
    "proposal:state:requested",
    "proposal:state:changed",
    "proposal:state:nudged",
    "proposal:state:expired",
    "proposal:state:superseded",
    "proposal:approval:granted",
    "proposal:approval:denied",
    "proposal:approval:refused",
    "proposal:glass:broken",
    "proposal:glass:refused",
    "proposal:autonomy:announced",
    "proposal:autonomy:refused",
    "proposal:autonomy:stopped",
    "proposal:steps:stopped",
    "execution:step:begun",
    "execution:intent:committed",
    "execution:claim:delayed",
    "execution:claim:refused",
    "execution:part:done",
    "execution:state:waiting",
    "execution:state:succeeded",
    "execution:state:failed",
    "execution:state:unknown",
    "execution:revert:looked",
    "verification:state:started",
    "verification:verdict:given",
    "verification:state:requested",
    "verification:state:superseded",
    "verification:look:taken",
    "silence:state:requested",
    "silence:claim:refused",
    "silence:intent:committed",
    "silence:state:active",
    "silence:state:failed",
    "silence:verdict:given",
    "silence:verdict:requested",
    "silence:end:requested",
    "silence:end:delayed",
    "silence:end:committed",
    "silence:state:ended",
    "command:request:accepted",
    "command:request:refused",
    "person:identity:seen",
    "person:identity:erased",
    "freeze:state:on",
    "freeze:state:off",
    "system:clock:set",
    "system:process:started",
    "system:process:stopped",
    "system:handlers:loaded",
    "system:playbooks:loaded",
    "system:secret:replaced",
    "system:settings:loaded",
    "system:store:restored",
    "system:store:purged",
)
"""Every tag there is: object, what of it, what happened. A test holds that no other is written."""


@dataclass(frozen=True)
class AuditNote:
    """An entry before it has a number: what a transacted function hands in.

    ``actor`` is a principal id, ``fettle``, ``alertmanager`` or ``cli:USER``; ``subject`` is ``proposal:12``,
    ``incident:3``, ...; ``outcome`` one word; ``detail`` anything JSON-able, stored apart and digested.
    """

    tag: str
    actor: str
    subject: str
    outcome: str
    incident_id: int = 0
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AuditEntry:
    """One entry as stored. ``detail`` and ``actor_name`` are joined in for reading and may have been erased."""

    seq: int
    at: datetime
    tag: str
    actor: str
    subject: str
    outcome: str
    incident_id: int
    detail_digest: str
    prev: str
    hash: str
    detail: Mapping[str, Any] | None = None
    actor_name: str = ""


def detail_digest(salt: str, detail: Mapping[str, Any]) -> str:
    """Salted, so that a short reason can't be guessed back from the chain after an erasure."""
    return text_digest(salt, canonical(detail)) if detail else ""


def text_digest(salt: str, text: str) -> str:
    """The same of a detail that is canonical JSON already."""
    return sha256(f"{salt}\x00{text}")


def entry_hash(
    *,
    seq: int,
    at: str,
    tag: str,
    actor: str,
    subject: str,
    outcome: str,
    incident_id: int,
    detail_digest: str,
    prev: str,
) -> str:
    """The hash of one entry; ``at`` is RFC 3339 UTC with microseconds and ``Z``."""
    # ``canonical`` of these nine fields, written out: it is made for every entry while all other writers wait.
    return sha256(
        f'{{"actor":{_quoted(actor)},"at":{_quoted(at)},"detail":{_quoted(detail_digest)},"incident":{incident_id:d},'
        f'"outcome":{_quoted(outcome)},"prev":{_quoted(prev)},"seq":{seq:d},"subject":{_quoted(subject)},'
        f'"tag":{_quoted(tag)}}}'
    )


_quoted = encode_basestring
