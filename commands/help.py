"""Help texts and the nearest command for a wrong word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from commands.act_words import FORMS

INCIDENT = {
    "list": "open incidents",
    "show": "one incident with its timeline, to which 📌 on a message, or its menu, adds: `show INC-42`",
    "new": "declare one, here or in a message's menu: `new checkout is slow`",
    "ack": "you look after it: `ack INC-42`",
    "act": "ask for a mitigation: `act rollback shop/api`, or `act rollback shop/api 41` for one revision",
    "freeze": "the kill switch, with a reason: `freeze database migration`",
    "thaw": "lift it (approvers)",
    "break-glass": "override a freeze window or a rate, with a reason: `break-glass INC-42 customers can't pay`",
    "silence": "nobody is notified of its alerts for a while: `silence INC-42 2h deploying`",
    "unsilence": "end that: `unsilence INC-42`",
    "dump": "a link to a dump, for an hour and for you alone (approvers): `dump 3`",
    "resolve": "close it: `resolve INC-42 false alarm`",
    "help": "this list",
}
ALIASES = {
    "acknowledge": "ack", "acknowledged": "ack", "acks": "ack", "close": "resolve", "closed": "resolve",
    "breakglass": "break-glass", "create": "new", "declare": "new", "details": "show", "done": "resolve",
    "incidents": "list", "info": "show",
    "lists": "list", "ls": "list", "open": "list", "resolved": "resolve", "resolves": "resolve", "shows": "show",
    "start": "new", "status": "list", "stop": "freeze", "unfreeze": "thaw",
    "artifact": "dump", "artifacts": "dump", "dumps": "dump", "link": "dump",
    "mute": "silence", "silenced": "silence", "silences": "silence", "unmute": "unsilence", "unsilenced": "unsilence",
    "timeline": "show", "timelines": "show", "note": "show", "notes": "show",
    "view": "show", "?": "help", "-h": "help", "--help": "help",
}  # fmt: skip


def verb_of(word: str) -> str:
    """The command that a word means by itself or as an alias, empty if none."""
    lower = word.lower()
    return lower if lower in INCIDENT else ALIASES.get(lower, "")


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is spelt most alike, empty if nothing is near."""
    close = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return close[0] if close else ""


def incident_help(command: str, wrong: str = "") -> str:
    """Help for ``/incident``; a wrong word is named with the nearest right one."""
    lines = []
    if wrong:
        near = nearest(wrong, [*INCIDENT, *ALIASES])
        near = ALIASES.get(near, near)
        meant = f" Did you mean {command} {near}?" if near else ""
        lines.append(f"There is no {command} {wrong[:40]}.{meant}")
    lines += [f"{command} {word}: {text}" for word, text in INCIDENT.items()]
    return "\n".join(lines).replace("`", "")


DUMP_HELP = "Write the number of a dump, as its thread or fettle artifacts list tells it: {0} dump 3."
RESTART_HELP = "Write {0} namespace/name, for example {0} shop/api; {0} alone opens pickers."
VERIFY_HELP = "Write {0} namespace/name, for example {0} shop/api. It measures now and changes nothing."


THEN = "namespace/name [pod] then evict"


def act_help(command: str, wrong: str = "") -> str:
    """Help for ``/incident act``; a wrong action is named with the nearest right one."""
    lines = []
    if wrong:
        near = nearest(wrong, FORMS)
        meant = f" Did you mean {near.replace('_', '-')}?" if near else ""
        lines.append(f"There is no action {wrong[:40]}.{meant}")
    lines += [f"{command} act {action.replace('_', '-')} {form.usage}: {form.says}" for action, form in FORMS.items()]
    lines.append(f"{command} act thread-dump {THEN}: a dump, and what follows it if it was kept, under one approval")
    return "\n".join(lines)
