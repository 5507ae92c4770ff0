"""PagerDuty's Events API v2: trigger, acknowledge and resolve, told apart by a key that makes repeating harmless.

It refuses to read anything from PagerDuty, and to show a routing key in a sentence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import SecretStr

from bot.domain.errors import ForbiddenError, RejectedError, UnavailableError
from bot.domain.page import Page, PageEvent
from bot.domain.redaction import redact
from bot.domain.severity import Severity
from bot.integrations.door import Access, Door, Reply
from bot.secret_file import Secret

PATH = "/v2/enqueue"
TAKEN = 202
LARGEST = 64 * 1024
SUMMARY = 1024
"""Characters; PagerDuty refuses more."""
WORDS: Mapping[Severity, str] = {
    Severity.SEV1: "critical",
    Severity.SEV2: "error",
    Severity.SEV3: "warning",
    Severity.SEV4: "info",
}


class PagerDuty:
    """The services of one account, by the names that the settings give them."""

    name = "PagerDuty"

    def __init__(self, url: str, services: Mapping[str, SecretStr] | Secret) -> None:
        self._door = Door(Access(self.name, "PAGERDUTY", url))
        self._services = services if isinstance(services, Secret) else Secret("PAGERDUTY_SERVICES", dict(services))

    @property
    def services(self) -> tuple[str, ...]:
        """Their names, the first is paged when Slack is late."""
        return tuple(self._services.value)

    async def close(self) -> None:
        """Closes the connections."""
        await self._door.close()

    async def reach(self, *, within: float) -> None:
        """Raises ``UnavailableError`` when nobody answers at the address; shows no key and sends no event."""
        with suppress(ForbiddenError, RejectedError):  # whoever refuses was reached
            await self._door.get("/", within=within, largest=LARGEST)

    async def send(self, service: str, page: Page, *, within: float) -> None:
        """Hands one page over; raises errors of the domain (``workflow.pager`` says which mean what)."""
        keys: Mapping[str, SecretStr] = self._services.value
        key = keys.get(service)
        if key is None:
            raise RejectedError(
                f"PAGERDUTY_SERVICES names no service {service}: add {service}=ROUTING_KEY, or change the playbook.",
                "unknown_service",
            )
        try:
            reply = await self._door.post_json(PATH, _body(page, key), within=within, largest=LARGEST)
        except ForbiddenError as exc:
            raise RejectedError(f"PagerDuty refuses us: look at PAGERDUTY_SERVICES ({service}).", "forbidden") from exc
        if reply.status >= 500:
            raise UnavailableError(f"PagerDuty answers {reply.status} for now.", reply.retry_after)
        if reply.status != TAKEN and await asyncio.to_thread(self._services.look, whatever=True):
            # Its key in the file was replaced since: the next try has the new one.
            raise UnavailableError(f"PagerDuty took no event for {service}; its key was replaced meanwhile.")
        if reply.status != TAKEN:
            told = await _told(reply)
            raise RejectedError(
                f"PagerDuty refuses the event for the service {service} ({reply.status}: {told}): look at its routing "
                "key in PAGERDUTY_SERVICES, and at PAGERDUTY_URL.",
                "refused",
            )


def _body(page: Page, key: SecretStr) -> dict[str, Any]:
    body: dict[str, Any] = {
        "routing_key": key.get_secret_value(),
        "event_action": page.event.value,
        "dedup_key": page.key,
    }
    if page.event is PageEvent.TRIGGER:
        body |= {
            "client": "Fettle",
            "payload": {
                "summary": page.summary[:SUMMARY],
                "source": page.source or "fettle",
                "severity": WORDS[page.severity],
                "timestamp": page.at.isoformat(),
                "custom_details": dict(page.details),
            },
        }
    return body


async def _told(reply: Reply) -> str:
    try:
        body = await reply.data() if reply.json else None
    except ValueError:
        body = None
    if not isinstance(body, Mapping):
        return "no reason given"
    errors = body.get("errors")
    parts = [body.get("message"), *(errors if isinstance(errors, list) else [])]
    return redact("; ".join(str(part) for part in parts if part))[:300] or "no reason given"
