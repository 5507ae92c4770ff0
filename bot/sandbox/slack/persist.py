"""Keeping a workspace in one JSON file, so that a sandbox can be left and entered again.

It keeps what people would find again: people, channels, messages, files, home tabs. Open modals,
trigger ids and connections are gone after a restart, as they are for a closed Slack client.
"""

import base64
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.sandbox.slack.models import Channel, File, Json, Message, Person, UserGroup, Version, View
from bot.sandbox.slack.workspace import Workspace

FORMAT = 1


def save(workspace: Workspace, path: Path) -> None:
    """Write the workspace to `path`; the file is replaced whole or not at all."""
    state: Json = {
        "format": FORMAT,
        "plan": workspace.plan,
        "people": [asdict(p) for p in workspace.people.values()],
        "channels": [asdict(c) for c in workspace.channels.values()],
        "usergroups": [asdict(g) for g in workspace.usergroups.values()],
        "homes": [asdict(v) for v in workspace.homes.values()],
        "files": [_file(f) for f in workspace.files.values()],
        "messages": [asdict(m) for said in workspace.all_messages.values() for m in said],
    }
    beside = path.with_suffix(path.suffix + ".new")
    beside.write_text(json.dumps(state, ensure_ascii=False, indent=1), encoding="utf-8")
    os.replace(beside, path)  # noqa: PTH105 - the atomic replacement by its plain name


def load(path: Path) -> Workspace:
    """Read a workspace written by `save`. ValueError when the file is of another format."""
    state: Json = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ValueError(f"{path} is not a workspace of format {FORMAT}.")
    space = Workspace(empty=True)
    space.plan = state["plan"]
    space.people = {p["id"]: Person(**p) for p in state["people"]}
    space.channels = {c["id"]: Channel(**c) for c in state["channels"]}
    space.usergroups = {g["id"]: UserGroup(**g) for g in state["usergroups"]}
    space.homes = {v["user"]: View(**v) for v in state["homes"]}
    space.files = {f["id"]: _read_file(f) for f in state["files"]}
    space.all_messages = {channel: [] for channel in space.channels}
    for said in state["messages"]:
        space.all_messages[said["channel"]].append(_read_message(said))
    space.after(said["ts"] for said in state["messages"])
    space.changed("loaded")
    return space


def _file(item: File) -> Json:
    out = asdict(item)
    if item.content is not None:
        out["content"] = base64.b64encode(item.content).decode()
    return out


def _read_file(state: Json) -> File:
    content: Any = state["content"]
    shares = [(where, ts) for where, ts in state["shares"]]
    decoded = base64.b64decode(content) if content is not None else None
    return File(**{**state, "content": decoded, "shares": shares})


def _read_message(state: Json) -> Message:
    return Message(**{**state, "versions": [Version(**v) for v in state["versions"]]})
