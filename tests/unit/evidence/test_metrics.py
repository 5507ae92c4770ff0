"""What metrics tell in one line, which expression an alert came from, and which labels are an exporter's own."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from bot.domain.errors import RequestError
from bot.domain.observed import SeriesSeen
from bot.domain.snapshot import AlertSeen
from bot.domain.target import Target
from bot.domain.units import told
from bot.evidence import metric_defaults, metrics, places
from bot.evidence.ask import Ask
from bot.integrations import promql

NO_CLUSTER: Any = None
API = Target("Deployment", "shop", "api")


def ask(*labels: dict[str, str], target: Target | None = API) -> Ask:
    return Ask(NO_CLUSTER, target, lambda: datetime.now(UTC), tuple(AlertSeen(one) for one in labels))


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (527958016, "bytes", "504 MiB"),
        (1536, "bytes", "1.5 KiB"),
        (0, "bytes", "0 B"),
        (2.5e18, "bytes", "2220 PiB"),
        (0.2104, "cores", "0.21 cores"),
        (0.0042, "cores", "0.004 cores"),
        (12, "cores", "12 cores"),
        (0.3444, "ratio", "34.4 %"),
        (1, "ratio", "100 %"),
        (0.00012, "ratio", "0.012 %"),
        (0.05, "seconds", "50 ms"),
        (1.25, "seconds", "1.25 s"),
        (600, "seconds", "10 min"),
        (90000, "seconds", "25 h"),
        (12345, "per_second", "12.3k/s"),
        (0.5, "per_second", "0.5/s"),
        (-0.0001, "", "0"),
        (-3, "", "-3"),
        (14, "", "14"),
    ],
)
def test_quantities_carry_their_unit_in_three_digits(value: float, unit: str, words: str) -> None:
    assert told(value, unit) == words


def series(query: str, unit: str, *values: float, **labels: str) -> SeriesSeen:
    return SeriesSeen(query, "", unit, labels, tuple((float(60 * n), value) for n, value in enumerate(values)))


def test_one_line_tells_peaks_newest_rates_and_growth() -> None:
    rows = [
        series("memory", "bytes", 3e8, 5e8, 4e8, pod="a"),
        series("memory", "bytes", 2e8, 2e8, 2e8, pod="b"),
        series("cpu", "cores", 0.1, 0.3, 0.2),
        series("errors", "ratio", 0.5, 0.34),
        series("latency", "seconds", 1.2),
        series("throttling", "ratio", 0.0, 0.0),
        series("restarts", "", 7, 9, 1, 2),
    ]
    assert metrics.summary(rows) == (
        "memory at most 477 MiB, CPU at most 0.3 cores, failed requests 34 %, latency (p99) 1.2 s, 4 restarts"
    )
    assert metrics.summary([series("mine", "", 1.0)]) == "1 series"


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ('rate(x{a="b"}[5m]) > 0.05', True),
        ('up{a="', False),
        ("", False),
        ("x" * 9000, False),
    ],
)
def test_the_expression_is_read_from_the_link_and_only_if_its_strings_end(expr: str, found: bool) -> None:
    url = f"http://169.254.169.254/graph?g0.tab=1&g0.expr={quote(expr)}"
    assert metrics.expression(url) == (expr if found else "")


@pytest.mark.parametrize(
    "url", ["", "nonsense", "http://[bad", "http://x/graph?" + "a=b&" * 100, "javascript:alert(1)"]
)
def test_a_link_without_an_expression_gives_none(url: str) -> None:
    assert metrics.expression(url) == ""


def test_places_come_from_the_target_first() -> None:
    found = places.values(ask({"namespace": "other", "pod": "api-1", "team": "core"}), ("api-1", "api-2"))
    assert found["namespace"] == "shop"
    assert (found["workload"], found["kind"], found["pods"], found["pod"]) == (
        "api", "Deployment", ("api-1", "api-2"), "api-1",
    )  # fmt: skip
    assert found["label_team"] == "core"
    assert "node" not in found


def test_an_exporters_own_labels_are_not_the_targets() -> None:
    own = {"job": "kube-state-metrics", "pod": "ksm-0", "container": "kube-state-metrics", "service": "ksm"}
    found = places.values(ask(own), ("api-1",))
    assert not {"pod", "container", "service"} & set(found)
    theirs = {"job": "kube-state-metrics", "pod": "api-1", "container": "api"}
    found = places.values(ask(theirs), ("api-1",))
    assert (found["pod"], found["container"]) == ("api-1", "api")


def test_without_a_workload_the_labels_name_what_they_can() -> None:
    labels = {"namespace": "shop", "persistentvolumeclaim": "data", "node": "n1", "job_name": "j"}
    found = places.values(ask(labels, target=None), ())
    assert {"namespace": "shop", "claim": "data", "node": "n1", "job": "j"}.items() <= found.items()


@pytest.mark.parametrize("query", metric_defaults.EVERYTHING, ids=lambda query: f"{query.name}-{query.title}")
def test_each_default_can_be_filled_safely(query: Any) -> None:
    promql.check(query.expr)
    assert promql.places(query.expr)


def test_how_full_the_claims_of_a_workload_are_is_asked_unless_one_claim_is_what_it_is_about() -> None:
    def disk(values: dict[str, Any]) -> list[str]:
        found = []
        for query in metric_defaults.EVERYTHING:
            with contextlib.suppress(RequestError):
                found += [promql.fill(query.expr, values)] if query.name == "disk" else []
        return found

    own = dict(places.values(ask({"namespace": "shop"}), ("api-1",), ("cache", "data.1")))
    (expr,) = disk(own)
    assert 'persistentvolumeclaim=~"cache|data\\\\.1"' in expr
    named = {"namespace": "shop", "persistentvolumeclaim": "data"}
    (expr,) = disk(dict(places.values(ask(named), ("api-1",), ("cache",))))
    assert 'persistentvolumeclaim="data"' in expr
