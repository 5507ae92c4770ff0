"""Further alerts that tell of the same breakage lead to the same cause: real collectors, over HTTP, without a bot.

The first alert of each is shown on the running bot's card by ``tests/scenarios/test_breakages.py``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.severity import severity_of
from bot.domain.snapshot import AlertSeen, Snapshot
from bot.evidence import collect
from bot.evidence.ask import Ask
from bot.evidence.sources import worth_asking
from bot.findings.ranked import rank
from bot.integrations.door import Access
from bot.integrations.prometheus import Prometheus
from bot.kube.client import Cluster
from bot.kube.resolve import resolve_target
from bot.playbooks import loader
from bot.sandbox.alert_names import RULES
from bot.sandbox.alertmanager import alert_labels
from bot.sandbox.breakages import timeline
from bot.sandbox.breakages.every import BREAKAGES
from bot.sandbox.breakages.timeline import Broken
from bot.sandbox.kubernetes.server import ClusterServer
from bot.sandbox.prometheus import PrometheusServer

MANY = [one.name for one in BREAKAGES.values() if len(one.alerts) > 1]


async def _first_cause(cluster: Cluster, prometheus: Prometheus, broken: Broken, name: str) -> str:
    """What ranks first when this alert tells of what is broken."""
    labels = [alert_labels(name, one) for one in broken.alerts(name)]
    since = datetime.fromtimestamp(broken.since, UTC)
    words = {"summary": RULES[name].summary}
    alerts = tuple(AlertSeen(one, words, since) for one in labels)
    playbook = loader.built_in().choose_for(labels, min(map(severity_of, labels)))
    found = await resolve_target(cluster, labels)
    cluster.shared.forget()
    ask = Ask(
        cluster, found.target, lambda: datetime.now(UTC), alerts, since, playbook.metric_queries(),
        prometheus=prometheus,
    )  # fmt: skip
    collectors = collect.chosen(worth_asking(found.target, alerts, playbook.evidence))
    gathered = await collect.gather(ask, deadline=8, collectors=collectors)
    ranked = rank(Snapshot(datetime.now(UTC), alerts, found.target, {one.source: one for one in gathered}))
    return ranked[0].cause.value if ranked else "nothing"


@pytest.mark.timeout(540)
async def test_every_further_alert_of_a_breakage_leads_to_its_cause(tmp_path: Path) -> None:
    server = ClusterServer("fettle-sandbox", ready_after=0.5)
    measured = PrometheusServer(server.cluster)
    everything = timeline.happen(server.cluster, MANY, measures=measured.measures)
    await server.start()
    await measured.start()
    path = tmp_path / "kubeconfig.yaml"
    path.write_text(server.kubeconfig("admin"), encoding="utf-8")
    cluster = await Cluster.connect(str(path), None, 5.0, "fettle/0.1.0", rate=1000)
    prometheus = Prometheus(Access("Prometheus", "PROMETHEUS", measured.url))
    try:
        said = {
            f"{one.breakage.name}, {name}": await _first_cause(cluster, prometheus, one, name)
            for one in everything
            for name in one.breakage.alerts[1:]
        }
    finally:
        await prometheus.close()
        await cluster.close()
        await measured.stop()
        await server.stop()
    wanted = {
        f"{one.breakage.name}, {name}": one.breakage.cause for one in everything for name in one.breakage.alerts[1:]
    }
    assert said == wanted
    assert len(said) > 30
