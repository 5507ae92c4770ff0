"""What stands on the page: orders worth a press, in groups, in words of what one will see. It refuses to give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from bot.sandbox.faults.fault import Order


@dataclass(frozen=True)
class Preset:
    """One row: ``label`` is what fails, ``about`` what one will see; the orders are given one after another."""

    name: str
    label: str
    about: str
    orders: tuple[Order, ...]


SLACK, CLUSTER, ALERTMANAGER = (partial(Order, of) for of in ("slack", "cluster", "alertmanager"))
POST, EDIT = "chat.postMessage", "chat.update"

PRESETS: Mapping[str, tuple[Preset, ...]] = {
    "Slack": (
        Preset(
            "slack-429", "429 on every call", "cards wait, and catch up; a press may be refused meanwhile",
            (SLACK("rate_limit", "*", times=None, seconds=3.0),),
        ),
        Preset(
            "slack-slow", "Every call takes 2 s", "cards come late", (SLACK("slow", "*", times=None, seconds=2.0),),
        ),
        Preset(
            "slack-503", "503 on every call", "a proxy's HTML; cards wait, a press may be refused meanwhile",
            (SLACK("error", "*", times=None),),
        ),
        Preset(
            "slack-hang", "Every call hangs", "each is given up, and tried again", (SLACK("hang", "*", times=None),)
        ),
        Preset(
            "slack-refuse", "Every call is refused", "fatal_error; cards wait, a press may be refused meanwhile",
            (SLACK("refuse", "*", times=None),),
        ),
        Preset("slack-drop", "The next post is done, its answer lost", "still one card", (SLACK("drop_after", POST),)),
        Preset("slack-silent", "The next post is done, in silence", "still one card", (SLACK("hang_after", POST),)),
        Preset("slack-abort", "The next post is cut off", "it is posted again", (SLACK("drop_before", POST),)),
        Preset(
            "slack-drop-edit", "The next edit is done, its answer lost", "the card is right",
            (SLACK("drop_after", EDIT),),
        ),
        Preset("slack-clock", "Slack's clock is 10 min ahead", "doctor says so", (SLACK("clock", seconds=600.0),)),
    ),
    "Slack's socket": (
        Preset(
            "slack-socket", "The socket is closed, and none opens", "a press fails, and Slack says so",
            (SLACK("refuse_sockets", times=None), SLACK("close_sockets")),
        ),
        Preset("socket-cut", "The socket is reset once", "the bot connects again", (SLACK("close_sockets"),)),
        Preset("socket-warning", "Disconnect: warning", "nothing is lost", (SLACK("disconnect", reason="warning"),)),
        Preset(
            "socket-refresh", "Disconnect: refresh_requested", "the bot connects again",
            (SLACK("disconnect", reason="refresh_requested"),),
        ),
        Preset(
            "socket-disabled", "Disconnect: link_disabled", "the bot connects again",
            (SLACK("disconnect", reason="link_disabled"),),
        ),
        Preset("socket-no-pong", "No ping is answered", "the bot connects anew", (SLACK("no_pong"),)),
        Preset(
            "socket-ticket", "Reset, and the next ticket is over", "one connection is back after 30 s",
            (SLACK("stale_tickets"), SLACK("close_sockets")),
        ),
        Preset(
            "socket-expired", "Tickets handed out so far are over", "only who connects just now will notice",
            (SLACK("expire_tickets"),),
        ),
        Preset("socket-ghosts", "Two connections lead nowhere", "half of the presses time out",
               (SLACK("ghosts", times=2),)),
        Preset("socket-twice", "The next press comes twice", "it is done once", (SLACK("duplicate"),)),
    ),
    "Kubernetes": (
        Preset("cluster-403", "403 on every write", "forbidden; the card says which right is missing",
               (CLUSTER("error", "write *", times=None, status=403),)),
        Preset("cluster-409", "409 on every write", "as if somebody changed it meanwhile",
               (CLUSTER("error", "write *", times=None, status=409),)),
        Preset("cluster-429", "429 on every request", "Retry-After: 1",
               (CLUSTER("rate_limit", "*", times=None),)),
        Preset("cluster-503", "503 on every request", "no server behind the address",
               (CLUSTER("error", "*", times=None),)),
        Preset("cluster-slow", "Every request takes 2 s", "evidence comes late",
               (CLUSTER("slow", "*", times=None, seconds=2.0),)),
        Preset("cluster-hang", "Every request hangs", "until it is given up", (CLUSTER("hang", "*", times=None),)),
        Preset("cluster-drop", "The next write is done, its answer lost", "it is looked up, not done again",
               (CLUSTER("drop_after", "write *"),)),
        Preset("cluster-silent", "The next write is done, in silence", "it is looked up, not done again",
               (CLUSTER("hang_after", "write *"),)),
        Preset("cluster-abort", "The next write is cut off", "nothing is done, and the card says so",
               (CLUSTER("drop_before", "write *"),)),
        Preset("cluster-watches", "Watches end with 410", "they begin anew", (CLUSTER("expire_watches"),)),
        Preset("cluster-clock", "The cluster's clock is 5 min ahead", "doctor says so",
               (CLUSTER("clock", seconds=300.0),)),
    ),
    "Alertmanager": (
        Preset("alertmanager-503", "503 on every request", "no silence can be set",
               (ALERTMANAGER("error", "*", times=None),)),
        Preset("alertmanager-slow", "Every request takes 2 s", "a silence comes late",
               (ALERTMANAGER("slow", "*", times=None, seconds=2.0),)),
        Preset("alertmanager-hang", "Every request hangs", "until it is given up",
               (ALERTMANAGER("hang", "*", times=None),)),
        Preset("alertmanager-drop", "The next silence is set, its answer lost", "still one silence",
               (ALERTMANAGER("drop_after", "post silences"),)),
        Preset("alertmanager-abort", "The next silence is cut off", "it is set again, or the card says that it isn't",
               (ALERTMANAGER("drop_before", "post silences"),)),
    ),
}  # fmt: skip
"""Group -> its rows. A row without anything that holds is over as soon as it is pressed."""
