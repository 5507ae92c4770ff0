"""Constructors for the blocks that cards and modals use, each under Slack's limits by itself.

Every text object is ``verbatim``: Slack then links no URLs, names or channels of its own accord in text from outside.
The caps are Slack's documented ones; text is made safe by the caller (``mrkdwn``) and only cut here as a last resort.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.slack.message import Block
from bot.slack.mrkdwn import DASH, clean, cut, cut_markup

HEADER, SECTION, CONTEXT, BUTTON, OPTION, VALUE = 150, 3000, 2000, 75, 75, 150
CONFIRM_TITLE, CONFIRM_TEXT, CONFIRM_BUTTON = 100, 300, 30
MESSAGE_BLOCKS, MESSAGE_CHARACTERS = 50, 13_000


def plain(text: str, limit: int) -> Block:
    """A plain text object; shortcodes such as ``:fire:`` in labels stay text. Empty text becomes a dash."""
    return {"type": "plain_text", "text": cut(clean(text), limit) or DASH, "emoji": False}


def markup(text: str, limit: int = SECTION) -> Block:
    """A markup text object from text that is safe already."""
    return {"type": "mrkdwn", "text": cut_markup(text, limit), "verbatim": True}


def header(text: str) -> Block:
    """The title line."""
    return {"type": "header", "text": plain(text, HEADER)}


def section(text: str, limit: int = SECTION, accessory: Block | None = None) -> Block:
    """A paragraph, with at most one element beside it."""
    block: Block = {"type": "section", "text": markup(text, limit)}
    if accessory:
        block["accessory"] = accessory
    return block


def sections(lines: Iterable[str], at_once: int) -> list[Block]:
    """Paragraphs of so many lines at most, and of so many as fit whole: none is cut for the sake of its neighbours."""
    groups: list[list[str]] = []
    size = 0
    for line in lines:
        if not groups or len(groups[-1]) == at_once or size + len(line) + 1 > SECTION:
            groups.append([])
            size = 0
        groups[-1].append(line)
        size += len(line) + 1
    return [section("\n".join(group)) for group in groups]


def context(text: str, limit: int = CONTEXT) -> Block:
    """Small grey text: nothing that is needed to decide."""
    return {"type": "context", "elements": [markup(text, limit)]}


def actions(block_id: str, elements: Iterable[Block]) -> Block:
    """A row of buttons and pickers."""
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def button(action_id: str, label: str, value: str, *, style: str = "", confirm: Block | None = None) -> Block:
    """A button that carries an id alone; ``style`` is ``primary``, ``danger`` or nothing."""
    block: Block = {"type": "button", "action_id": action_id, "text": plain(label, BUTTON), "value": value}
    if style:
        block["style"] = style
    if confirm:
        block["confirm"] = confirm
    return block


def confirm_dialog(title: str, text: str, yes: str, no: str = "Not now") -> Block:
    """The question after a press; a courtesy, never the guard."""
    return {
        "title": plain(title, CONFIRM_TITLE),
        "text": plain(text, CONFIRM_TEXT),
        "confirm": plain(yes, CONFIRM_BUTTON),
        "deny": plain(no, CONFIRM_BUTTON),
    }


def option(label: str, value: str) -> Block:
    """One choice of a picker."""
    return {"text": plain(label, OPTION), "value": value[:VALUE]}


def static_select(action_id: str, placeholder: str, options: Iterable[Block]) -> Block:
    """A picker among at most a hundred choices."""
    return {
        "type": "static_select",
        "action_id": action_id,
        "placeholder": plain(placeholder, 150),
        "options": list(options)[:100],
    }


def preformatted(lines: Iterable[str]) -> Block:
    """A monospaced table as rich text, in which nothing is parsed: names from outside can't break out of it."""
    text = "\n".join(lines) or DASH
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}],
    }


def characters(blocks: Iterable[Mapping[str, object]]) -> int:
    """How much text the blocks hold in all, as Slack counts it (every ``text`` string)."""

    def count(value: object) -> int:
        if isinstance(value, Mapping):
            own = value.get("text")
            return (len(own) if isinstance(own, str) else 0) + sum(count(item) for item in value.values())
        if isinstance(value, list | tuple):
            return sum(count(item) for item in value)
        return 0

    return sum(count(block) for block in blocks)
