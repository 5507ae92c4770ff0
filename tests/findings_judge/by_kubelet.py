"""What the kubelet, the scheduler or the API server names: images, configuration, room, quotas, volumes."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.observed import (
    ChangeSeen,
    QuotaSeen,
)
from tests.findings_judge.making import (
    Truth,
    pending,
    roll,
    truth,
    unfinished,
    wait,
)
from tests.findings_judge.scene import Scene, stamp
from tests.findings_judge.telling import pod_alerts

PULL = {
    "absent": 'rpc error: code = NotFound desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": {image}: not found',  # noqa: E501 - as it is written
    "refused": 'failed to pull and unpack image "{image}": failed to resolve reference "{image}": failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://registry.example.com/token: 401 Unauthorized',  # noqa: E501 - as it is written
    "denied": 'failed to pull and unpack image "{image}": failed to resolve reference "{image}": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',  # noqa: E501 - as it is written
    "limit": 'failed to pull and unpack image "{image}": failed to copy: httpReadSeeker: failed open: unexpected status code https://registry.example.com/v2/manifests/1: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.',  # noqa: E501 - as it is written
    "unreachable": 'failed to pull and unpack image "{image}": failed to resolve reference "{image}": failed to do request: Head "https://registry.example.com/v2/x/manifests/1": dial tcp 203.0.113.9:443: i/o timeout',  # noqa: E501 - as it is written
    "platform": 'failed to pull and unpack image "{image}": no match for platform in manifest: not found',
}


def image_pull(scene: Scene) -> Truth:
    """The image of a new revision, or of a pod that came to a new node, can't be pulled."""
    rng = scene.rng
    kind = rng.choice([*PULL, "absent", "absent", "name"])
    new = kind in {"absent", "platform", "name"} or rng.random() < 0.5
    if new:
        tag = rng.choice([f"1.{scene.revision + 1}.O", f"1.{scene.revision + 1}.0", "lates", "v2"])
        ill = roll(scene, scene.began, "", tag=tag)
        unfinished(scene, scene.began)
    else:
        number = len(scene.pods) - 1
        moved = scene.pod(number, created=scene.began)
        moved.containers += scene.pods[-1].containers[1:]
        scene.pods[-1], ill = moved, [moved]
    for pod in ill:
        image = pod.containers[0].image if kind != "name" else pod.containers[0].image + "::"
        pod.containers[0] = replace(pod.containers[0], image=image)
        message = PULL.get(kind, "").format(image=image)
        if kind == "name":
            wait(
                pod,
                "InvalidImageName",
                f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": invalid reference format',  # noqa: E501 - as it is written
            )
            scene.event(
                "InspectFailed",
                f'Failed to apply default image tag "{image}": couldn\'t parse image name',
                scene.about(pod),
                1,
                9,
            )
            continue
        backing = rng.random() < 0.75
        shown = f": ErrImagePull: {message}" if rng.random() < 0.7 else ""
        wait(
            pod,
            *(
                ("ImagePullBackOff", f'Back-off pulling image "{image}"{shown}')
                if backing
                else ("ErrImagePull", message)
            ),
        )
        scene.event("Failed", f'Failed to pull image "{image}": {message}', scene.about(pod), 2, 4)
        scene.event("Failed", "Error: ImagePullBackOff" if backing else "Error: ErrImagePull", scene.about(pod), 1, 8)
        scene.event("BackOff", f'Back-off pulling image "{image}"', scene.about(pod), 0.5, 12, warning=False)
    scene.alert(rng.choice(["KubeContainerWaiting", "KubePodNotReady"]), 15, pod=ill[0].name)
    pod_alerts(scene, ill)
    cures = {"rollback", "set_image"} if new else {"set_image"}
    return truth("image_pull", *(cures if kind in {"absent", "platform", "name"} or new else ()), note=kind)


def config_missing(scene: Scene) -> Truth:
    """A Secret, ConfigMap or key that a template asks for isn't there: a new reference, or somebody deleted it."""
    rng, new = scene.rng, scene.rng.random() < 0.6
    name = rng.choice([f"{scene.app}-secret", f"{scene.app}-config"])
    kind = "secret" if name.endswith("secret") else "configmap"
    title = "Secret" if kind == "secret" else "ConfigMap"
    if new:
        ill = roll(scene, scene.began, f"env from {title} {name} added", (f"+ envFrom {title} {name}",))
        unfinished(scene, scene.began)
    else:
        fresh = [scene.pod(len(scene.pods) - 1, created=scene.began)]
        fresh[0].containers += scene.pods[-1].containers[1:]
        scene.pods[-1:], ill = fresh, fresh
    variant = rng.choice(["absent", "absent", "key", "mount"])
    for pod in ill:
        if variant == "mount":
            wait(pod, "ContainerCreating", "")
            told = rng.choice([f'MountVolume.SetUp failed for volume "config" : {kind} "{name}" not found',
                               f'MountVolume.SetUp failed for volume "config" : references non-existent {"secret" if kind == "secret" else "config"} key: app.yaml'])  # fmt: skip  # noqa: E501 - as it is written
            scene.event("FailedMount", told, scene.about(pod), 1, 11)
        else:
            told = (
                f'{kind} "{name}" not found'
                if variant == "absent"
                else f"couldn't find key DB_URL in {title} {scene.namespace}/{name}"
            )
            wait(pod, "CreateContainerConfigError", told)
            scene.event("Failed", f"Error: {told}", scene.about(pod), 1, 14)
    if kind == "configmap":
        scene.references[:] = [
            replace(one, exists=variant == "key", missing=("DB_URL",) if variant == "key" else ())
            if one.name == name
            else one
            for one in scene.references
        ]
    scene.alert(
        "KubeContainerWaiting", 60, pod=ill[0].name, container=ill[0].containers[0].name
    ) if rng.random() < 0.5 else None
    pod_alerts(scene, ill)
    return truth("config_missing", *(["rollback"] if new else []), note=variant)


def unschedulable(scene: Scene) -> Truth:
    """No node takes the new pods: too many wanted, too much asked for, or the nodes went."""
    rng, total = scene.rng, scene.rng.randint(3, 12)
    variant = rng.choice(["scaled", "requests", "selector", "cordoned", "taint", "volume", "grown"])
    preemption = f"preemption: 0/{total} nodes are available: {total} No preemption victims found for incoming pod."
    resource = rng.choice(["cpu", "memory"])
    reasons = {
        "scaled": f"{total - 1} Insufficient {resource}, 1 node(s) had untolerated taint {{node-role.kubernetes.io/control-plane: }}",  # noqa: E501 - as it is written
        "grown": f"{total - 1} Insufficient {resource}, 1 node(s) had untolerated taint {{node-role.kubernetes.io/control-plane: }}",  # noqa: E501 - as it is written
        "requests": f"1 node(s) had untolerated taint(s), {total - 1} Insufficient {resource}",
        "selector": f"{total} node(s) didn't match Pod's node affinity/selector",
        "cordoned": f"{total - 2} node(s) were unschedulable, 2 Insufficient cpu",
        "taint": f"{total} node(s) had untolerated taint {{dedicated: batch}}",
        "volume": f"{total} node(s) had volume node affinity conflict",
    }
    message = f"0/{total} nodes are available: {reasons[variant]}. {preemption}"
    if variant in {"requests", "selector"}:
        what = "resources: requests.memory 512Mi → 64Gi" if variant == "requests" else "nodeSelector: pool=gpu added"
        ill = roll(scene, scene.began, what, (what,))
        unfinished(scene, scene.began)
    elif variant in {"scaled", "grown"} and scene.kind != "DaemonSet":
        before = scene.replicas
        scene.replicas = before * 3 + 2
        scene.changes.insert(
            0,
            ChangeSeen(
                "scale",
                f"replicas {before} → {scene.replicas}",
                stamp(scene.began),
                "horizontal-pod-autoscaler" if variant == "grown" else "kubectl by ana",
                size=scene.replicas,
                automatic=variant == "grown",
            ),
        )
        if variant == "scaled":
            scene.autoscalers.clear()
        ill = [
            scene.pod(before + number, created=scene.began) for number in range(rng.randint(1, scene.replicas - before))
        ]
        scene.pods += ill
    else:
        ill = [scene.pod(len(scene.pods) - 1, created=scene.began)]
        scene.pods[-1:] = ill
    for pod in ill:
        pending(scene, pod, message)
    pod_alerts(scene, ill)
    cures = {"requests": ["rollback"], "selector": ["rollback"], "scaled": ["scale"]}.get(variant, [])
    return truth("unschedulable", *cures, note=variant)


def quota(scene: Scene) -> Truth:
    """New pods are forbidden: a quota is used up, or a limit range refuses them; or an alert says it nearly is."""
    rng = scene.rng
    variant = rng.choice(["scaled", "requests", "range", "alert", "replaced"])
    hard = float(rng.choice([8, 16, 32]))
    if variant == "alert":
        scene.quotas[:] = [QuotaSeen("compute", "requests.cpu", hard * rng.uniform(0.92, 1.0), hard)]
        scene.alert(
            rng.choice(["KubeQuotaAlmostFull", "KubeQuotaFullyUsed"]),
            15,
            resourcequota="compute",
            resource="requests.cpu",
        )
        return truth("quota", note=variant)
    scene.quotas[:] = [QuotaSeen("compute", "requests.cpu", hard - 0.1, hard)]
    owner = f"ReplicaSet {scene.app}-{scene.hash_of(scene.revision + (variant in {'requests', 'range'}))}"
    made = f"{scene.app}-x7k2p"
    refusal = f'Error creating: pods "{made}" is forbidden: exceeded quota: compute, requested: requests.cpu=500m, used: requests.cpu={hard - 0.1:g}, limited: requests.cpu={hard:g}'  # noqa: E501 - as it is written
    if variant == "range":
        refusal = (
            f'Error creating: pods "{made}" is forbidden: maximum memory usage per Container is 2Gi, but limit is 4Gi'
        )
    if variant in {"requests", "range"}:
        what = "resources: requests.cpu 250m → 500m" if variant == "requests" else "resources: limits.memory 1Gi → 4Gi"
        new = roll(scene, scene.began, what, (what,))
        scene.changes[0] = replace(scene.changes[0], resources=True)
        scene.pods[:] = [pod for pod in scene.pods if pod not in new]
        unfinished(scene, scene.began)
    elif variant == "scaled":
        scene.replicas = scene.replicas * 2 + 1
        scene.autoscalers.clear()
        scene.changes.insert(
            0,
            ChangeSeen(
                "scale", f"scaled to {scene.replicas}", stamp(scene.began), "kubectl scale", size=scene.replicas
            ),
        )
    else:
        del scene.pods[-1:]
    scene.event("FailedCreate", refusal, owner if scene.kind == "Deployment" else f"{scene.kind} {scene.app}", 2, 14)
    scene.alert(
        "KubeDeploymentReplicasMismatch" if scene.kind == "Deployment" else "KubeStatefulSetReplicasMismatch",
        15,
        **scene.own_label(),
    )
    return truth(
        "quota", *{"scaled": ["scale"], "requests": ["rollback"], "range": ["rollback"]}.get(variant, []), note=variant
    )


def volume_mount(scene: Scene) -> Truth:
    """A pod waits for a volume that hangs elsewhere or can't be mounted."""
    rng = scene.rng
    pod = scene.pod(len(scene.pods) - 1, created=scene.began)
    pod.containers += scene.pods[-1].containers[1:]
    scene.pods[-1] = pod
    wait(pod, "ContainerCreating", "")
    if rng.random() < 0.5:
        scene.event(
            "FailedAttachVolume",
            'Multi-Attach error for volume "pvc-1a2b" Volume is already exclusively attached to one node and can\'t be attached to another',  # noqa: E501 - as it is written
            scene.about(pod),
            2,
            3,
        )
    else:
        scene.event(
            "FailedMount",
            'MountVolume.MountDevice failed for volume "pvc-1a2b" : rpc error: code = DeadlineExceeded desc = context deadline exceeded',  # noqa: E501 - as it is written
            scene.about(pod),
            2,
            7,
        )
    pod_alerts(scene, [pod])
    return truth("volume_mount")
