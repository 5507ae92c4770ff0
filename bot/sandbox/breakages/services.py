"""Services that fail or are slow while their pods run, and what is measured of them."""

from __future__ import annotations

from bot.sandbox.breakages.breakage import Breakage
from bot.sandbox.breakages.site import Site, container
from bot.sandbox.measures import level, step

FAILED, TRAFFIC, SLOW = '=~"5.."', "http_requests_total", "histogram_quantile("
CPU, THROTTLED = "container_cpu_usage_seconds_total", "container_cpu_cfs_throttled_periods_total"
_LIMITED = {"requests": {"cpu": "250m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}}


def _usual(site: Site) -> None:
    site.served()


def _limited(site: Site) -> None:
    site.served(containers=[container(site.image(), resources=_LIMITED)])


def _new_version_fails(site: Site) -> None:
    site.roll()
    site.said(*(f'level=error msg="cannot render page" error="template has no part price" n={n}' for n in range(12)))
    site.measure(FAILED, step(site.now + 30, 0.002, 0.13))


def _processes_hang(site: Site) -> None:
    site.said(*(f'level=error msg="no answer" error="worker pool is exhausted" n={n}' for n in range(9)))
    site.measure(FAILED, step(site.now, 0.002, 0.21))


def _more_load(site: Site) -> None:
    site.measure(TRAFFIC, step(site.now, 40.0, 95.0), without=FAILED)
    site.measure(SLOW, step(site.now, 0.12, 2.6))


def _cpu_is_full(site: Site) -> None:
    site.measure_pods(CPU, level(0.49))


def _throttled(site: Site) -> None:
    site.measure_pods(THROTTLED, level(0.62))
    site.measure_pods(CPU, level(0.44))


def _not_scraped(site: Site) -> None:
    site.measure("up{", level(0.0))


def _nothing(_site: Site) -> None:
    """The monitor's port was changed, and nothing in the cluster."""


BREAKAGES = (
    Breakage(
        "errors-after-rollout", "service-errors", "A new version answers with errors",
        ("HighErrorRate",), "bad_rollout", _new_version_fails, "shopfront",
        ("Failed requests (5xx) rose from",), offers="Approve rollback", furnish=_usual,
    ),
    Breakage(
        "processes-hang", "service-errors", "Processes that run and answer no more",
        ("HighErrorRate",), "service_degraded", _processes_hang, "wallet",
        ("nothing that was looked at explains it",), offers="Approve restart", furnish=_usual,
    ),
    Breakage(
        "more-load", "service-latency", "More requests than the pods can carry",
        ("HighLatency",), "saturation", _more_load, "suggest",
        ("of the CPU allowed", "the traffic has grown"), by_hand="scale deployment/suggest --replicas=5",
        furnish=_limited, lately=_cpu_is_full,
    ),
    Breakage(
        "throttled", "cpu-throttling", "A CPU limit that is met",
        ("CPUThrottlingHigh",), "throttling", _nothing, "resize",
        ("throttled in 62 % of its CPU periods",), furnish=_limited, lately=_throttled,
    ),
    Breakage(
        "not-scraped", "target-down", "Prometheus can't scrape pods that are well",
        ("TargetDown",), "scrape_problem", _nothing, "geo",
        ("Prometheus can't scrape it, while 3 pods are ready",), furnish=_usual, lately=_not_scraped,
        labels={"job": "geo"},
    ),
)  # fmt: skip
