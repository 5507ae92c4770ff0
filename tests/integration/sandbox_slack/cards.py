"""Blocks the laws are tried with: a card with buttons, a modal with an input."""

from typing import Any


def button(action_id: str, text: str, value: str = "p1", **more: Any) -> dict[str, Any]:
    return {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": text},
        "value": value,
        **more,
    }


def card(*elements: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "header", "text": {"type": "plain_text", "text": "SEV2 shop/api"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "*Crash loop* since 14:02"}},
        {"type": "actions", "block_id": "decide", "elements": list(elements)},
    ]
