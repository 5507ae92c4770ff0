"""A disk that runs full under the whole program: 503 and an alarm, nothing lost, no torn store, no restart.

The disk is a file system of its own with a few megabytes where this machine lets us mount one; besides, and where it
doesn't, the kernel's limit on the size of a file stands in for it. Slack and the cluster can't be reached meanwhile.
"""
# ruff: noqa: D102 - the methods of the bot on a disk do what their names say

import contextlib
import http.client
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.storage import audit
from bot.storage.db import Store
from tests.patience import PATIENT

ROOT = Path(__file__).parents[3]
MOUNT = 'mount -t tmpfs -o size=6m full "$0" && exec "$@"'
SETTINGS = {
    "SLACK_BOT_TOKEN": "xoxb-test-1", "SLACK_APP_TOKEN": "xapp-test-1", "SLACK_CHANNEL_ID": "C0ONCALL",
    "SLACK_API_URL": "http://127.0.0.1:9/api/", "LISTEN_PORT": "0", "METRICS_PORT": "0", "LOG_FORMAT": "json",
    "PYTHONPATH": str(ROOT), "PATH": os.defpath,
}  # fmt: skip
AWAY = """
apiVersion: v1
kind: Config
current-context: away
contexts: [{name: away, context: {cluster: away, user: away}}]
clusters: [{name: away, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: away, user: {token: sha256~away}}]
"""


def can_mount(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "-rm", "sh", "-c", MOUNT, str(folder), "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603 - fixed


class Bot:
    """``fettle run`` as a process on a disk that can be filled and emptied again."""

    def __init__(self, folder: Path, *, mounted: bool) -> None:
        disk = folder / "disk"
        disk.mkdir()
        (folder / "kubeconfig").write_text(AWAY)
        self.mounted = mounted and can_mount(disk)
        run = [sys.executable, "-m", "bot", "run"]
        command = ["unshare", "-rm", "sh", "-c", MOUNT, str(disk), *run] if self.mounted else run
        env = {**SETTINGS, "DATA_DIR": str(disk), "KUBECONFIG": str(folder / "kubeconfig")}
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self.disk = Path(f"/proc/{self.process.pid}/root{disk}") if self.mounted else disk
        self.lines: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.number = 0
        self.taken: list[str] = []
        Thread(target=self._read, daemon=True).start()
        ready = self.line("ready")
        self.intake, self.metrics = ready["intake"], ready["metrics"]

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with contextlib.suppress(ValueError):
                self.lines.put(json.loads(line))

    def line(self, event: str, seconds: float = PATIENT) -> dict[str, Any]:
        """The next log line of this event."""
        until = time.monotonic() + seconds
        while True:
            try:
                found = self.lines.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                raise AssertionError(f"no line “{event}” in {seconds} s") from None
            if found.get("event") == event:
                return found

    def ask(self, url: str, body: bytes | None = None) -> tuple[int, str, dict[str, str]]:
        parts = urlsplit(url)
        with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=PATIENT)) as connection:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request("GET" if body is None else "POST", parts.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), dict(answer.getheaders())

    def alert(self) -> tuple[int, dict[str, str]]:
        """One more alert, of which each is an incident of its own; what is answered 200 is remembered."""
        self.number += 1
        fingerprint = f"{self.number:016x}"
        labels = {"alertname": f"Down{self.number}", "namespace": "shop", "severity": "warning"}
        one = {
            "status": "firing", "labels": labels, "annotations": {"description": "x" * 2000},
            "startsAt": "2026-11-21T03:14:00Z", "fingerprint": fingerprint,
        }  # fmt: skip
        status, _, headers = self.ask(f"{self.intake}/webhooks/alertmanager", json.dumps({"alerts": [one]}).encode())
        if status == 200:
            self.taken.append(fingerprint)
        return status, headers

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ask(f"{self.metrics}/status")[1])["store"]
        return found

    def fill(self) -> None:
        if not self.mounted:
            size = max(path.stat().st_size for path in self.disk.iterdir())
            self._limit(size)
            return
        with contextlib.suppress(OSError), (self.disk / "filler").open("wb", buffering=0) as filler:
            while filler.write(b"\0" * 4096):
                pass

    def empty(self) -> None:
        if self.mounted:
            (self.disk / "filler").unlink()
        else:
            self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, hard))

    def refused(self) -> dict[str, str]:
        """Alerts until one is refused; its headers. What room there is left in the log is used up first."""
        for _ in range(4000):
            status, headers = self.alert()
            if status != 200:
                assert status == 503
                return headers
        raise AssertionError("the disk never was full")

    def accepted(self, seconds: float = PATIENT) -> None:
        until = time.monotonic() + seconds
        while self.alert()[0] != 200:
            assert time.monotonic() < until, "it doesn't recover"
            time.sleep(0.1)

    def snapshot(self, folder: Path) -> Path:
        """The files as a power cut would leave them; the process stands still meanwhile."""
        self.process.send_signal(signal.SIGSTOP)
        folder.mkdir()
        try:
            for path in self.disk.iterdir():
                if path.name in {"fettle.db", "fettle.db-wal"}:
                    shutil.copyfile(path, folder / path.name)
        finally:
            self.process.send_signal(signal.SIGCONT)
        return folder / "fettle.db"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Bot]]:
    made: list[Bot] = []

    def build(*, mounted: bool) -> Bot:
        made.append(Bot(tmp_path, mounted=mounted))
        return made[-1]

    yield build
    for bot in made:
        bot.process.kill()
        bot.process.wait()
        assert bot.process.stderr is not None
        bot.process.stderr.close()


def whole(path: Path, taken: list[str]) -> None:
    """Not torn, the chain valid, and everything that was answered 200 in it."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        there = {row[0] for row in connection.execute("SELECT fingerprint FROM alerts")}
        alone = connection.execute("SELECT count(*) FROM alerts WHERE incident_id IS NULL").fetchone()[0]
    assert set(taken) <= there
    assert alone == 0, "each alert has its incident"
    store = Store.open(f"sqlite:///{path}")
    assert store.read_now(audit.verify_chain) == []
    store.close_now()


@pytest.mark.parametrize("mounted", [True, False], ids=["disk", "limit"])
def test_a_full_disk_is_503_and_an_alarm_and_goes_on_when_there_is_room(
    start: Callable[..., Bot], tmp_path: Path, mounted: bool
) -> None:
    bot = start(mounted=mounted)
    for _ in range(20):
        assert bot.alert()[0] == 200
    assert bot.status()["write_errors"] == 0

    bot.fill()
    assert bot.refused()["retry-after"]
    alarm = bot.line("store.group_lost")
    assert alarm["level"] == "error"
    assert bot.ask(f"{bot.intake}/readyz")[0] == 503
    assert bot.ask(f"{bot.intake}/healthz")[0] == 200, "a restart would not help"
    status = bot.status()
    assert status["problem"].startswith("The database can't be used now")
    assert status["incidents"]["triggered"] >= 20, "what is there can be read"
    scraped = bot.ask(f"{bot.metrics}/metrics")[1]
    (counted,) = (line for line in scraped.splitlines() if line.startswith("fettle_store_errors_total "))
    assert float(counted.split()[1]) > 0
    time.sleep(1.2)  # ticks go on without finding work: they don't make the trouble look over
    assert bot.status()["problem"]
    whole(bot.snapshot(tmp_path / "full"), bot.taken)

    bot.empty()
    bot.accepted()
    bot.line("store.writes_again")
    assert bot.ask(f"{bot.intake}/readyz")[0] == 200
    assert "problem" not in bot.status()
    for _ in range(20):
        assert bot.alert()[0] == 200
    whole(bot.snapshot(tmp_path / "after"), bot.taken)

    bot.fill()
    bot.refused()
    bot.process.send_signal(signal.SIGTERM)
    assert bot.process.wait(PATIENT) == 0, "a full disk doesn't keep it from stopping"
