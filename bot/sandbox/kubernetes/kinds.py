"""What this server serves: the coverage table, resource by verbs, equal to what discovery says.

Resources that aren't listed here are answered as the real server answers unknown ones.
"""

from dataclasses import dataclass

READ_VERBS = ("get", "list", "watch")
ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
SCALE_VERBS = ("get", "patch", "update")
METRICS = "metrics.k8s.io"
"""The group of what is measured: its `pods` and `nodes` are no objects, and share their names with those that are."""


@dataclass(frozen=True)
class Subresource:
    """One `resource/name`; group and version are told only where they differ from the parent's."""

    name: str
    kind: str
    verbs: tuple[str, ...]
    group: str | None = None
    version: str | None = None


@dataclass(frozen=True)
class Kind:
    """One resource of one group and version. `stored_as` shares another kind's objects."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()
    categories: tuple[str, ...] = ()
    generation: bool = False
    stored_as: str = ""

    @property
    def qualified(self) -> str:
        """`deployments.apps`, `pods`: how errors name the resource."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        """`apps/v1`, `v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def bucket(self) -> str:
        """The name under which its objects lie in the store."""
        return self.stored_as or self.qualified

    def subresource(self, name: str) -> Subresource | None:
        """The subresource of that name, if it is served."""
        return next((sub for sub in self.subresources if sub.name == name), None)


def _status(kind: str) -> Subresource:
    return Subresource("status", kind, SCALE_VERBS)


SCALE = Subresource("scale", "Scale", SCALE_VERBS, "autoscaling", "v1")
POD_SUBRESOURCES = (
    Subresource("ephemeralcontainers", "Pod", SCALE_VERBS),
    Subresource("eviction", "Eviction", ("create",), "policy", "v1"),
    Subresource("exec", "PodExecOptions", ("create", "get")),
    Subresource("log", "Pod", ("get",)),
    Subresource("proxy", "PodProxyOptions", ("get",)),
    _status("Pod"),
)

_TOKEN = Subresource("token", "TokenRequest", ("create",), "authentication.k8s.io", "v1")


def _apps(plural: str, kind: str, short: str, *, scale: bool = True) -> Kind:
    subs = (SCALE, _status(kind)) if scale else (_status(kind),)
    return Kind("apps", "v1", plural, kind, short=(short,), subresources=subs, categories=("all",), generation=True)


def _review(group: str, plural: str, kind: str) -> Kind:
    return Kind(group, "v1", plural, kind, namespaced=False, verbs=("create",))


KINDS: tuple[Kind, ...] = (
    Kind("", "v1", "configmaps", "ConfigMap", short=("cm",)),
    Kind("", "v1", "endpoints", "Endpoints", short=("ep",)),
    Kind("", "v1", "events", "Event", short=("ev",)),
    Kind("", "v1", "limitranges", "LimitRange", short=("limits",)),
    Kind(
        "",
        "v1",
        "namespaces",
        "Namespace",
        namespaced=False,
        short=("ns",),
        verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
        subresources=(_status("Namespace"),),
    ),
    Kind("", "v1", "nodes", "Node", namespaced=False, short=("no",), subresources=(_status("Node"),)),
    Kind(
        "",
        "v1",
        "persistentvolumeclaims",
        "PersistentVolumeClaim",
        short=("pvc",),
        subresources=(_status("PersistentVolumeClaim"),),
    ),
    Kind(
        "",
        "v1",
        "persistentvolumes",
        "PersistentVolume",
        namespaced=False,
        short=("pv",),
        subresources=(_status("PersistentVolume"),),
    ),
    Kind(
        "",
        "v1",
        "pods",
        "Pod",
        short=("po",),
        subresources=POD_SUBRESOURCES,
        categories=("all",),
        generation=True,
    ),
    Kind(
        "",
        "v1",
        "resourcequotas",
        "ResourceQuota",
        short=("quota",),
        subresources=(_status("ResourceQuota"),),
    ),
    Kind("", "v1", "secrets", "Secret"),
    Kind("", "v1", "serviceaccounts", "ServiceAccount", short=("sa",), subresources=(_TOKEN,)),
    Kind(
        "",
        "v1",
        "services",
        "Service",
        short=("svc",),
        subresources=(_status("Service"),),
        categories=("all",),
    ),
    Kind(
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        namespaced=False,
        short=("crd", "crds"),
        verbs=READ_VERBS,
        categories=("api-extensions",),
        generation=True,
    ),
    Kind(
        "apiregistration.k8s.io",
        "v1",
        "apiservices",
        "APIService",
        namespaced=False,
        verbs=READ_VERBS,
        categories=("api-extensions",),
    ),
    Kind("apps", "v1", "controllerrevisions", "ControllerRevision"),
    _apps("daemonsets", "DaemonSet", "ds", scale=False),
    _apps("deployments", "Deployment", "deploy"),
    _apps("replicasets", "ReplicaSet", "rs"),
    _apps("statefulsets", "StatefulSet", "sts"),
    _review("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview"),
    _review("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    _review("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    _review("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview"),
    Kind(
        "autoscaling",
        "v2",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        short=("hpa",),
        subresources=(_status("HorizontalPodAutoscaler"),),
        categories=("all",),
    ),
    Kind(
        "autoscaling",
        "v1",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        short=("hpa",),
        verbs=("create", "get", "list", "watch"),
        stored_as="horizontalpodautoscalers.autoscaling",
    ),
    Kind(
        "batch",
        "v1",
        "cronjobs",
        "CronJob",
        short=("cj",),
        subresources=(_status("CronJob"),),
        categories=("all",),
        generation=True,
    ),
    Kind(
        "batch",
        "v1",
        "jobs",
        "Job",
        subresources=(_status("Job"),),
        categories=("all",),
        generation=True,
    ),
    Kind("coordination.k8s.io", "v1", "leases", "Lease"),
    Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", generation=True),
    Kind("events.k8s.io", "v1", "events", "Event", short=("ev",), stored_as="events"),
    Kind(METRICS, "v1beta1", "nodes", "NodeMetrics", namespaced=False, verbs=("get", "list")),
    Kind(METRICS, "v1beta1", "pods", "PodMetrics", verbs=("get", "list")),
    Kind("networking.k8s.io", "v1", "ingressclasses", "IngressClass", namespaced=False, generation=True),
    Kind(
        "networking.k8s.io",
        "v1",
        "ingresses",
        "Ingress",
        short=("ing",),
        subresources=(_status("Ingress"),),
        generation=True,
    ),
    Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", short=("netpol",), generation=True),
    Kind(
        "policy",
        "v1",
        "poddisruptionbudgets",
        "PodDisruptionBudget",
        short=("pdb",),
        subresources=(_status("PodDisruptionBudget"),),
        generation=True,
    ),
    # Kept like any object, so that roles can be applied and read back; rights here are the tokens' own.
    Kind("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    Kind("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False),
    Kind("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"),
    Kind("rbac.authorization.k8s.io", "v1", "roles", "Role"),
    Kind("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False, short=("sc",)),
)

REFUSED = {
    "pods/attach": "the sandbox doesn't attach to containers: kubectl exec runs a command beside what runs there",
    "pods/portforward": "the sandbox forwards no ports: nothing listens in its pods, and the page shows its Services",
}
"""What a real server has and somebody on call may type, and the sentence that it is answered with (501)."""
READ_ONLY = {
    "apiservices": "the sandbox hands no requests on to servers of your own: what it serves can be listed, not written",
    "customresourcedefinitions": "the sandbox serves no resources of your own: definitions can be listed, not written",
}
"""Resources that are looked at alone, and the sentence (501) for whoever wants to write one."""

_BY_PATH = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}
_BY_KIND = {kind.kind: kind for kind in reversed(KINDS) if not kind.stored_as}
GROUP_VERSIONS: tuple[tuple[str, str], ...] = tuple(dict.fromkeys((kind.group, kind.version) for kind in KINDS))


def find(group: str, version: str, plural: str) -> Kind | None:
    """The kind at a path of the API."""
    return _BY_PATH.get((group, version, plural))


def by_kind(name: str) -> Kind:
    """The kind of a manifest's `kind`; KeyError for one that isn't served."""
    return _BY_KIND[name]


def coverage() -> dict[str, tuple[str, ...]]:
    """`group/version/resource[/subresource]` -> verbs: all that is served, and nothing else."""
    table: dict[str, tuple[str, ...]] = {}
    for kind in KINDS:
        base = f"{kind.api_version}/{kind.plural}"
        table[base] = kind.verbs
        for sub in kind.subresources:
            table[f"{base}/{sub.name}"] = sub.verbs
    return table
