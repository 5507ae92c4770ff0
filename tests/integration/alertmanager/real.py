"""Debian's Alertmanager as a child process on loopback, sending to one webhook; told what fires through its API."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from bot.sandbox.ports import free_port
from tests.patience import PATIENT

PROGRAM = shutil.which("prometheus-alertmanager")
STARTED_WITHIN = PATIENT


def configuration(webhook: str, token_file: Path) -> dict[str, Any]:
    """Fettle beside a pager that gets everything too, as the README says; intervals are seconds for the test's sake."""
    hook = {
        "url": webhook,
        "send_resolved": True,
        "http_config": {"authorization": {"type": "Bearer", "credentials_file": str(token_file)}},
    }
    pace = {"group_wait": "100ms", "group_interval": "1s", "repeat_interval": "2s"}
    return {
        "route": {
            "receiver": "pager",
            "group_by": ["alertname", "namespace"],
            **pace,
            "routes": [{"receiver": "fettle", "continue": True}],
        },
        "receivers": [{"name": "pager"}, {"name": "fettle", "webhook_configs": [hook]}],
    }


@dataclass
class RealAlertmanager:
    """One running Alertmanager; ``log`` is its log file."""

    url: str
    log: Path
    session: aiohttp.ClientSession

    async def fire(self, *sets: Mapping[str, str], starts_at: datetime) -> None:
        """These alerts fire from now on, as Prometheus says it: without an end."""
        await self._put(sets, startsAt=starts_at.isoformat())

    async def resolve(self, *sets: Mapping[str, str], starts_at: datetime) -> None:
        """These alerts have ended."""
        await self._put(sets, startsAt=starts_at.isoformat(), endsAt=datetime.now(UTC).isoformat())

    async def _put(self, sets: Sequence[Mapping[str, str]], **times: str) -> None:
        body = [
            {
                "labels": dict(labels),
                "annotations": {"summary": f"{labels['alertname']} on {labels.get('deployment', '')}"},
                "generatorURL": "http://prometheus.example:9090/graph",
                **times,
            }
            for labels in sets
        ]
        async with self.session.post(f"{self.url}/api/v2/alerts", json=body) as got:
            assert got.status == 200, await got.text()

    async def failed(self) -> int:
        """How many notifications to Fettle failed so far, by its own metrics."""
        async with self.session.get(f"{self.url}/metrics") as got:
            lines = (await got.text()).splitlines()
        counted = [
            line
            for line in lines
            if line.startswith("alertmanager_notification_requests_failed_total{") and "webhook" in line
        ]
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in counted)


@asynccontextmanager
async def running(folder: Path, webhook: str, token: str, url: str = "") -> AsyncIterator[RealAlertmanager]:
    """Starts it with its data in ``folder`` and ends it again; it talks to nobody but the webhook."""
    assert PROGRAM is not None
    token_file = folder / "fettle-token"
    token_file.touch(mode=0o600)
    token_file.write_text(token, encoding="utf-8")
    config, log = folder / "alertmanager.yml", folder / "alertmanager.log"
    config.write_text(yaml.safe_dump(configuration(webhook, token_file)), encoding="utf-8")
    url = url or f"http://127.0.0.1:{free_port()}"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            f"--config.file={config}",
            f"--storage.path={folder / 'alertmanager-data'}",
            f"--web.listen-address={url.removeprefix('http://')}",
            "--cluster.listen-address=",  # no peers
            cwd=folder,
            env={"PATH": os.environ["PATH"]},
            stdout=output,
            stderr=output,
        )
    try:
        async with aiohttp.ClientSession(trust_env=False) as session:
            await _until_ready(process, url, session, log)
            yield RealAlertmanager(url, log, session)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until_ready(
    process: asyncio.subprocess.Process, url: str, session: aiohttp.ClientSession, log: Path
) -> None:
    async with asyncio.timeout(STARTED_WITHIN):
        while True:
            assert process.returncode is None, f"it ended: see {log}"
            try:
                async with session.get(f"{url}/-/ready") as got:
                    if got.status == 200:
                        return
            except aiohttp.ClientError:
                pass  # not listening yet
            await asyncio.sleep(0.1)
