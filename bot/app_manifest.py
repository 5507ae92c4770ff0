"""``fettle manifest``: the Slack app, as one pastes it at Slack, with the commands of one cluster.

Slack sends each slash command to one app of a workspace alone, so where several clusters share a workspace each gets
an app of its own with a suffix. It refuses to know a command that the file doesn't have: the file is the source.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import typer
import yaml

from bot import settings_values
from bot.domain.errors import ConfigError

NAME = "manifest.yml"
ADDRESSES = (
    "users:read.email # finds people by their address: CLUSTER_USERS by {email}, and who is on call by PagerDuty"
)
ROOT = Path(__file__).resolve().parents[1]


def main(suffix: str, *, emails: bool = False) -> int:
    """Prints the manifest; raises ``ConfigError`` for a suffix that Slack wouldn't take."""
    try:
        text = manifest(settings_values.command_suffix(suffix), emails=emails)
    except ValueError as error:
        raise ConfigError([f"--command-suffix is “{suffix}”: {error}."]) from error
    typer.echo(text, nl=False)
    return 0


def manifest(suffix: str = "", *, emails: bool = False) -> str:
    """The YAML text with its comments; with the suffix ``eu`` it is the app "Fettle eu" with ``/incident-eu``...

    ``emails`` adds the scope by which people are found by their e-mail addresses.
    """
    text = source()
    if emails:
        text = re.sub(r"^(\s*- )users:read #.*$", rf"\g<0>\n\1{ADDRESSES}", text, flags=re.MULTILINE)
    if not suffix:
        return text
    commands = [str(one["command"]) for one in yaml.safe_load(text)["features"]["slash_commands"]]
    for command in commands:
        text = re.sub(rf"{re.escape(command)}(?![\w-])", f"{command}-{suffix}", text)
    return re.sub(r"^(\s*(?:display_)?name:) (\w+)$", rf"\1 \2 {suffix}", text, flags=re.MULTILINE)


def source() -> str:
    """The file as it lies in the package, or at the root of the sources."""
    packaged = resources.files("bot").joinpath(NAME)
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (ROOT / NAME).read_text(encoding="utf-8")
