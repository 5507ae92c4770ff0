"""What ``fettle doctor`` says of Prometheus, Alertmanager, Loki and PagerDuty: whether they answer, and with what.

Without them Fettle starts and shows less; one that is configured and doesn't answer is something to mend.
"""

from __future__ import annotations

import asyncio
from datetime import UTC

from bot import clock, doctor_registries
from bot.doctor_table import Row, fail, ok, warn
from bot.domain.errors import ConfigError, FettleError
from bot.domain.mitigation import Action, Notice, traits_of
from bot.integrations import artifact_store
from bot.integrations.alertmanager import Alertmanager
from bot.integrations.artifacts import Artifacts
from bot.integrations.loki import Loki
from bot.integrations.pagerduty import PagerDuty
from bot.integrations.prometheus import Prometheus
from bot.integrations.sources import Sources
from bot.playbooks import loader
from bot.settings import DESCRIPTIONS, Settings
from bot.slack.charts import press

WITHIN = 5.0
"""Seconds for each question."""
EXPORTERS = (
    ("container_memory_working_set_bytes", "cAdvisor (the kubelet)", "memory and CPU"),
    ("kube_pod_container_status_restarts_total", "kube-state-metrics", "restarts"),
)
"""A metric of each exporter whose names the usual queries use, and what is missing without it."""
ROUTING_KEY = 32
"""Characters of a key of the Events API v2."""
LABELS = ("namespace", "pod")
"""What streams are chosen by where no playbook says otherwise."""


async def rows(settings: Settings) -> list[Row]:
    """The rows of them all, of the registries, and of the charts."""
    sources = Sources.of(settings, artifact_store.named(settings, settings.DATA_DIR))
    try:
        prometheus, alertmanager, loki, registries, pager = await asyncio.gather(
            _prometheus(sources.prometheus),
            _alertmanager(sources.alertmanager, silences=Notice.SILENCE in settings.ALLOWED_ACTIONS),
            _loki(sources.loki),
            doctor_registries.rows(settings, sources.registries),
            _pager(settings),
        )
        dumps = await _artifacts(settings, sources.artifacts)
    finally:
        await sources.close()
    return [*prometheus, *alertmanager, *loki, *registries, *pager, *dumps, *_charts(settings)]


async def _artifacts(settings: Settings, store: Artifacts | None) -> list[Row]:
    """Where dumps would go; of no concern while none may be taken."""
    if store is None or not {one for one in Action if traits_of(one).looks} & set(settings.ALLOWED_ACTIONS):
        return [ok("ARTIFACTS", f"Not used: ALLOWED_ACTIONS names no dump. {DESCRIPTIONS['ARTIFACTS']}")]
    try:
        return [ok("ARTIFACTS", await store.check())]
    except FettleError as error:
        return [fail("ARTIFACTS", str(error))]


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


async def _alertmanager(alertmanager: Alertmanager | None, *, silences: bool) -> list[Row]:
    if alertmanager is None:
        return [ok("ALERTMANAGER_URL", f"Not set. {DESCRIPTIONS['ALERTMANAGER_URL']}")]
    try:
        status = await alertmanager.status(within=WITHIN)
        held = await alertmanager.alerts(within=WITHIN)
    except FettleError as error:
        return [fail("alertmanager", f"{error} Resolves that get lost aren't made good until it answers.")]
    found = [ok("alertmanager", f"Alertmanager {status.version} answers; it holds {len(held)} alerts.")]
    if not silences:
        return found
    try:
        await alertmanager.takes_silences(clock.now().astimezone(UTC), within=WITHIN)
    except FettleError as error:
        told = "ALLOWED_ACTIONS names silence: let Fettle's token POST /api/v2/silences there, or take silence out."
        return [*found, fail("alertmanager", f"{error} {told}")]
    return [*found, ok("alertmanager", "It takes silences (asked with one that ends before it begins; none was set).")]


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


async def _pager(settings: Settings) -> list[Row]:
    """The shape of the keys, which playbook names which service, and whether anybody answers; no event is sent."""
    found = [fail("pagerduty", sentence) for sentence in _unknown_services(settings)]
    if not settings.PAGERDUTY_SERVICES:
        return found or [ok("PAGERDUTY_SERVICES", f"Not set. {DESCRIPTIONS['PAGERDUTY_SERVICES']}")]
    for name, key in settings.PAGERDUTY_SERVICES.items():
        length = len(key.get_secret_value())
        if length != ROUTING_KEY:
            told = f"The routing key of {name} has {length} characters and not {ROUTING_KEY}: copy it again"
            found.append(warn("pagerduty", f"{told} from the service's integration Events API v2."))
    pager = PagerDuty(settings.PAGERDUTY_URL, settings.PAGERDUTY_SERVICES)
    try:
        await pager.reach(within=WITHIN)
    except FettleError as error:
        return [*found, fail("pagerduty", f"{error} Nobody is paged until it answers.")]
    finally:
        await pager.close()
    names = ", ".join(settings.PAGERDUTY_SERVICES)
    return [*found, ok("pagerduty", f"PagerDuty answers; no event was sent, so the keys of {names} weren't tried.")]


def _unknown_services(settings: Settings) -> list[str]:
    """Services that playbooks name and the settings don't; a folder that can't be read has rows of its own."""
    try:
        playbooks = loader.load(settings.PLAYBOOKS_DIR).playbooks
    except ConfigError:
        return []
    return [
        f"The playbook {one.name} names the service {one.routing.pagerduty}, and PAGERDUTY_SERVICES has none of that "
        f"name: add {one.routing.pagerduty}=ROUTING_KEY, or change the playbook."
        for one in playbooks
        if one.routing.pagerduty and one.routing.pagerduty not in settings.PAGERDUTY_SERVICES
    ]


def _charts(settings: Settings) -> list[Row]:
    if settings.CHARTS == "off" or press.installed():
        return []
    row = warn if settings.CHARTS == "picture" else ok
    return [row("CHARTS", "Pictures can't be drawn here: install the extra plots (pip install 'fettle-bot[plots]').")]
