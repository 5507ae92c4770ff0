"""The cluster's own parts: its API, schedulers, controllers, what measures it, and whether it has room.

Most of it shows in no object that Fettle looks at: the alert is what there is, and the card must not claim more.
"""

from __future__ import annotations

from bot.sandbox.breakages.breakage import Breakage
from bot.sandbox.breakages.site import Site, container
from bot.sandbox.kubernetes.manners import Manner


def _nothing(_site: Site) -> None:
    """Nothing that the cluster's own objects tell."""


def _deployed(site: Site) -> None:
    site.served(replicas=1)


def _crashes(site: Site) -> None:
    site.said(last=["E1125 panic: leader election lost"])
    site.strike("crash", Manner(exit_code=1))


def _older_node(site: Site) -> None:
    name = site.node()
    site.change(
        lambda obj: obj["status"]["nodeInfo"].update(kubeletVersion="v1.35.4"), kind="Node", name=name, by="kubelet"
    )


def _greedy(site: Site) -> None:
    site.node(cpu="8", memory="16Gi")
    site.node(2, cpu="8", memory="16Gi")
    asked = {"requests": {"cpu": "3", "memory": "6Gi"}}
    site.served(replicas=4, containers=[container(site.image(), resources=asked)], **site.pool())


def _part(name: str, title: str, *alerts: str, says: str, workload: str = "api") -> Breakage:
    return Breakage(
        name,
        "control-plane",
        title,
        alerts,
        "stalled_controller",
        _crashes,
        workload,
        (says,),
        furnish=_deployed,
        alone=True,
    )


BREAKAGES = (
    _part(
        "scheduler-gone", "The scheduler crashes", "KubeSchedulerDown", "KubeSchedulerInstanceUnreachable",
        says="KubeSchedulerDown", workload="kube-scheduler",
    ),
    _part(
        "controllers-gone", "The controller manager crashes", "KubeControllerManagerDown",
        "KubeControllerManagerInstanceUnreachable", says="KubeControllerManagerDown",
        workload="kube-controller-manager",
    ),
    _part(
        "proxy-gone", "The proxies are gone", "KubeProxyDown", "KubeProxyInstanceUnreachable", says="KubeProxyDown",
        workload="kube-proxy",
    ),
    _part(
        "metrics-api-gone", "The metrics API doesn't answer", "KubeAggregatedAPIDown", "KubeAggregatedAPIErrors",
        says="aggregated API is down", workload="metrics-server",
    ),
    _part(
        "api-burns", "The API server answers with errors", "KubeAPIErrorBudgetBurn", "KubeAPIDown",
        "KubeAPITerminatedRequests", "KubeAPIInstanceUnreachable", "KubeClientErrors",
        says="burning too much error budget", workload="kube-apiserver",
    ),
    Breakage(
        "client-certificate", "control-plane", "A client's certificate runs out", ("KubeClientCertificateExpiration",),
        "stalled_controller", _nothing, says=("about to expire",), alone=True,
    ),
    Breakage(
        "versions-differ", "control-plane", "A node runs another version", ("KubeVersionMismatch",),
        "stalled_controller", _older_node, says=("Different semantic versions",), alone=True,
    ),
    Breakage(
        "state-metrics-fail", "state-metrics", "kube-state-metrics can't list all it should",
        (
            "KubeStateMetricsListErrors", "KubeStateMetricsWatchErrors", "KubeStateMetricsShardingMismatch",
            "KubeStateMetricsShardsMissing",
        ), "scrape_problem", _nothing, says=("errors in list operations", "may be missing or wrong"), alone=True,
    ),
    Breakage(
        "no-node-to-spare", "overcommit", "More is requested than is left when a node goes",
        ("KubeCPUOvercommit", "KubeMemoryOvercommit", "KubeCPUQuotaOvercommit", "KubeMemoryQuotaOvercommit"),
        "quota", _nothing, says=("overcommitted CPU resource requests",), furnish=_greedy,
    ),
)  # fmt: skip
