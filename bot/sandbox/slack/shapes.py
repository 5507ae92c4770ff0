"""How the workspace's nouns look as Slack's JSON: users, channels, messages, views, files.

Pure functions from dataclasses to dicts; they decide nothing about who may read what.
"""

import copy
import mimetypes
import secrets
from typing import Any

from bot.sandbox.slack.models import Channel, File, Json, Message, Person, UserGroup, View
from bot.sandbox.slack.workspace import Workspace

STATEFUL_CONTAINERS = ("actions", "section", "input", "context_actions", "card")


def _fill_text(value: Any) -> None:
    if isinstance(value, dict):
        if value.get("type") == "plain_text":
            value.setdefault("emoji", True)
        if value.get("type") == "mrkdwn":
            value.setdefault("verbatim", False)
        for part in value.values():
            _fill_text(part)
    elif isinstance(value, list):
        for part in value:
            _fill_text(part)


def filled_blocks(blocks: list[Json]) -> list[Json]:
    """A copy with what Slack adds by itself: block ids, action ids, `emoji`, `verbatim`."""
    out = copy.deepcopy(blocks)
    _fill(out)
    return out


def _fill(blocks: list[Json]) -> None:
    for block in blocks:
        _fill(blocks_within(block))
        if not block.get("block_id"):
            block["block_id"] = secrets.token_urlsafe(4)[:5]
        for element in interactive_elements(block):
            if element.get("type") != "image" and not element.get("action_id"):
                element["action_id"] = secrets.token_urlsafe(4)[:5]
        _fill_text(block)


def blocks_within(block: Json) -> list[Json]:
    """The blocks inside of a block: a container's, a carousel's cards."""
    found = block.get({"container": "child_blocks", "carousel": "elements"}.get(str(block.get("type")), ""))
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def elements_within(block: Json) -> list[Json]:
    """What stands in a block's rows of elements: the buttons of a card, and all of an actions block."""
    row = {"actions": "elements", "context_actions": "elements", "card": "actions"}.get(str(block.get("type")), "")
    return list(block.get(row) or [])


def interactive_elements(block: Json) -> list[Json]:
    """The elements of a block that a person could use (buttons, selects, inputs)."""
    if block.get("type") not in STATEFUL_CONTAINERS:
        return []
    found = elements_within(block)
    found += [block[name] for name in ("accessory", "element") if isinstance(block.get(name), dict)]
    return [element for element in found if element.get("type") != "image"]


def user(workspace: Workspace, person: Person) -> Json:
    """A user object as in users.info."""
    away = person.kind == "stranger"
    out: Json = {
        "id": person.id,
        "team_id": person.team_id,
        "name": person.name,
        "deleted": person.kind == "deleted",
        "real_name": person.real_name,
        "tz": person.tz,
        "tz_label": person.tz,
        "tz_offset": 0,
        "profile": {
            "real_name": person.real_name,
            "display_name": person.name,
            "real_name_normalized": person.real_name,
            "display_name_normalized": person.name,
            "email": person.email,
            "team": person.team_id,
        },
        "is_admin": person.is_admin,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": person.kind == "guest",
        "is_ultra_restricted": False,
        "is_bot": person.kind == "bot",
        "is_app_user": False,
        "updated": 0,
    }
    if away:
        out["is_stranger"] = True
        del out["profile"]["email"]
    if person.id == workspace.bot_user_id:
        out["profile"] |= {"api_app_id": workspace.app_id, "bot_id": workspace.bot_id}
    return out


def channel(workspace: Workspace, room: Channel) -> Json:
    """A conversation object as in conversations.info."""
    if room.is_im:
        return {
            "id": room.id,
            "created": room.created,
            "is_im": True,
            "is_channel": False,
            "is_archived": room.is_archived,
            "user": room.im_user,
            "is_org_shared": False,
            "is_ext_shared": False,
        }
    return {
        "id": room.id,
        "name": room.name,
        "name_normalized": room.name,
        "is_channel": not room.is_private,
        "is_group": room.is_private,
        "is_im": False,
        "is_mpim": False,
        "is_private": room.is_private,
        "is_archived": room.is_archived,
        "is_general": False,
        "is_shared": room.is_ext_shared,
        "is_ext_shared": room.is_ext_shared,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "is_member": workspace.bot_user_id in room.members,
        "created": room.created,
        "creator": room.creator,
        "context_team_id": workspace.team_id,
        "num_members": len(room.members),
        "topic": {"value": room.topic, "creator": room.creator, "last_set": room.created},
        "purpose": {"value": room.purpose, "creator": room.creator, "last_set": room.created},
    }


def usergroup(workspace: Workspace, group: UserGroup, *, include_users: bool = False) -> Json:
    """A user group object as in usergroups.list."""
    out: Json = {
        "id": group.id,
        "team_id": workspace.team_id,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "description": "",
        "is_external": False,
        "date_delete": 0,
        "user_count": len(group.users),
    }
    if include_users:
        out["users"] = list(group.users)
    return out


def file(workspace: Workspace, item: File, base_url: str) -> Json:
    """A file object; `base_url` is the server's own, without a slash at its end."""
    private = f"{base_url}/files-pri/{workspace.team_id}-{item.id}/{item.name}"
    return {
        "id": item.id,
        "created": item.created,
        "timestamp": item.created,
        "name": item.name,
        "title": item.title,
        "mimetype": mimetypes.guess_type(item.name)[0] or "text/plain",
        "filetype": item.name.rsplit(".", 1)[-1] if "." in item.name else "text",
        "user": item.user,
        "size": item.size,
        "mode": "hosted",
        "is_external": False,
        "url_private": private,
        "url_private_download": private,
        "permalink": f"{base_url}/files/{item.user}/{item.id}/{item.name}",
        "channels": [where for where, _ in item.shares],
        "groups": [],
        "ims": [],
        **({"alt_txt": item.alt_text} if item.alt_text else {}),
    }


def _thread_fields(workspace: Workspace, said: Message) -> Json:
    replies = workspace.replies(said.channel, said.ts) if not said.is_reply else []
    if not replies:
        return {"thread_ts": said.thread_ts} if said.thread_ts else {}
    users = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": said.ts,
        "reply_count": len(replies),
        "reply_users_count": len(users),
        "reply_users": users,
        "latest_reply": replies[-1].ts,
        "is_locked": False,
        "subscribed": False,
    }


def _extras(workspace: Workspace, said: Message, base_url: str) -> Json:
    """The keys a message has only when there is something to say."""
    out: Json = {}
    if said.reply_broadcast:
        out["subtype"] = "thread_broadcast"
    if said.subtype:
        out["subtype"] = said.subtype
    if said.blocks:
        out["blocks"] = copy.deepcopy(said.blocks)
    if said.attachments:
        out["attachments"] = copy.deepcopy(said.attachments)
    if said.edited:
        out["edited"] = dict(said.edited)
    if said.files:
        out["files"] = [file(workspace, workspace.files[i], base_url) for i in said.files]
    if said.reactions:
        out["reactions"] = [
            {"name": name, "users": list(users), "count": len(users)} for name, users in said.reactions.items()
        ]
    if said.ts in workspace.channels[said.channel].pins:
        out["pinned_to"] = [said.channel]
    return out


def message(workspace: Workspace, said: Message, base_url: str, *, with_metadata: bool = False) -> Json:
    """A message object; `metadata` is in it only `with_metadata`, as in Slack's histories."""
    out: Json = {
        "type": "message",
        "user": said.user,
        "ts": said.ts,
        "text": said.text,
        "team": workspace.people[said.user].team_id,
    }
    if said.bot_id:
        out |= {"bot_id": said.bot_id, "app_id": workspace.app_id}
        out["bot_profile"] = {
            "id": said.bot_id,
            "app_id": workspace.app_id,
            "user_id": said.user,
            "name": workspace.people[said.user].name,
            "deleted": False,
            "team_id": workspace.team_id,
        }
    if with_metadata and said.metadata:
        out["metadata"] = copy.deepcopy(said.metadata)
    return out | _extras(workspace, said, base_url) | _thread_fields(workspace, said)


def view(workspace: Workspace, seen: View) -> Json:
    """A view object as in views.open's answer and in interaction payloads."""
    body = seen.body
    return {
        "id": seen.id,
        "team_id": workspace.team_id,
        "type": seen.type,
        "title": body.get("title"),
        "submit": body.get("submit"),
        "close": body.get("close"),
        "blocks": copy.deepcopy(seen.blocks),
        "private_metadata": body.get("private_metadata") or "",
        "callback_id": body.get("callback_id") or "",
        "external_id": body.get("external_id") or "",
        "state": {"values": copy.deepcopy(seen.values)},
        "hash": seen.hash,
        "clear_on_close": bool(body.get("clear_on_close")),
        "notify_on_close": bool(body.get("notify_on_close")),
        "root_view_id": seen.root_view_id,
        "previous_view_id": seen.previous_view_id,
        "app_id": workspace.app_id,
        "app_installed_team_id": workspace.team_id,
        "bot_id": workspace.bot_id,
    }


def permalink(base_url: str, channel_id: str, ts: str, thread_ts: str | None = None) -> str:
    """The address of a message; in a thread it names the root too, as Slack's does."""
    link = f"{base_url}/archives/{channel_id}/p{ts.replace('.', '')}"
    if thread_ts and thread_ts != ts:
        link += f"?thread_ts={thread_ts}&cid={channel_id}"
    return link
