"""Whether this machine can do what the options ask for, before anything starts. It refuses to know scenarios."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from bot.sandbox.bot_process import fettle
from bot.sandbox.options import SandboxOptions

LAST_PORT = 65535


def unfit(options: SandboxOptions) -> str:
    """What has to be put right first; "" for nothing. The folder of ``--data`` is there afterwards."""
    if options.playbooks is not None and (said := _wrong_in(options.playbooks)):
        return said
    if options.env is not None and not options.env.absolute().parent.is_dir():
        return f"--env {options.env}: the folder {options.env.absolute().parent} doesn't exist."
    if not 0 <= options.port <= LAST_PORT:
        return f"--port {options.port}: a port is a number up to {LAST_PORT}; 0, or no --port, takes a free one."
    return _unmade(options.data) if options.data is not None else ""


def _wrong_in(playbooks: Path) -> str:
    """What the bot's own check says against this folder; "" for nothing."""
    if not playbooks.is_dir():
        return f"--playbooks {playbooks}: there is no such folder; name one that holds playbooks."
    words = ("playbooks", "check", str(playbooks.absolute()))
    code, said = asyncio.run(fettle(Path.cwd(), {}, *words))
    return said.strip() if code else ""


def _unmade(data: Path) -> str:
    if data.exists() and not data.is_dir():
        return f"--data {data}: that is no folder; name one to keep the state in, and it is made if it isn't there."
    try:
        data.absolute().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"--data {data}: the folder can't be made ({error.strerror}); name one where you may write."
    if not os.access(data, os.W_OK | os.X_OK):
        return f"--data {data}: nothing can be written in this folder; name one where you may write."
    return ""
