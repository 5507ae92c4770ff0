"""What ``fettle doctor`` says of Prometheus, Alertmanager and Loki: whether they answer, and with what Fettle asks for.

Without them Fettle starts and shows less; one that is configured and doesn't answer is something to mend.
"""

from __future__ import annotations

import asyncio
from datetime import UTC

from bot import clock, doctor_registries
from bot.doctor_table import Row, fail, ok, warn
from bot.domain.errors import FettleError
from bot.integrations.alertmanager import Alertmanager
from bot.integrations.loki import Loki
from bot.integrations.prometheus import Prometheus
from bot.integrations.sources import Sources
from bot.settings import DESCRIPTIONS, Settings
from bot.slack.charts import press

WITHIN = 5.0
"""Seconds for each question."""
EXPORTERS = (
    ("container_memory_working_set_bytes", "cAdvisor (the kubelet)", "memory and CPU"),
    ("kube_pod_container_status_restarts_total", "kube-state-metrics", "restarts"),
)
"""A metric of each exporter whose names the usual queries use, and what is missing without it."""
LABELS = ("namespace", "pod")
"""What streams are chosen by where no playbook says otherwise."""


async def rows(settings: Settings) -> list[Row]:
    """The rows of all three, of the registries, and of the charts."""
    sources = Sources.of(settings)
    try:
        prometheus, alertmanager, loki, registries = await asyncio.gather(
            _prometheus(sources.prometheus),
            _alertmanager(sources.alertmanager),
            _loki(sources.loki),
            doctor_registries.rows(settings, sources.registries),
        )
    finally:
        await sources.close()
    return [*prometheus, *alertmanager, *loki, *registries, *_charts(settings)]


async def _prometheus(prometheus: Prometheus | None) -> list[Row]:
    if prometheus is None:
        return [ok("PROMETHEUS_URL", f"Not set. {DESCRIPTIONS['PROMETHEUS_URL']}")]
    try:
        version = await prometheus.version(within=WITHIN)
        found = [ok("prometheus", f"Prometheus {version} answers." if version else "It answers queries.")]
        for metric, exporter, what in EXPORTERS:
            answer = await prometheus.instant(f"count({metric})", clock.now().astimezone(UTC), within=WITHIN)
            if not answer.series:
                found.append(warn("prometheus", f"It has no {metric} of {exporter}: {what} won't be shown."))
    except FettleError as error:
        return [fail("prometheus", f"{error} Cards come without metrics until it answers.")]
    return found


async def _alertmanager(alertmanager: Alertmanager | None) -> list[Row]:
    if alertmanager is None:
        return [ok("ALERTMANAGER_URL", f"Not set. {DESCRIPTIONS['ALERTMANAGER_URL']}")]
    try:
        status = await alertmanager.status(within=WITHIN)
        held = await alertmanager.alerts(within=WITHIN)
    except FettleError as error:
        return [fail("alertmanager", f"{error} Resolves that get lost aren't made good until it answers.")]
    return [ok("alertmanager", f"Alertmanager {status.version} answers; it holds {len(held)} alerts.")]


async def _loki(loki: Loki | None) -> list[Row]:
    if loki is None:
        return [ok("LOKI_URL", f"Not set. {DESCRIPTIONS['LOKI_URL']}")]
    try:
        labels = await loki.labels(within=WITHIN)
    except FettleError as error:
        return [fail("loki", f"{error} Cards come without Loki's error lines until it answers.")]
    if not labels:
        return [
            warn("loki", "Loki answers, but has no streams of late: look at LOKI_TENANT, and at what sends it logs.")
        ]
    found = [ok("loki", f"Loki answers; its streams have {len(labels)} labels.")]
    for name in LABELS:
        if name not in labels:
            told = f"Its streams have no label {name}: name one of yours in the playbooks' logs.selector."
            found.append(warn("loki", told))
    return found


def _charts(settings: Settings) -> list[Row]:
    if settings.CHARTS == "off" or press.installed():
        return []
    row = warn if settings.CHARTS == "picture" else ok
    return [row("CHARTS", "Pictures can't be drawn here: install the extra plots (pip install 'fettle-bot[plots]').")]
