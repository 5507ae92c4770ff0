"""What stays the same from one world of a sandbox to the next, so that what was told once is true until its end.

The people's kubeconfig lies where it lay, the cluster's API answers where it answered, and alerts are taken at the
same address with the same token. It refuses to know what happens in a world.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from bot.sandbox.kubernetes.server import ClusterServer
from bot.sandbox.ports import free_port, is_free
from bot.sandbox.slack.server import listening

CLUSTER = "fettle-sandbox"
"""The kubeconfig's name for this cluster; the bot takes a short soak only there."""
ADMIN_CONTEXT, BOT_CONTEXT = f"{CLUSTER}-admin", f"{CLUSTER}-bot"


class Lasting:
    """``kubeconfig`` is the people's; ``cluster`` the socket that is listened on for the API between two worlds too."""

    def __init__(self, folder: Path) -> None:
        self.kubeconfig = folder / "kubeconfig-admin.yaml"
        self.webhook_token = webhook_token()
        self.cluster = listening()
        self._tokens: tuple[str, str] | None = None
        self._ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cluster.close()

    def lend(self, server: ClusterServer) -> None:
        """The first server's tokens are those of every later one."""
        access = server.access
        if self._tokens is None:
            self._tokens = access.admin_token, access.bot_token
        access.admin_token, access.bot_token = self._tokens

    def port(self, name: str) -> int:
        """The same for each world, as long as nobody else has taken it between two of them."""
        kept = self._ports.get(name)
        if kept is None or not is_free(kept):
            kept = self._ports[name] = free_port()
        return kept


def webhook_token() -> str:
    """A new one."""
    return f"sandbox-webhook-{secrets.token_hex(12)}"


def write_kubeconfigs(server: ClusterServer, bot: Path, people: Path) -> None:
    """One for the bot's account alone, one for people: the administrator first, the bot's account as a context."""
    of_bot, of_people = (yaml.safe_load(server.kubeconfig(who)) for who in ("bot", "admin"))
    of_people["users"] += of_bot["users"]
    of_people["contexts"][0]["name"] = of_people["current-context"] = ADMIN_CONTEXT
    of_people["contexts"] += [{**of_bot["contexts"][0], "name": BOT_CONTEXT}]
    _write(bot, of_bot)
    _write(people, of_people)


def _write(path: Path, config: dict[str, Any]) -> None:
    """Whole or not at all, readable by its owner only: somebody's kubectl may be reading it."""
    beside = path.with_name(f".{path.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file, sort_keys=False)
    beside.replace(path)
