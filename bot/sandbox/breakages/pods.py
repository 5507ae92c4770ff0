"""Pods that crash, run out of memory, don't get ready or wait: what a node's kubelet tells of them."""

from __future__ import annotations

from bot.sandbox.breakages.breakage import Breakage
from bot.sandbox.breakages.site import Site, container, first
from bot.sandbox.kubernetes.manners import Manner
from bot.sandbox.measures import Curve

MIB = 2.0**20
_HUNG = (
    'Readiness probe failed: Get "http://10.244.1.23:8080/healthz": context deadline exceeded '
    "(Client.Timeout exceeded while awaiting headers)"
)
_KILLED = (
    'Liveness probe failed: Get "http://10.244.1.23:8080/livez": context deadline exceeded '
    "(Client.Timeout exceeded while awaiting headers)"
)
_LIMITED = (
    'failed to pull and unpack image "{image}": failed to copy: httpReadSeeker: failed open: unexpected status code '
    "429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit."
)


def _usual(site: Site) -> None:
    site.served()


def _needs_setting(site: Site) -> None:
    site.next_pods("crash", Manner(exit_code=1))
    site.said(
        'level=info msg="starting checkout"',
        "Traceback (most recent call last):",
        '  File "/app/main.py", line 12, in <module>',
        "    connect(os.environ['DB_URL'])",
        last=["KeyError: 'DB_URL'"],
    )
    site.roll()


def _leaves_a_lock(site: Site) -> None:
    site.said(
        'level=info msg="starting search"',
        last=['level=fatal msg="cannot open the cache" error="lock file /tmp/cache.lock is held by pid 7"'],
    )
    site.strike("crash", Manner(exit_code=1))


def _configured(site: Site) -> None:
    site.apply("ConfigMap", "v1", "catalog-config", data={"config.yaml": "pages: 20\n"})
    volume = {"name": "config", "configMap": {"name": "catalog-config"}}
    mount = {"name": "config", "mountPath": "/etc/catalog"}
    site.served(volumes=[volume], containers=[container(site.image(), volumeMounts=[mount])])


def _configured_wrongly(site: Site) -> None:
    site.change(
        lambda obj: obj.update(data={"config.yaml": "pages: twenty: 20\n"}),
        kind="ConfigMap", name="catalog-config", by="kubectl-edit",
    )  # fmt: skip
    site.said(
        'level=info msg="configuration changed, starting again"',
        last=['level=fatal msg="cannot load /etc/catalog/config.yaml" error="yaml: line 1: mapping values"'],
    )
    site.strike("crash", Manner(exit_code=1))


def _leaks(site: Site) -> None:
    site.strike("oom")


def _sawtooth(now: float, limit: float, seconds: float) -> Curve:
    """Memory that creeps up to its limit and begins anew; it is near the limit now."""
    return lambda at: limit * (0.3 + 0.69 * ((at - now - 1) % seconds) / seconds)


def _leak_is_measured(site: Site) -> None:
    site.measure_pods("container_memory_working_set_bytes", _sawtooth(site.now, 256 * MIB, 1500.0))


def _fits_no_node(site: Site) -> None:
    site.change(lambda obj: obj["spec"]["template"]["spec"].update(nodeSelector={"disk": "nvme"}), by="helm")


def _one_hangs(site: Site) -> None:
    site.strike("not-ready", Manner(_HUNG, every=10.0), pods=1)


def _probed(site: Site) -> None:
    probe = {"httpGet": {"path": "/livez", "port": 8080}, "periodSeconds": 10, "failureThreshold": 3}
    site.served(containers=[container(site.image(), livenessProbe=probe)])


def _killed_by_probe(site: Site) -> None:
    site.said('level=info msg="request served" ms=12', 'level=info msg="request served" ms=4120')
    site.strike("killed", Manner(_KILLED, exit_code=137))


def _wants_a_key(site: Site) -> None:
    site.apply("ConfigMap", "v1", "orders-config", data={"LOG_LEVEL": "info"})
    site.served()


def _key_is_missing(site: Site) -> None:
    said = f"couldn't find key DB_URL in ConfigMap {site.namespace}/orders-config"
    site.next_pods("config-error", Manner(said))
    source = {"configMapKeyRef": {"name": "orders-config", "key": "DB_URL"}}
    site.change(lambda obj: first(obj).update(env=[{"name": "DB_URL", "valueFrom": source}]), by="helm")


def _no_such_tag(site: Site) -> None:
    site.next_pods("image-missing")
    site.roll(image=site.image("1.4.2-relase"))


def _registry_limits(site: Site) -> None:
    site.next_pods("image-missing", Manner(_LIMITED.format(image=site.image())))
    site.change(lambda obj: obj["spec"].update(replicas=5), by="kubectl-scale")


def _database_is_away(site: Site) -> None:
    refused = 'level=error msg="cannot reach the database" error="dial tcp orders-db:5432: connect: connection refused"'
    site.said('level=info msg="starting worker"', refused, last=[refused.replace("level=error", "level=fatal")])
    site.strike("crash", Manner(exit_code=1))


BREAKAGES = (
    Breakage(
        "rollout-crashes", "pod-crash-looping", "A new version needs a setting that nobody gave it",
        ("KubePodCrashLooping",), "bad_rollout", _needs_setting, "checkout",
        ("crashes at start", "KeyError: 'DB_URL'"), offers="Approve rollback", furnish=_usual,
    ),
    Breakage(
        "stale-lock", "pod-crash-looping", "A lock file that a pod left behind",
        ("KubePodCrashLooping",), "crash_loop", _leaves_a_lock, "search",
        ("cache.lock is held",), offers="Approve restart", furnish=_usual,
    ),
    Breakage(
        "config-edited", "pod-crash-looping", "Somebody edited the ConfigMap",
        ("KubePodCrashLooping",), "config_change", _configured_wrongly, "catalog",
        ("ConfigMap catalog-config written",), furnish=_configured,
    ),
    Breakage(
        "memory-leak", "out-of-memory", "Memory creeps up to the limit again and again",
        ("KubePodOOMKilled",), "oom_killed", _leaks, "reports",
        ("creeps up", "256 MiB"), offers="Approve restart", furnish=_usual, lately=_leak_is_measured,
    ),
    Breakage(
        "no-node-fits", "pod-not-ready", "A new version wants nodes that don't exist",
        ("KubePodNotReady",), "unschedulable", _fits_no_node, "render",
        ("no node matches its node selector",), offers="Approve rollback", furnish=_usual,
    ),
    Breakage(
        "one-pod-hangs", "pod-not-ready", "One of three pods answers no more",
        ("KubePodNotReady",), "probe_failure", _one_hangs, "basket",
        ("fails the readiness probe",), offers="Approve restart", furnish=_usual,
    ),
    Breakage(
        "killed-by-probe", "deployment-replicas-mismatch", "The liveness probe kills slow pods",
        ("KubeDeploymentReplicasMismatch",), "probe_failure", _killed_by_probe, "pricing",
        ("because the liveness probe fails",), furnish=_probed,
    ),
    Breakage(
        "key-missing", "container-waiting", "A new version wants a key that the ConfigMap lacks",
        ("KubeContainerWaiting",), "config_missing", _key_is_missing, "orders",
        ("key DB_URL in ConfigMap",), offers="Approve rollback", furnish=_wants_a_key, ago=1200,
    ),
    Breakage(
        "registry-limits", "container-waiting", "The registry gives no more images for now",
        ("KubeContainerWaiting",), "image_pull", _registry_limits, "export",
        ("the registry limits how often it is asked",), furnish=_usual,
    ),
    Breakage(
        "tag-missing", "image-pull", "A new version with a misspelt tag",
        ("ImagePullBackOff",), "image_pull", _no_such_tag, "invoice",
        ("the registry doesn't have it", "1.4.2-relase"), offers="Approve rollback", furnish=_usual,
    ),
    Breakage(
        "database-away", "default", "The database refuses connections",
        ("QueueTooLong",), "dependency_down", _database_is_away, "worker",
        ("orders-db:5432",), furnish=_usual,
    ),
)  # fmt: skip
