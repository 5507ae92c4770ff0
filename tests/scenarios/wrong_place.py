"""What can go wrong, as a value: how it is arranged, and what has to be said about it."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox.world import World

NOWHERE = "/no/such/place"
Settings = dict[str, str]


@dataclass
class Place:
    """Where a thing goes wrong: the servers, the settings, a folder that is the working directory."""

    world: World
    settings: Settings
    folder: Path
    kept: list[object] = field(default_factory=list)

    def kubeconfig(self, change: Callable[[str], str]) -> None:
        """A copy of the bot's kubeconfig with a change in its text."""
        path = self.folder / "kubeconfig.yaml"
        path.write_text(change(self.world.kubeconfig("bot").read_text()))
        path.chmod(0o600)
        self.settings["KUBECONFIG"] = str(path)

    def file(self, name: str, text: str) -> str:
        """A file in the folder."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    def certificate(self, name: str) -> tuple[str, str]:
        """A certificate that nobody vouches for, and its key."""
        pem, key = (str(self.folder / f"{name}.{kind}") for kind in ("pem", "key"))
        command = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                   "-days", "2", "-subj", f"/CN={name}", "-keyout", key, "-out", pem)  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a fixed command
        Path(key).chmod(0o600)
        return pem, key

    def database(self, name: str) -> sqlite3.Connection:
        """A SQLite file that the settings name from now on."""
        self.settings["DATABASE_URL"] = f"sqlite:///{self.folder / name}"
        return sqlite3.connect(self.folder / name)


@dataclass(frozen=True)
class Wrong:
    """``start`` is "refused" (exit code 2 with the sentence) or "goes on"; ``doctor`` is the level of its row.

    ``says`` is what both say, a regular expression; ``told`` is for what the start says otherwise, or not at all ("").
    """

    name: str
    arrange: Callable[[Place], object]
    says: str
    start: str = "refused"
    doctor: str = "fail"


def put(name: str, value: str) -> Callable[[Place], object]:
    """A setting."""
    return lambda place: place.settings.update({name: value})


def without(name: str) -> Callable[[Place], object]:
    """No such setting."""
    return lambda place: place.settings.pop(name, None)


def playbook(more: str) -> Callable[[Place], object]:
    """A folder with one playbook, which says this beside what each has to."""

    def lay(place: Place) -> None:
        folder = place.folder / "playbooks"
        folder.mkdir()
        head = "name: mine\ntitle: Mine\nmatch: {alerts: [A]}\nevidence: [pods]\n"
        (folder / "mine.yaml").write_text(head + more)
        place.settings["PLAYBOOKS_DIR"] = str(folder)

    return lay
