"""What `fettle sandbox` was asked for, and where it tells about it. It refuses to judge whether it fits together."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SandboxOptions:
    """The options of the command line, as they are named there."""

    headless: bool = False
    scenario: str = ""
    breaks: str = ""
    list_scenarios: bool = False
    env: Path | None = None
    demo: bool = True
    data: Path | None = None
    bot: bool = True
    port: int = 0
    playbooks: Path | None = None
    plain: bool = False

    @property
    def settings(self) -> dict[str, str]:
        """What the options say to the bot itself."""
        return {"PLAYBOOKS_DIR": str(self.playbooks.absolute())} if self.playbooks is not None else {}


def say(line: str = "") -> None:
    """A line for whoever started it, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def wrong(sentence: str) -> int:
    """A sentence about what has to be put right first; the exit code that says so."""
    sys.stderr.write(sentence + "\n")
    return 2
