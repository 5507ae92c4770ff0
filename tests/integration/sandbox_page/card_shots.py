"""Renders messages to PNGs, so that someone can look at every state of the card on a phone.

    python -m tests.integration.sandbox_page.card_shots MESSAGES.json OUTPUT_FOLDER [--width 390]

MESSAGES.json is a list of messages as the bot posts them ({"blocks": [...], "text": "..."}), each
optionally with "name" (the picture's file name) and "ephemeral" (true: only its reader sees it).
For each message it writes NAME-light.png and NAME-dark.png. It needs Debian's chromium, no server.
"""

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from bot.sandbox.page.fragments import Place, message_html
from bot.sandbox.slack.models import Message
from bot.sandbox.slack.shapes import filled_blocks
from bot.sandbox.slack.workspace import Workspace

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
STATIC = Path(sys.modules[message_html.__module__].__file__ or "").parent / "static"

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><style>{css}
body {{ display: block; height: auto; overflow: visible; }}
.message:hover {{ background: none; }}</style></head>
<body><div id="shot">{message}</div><script>{dates}</script>
<script>Dates.write(document);</script></body></html>"""


def _message(workspace: Workspace, given: dict[str, Any]) -> Message:
    """The given JSON posted by the bot into the default channel."""
    message = Message(
        channel="C0ONCALL",
        ts=workspace.new_ts(),
        user=workspace.bot_user_id,
        bot_id=workspace.bot_id,
        text=str(given.get("text", "")),
        blocks=filled_blocks(given.get("blocks") or []),
        attachments=list(given.get("attachments") or []),
        ephemeral_to="U0ANA" if given.get("ephemeral") else None,
    )
    return workspace.post(message)


def page_html(given: dict[str, Any]) -> str:
    """A document with this message alone, as Ana sees it."""
    workspace = Workspace()
    message = _message(workspace, given)
    place = Place(user="U0ANA", channel="C0ONCALL")
    return _PAGE.format(
        css="".join((STATIC / f"{name}.css").read_text() for name in ("page", "blocks", "narrow")),
        dates=(STATIC / "dates.js").read_text(),
        message=message_html(workspace, message, place, in_thread=False),
    )


async def screenshot(browser: Browser, given: dict[str, Any], to: Path, *, width: int) -> None:
    """Writes TO-light.png and TO-dark.png of one message at this width in CSS pixels."""
    for scheme in ("light", "dark"):
        page = await browser.new_page(
            viewport={"width": width, "height": 400},
            device_scale_factor=2,
            color_scheme=scheme,
            timezone_id="Europe/Zagreb",
        )
        await page.set_content(page_html(given))
        await page.locator("#shot").screenshot(path=f"{to}-{scheme}.png")
        await page.close()


async def shoot_all(messages: Sequence[dict[str, Any]], folder: Path, *, width: int) -> list[Path]:
    """Pictures of all messages, in a folder that exists; the paths, without -light.png/-dark.png."""
    written = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        for number, given in enumerate(messages, 1):
            name = re.sub(r"[^\w\-]+", "-", str(given.get("name") or f"message-{number:02}"))
            await screenshot(browser, given, folder / name, width=width)
            written.append(folder / name)
        await browser.close()
    return written


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Render Block Kit messages to PNGs.")
    parser.add_argument("messages", type=Path, help="JSON: a list of messages, or one message")
    parser.add_argument("folder", type=Path, help="where the PNGs go; made if missing")
    parser.add_argument("--width", type=int, default=390, help="in CSS pixels (default: 390)")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    given = json.loads(asked.messages.read_text())
    messages = given if isinstance(given, list) else [given]
    for path in asyncio.run(shoot_all(messages, asked.folder, width=asked.width)):
        sys.stdout.write(f"{path}-light.png {path}-dark.png\n")


if __name__ == "__main__":
    main()
