"""A user's stack of modals and their home tab: opening, pushing, replacing, closing.

It checks what Slack checks about a view as a thing (size, stack, hash, unique external id) after
the caller checked its content. At most three modals lie on a stack.
"""

import secrets
from typing import Any

from bot.sandbox.slack import shapes
from bot.sandbox.slack.controls import initial_values
from bot.sandbox.slack.errors import ApiError
from bot.sandbox.slack.models import Json, View
from bot.sandbox.slack.validation import check, limits
from bot.sandbox.slack.workspace import Workspace


def problems(body: Any) -> tuple[str, list[str]]:
    """The error code and the sentences for a view that Slack would refuse; ("", []) if fine."""
    found = check.view(body)
    if found:
        return "invalid_arguments", found
    size = check.view_bytes(body)
    if size > limits.VIEW_BYTES:
        return "view_too_large", [f"{size} bytes, at most {limits.VIEW_BYTES}"]
    return "", []


def _new_hash(workspace: Workspace) -> str:
    return f"{int(workspace.now())}.{secrets.token_urlsafe(6)}"


def _filled(body: Json) -> Json:
    return {**body, "blocks": shapes.filled_blocks(body["blocks"])}


def _unique(workspace: Workspace, body: Json, but: str = "") -> None:
    external_id = body.get("external_id")
    for view in workspace.views.values():
        if external_id and view.body.get("external_id") == external_id and view.id != but:
            raise ApiError("duplicate_external_id")


def _make(workspace: Workspace, user: str, body: Json, below: View | None) -> View:
    _unique(workspace, body)
    filled = _filled(body)
    view_id = workspace.new_id("V")
    return View(
        view_id,
        user,
        str(body["type"]),
        filled,
        _new_hash(workspace),
        root_view_id=below.root_view_id if below else view_id,
        previous_view_id=below.id if below else None,
        values=initial_values(filled["blocks"]),
    )


def open_modal(workspace: Workspace, user: str, body: Json) -> View:
    """Show a modal as the first of a new stack; an older stack of this user goes away."""
    for old in workspace.view_stacks.pop(user, []):
        del workspace.views[old]
    view = _make(workspace, user, body, None)
    workspace.views[view.id] = view
    workspace.view_stacks[user] = [view.id]
    workspace.changed("view", user=user, view_id=view.id)
    return view


def push_modal(workspace: Workspace, user: str, body: Json) -> View:
    """Lay a modal on the user's stack; `push_limit_reached` above three."""
    stack = workspace.open_views(user)
    if not stack:
        raise ApiError("not_found")
    if len(stack) >= limits.VIEW_STACK:
        raise ApiError("push_limit_reached")
    view = _make(workspace, user, body, stack[-1])
    workspace.views[view.id] = view
    workspace.view_stacks[user].append(view.id)
    workspace.changed("view", user=user, view_id=view.id)
    return view


def replace_modal(workspace: Workspace, view: View, body: Json, given_hash: str = "") -> View:
    """Put new content into an open view. What was typed stays where block and action ids stay."""
    if given_hash and given_hash != view.hash:
        raise ApiError("hash_conflict")
    if str(body.get("type")) != view.type:
        raise ApiError("invalid_arguments")
    _unique(workspace, body, but=view.id)
    view.body, view.hash = _filled(body), _new_hash(workspace)
    fresh = initial_values(view.blocks)
    for block_id, actions in fresh.items():
        for action_id in actions:
            kept = view.values.get(block_id, {}).get(action_id)
            if kept is not None and kept.get("type") == actions[action_id].get("type"):
                actions[action_id] = kept
    view.values = fresh
    workspace.changed("view", user=view.user, view_id=view.id)
    return view


def publish_home(workspace: Workspace, user: str, body: Json, given_hash: str = "") -> View:
    """Show a home tab to one user."""
    old = workspace.homes.get(user)
    if given_hash and old is not None and given_hash != old.hash:
        raise ApiError("hash_conflict")
    filled = _filled(body)
    view_id = old.id if old else workspace.new_id("V")
    values = initial_values(filled["blocks"])
    view = View(view_id, user, "home", filled, _new_hash(workspace), view_id, values=values)
    workspace.homes[user] = view
    workspace.changed("home", user=user, view_id=view_id)
    return view


def close_top(workspace: Workspace, user: str) -> View | None:
    """Take the top modal off the user's stack; None when there was none."""
    stack = workspace.view_stacks.get(user, [])
    if not stack:
        return None
    view = workspace.views.pop(stack.pop())
    workspace.changed("view_closed", user=user, view_id=view.id)
    return view


def clear_stack(workspace: Workspace, user: str) -> list[View]:
    """Close all modals of a user; returns them, top first."""
    closed = []
    while (view := close_top(workspace, user)) is not None:
        closed.append(view)
    return closed
