"""Breakages of the program: bad rollouts, crashes, memory, probes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.findings_judge import courses, log_lines
from tests.findings_judge.log_lines import ended, fill, running
from tests.findings_judge.making import (
    Truth,
    crash,
    roll,
    settle,
    some,
    truth,
    unfinished,
    unready,
)
from tests.findings_judge.scene import Pod, Scene, stamp
from tests.findings_judge.telling import LIVE, PROBE, pod_alerts


def bad_rollout(scene: Scene) -> Truth:
    """A new revision whose pods crash, starve, don't start or don't get ready."""
    rng = scene.rng
    late = rng.random() < 0.15
    gap = timedelta(minutes=rng.uniform(11, 24) if late else rng.uniform(0.1, 3))
    at = scene.began - gap
    variant = rng.choice(["setting", "bug", "unready", "oom", "start", "address", "liveness"])
    name = rng.choice(["DB_URL", "CACHE_HOST", "PAYMENTS_TOKEN_PATH", "FEATURE_FLAGS_FILE"])
    tag = f"1.{scene.revision + 1}.0"
    whats = {
        "setting": (f"env: {name} gone", (f"- env {name}",), ""),
        "address": ("env: DB_HOST changed", ("~ env DB_HOST changed",), ""),
        "start": ("command changed", ('- command ["/app/server"]', '+ command ["/app/serve"]'), ""),
    }
    what, diff, new_tag = whats.get(variant, ("", (), tag))
    if variant == "setting" and rng.random() < 0.5:
        what, diff, new_tag = "", (), tag
    complete = variant == "oom" or (late and rng.random() < 0.5) or (scene.kind == "Deployment" and rng.random() < 0.1)
    new = roll(scene, at, what, diff, complete=complete, tag=new_tag)
    if not complete:
        unfinished(scene, at)
    ill = new if not late else some(scene, new)
    lines = {"setting": [line for line, _ in log_lines.SETTING], "address": log_lines.DEPENDENCY}.get(
        variant, log_lines.BUG
    )
    last = fill(rng, rng.choice(list(lines)), "db-new", name)
    for pod in ill:
        _break_new(scene, pod, variant, last, gap, late=late)
    pod_alerts(scene, ill, crashing=variant in {"setting", "bug", "oom", "address", "liveness"})
    # A higher limit relieves any kill for memory, whatever brought it.
    return truth("bad_rollout", "rollback", *(["set_resources"] if variant == "oom" else []), note=variant)


def _break_new(scene: Scene, pod: Pod, variant: str, last: str, gap: timedelta, *, late: bool) -> None:
    rng = scene.rng
    first = (
        max(scene.began, pod.created + timedelta(seconds=5))
        if late
        else pod.created + timedelta(seconds=rng.uniform(5, 40))
    )
    run = gap.total_seconds() if late else rng.uniform(1, 20)
    if variant == "unready":
        unready(scene, pod, pod.created, rng.choice(PROBE))
        scene.logs.append(running(scene, pod))
    elif variant == "oom":
        crash(scene, pod, first, run, 137, "OOMKilled")
        scene.logs.append(ended(scene, pod, 'level=info msg="loading model"'))
    elif variant == "start":
        text = 'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/app/serve": stat /app/serve: no such file or directory: unknown'  # noqa: E501 - as it is written
        crash(scene, pod, first, 0.5, 128, "StartError", text)
    elif variant == "liveness":
        pod.containers[0] = replace(pod.containers[0], probes=("liveness", "readiness"))
        crash(scene, pod, first, 40, 137)
        scene.event("Unhealthy", LIVE, scene.about(pod), 1, 6)
        scene.event(
            "Killing",
            f"Container {pod.containers[0].name} failed liveness probe, will be restarted",
            scene.about(pod),
            1,
            3,
            warning=False,
        )
    else:
        crash(scene, pod, first, run, rng.choice([1, 1, 2, 255]))
        scene.logs.append(ended(scene, pod, last))


def crash_loop(scene: Scene) -> Truth:
    """An old template crashes: something of the pod, of its data, or of the time."""
    rng = scene.rng
    variant = rng.choice(
        ["local", "bug", "certificate", "credentials", "native", "finished", "lone", "partial", "permission"]
    )
    if variant in {"lone", "partial"} and len(scene.pods) < 4:
        _four(scene)
    every = list(scene.pods)
    those = {"lone": every[:1], "partial": every[: max(1, len(every) // 3)], "local": some(scene, every)}
    ill = those.get(variant, every)
    quiet = {
        "native": "segfault imminent",
        "finished": "shutting down",
        "lone": rng.choice(["loaded plugins", "ready"]),
    }
    last = quiet.get(variant) or _last_line(scene, variant)
    code = {"native": rng.choice([139, 134]), "finished": 0, "lone": rng.choice([1, 255])}.get(variant, 1)
    for pod in ill:
        first = scene.began + timedelta(seconds=rng.uniform(0, 90))
        crash(scene, pod, first, rng.uniform(1, 30), code, "Error" if code else "Completed")
        scene.logs.append(ended(scene, pod, last))
    for pod in [one for one in every if one not in ill]:
        scene.logs.append(running(scene, pod))
    pod_alerts(scene, ill, crashing=True)
    # A file on a volume is there for the next pod too; a port or the pod's own folder isn't.
    goes = any(word in last.lower() for word in ("eaddrinuse", "address already in use", "/tmp/"))  # noqa: S108
    stays = variant == "local" and bool(scene.volumes) and not goes
    cures = ("restart", "evict") if variant in {"local", "lone", "partial"} and not stays else ()
    return truth("crash_loop", *cures, note=variant)


def _four(scene: Scene) -> None:
    """At least four pods, all well."""
    scene.replicas = 4
    scene.pods += [scene.pod(number) for number in range(len(scene.pods), 4)]
    for pod in scene.pods:
        pod.containers[0] = replace(scene.main, image=scene.image(), started_at=stamp(pod.created))


def _last_line(scene: Scene, variant: str) -> str:
    lines = {
        "local": log_lines.LOCAL, "bug": log_lines.BUG, "certificate": log_lines.CERTIFICATE,
        "credentials": log_lines.CREDENTIALS,
        "partial": log_lines.DEPENDENCY, "permission": ("PermissionError: [Errno 13] Permission denied: '/run/app.sock'",),  # noqa: E501 - as it is written
    }[variant]  # fmt: skip
    return fill(scene.rng, scene.rng.choice(list(lines)))


def oom_killed(scene: Scene) -> Truth:
    """Memory against its limit on an old template: a leak, a jump, or too little from the start."""
    rng = scene.rng
    variant = rng.choice(["leak", "spike", "level"])
    limit = scene.main.memory_limit
    ill = some(scene, scene.pods) if variant != "spike" else some(scene, scene.pods)[:3]
    run = {"leak": rng.uniform(1500, 14000), "spike": rng.uniform(200, 3000), "level": rng.uniform(3, 60)}[variant]
    for pod in ill:
        crash(scene, pod, scene.began + timedelta(seconds=rng.uniform(0, 120)), run, 137, "OOMKilled")
        if variant == "leak":
            pod.containers[0] = replace(pod.containers[0], restarts=pod.containers[0].restarts + rng.randint(0, 3))
        if limit and scene.measured and pod in scene.pods[:8]:
            _memory(scene, pod, variant, limit)
    if rng.random() < 0.5:
        scene.logs.append(
            ended(
                scene,
                ill[0],
                rng.choice(["java.lang.OutOfMemoryError: Java heap space", 'level=info msg="batch" size=4000']),
            )
        )
    if run > 600:
        scene.alert(rng.choice(["ContainerOOMKilled", "PodMemoryNearLimit"]), 1, pod=ill[0].name)
    else:
        pod_alerts(scene, ill, crashing=True)
    cures = {"leak": ("restart", "set_resources")}.get(variant, ("set_resources",))
    return truth("oom_killed", *cures, note=variant)


def _memory(scene: Scene, pod: Pod, variant: str, limit: float) -> None:
    killed = courses.minutes(scene, scene.began)

    def leak(ago: float) -> float:
        done = (60 - ago) / max(60 - killed, 1) if ago > killed else (killed - ago) / 60
        return limit * min(0.4 + 0.58 * min(done, 1.0), 0.99) if ago > killed else limit * (0.35 + 0.3 * done)

    def spike(ago: float) -> float:
        return limit * (0.97 if killed <= ago < killed + 1.5 else 0.4)

    shape = {"leak": leak, "spike": spike, "level": lambda _ago: limit * 0.93}[variant]
    labels = {"pod": pod.name, "container": pod.containers[0].name}
    courses.swap(scene, courses.course(scene, "memory", "bytes", shape, labels))


def probe_failure(scene: Scene) -> Truth:
    """A process of an old template is stuck, or too slow for its liveness probe."""
    rng = scene.rng
    if rng.random() < 0.3:
        ill = some(scene, scene.pods)
        for pod in ill:
            pod.containers[0] = replace(pod.containers[0], probes=("liveness", "readiness"))
            crash(
                scene,
                pod,
                scene.began + timedelta(seconds=rng.uniform(0, 60)),
                rng.uniform(35, 90),
                rng.choice([137, 143]),
            )
            scene.event("Unhealthy", LIVE, scene.about(pod), rng.uniform(0.5, 3), 9)
            scene.event(
                "Killing",
                f"Container {pod.containers[0].name} failed liveness probe, will be restarted",
                scene.about(pod),
                1,
                4,
                warning=False,
            )
            scene.logs.append(ended(scene, pod, "serving on :8080"))
        pod_alerts(scene, ill, crashing=True)
        return truth("probe_failure", note="liveness")
    ill = scene.pods[:1] if rng.random() < 0.4 else some(scene, scene.pods)
    settle(ill)
    told = rng.choice(PROBE)
    for pod in ill:
        unready(scene, pod, scene.began + timedelta(seconds=rng.uniform(0, 60)), told)
        scene.logs.append(
            running(scene, pod, [('level=error msg="worker pool exhausted" waiting=200', rng.randint(0, 5))])
        )
    pod_alerts(scene, ill)
    return truth("probe_failure", "restart", "evict", note="readiness")
