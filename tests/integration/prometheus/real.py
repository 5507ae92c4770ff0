"""Debian's Prometheus as a child process on loopback, scraping one small exporter whose text the test sets."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web

from bot.integrations.door import Access
from bot.integrations.prometheus import Prometheus
from bot.sandbox.ports import free_port
from tests.patience import PATIENT

PROGRAM = shutil.which("prometheus")
MISSING = "NO PROMETHEUS: prometheus is missing, no real one was asked (apt-get install it)"
STARTED_WITHIN = PATIENT
EVERY = "200ms"


def escaped(value: str) -> str:
    """A label's value in the text format."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def line(name: str, labels: Mapping[str, str], value: float) -> str:
    """One sample in the text format."""
    inside = ",".join(f'{key}="{escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {value}"


@dataclass
class Exporter:
    """What is scraped: fixed lines, and counters that grow by so much a second."""

    gauges: list[tuple[str, dict[str, str], float]]
    counters: list[tuple[str, dict[str, str], float]]
    scrapes: int = 0

    def text(self, seconds: float) -> str:
        """The text after so many seconds."""
        grown = [(name, labels, rate * seconds) for name, labels, rate in self.counters]
        return "".join(f"{line(*sample)}\n" for sample in (*self.gauges, *grown))


@dataclass
class RealPrometheus:
    """One running Prometheus with our client of it."""

    url: str
    client: Prometheus
    exporter: Exporter
    process: asyncio.subprocess.Process

    async def until(self, expr: str, least: int = 1) -> None:
        """Waits until a query gives so many series."""
        async with asyncio.timeout(STARTED_WITHIN):
            while len((await self.client.instant(expr, datetime.now(UTC), within=PATIENT)).series) < least:  # noqa: ASYNC110 - another process scrapes
                await asyncio.sleep(0.1)


def configuration(exporter: str, rules: Path) -> dict[str, Any]:
    """One target whose labels are kept as they are; intervals are short for the test's sake."""
    return {
        "global": {"scrape_interval": EVERY, "evaluation_interval": EVERY, "scrape_timeout": EVERY},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "own", "honor_labels": True, "static_configs": [{"targets": [exporter]}]}],
    }


@asynccontextmanager
async def running(
    folder: Path, exporter: Exporter, rules: list[dict[str, Any]] | None = None
) -> AsyncIterator[RealPrometheus]:
    """Starts it with its data in ``folder`` and ends it again; it talks to nobody but the exporter."""
    assert PROGRAM is not None
    async with exporting(exporter) as address:
        config, rule_file, log = folder / "prometheus.yml", folder / "rules.yml", folder / "prometheus.log"
        rule_file.write_text(yaml.safe_dump({"groups": [{"name": "own", "rules": rules or []}]}), encoding="utf-8")
        config.write_text(yaml.safe_dump(configuration(address, rule_file)), encoding="utf-8")
        url = f"http://127.0.0.1:{free_port()}"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                PROGRAM,
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'prometheus-data'}",
                f"--web.listen-address={url.removeprefix('http://')}",
                cwd=folder,
                env={"PATH": os.environ["PATH"]},
                stdout=output,
                stderr=output,
            )
        client = Prometheus(Access("Prometheus", "PROMETHEUS", url))
        try:
            await _until_ready(process, url, log)
            yield RealPrometheus(url, client, exporter, process)
        finally:
            await client.close()
            if process.returncode is None:
                process.terminate()
            await process.wait()


@asynccontextmanager
async def exporting(exporter: Exporter) -> AsyncIterator[str]:
    """The exporter's address (host:port) for the length of a block."""
    begun = asyncio.get_running_loop().time()

    async def metrics(_request: web.Request) -> web.Response:
        exporter.scrapes += 1
        return web.Response(text=exporter.text(asyncio.get_running_loop().time() - begun))

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _until_ready(process: asyncio.subprocess.Process, url: str, log: Path) -> None:
    async with asyncio.timeout(STARTED_WITHIN), aiohttp.ClientSession(trust_env=False) as session:
        while True:
            assert process.returncode is None, f"it ended: see {log}"
            try:
                async with session.get(f"{url}/-/ready") as got:
                    if got.status == 200:
                        return
            except aiohttp.ClientError:
                pass  # not listening yet
            await asyncio.sleep(0.1)
