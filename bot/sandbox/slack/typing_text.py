"""What Slack makes of words a person types: mentions become ids, `&`, `<`, `>` are escaped.

Already written mentions (`<@U0ANA>`) stay as they are, so that a script can type them.
"""

import re

from bot.sandbox.slack.workspace import Workspace

TOKEN = re.compile(r"(<[@#!][^<>]*>)")
MENTION = re.compile(r"(?<![\w&;])([@#])([a-z0-9][a-z0-9._\-]*)")


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _linked(workspace: Workspace, words: str, *, with_names: bool) -> str:
    def link(match: re.Match[str]) -> str:
        sign, name = match.groups()
        label = f"|{name}" if with_names else ""
        if sign == "#":
            room = workspace.find_channel(name)
            return f"<#{room.id}|{name}>" if room else match.group()
        for person in workspace.people.values():
            if person.name == name:
                return f"<@{person.id}{label}>"
        for group in workspace.usergroups.values():
            if group.handle == name:
                return f"<!subteam^{group.id}|@{name}>"
        return match.group()

    return MENTION.sub(link, words)


def _typed(workspace: Workspace, text: str, *, with_names: bool) -> str:
    parts = TOKEN.split(text)
    for n in range(0, len(parts), 2):
        parts[n] = _linked(workspace, _escaped(parts[n]), with_names=with_names)
    return "".join(parts)


def in_message(workspace: Workspace, text: str) -> str:
    """A message's `text` for what was typed; `@fettle` becomes `<@U0FETTLE>`."""
    return _typed(workspace, text, with_names=False)


def in_command(workspace: Workspace, text: str, *, escape: bool) -> str:
    """A slash command's `text`; with the manifest's `should_escape` mentions become ids."""
    if escape:
        return _typed(workspace, text, with_names=True)
    parts = TOKEN.split(text)
    return "".join(part if n % 2 else _escaped(part) for n, part in enumerate(parts))
