"""Whatever hangs, the card stands in Slack within seconds of the alert, and the evidence is whole or marked late soon.

Everything outside of the cluster hangs at once: Prometheus, Loki, Alertmanager, PagerDuty, a handler of the team, and
what Slack is asked beside messages. On top of that each namespace has one thing of its API that hangs, so that all of
it happens in one world. The machine may be slow: the card stands, and the look ends, while all still hangs; how long it
took is printed and not held.
"""

import asyncio
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from bot.sandbox.ports import free_port
from bot.sandbox.slack_room import CardHandle
from bot.sandbox.world import World, WorldOptions
from tests.patience import PATIENT

pytestmark = pytest.mark.timeout(540)

APART = 1.6
"""Seconds between two alerts: Slack takes one message a second in a channel."""
ALERT = "SomethingIsWrong"
TIMES = {"EVIDENCE_RATE": "100", "EVIDENCE_TIMEOUT": "15s"}
"""Whatever answers has so long for it, and whatever hangs costs it."""

KUBE: Mapping[str, tuple[str, str, frozenset[str]]] = {
    "fine": ("", "", frozenset()),
    "pods": ("list", "pods", frozenset({"pods", "logs", "changes"})),
    "events": ("list", "events", frozenset({"events"})),
    "revisions": ("list", "replicasets", frozenset({"pods", "logs", "changes"})),
    "logs": ("get", "pods/log", frozenset({"logs"})),
    "configmaps": ("get", "configmaps", frozenset({"config"})),
    "autoscalers": ("list", "horizontalpodautoscalers", frozenset({"autoscalers"})),
    "quotas": ("list", "resourcequotas", frozenset({"quotas"})),
    "budgets": ("list", "poddisruptionbudgets", frozenset({"budgets"})),
    "services": ("list", "services", frozenset({"endpoints"})),
    "endpoints": ("list", "endpointslices", frozenset({"endpoints"})),
    "claims": ("list", "persistentvolumeclaims", frozenset({"volumes"})),
    "workload": ("get", "deployments", frozenset({"target"})),
    "run": ("get", "jobs", frozenset({"target"})),
}
"""Namespace -> what hangs in it, and the sources that are told to be late because of it."""
ELSEWHERE = frozenset({"metrics", "log_errors", "silences", f"handler:{ALERT}"})

SLACK = (
    "users.info", "conversations.info", "conversations.replies", "conversations.history", "usergroups.list",
    "usergroups.users.list", "files.getUploadURLExternal", "files.completeUploadExternal", "upload", "auth.test",
)  # fmt: skip
"""What Slack is asked beside messages and Socket Mode."""

PLAYBOOK = f"""
name: everything
title: All that can be asked
match:
  alerts: [{ALERT}]
evidence: [pods, events, workload, changes, logs, config, endpoints, autoscalers, nodes, volumes, quotas, budgets, jobs,
  metrics, log_errors]
findings: {{crash_loop: [restart]}}
routing: {{pagerduty: shop}}
"""
HANDLER = f"""
import time


class {ALERT}Handler:
    def enrich(self, alert_item):
        time.sleep(3600)
"""


@dataclass
class Told:
    """What became of one incident: seconds to its card and to the end of its look, and its sources that are late."""

    shown: float = -1.0
    looked: float = -1.0
    late: Mapping[str, str] = field(default_factory=dict)
    sources: int = 0

    def __str__(self) -> str:
        """For the table that is printed."""
        return f"card {self.shown:.1f} s, evidence {self.looked:.1f} s, late {', '.join(sorted(self.late)) or 'none'}"


def folders(tmp_path: Path) -> dict[str, str]:
    """A team's playbook that asks for everything, and its handler that never returns."""
    made = {}
    for setting, name, text in (
        ("PLAYBOOKS_DIR", "everything.yaml", PLAYBOOK),
        ("HANDLERS_DIR", f"{ALERT}.py", HANDLER),
    ):
        folder = tmp_path / setting.lower()
        folder.mkdir()
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o444)
        folder.chmod(0o555)
        made[setting] = str(folder)
    return made


def furnished(world: World, namespace: str) -> dict[str, str]:
    """A workload with all that can be asked about one; the labels of its alert."""
    cluster = world.cluster
    meta = {"name": "api", "namespace": namespace}
    cluster.apply({"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta, "data": {"url": "x"}})
    claim = {"accessModes": ["ReadWriteOnce"]}
    cluster.apply({"kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": meta, "spec": claim})
    if namespace == "run":
        pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "registry.example/job:1"}]}
        cluster.apply({"kind": "Job", "apiVersion": "batch/v1", "metadata": meta, "spec": {"template": {"spec": pod}}})
        return {"namespace": namespace, "job_name": "api"}
    made = cluster.deployment(namespace, "api", replicas=1)
    spec = made["spec"]["template"]["spec"]
    spec["containers"][0]["envFrom"] = [{"configMapRef": {"name": "api"}}]
    spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "api"}}]
    cluster.apply(made)
    cluster.service(namespace, "api")
    return {"namespace": namespace, "deployment": "api"}


@contextmanager
def silent() -> Iterator[str]:
    """The address of a server that takes every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=500) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


async def fire(world: World, namespace: str, labels: Mapping[str, str], told: Told) -> None:
    """Fires, and measures until the card stands."""

    def stands() -> CardHandle | None:
        places = (f"· {namespace}/api ·", f"· {namespace} ·")
        return next((card for card in world.slack.cards() if any(one in card.lines[0] for one in places)), None)

    began = time.monotonic()
    await world.alertmanager.fire(ALERT, {"severity": "critical", **labels})
    await world.slack.until(stands, 30, lambda: f"no card of {namespace}")
    told.shown = time.monotonic() - began


async def looked(folder: Path, told: Mapping[str, Told], within: float = PATIENT) -> None:
    """Waits until every incident was looked at, and reads what the store holds of them."""
    end = time.monotonic() + within
    with sqlite3.connect(f"file:{folder / 'fettle.db'}?mode=ro", uri=True) as store:
        while time.monotonic() < end:
            rows = store.execute("SELECT id, namespace, episode_at, investigated_at FROM incidents").fetchall()
            if all(row[3] for row in rows) and len(rows) >= len(told):
                break
            await asyncio.sleep(0.2)
        for number, namespace, began, ended in rows:
            one = told[namespace]
            if ended:
                one.looked = (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
            found = store.execute(
                "SELECT source, status, problem FROM evidence WHERE incident_id = ?", (number,)
            ).fetchall()
            one.sources = len(found)
            one.late = {source: problem for source, status, problem in found if status == "failed"}


def broken(told: Mapping[str, Told]) -> dict[str, str]:
    """The incidents without a card or evidence, or whose evidence doesn't tell what was late."""
    wrong = {}
    for name, one in told.items():
        late = set(one.late) - ELSEWHERE
        if one.shown < 0:
            wrong[name] = "there is no card"
        elif one.looked < 0:
            wrong[name] = "its evidence never was in"
        elif name in KUBE and not KUBE[name][2] <= late:
            wrong[name] = f"late should be {sorted(KUBE[name][2])}, is {one.late}"
    return wrong


async def test_a_card_and_its_evidence_don_t_wait_for_what_hangs(
    tmp_path: Path, measuring: Mapping[str, str], tell: Callable[[object], None]
) -> None:
    with silent() as outside:
        settings = {
            **{f"{name}_URL": outside for name in ("PROMETHEUS", "LOKI", "ALERTMANAGER", "PAGERDUTY")},
            "PAGERDUTY_SERVICES": "shop=0123456789abcdef", **folders(tmp_path), **TIMES,
        }  # fmt: skip
        world = World(tmp_path, WorldOptions(workloads={}, settings=settings, extra=measuring))
        async with world:
            labels = {namespace: furnished(world, namespace) for namespace in KUBE}
            await world.cluster.settle()
            await world.start_bot()
            for method in SLACK:
                world.slack_server.faults.hang(method)
            for namespace, (verb, resource, _) in KUBE.items():
                if verb:
                    world.cluster_server.faults.hang(verb, resource, namespace=namespace)
            told = {namespace: Told() for namespace in KUBE}
            fired = []
            for namespace in KUBE:
                fired.append(asyncio.create_task(fire(world, namespace, labels[namespace], told[namespace])))
                await asyncio.sleep(APART)
            await asyncio.gather(*fired)
            await looked(tmp_path, told)
            for name, one in told.items():
                tell(f"{name}: {one}")
            assert broken(told) == {}
            assert set(told["fine"].late) - ELSEWHERE == set(), "what answers is not late with the rest"


async def test_names_that_don_t_resolve_and_a_dead_api_server_cost_their_lines(
    tmp_path: Path, measuring: Mapping[str, str], tell: Callable[[object], None]
) -> None:
    """A resolver that is stuck holds threads; ports that are closed refuse at once; the API server says nothing."""
    settings = {
        "PROMETHEUS_URL": "http://prometheus.stuck.test:9090", "LOKI_URL": "http://loki.stuck.test:3100",
        "ALERTMANAGER_URL": f"http://127.0.0.1:{free_port()}", "PAGERDUTY_URL": f"http://127.0.0.1:{free_port()}",
        "PAGERDUTY_SERVICES": "shop=0123456789abcdef", **folders(tmp_path), **TIMES,
    }  # fmt: skip
    extra = {**measuring, "PYTHONPATH": str(Path(__file__).parent / "stuck_names")}
    async with World(tmp_path, WorldOptions(workloads={}, settings=settings, extra=extra)) as world:
        names = [f"names-{number}" for number in range(4)]
        labels = {namespace: furnished(world, namespace) for namespace in ("nodes", *names, "dead")}
        await world.cluster.settle()
        await world.start_bot()
        world.cluster_server.faults.hang("*", "nodes")
        told = {namespace: Told() for namespace in labels}
        fired = []
        for namespace, about in labels.items():
            if namespace == "dead":
                world.cluster_server.faults.hang("*", "*")
            fired.append(asyncio.create_task(fire(world, namespace, about, told[namespace])))
            await asyncio.sleep(APART)
        await asyncio.gather(*fired)
        await looked(tmp_path, told)
        for name, one in told.items():
            tell(f"{name}: {one}")
        assert broken(told) == {}
        assert "nodes" in told["nodes"].late
        assert set(told["dead"].late) == {"target"}
        assert {"metrics", "log_errors"} <= set(told["names-0"].late)
        await world.bot.kill()  # threads that resolve a name can't be ended
