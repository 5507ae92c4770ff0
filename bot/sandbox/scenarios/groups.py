"""In which groups the scenarios are listed, those first that a newcomer wants. It refuses to know what they tell."""

from __future__ import annotations

from collections.abc import Mapping

GROUPS: Mapping[str, str] = {
    "start": "Start here: an alert, its cause, one press, and the end",
    "people": "Who decides, and what a no, a delay or a second press does",
    "faults": "Something fails on the way: the bot, Slack, the cluster, or too much at once",
    "held": "What Fettle doesn't do",
    "actions": "Other things that it can do",
    "undone": "When it didn't help",
    "dumps": "Dumps and profiles",
    "": "Further ones",
    "rooms": "Much is broken at once; each card must name its cause",
}
"""Group -> its heading, in the order of the list; "" is for scenarios that name none."""
