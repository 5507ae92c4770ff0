"""What thread and heap dumps have in common: which container is meant, what is stored and shown, and the way out.

The stored request holds every command that may run, word for word; what is filled in are numbers and paths that the
container told or Fettle chose. Nothing is repeated: a dump that didn't come whole is thrown away and told. It refuses
to end or signal anything, and to leave a file behind without saying so.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.domain.artifact import Draft, Kept
from bot.domain.errors import IntegrityError, RequestError, WorldChangedError
from bot.domain.execution import WriteRequest
from bot.domain.mitigation import Preview
from bot.domain.proposal import TargetState
from bot.domain.target import RESTARTABLE
from bot.domain.units import in_bytes
from bot.integrations import artifacts
from bot.integrations.artifacts import CHUNK, Artifacts
from bot.kube import execs, reads, room
from bot.kube.client import Cluster
from bot.kube.execs import Place
from bot.kube.objects import path
from bot.kube.room import Room
from bot.mitigations import dump_found
from bot.mitigations.dry_run import tried
from bot.mitigations.dump_scripts import BESIDE, COMMANDS, filled
from bot.mitigations.params import Params
from bot.mitigations.verb import Brought

_TAKES = (("get", "", "pods/exec"), ("create", "", "pods/exec"))
RIGHTS: dict[str, tuple[tuple[str, str, str], ...]] = dict.fromkeys(RESTARTABLE, _TAKES)
"""A WebSocket is a GET; since Kubernetes 1.35 it takes the right to create as well."""

RBAC = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: fettle-exec
rules:
  - apiGroups: [""]
    resources: [pods/exec]
    verbs: [get, create]
"""
"""The role to bind where dumps are allowed; without deploy/base/exec-admission.yaml it runs any command."""

QUICK = 30.0
"""Seconds of a command that only looks."""
TAKES = timedelta(minutes=15)
"""From the first command to the file's last byte; a request names no other limit."""
MOST_TOLD = 256 * 1024
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_SHORT = 100


@dataclass(frozen=True)
class Job:
    """One dump under way: where, with which commands, and under which name it will be kept.

    ``place`` is the container itself, or the debug container ``beside`` it.
    """

    cluster: Cluster
    place: Place
    found: Room
    commands: Mapping[str, Sequence[str]]
    name: str
    beside: bool = False

    @classmethod
    def of(cls, cluster: Cluster, stored: WriteRequest) -> Job:
        """From the stored request alone."""
        body = stored.body
        found = Room(body["pod"], body["uid"], body["container"], int(body["restarts"]), body["container_id"])
        debug = body.get("debug", {}).get("name", "")
        place = Place(body["namespace"], found.pod, debug or found.container, stored.execution)
        return cls(cluster, place, found, body["commands"], body["artifact"], bool(debug))

    def argv(self, command: str, **places: object) -> tuple[str, ...]:
        """A stored command with its places filled."""
        if command not in self.commands:
            raise IntegrityError(f"“{command}” isn't among the commands that were approved; it isn't run.")
        return filled(self.commands[command], **places)

    async def told(self, command: str, *, within: float = QUICK, most: int = MOST_TOLD, **places: object) -> bytes:
        """Runs a command once; its stdout."""
        argv = self.argv(command, **places)
        return await execs.output(self.cluster, self.place, argv, within=within, what=command, most=most)

    async def looked(self) -> dump_found.Found:
        """What runs in there."""
        found = dump_found.read(await self.told(self.named("find")))
        if self.beside and any(one.kind == "java" and not one.quits for one in found.processes):
            raise RequestError(
                "The JVM doesn't catch SIGQUIT (-Xrs?), by which it would be asked: it would end by that."
            )
        return found

    def named(self, command: str) -> str:
        """The command as it is called from where it runs; ``RequestError`` where a debug image would lack it."""
        beside = f"{BESIDE}{command}"
        if self.beside and beside not in self.commands and command not in self.commands:
            raise RequestError("The debug image has none of the tools that this takes; jcmd or py-spy has to be in it.")
        return beside if beside in self.commands else command

    def seen(self, file: str, pid: int) -> str:
        """Where a file that the process names is from where the commands run."""
        return f"/proc/{pid}/root{file}" if self.beside else file

    def draft(self, size: int, sha256: str) -> Draft:
        """What is about to be kept."""
        facts = {"namespace": self.place.namespace, "pod": self.place.pod, "container": self.found.container}
        return Draft(self.name, size, sha256, self.place.execution, facts)

    async def same(self) -> None:
        """Raises ``WorldChangedError`` unless the container is the one that was approved."""
        if changed := await room.still(self.cluster, self.place.namespace, self.found):
            raise WorldChangedError(f"{changed} Nothing was dumped.")


def follows(before: Params) -> Params:
    """The same container."""
    return {key: before[key] for key in ("pod", "container") if key in before}


def asked(wanted: Params) -> str:
    """What is wrong with what a person wrote."""
    for key in ("pod", "container", "kind"):
        if key in wanted and not _NAME.fullmatch(str(wanted[key])):
            return f"“{str(wanted[key])[:60]}” is no name of a {key}. Write the pod as kubectl get pods shows it."
    return ""


async def plan(cluster: Cluster, state: TargetState, wanted: Params) -> Params:
    """One running container: the one named, else that which tells most. ``RequestError`` where none runs."""
    target = state.target
    pods = {pod.row.name: pod for pod in await reads.workload_pods(cluster, target)}
    named = str(wanted.get("pod", ""))
    if named and named not in pods and not wanted.get("chosen"):
        raise RequestError(f"{target.ref} has no pod {named}; it has {', '.join(sorted(pods)[:5]) or 'none'}.")
    best = room.best(tuple(pods.values()))
    name = named if named in pods else best.row.name if best is not None else ""
    if not name:
        raise RequestError(f"No pod of {target.ref} runs, so nothing can be dumped.")
    found = await room.room(cluster, target.namespace, name, str(wanted.get("container", "")))
    return {
        "pod": found.pod,
        "uid": found.uid,
        "container": found.container,
        "container_id": found.container_id,
        "restarts": found.restarts,
        "chosen": bool(wanted.get("chosen", not named)),
    }


def request(state: TargetState, params: Params, execution_uid: str, kind: str, names: Sequence[str]) -> WriteRequest:
    """All that may run, word for word, in which container, and the name of what is kept."""
    if not params.get("uid") or not params.get("container_id"):
        raise RequestError("A dump needs one exact container.")
    namespace, pod = state.target.namespace, str(params["pod"])
    return WriteRequest(
        method="POST",
        path=f"{path('Pod', namespace, pod)}/exec",
        content_type="",
        body={
            "namespace": namespace,
            **{key: params[key] for key in ("pod", "uid", "container", "container_id", "restarts")},
            "commands": {name: list(COMMANDS[name]) for name in names},
            "artifact": f"{execution_uid}-{pod[:_SHORT]}.{kind}",
        },
        execution=execution_uid,
    )


async def preview(
    cluster: Cluster, state: TargetState, planned: WriteRequest, consequence: str, warnings: tuple[str, ...]
) -> Preview:
    """What would happen; there is no dry run of a command."""
    ran = await tried(cluster, state.target, RIGHTS)
    return ran.preview(
        planned,
        facts=f"pod {planned.body['pod']} · container {planned.body['container']} · nothing is restarted",
        consequence=consequence,
        warnings=warnings,
    )


async def ready(cluster: Cluster, stored: WriteRequest) -> WriteRequest:
    """The same request; ``WorldChangedError`` unless the container is the one that was approved."""
    await Job.of(cluster, stored).same()
    return stored


async def kept(store: Artifacts, job: Job, data: bytes) -> Kept:
    """Keeps what is in memory already."""
    async with await store.begin(job.draft(len(data), hashlib.sha256(data).hexdigest())) as upload:
        offset = 0
        while offset < len(data):
            offset = await artifacts.send(upload, offset, data[offset : offset + CHUNK])
        return await upload.finish()


async def recall(store: Artifacts, stored: WriteRequest) -> Brought | str:
    """After a crash: what the store holds of this execution, else what a person should know."""
    found = await store.find(stored.body["artifact"], stored.execution)
    if found is not None:
        return Brought(found, f"{in_bytes(found.size)} kept (found in the store)")
    return f"No dump of this execution is in the store.{left_behind(stored)}"


def left_behind(stored: WriteRequest) -> str:
    """How a person removes the file that a dump may have left, empty where there is none."""
    if "remove" not in stored.body["commands"]:
        return ""
    body = stored.body
    return (
        f" A file may be left in the container: kubectl -n {body['namespace']} exec {body['pod']} -c "
        f"{body['container']} -- sh -c 'rm -f {{/var,}}/tmp/{file_name(stored.execution)}'"
    )


def file_name(execution: str) -> str:
    """The name of the file in the container."""
    return f"fettle-{execution}.hprof"


def words(kept: Kept, how: str) -> str:
    """``412 MiB by jcmd, SHA-256 1f3a...``."""
    return f"{in_bytes(kept.size)} by {how}, SHA-256 {kept.sha256[:12]}"


def binding(params: Params) -> dict[str, Any]:
    """What verification goes by: the container."""
    return {key: params[key] for key in ("pod", "uid", "container", "container_id", "restarts")}


def inverse(state: TargetState, params: Params) -> str:
    """There is nothing to undo."""
    del params
    return f"A dump changes nothing of {state.target.ref}, so there is nothing to undo."
