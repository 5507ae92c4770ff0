"""How many alert deliveries a second are taken durably, as a ratio to a route that does nothing.

Two servers, each a process of its own: a bare Starlette route that reads the body and answers, and the whole intake
(parse, dedupe, episodes, incidents, audit, outbox) on SQLite with synchronous=FULL. This process sends over kept
connections. Rounds alternate, so that a busy machine slows both; the ratio is what counts, 12 % or more.

Each group of posts waits for one sync of the disk, the bare route for none: at 16 connections a disk that takes 8 ms
lets 2,000 posts a second through, whatever the intake costs. What it takes is measured beside and printed, and so is
the ratio of the CPU that a post costs, which no disk changes.

    python bench/ingest.py [--seconds 3] [--rounds 3] [--connections 16] [--profile FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

GROUPS = 50
FLOOR = 0.12
"""Of the bare route's rate, for bodies of 5 alerts: new episodes each time, and the same ones again."""
SINGLE = 2000
"""Posts of one alert a second, on a quiet core."""
MOST = {"bare": 40_000, "intake": 8_000}
"""Requests a second that are made ready; a sender that runs out would measure itself."""
START = datetime(2026, 11, 21, tzinfo=UTC)
TICK = os.sysconf("SC_CLK_TCK")


# -- the server processes -----------------------------------------------------------------------------


async def serve(kind: str, folder: Path) -> None:
    """Serves until stdin ends; prints its address."""
    from bot import collector  # noqa: PLC0415 - the loader imports nothing of the program
    from bot.servers import Servers  # noqa: PLC0415
    from bot.settings import load  # noqa: PLC0415

    # The audit is printed as in production; nobody reads it here.
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    environ = {
        "SLACK_BOT_TOKEN": "xoxb-bench", "SLACK_APP_TOKEN": "xapp-bench", "KUBECONFIG": "none", "LISTEN_PORT": "0",
        "METRICS_PORT": "0", "DATA_DIR": str(folder),
    }  # fmt: skip
    settings = load(environ, env_file=folder / "no.env", yaml_file=folder / "no.yaml")
    servers = Servers(settings)
    store, app = (None, bare()) if kind == "bare" else intake(settings)
    await servers.start(app, bare())
    collector.settle()
    told.write(servers.intake_url + "\n")
    told.flush()
    await asyncio.to_thread(sys.stdin.read)
    await servers.stop()
    if store is not None:
        await store.close()


def bare() -> Any:
    """The route that does nothing: it reads the body and answers in the shape of the intake."""
    from starlette.applications import Starlette  # noqa: PLC0415 - as above
    from starlette.requests import Request  # noqa: PLC0415
    from starlette.responses import JSONResponse, Response  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    async def take(request: Request) -> Response:
        await request.body()
        return JSONResponse({"status": "success", "incidents": [1], "accepted": 5, "duplicates": 0, "quarantined": 0})

    return Starlette(routes=[Route("/alert", take, methods=["POST"])])


def intake(settings: Any) -> tuple[Any, Any]:
    """The program's own intake; its 50 incidents are open and their cards stand in Slack."""
    from alerts import payload, webhook  # noqa: PLC0415 - as above
    from bot import clock  # noqa: PLC0415
    from bot.audit_lines import print_entries  # noqa: PLC0415
    from bot.health import Health  # noqa: PLC0415
    from bot.storage.db import Store, Tx  # noqa: PLC0415
    from bot.workflow.context import Context  # noqa: PLC0415
    from bot.workflow.intake import IntakeRules, receive  # noqa: PLC0415

    store = Store.open(settings.DATABASE_URL, on_entries=print_entries)
    rules = IntakeRules("C0BENCH")
    for number in range(GROUPS):
        store.transact_now(receive, payload.parse(body(number, 0, 5)), clock.now(), rules)

    def posted(tx: Tx) -> None:
        tx.execute("UPDATE incidents SET digest_id = NULL")
        tx.execute("UPDATE outbox SET sent_version = version, posted_ts = '1.' || id, posted_channel = channel")

    store.transact_now(posted)

    async def slack() -> dict[str, Any]:
        return {}

    context = Context(store, cast("Any", None), settings, clock.now, "C0BENCH")
    return store, webhook.application(store, settings, rules, clock.now, Health(context, slack))


# -- the sender ---------------------------------------------------------------------------------------


def body(number: int, turn: int, alerts: int, *, resolved: bool = False, unseen: bool = False) -> bytes:
    """One notification of a group; each turn begins new episodes, with another value in the text.

    They are of the same alerts, or of pods that no turn before had (``unseen``): then those before go on firing.
    """
    start = (START + timedelta(seconds=turn)).isoformat()
    pods = range(turn * alerts, (turn + 1) * alerts) if unseen else range(alerts)
    labels = {
        "alertname": "HighErrorRate", "case": f"bench-{number}", "deployment": f"api-{number}", "namespace": "shop",
        "severity": "critical",
    }  # fmt: skip
    found = [
        {
            "status": "resolved" if resolved else "firing",
            "labels": {**labels, "pod": f"api-{number}-{pod}"},
            "annotations": {
                "description": f'value is {(turn * GROUPS + number) % 9973 / 10}% for "api-{pod}" <b>&</b>\nline 2',
                "runbook_url": "https://runbooks.example/api",
                "summary": "api 5xx rate above 5%",
            },
            "startsAt": start,
            "endsAt": start if resolved else "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example:9090/graph?g0.expr=rate%28http_requests_total%5B5m%5D%29",
            "fingerprint": f"{number:08x}{pod:08x}",
        }
        for pod in pods
    ]
    return json.dumps(
        {
            "receiver": "fettle", "status": "firing", "alerts": found, "groupLabels": {"alertname": "HighErrorRate"},
            "commonLabels": labels, "externalURL": "http://alertmanager.example:9093", "version": "4",
            "groupKey": f'{{}}:{{alertname="HighErrorRate", case="bench-{number}"}}', "truncatedAlerts": 0,
        }
    ).encode()  # fmt: skip


def requests(traffic: str, alerts: int, first: int) -> Iterator[bytes]:
    """Requests without end: ``new`` episodes each time, ``unseen`` alerts, the same again, or firing and resolved."""
    turn = first
    while True:
        for number in range(GROUPS):
            if traffic == "repeated":
                payload = body(number, 0, alerts)
            else:
                resolved = traffic == "flapping" and turn % 2 == 0
                payload = body(number, turn, alerts, resolved=resolved, unseen=traffic == "unseen")
            head = f"POST /alert HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(payload)}\r\n\r\n"
            yield head.encode() + payload
        turn += 1


@dataclass
class Measured:
    """One round: requests a second, milliseconds of latency, CPU milliseconds of the server for a request."""

    rate: float
    p50: float
    p99: float
    cpu: float


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


async def load(url: str, pid: int, ready: list[bytes], seconds: float, connections: int) -> Measured:
    """Sends for ``seconds`` over kept connections; each waits for its answer."""
    where = urlsplit(url)
    latencies: list[float] = []
    waiting = iter(ready)
    until = time.perf_counter() + seconds

    async def one() -> None:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        for request in waiting:
            began = time.perf_counter()
            if began > until:
                break
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head[:15]:
                raise SystemExit(f"The server answered {head[:40]!r}.")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            await reader.readexactly(length)
            latencies.append(time.perf_counter() - began)
        writer.close()

    used, began = cpu_seconds(pid), time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    took, used = time.perf_counter() - began, cpu_seconds(pid) - used
    ordered = sorted(latencies)
    return Measured(
        len(ordered) / took,
        ordered[len(ordered) // 2] * 1000,
        ordered[int(len(ordered) * 0.99)] * 1000,
        used / len(ordered) * 1000,
    )


SYNCED, SYNCS = 300 * 1024, 20
"""Bytes that 16 posts of 5 alerts write to the log, and how often the disk is asked in a round."""


def syncs(folder: Path) -> list[float]:
    """Milliseconds that the disk takes to hold what one group of posts writes."""
    path, took = folder / "sync", []
    with path.open("wb") as file:
        file.write(bytes(SYNCED))
        os.fdatasync(file.fileno())
        for _ in range(SYNCS):
            file.seek(0)
            file.write(os.urandom(SYNCED))
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    path.unlink()
    return took


class Process:
    """One server process."""

    def __init__(self, kind: str, folder: Path, profile: str) -> None:
        command = [sys.executable, __file__, "--serve", kind, "--folder", str(folder)]
        command += ["--profile", profile] if profile else []
        self.process = subprocess.Popen(  # noqa: S603 - this very file
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe
        self.url = self.process.stdout.readline().strip()

    def stop(self) -> None:
        """Ends it by closing its input."""
        self.process.communicate("", timeout=30)


@dataclass
class Compared:
    """One kind of traffic: the median of the rounds of each server."""

    bare: Measured
    intake: Measured

    @property
    def ratio(self) -> float:
        """The intake's rate as a part of the bare route's."""
        return self.intake.rate / self.bare.rate


def compare(traffic: str, alerts: int, options: argparse.Namespace) -> Compared:
    """Both servers in turn; prints medians."""
    import uvloop  # noqa: PLC0415 - the sender's alone

    results: dict[str, list[Measured]] = {"bare": [], "intake": []}
    disk: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        processes = {kind: Process(kind, Path(name), options.profile if kind != "bare" else "") for kind in results}
        source = requests(traffic, alerts, 1)
        for _ in range(options.rounds):
            disk += syncs(Path(name))
            for kind, process in processes.items():
                # Written before the clock runs: the sender shares the machine with the server.
                ready = [next(source) for _ in range(int(options.seconds * MOST[kind]))]
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    results[kind].append(
                        runner.run(load(process.url, process.process.pid, ready, options.seconds, options.connections))
                    )
        for process in processes.values():
            process.stop()
    median = {kind: _median(found) for kind, found in results.items()}
    for kind, one in median.items():
        print(
            f"{traffic:9} {alerts} alerts  {kind:6} {one.rate:7.0f} posts/s  p50 {one.p50:6.2f} ms  "
            f"p99 {one.p99:6.2f} ms  {one.cpu:.3f} ms CPU a post"
        )
    found = Compared(median["bare"], median["intake"])
    print(
        f"{traffic:9} {alerts} alerts  ratio  {found.ratio:.1%}, of CPU {found.bare.cpu / found.intake.cpu:.1%}; "
        f"a sync of the disk {statistics.median(disk):.1f} ms"
    )
    return found


def _median(rounds: list[Measured]) -> Measured:
    """Each number's own median: on a busy machine a round may be slow in one of them alone."""
    numbers = {name: statistics.median(getattr(one, name) for one in rounds) for name in ("rate", "p50", "p99", "cpu")}
    return Measured(**numbers)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--profile", default="", help="Write a profile of the intake's writer thread to this file.")
    parser.add_argument("--serve", default="", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--only", default="", help="One of new, unseen, repeated, flapping, single.")
    options = parser.parse_args()
    if options.serve:
        import uvloop  # noqa: PLC0415 - as in production

        if options.profile:
            profiled(options.profile)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(options.serve, options.folder))
        return 0
    wanted = {
        "new": ("new", 5), "unseen": ("unseen", 5), "repeated": ("repeated", 5), "flapping": ("flapping", 5),
        "single": ("new", 1),
    }  # fmt: skip
    found = {name: compare(*what, options) for name, what in wanted.items() if options.only in {"", name}}
    enough = True
    for name in ("new", "unseen", "repeated"):
        if name in found:
            ok = found[name].ratio >= FLOOR
            enough = enough and ok
            print(f"{name}, 5 alerts a post: {'at least' if ok else 'LESS THAN'} {FLOOR:.0%} of a bare route.")
    if "single" in found:
        ok = found["single"].intake.rate >= SINGLE
        enough = enough and ok
        print(f"new, 1 alert a post: {'at least' if ok else 'LESS THAN'} {SINGLE} posts/s.")
    return 0 if enough else 1


def profiled(path: str) -> None:
    """Profiles the store's writer thread from its start to its end."""
    from bot.storage.writer import Writer  # noqa: PLC0415 - only when asked

    run = Writer._run  # noqa: SLF001 - the thread's whole life

    def watched(self: Writer) -> None:
        profile = cProfile.Profile()
        profile.runcall(run, self)
        profile.dump_stats(path)

    Writer._run = watched  # type: ignore[method-assign]  # noqa: SLF001 - as above


if __name__ == "__main__":
    raise SystemExit(main())
