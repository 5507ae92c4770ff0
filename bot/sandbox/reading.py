"""What a person reads in a message: its blocks as plain lines, names for ids, times as their UTC fallback.

For transcripts and expectations of scenarios. It refuses to judge or to draw; the page does the drawing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.sandbox.slack.workspace import Workspace

Block = Mapping[str, Any]
_ENTITY = re.compile(r"<([^<>\n]+)>")
_BOLD = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]*?[^\s*])\*(?![\w*])")


def plain(text: str, workspace: Workspace) -> str:
    """Slack's mrkdwn as a person sees it, without its marks."""
    named = _ENTITY.sub(lambda found: _entity(found.group(1), workspace), text)
    bare = _BOLD.sub(r"\1", named)
    return bare.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _entity(body: str, workspace: Workspace) -> str:
    target, _, label = body.partition("|")
    if target.startswith("@"):
        person = workspace.people.get(target[1:])
        return f"@{person.name}" if person else f"@{label or target[1:]}"
    if target.startswith("!subteam^"):
        group = workspace.usergroups.get(target.removeprefix("!subteam^"))
        return f"@{group.handle}" if group else label
    if target.startswith("#"):
        room = workspace.channels.get(target[1:])
        return f"#{room.name}" if room else f"#{label or target[1:]}"
    if target.startswith("!date^"):
        return label
    if target.startswith("!"):
        return f"@{target[1:]}"
    return label or target


def lines(blocks: Sequence[Block], workspace: Workspace) -> list[str]:
    """One entry a visible line; a row of buttons is ``[ Approve ]  [ Reject ]``."""
    return [line.rstrip() for block in blocks for line in _block(block, workspace) if line.strip()]


def _block(block: Block, workspace: Workspace) -> Iterator[str]:
    kind = block.get("type")
    if kind == "actions":
        yield "  ".join(_control(element) for element in block.get("elements", []))
    elif kind == "context":
        yield " ".join(_text(element, workspace) for element in block.get("elements", []))
    elif kind == "rich_text":
        for part in block.get("elements", []):
            yield from "".join(_rich(part, workspace)).split("\n")
    elif kind == "table":
        for row in block.get("rows", []):
            yield "  ".join("".join(_rich(cell, workspace)) for cell in row)
    elif kind == "input":
        yield f"{_text(block.get('label', {}), workspace)}: {_control(block.get('element', {}))}"
    else:
        yield from _text(block.get("text", {}), workspace).split("\n")
        for field in block.get("fields", []):
            yield from _text(field, workspace).split("\n")
        if block.get("accessory"):
            yield _control(block["accessory"])


def _text(found: Any, workspace: Workspace) -> str:
    if not isinstance(found, Mapping):
        return ""
    words = str(found.get("text", found.get("alt_text", "")))
    return plain(words, workspace) if found.get("type") == "mrkdwn" else words


def _rich(part: Any, workspace: Workspace) -> Iterator[str]:
    if not isinstance(part, Mapping):
        return
    kind = part.get("type")
    if kind == "user":
        yield plain(f"<@{part.get('user_id')}>", workspace)
    elif kind == "usergroup":
        yield plain(f"<!subteam^{part.get('usergroup_id')}>", workspace)
    elif kind == "date":
        yield str(part.get("fallback", ""))
    elif "text" in part:
        yield str(part["text"])
    elif "url" in part:
        yield str(part["url"])
    for inner in part.get("elements", []):
        yield from _rich(inner, workspace)


def _control(element: Block) -> str:
    kind = str(element.get("type", ""))
    if kind == "button":
        return f"[ {element.get('text', {}).get('text', '')} ]"
    words = element.get("placeholder", {}).get("text", "")
    return f"[ {words or kind} ▾ ]" if "select" in kind or kind == "overflow" else f"[ {words or kind} ]"


def buttons(blocks: Sequence[Block]) -> list[str]:
    """The words on every button, in order."""
    return [element["text"]["text"] for element in elements(blocks) if element.get("type") == "button"]


def elements(blocks: Sequence[Block]) -> Iterator[Block]:
    """Every interactive element of the blocks, accessories and inputs too."""
    for block in blocks:
        yield from block.get("elements", []) if block.get("type") == "actions" else []
        for key in ("accessory", "element"):
            if isinstance(block.get(key), Mapping):
                yield block[key]
