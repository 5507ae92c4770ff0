"""App Home as its person sees it: the view that the app published, or a word about why there is none.

The tab's blocks are live like a message's: its buttons act on the view. It refuses to publish anything itself.
"""

from typing import Any

from bot.sandbox.page.fragments import Place, digest, scene, values_of, view_fragment
from bot.sandbox.page.render import render, render_blocks
from bot.sandbox.page.sidebar import app_name
from bot.sandbox.slack.workspace import Workspace


def fragment(workspace: Workspace, user: str) -> dict[str, str]:
    """The home tab of one person."""
    view = workspace.homes.get(user)
    if view is None:
        html = render("home_empty.html", app=app_name(workspace))
        return {"key": "home", "digest": digest("none", user), "html": html}
    here = scene(workspace, user, key=view.id, surface="view", values=values_of(view))
    html = render("home.html", id=view.id, body=render_blocks(view.blocks, here))
    return {"key": view.id, "digest": digest(view.id, view.hash), "html": html}


def state(workspace: Workspace, place: Place) -> dict[str, Any]:
    """The page's state where App Home is open: no messages, the tab in their place."""
    person = workspace.people[place.user]
    views = workspace.open_views(place.user)
    unseen = ""
    if person.kind == "stranger":
        unseen = f"{person.real_name} belongs to another workspace, where this app is not installed."
    return {
        "version": workspace.last_change,
        "unseen": unseen,
        "messages": [],
        "thread": None,
        "home": None if unseen else fragment(workspace, place.user),
        "view": view_fragment(workspace, views[-1]) if views else None,
        "more": False,
    }
