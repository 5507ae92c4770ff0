"""A real Prometheus scrapes a small exporter of ours: the collector's evidence, and labels that mean harm."""

from __future__ import annotations

import asyncio
import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from bot.domain.errors import RejectedError, UnavailableError
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.observed import SeriesSeen
from bot.domain.query import MetricQuery
from bot.domain.snapshot import AlertSeen, Snapshot
from bot.evidence import metrics
from bot.evidence.ask import Ask
from bot.integrations import promql
from tests.integration.clusters import API, now, world
from tests.patience import PATIENT

from .real import MISSING, PROGRAM, Exporter, running

pytestmark = [
    pytest.mark.prometheus,
    pytest.mark.timeout(540),
    pytest.mark.skipif(PROGRAM is None, reason=MISSING),
]

AT_ONCE = timedelta(0)
"""A window of an instant."""
MIB = 1024 * 1024
SEED = int(os.environ.get("FETTLE_SEED", "20261125"))


def exporter(pods: list[str]) -> Exporter:
    """kube-state-metrics, cAdvisor and an instrumented application in one, for these pods and for a stranger's."""
    gauges, counters = [], []
    for number, pod in enumerate([*pods, "other-1"]):
        where = {"namespace": "shop", "pod": pod, "container": "api"}
        gauges.append(("container_memory_working_set_bytes", where, (400 + 50 * number) * MIB))
        gauges.append(("kube_pod_container_status_restarts_total", where, 7.0))
        counters.append(("container_cpu_usage_seconds_total", where, 0.2))
        counters.append(("container_cpu_cfs_throttled_periods_total", where, 4.0))
        counters.append(("container_cpu_cfs_periods_total", where, 10.0))
        served = {"namespace": "shop", "pod": pod}
        counters.append(("http_requests_total", {**served, "code": "200"}, 60.0))
        counters.append(("http_requests_total", {**served, "code": "503"}, 20.0))
        for bound, rate in (("0.1", 10.0), ("1", 50.0), ("+Inf", 50.0)):
            counters.append(("http_request_duration_seconds_bucket", {**served, "le": bound}, rate))
    gauges.append(("odd", {"namespace": "shop"}, float("nan")))
    return Exporter(gauges, counters)


async def collected(ask: Ask) -> tuple[Evidence, Snapshot]:
    found = await metrics.collect(ask)
    assert found is not None
    return found, Snapshot(now(), evidence={"metrics": found})


def last(rows: tuple[SeriesSeen, ...]) -> dict[str, float]:
    return {row.labels.get("pod", ""): row.points[-1][1] for row in rows}


async def test_what_a_workload_uses_is_measured_and_nobody_elses(tmp_path: Path) -> None:
    async with world(tmp_path) as kube:
        await kube.api()
        pods = sorted(pod["metadata"]["name"] for pod in kube.sandbox.pods("shop", "api"))
        rule = {"alert": "ManyErrors", "expr": 'sum by (pod) (rate(http_requests_total{code=~"5.."}[1m])) > 5000'}
        async with running(tmp_path, exporter(pods), [rule]) as real:
            await real.until("rate(container_cpu_usage_seconds_total[5m])", 4)
            await asyncio.sleep(1.5)
            link = f"http://prometheus.example/graph?g0.expr={quote(rule['expr'])}&g0.tab=1"
            labels = {"alertname": "ManyErrors", "namespace": "shop", "pod": pods[0]}
            ask = Ask(
                kube.cluster, API, now, (AlertSeen(labels, generator_url=link),), since=now() - timedelta(minutes=5),
                queries=(
                    MetricQuery("odd", 'odd{namespace="$namespace"}'),
                    MetricQuery("restarts", 'kube_pod_container_status_restarts_total{pod="$pod"}', window=AT_ONCE),
                    MetricQuery("broken", "rate(x["),
                    MetricQuery("unknown", 'x{claim="$claim"}'),
                    MetricQuery("clash", "up * on(nope) group_left() {__name__=~'container.+'}"),
                ),
                prometheus=real.client,
            )  # fmt: skip
            found, seen = await collected(ask)
            by_name, _ = await collected(Ask(kube.cluster, API, now, (AlertSeen(labels),), prometheus=real.client))
    assert found.status is EvidenceStatus.OK
    sizes = {pod: (400 + 50 * number) * MIB for number, pod in enumerate(pods)}
    assert last(seen.measured("memory")) == pytest.approx(sizes, rel=1e-5)
    # The windows of rates are longer than this test, so that rates come out small, and in the same proportion.
    cpu, traffic = last(seen.measured("cpu")), last(seen.measured("traffic"))
    assert set(cpu) == set(pods)
    assert sum(cpu.values()) / traffic[""] == pytest.approx(0.6 / 240, rel=0.1)
    assert last(seen.measured("throttling")) == pytest.approx(dict.fromkeys(pods, 0.4), rel=0.1)
    assert last(seen.measured("errors")) == pytest.approx({"": 0.25}, rel=0.1)
    assert 0.1 < last(seen.measured("latency"))[""] <= 1
    assert last(seen.measured("restarts")) == {pods[0]: 7.0}, "the playbook's query takes the default's place"
    [own] = seen.measured("alert")
    assert own.labels == {"pod": pods[0]}, "its expression covers all pods; those that fired count"
    assert (own.threshold, own.points[-1][1] < 5000) == (5000, True), "the curve is seen below its threshold too"
    problems = {row.query: row.problem for row in seen.series or () if row.problem}
    assert problems["odd"] == "No data.", "NaN is no value"
    assert "parse error" in problems["broken"]
    assert problems["unknown"] == "The query needs $claim, which isn't known here."
    assert "duplicate series" in problems["clash"]
    assert found.summary.startswith("memory at most 500 MiB, CPU at most 0.")
    rows = Snapshot(now(), evidence={"metrics": by_name}).measured("alert")
    assert [row.labels for row in rows] == [{"pod": pods[0]}], "without a link the rule of that name is asked"


async def test_a_prometheus_that_is_down_is_one_line_in_good_time(tmp_path: Path) -> None:
    async with world(tmp_path) as kube:
        await kube.api()
        async with running(tmp_path, exporter([])) as real:
            real.process.kill()
            await real.process.wait()
            found, seen = await collected(Ask(kube.cluster, API, now, prometheus=real.client))
    assert found.status is EvidenceStatus.FAILED
    assert found.problem.startswith("Prometheus can't be reached at http://127.0.0.1:")
    assert seen.series is None, "not known is not the same as none"


async def test_a_workload_without_metrics_is_empty_and_not_failed(tmp_path: Path) -> None:
    async with world(tmp_path) as kube:
        await kube.api()
        async with running(tmp_path, Exporter([], [])) as real:
            found, seen = await collected(Ask(kube.cluster, API, now, prometheus=real.client))
    assert (found.status, found.summary) == (
        EvidenceStatus.EMPTY,
        "Prometheus has no metrics about Deployment shop/api",
    )
    assert seen.series == ()


def hostile(number: int, chance: random.Random) -> str:
    """A label's value made of what breaks out of strings, expressions, templates and messages."""
    pieces = (
        '"', "\\", "'", "`", "\n", "}", "{", ")", '"} or up{x="', "\\\\", '\\"', "$namespace", "$1", "|", ".*",
        "(?i)", "[a-z]", "{1,3}", "^", "#", "//", "<!channel>", "<@U1>", "&amp;", "ü", "名", "\U0001f600", "\u202e",
        "\ufffd", "\t", " ", "a", "0", "=~", ",", "\x1b[31m", "\x7f", "\u2028", "%s", "{{.}}", "\\u0022",
        "\\x22", "\\n", "-1",
    )  # fmt: skip
    return "".join(chance.choices(pieces, k=chance.randint(1, 12))) + str(number)


async def test_a_thousand_hostile_labels_find_themselves_and_nothing_else(tmp_path: Path) -> None:
    """Each value is a label in a real Prometheus; the filled query must give its one series of all of them."""
    chance = random.Random(SEED)  # noqa: S311 - reproducible on purpose
    values = [hostile(number, chance) for number in range(1000)]
    gauges = [("hostile", {"value": value}, float(number)) for number, value in enumerate(values)]
    async with running(tmp_path, Exporter(gauges, [])) as real:
        await real.until("count(hostile) == 1000")
        at = datetime.now(UTC)

        async def numbers(expr: str, place: str, value: str) -> list[float]:
            filled = promql.fill(expr, {place: [value] if place == "pods" else value})
            return [one.points[0][1] for one in (await real.client.instant(filled, at, within=PATIENT)).series]

        for number, value in enumerate(values):
            expected = [float(number)]
            assert await numbers('hostile{value="$label_x"}', "label_x", value) == expected, (SEED, value)
            assert await numbers("hostile{value=~'$pod'}", "pod", value) == expected, (SEED, value)
            assert await numbers('hostile{value=~"$pods"}', "pods", value) == expected, (SEED, value)


async def test_errors_of_a_real_one_are_of_the_same_kinds_as_recorded(tmp_path: Path) -> None:
    async with running(tmp_path, Exporter([("x", {"a": "1"}, 1.0)], [])) as real:
        await real.until("x")
        at = datetime.now(UTC)
        with pytest.raises(RejectedError, match="can't read the query"):
            await real.client.instant("rate(x[", at, within=PATIENT)
        with pytest.raises(RejectedError, match="can't carry out the query"):
            await real.client.instant('{__name__=~".+"} * on(nope) {__name__=~".+"}', at, within=PATIENT)
        with pytest.raises(UnavailableError):
            # However fast the machine is: nothing comes back over a socket in a tenth of a millisecond.
            await real.client.instant('count_over_time({__name__=~".+"}[1000h:1s])', at, within=0.0001)
        assert (await real.client.version(within=PATIENT)).startswith("2.")
        assert (await real.client.range("x", at - timedelta(days=400), at, 1, within=PATIENT)).series
