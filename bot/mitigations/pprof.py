"""Goroutine dump and heap profile of a Go program, by the two addresses of ``net/http/pprof`` that tell them.

A pod says by the annotation ``fettle/pprof: "6060"`` on which port. They are asked through the API server's proxy: an
image of a Go program has mostly neither shell nor tools, so that a command could run in none. It refuses any other
address, and to keep what isn't a dump.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from bot.domain.errors import RejectedError, RequestError
from bot.domain.execution import WriteRequest
from bot.domain.mitigation import Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.target import RESTARTABLE
from bot.domain.units import in_bytes
from bot.integrations.artifacts import Artifacts
from bot.kube import proxied
from bot.kube.client import Cluster
from bot.kube.objects import mapping, path, text
from bot.mitigations import dumps
from bot.mitigations.dry_run import tried
from bot.mitigations.dumps import Job
from bot.mitigations.params import Params
from bot.mitigations.verb import Bringing, Brought, Mitigation

RIGHTS = dict.fromkeys(RESTARTABLE, (("get", "", "pods/proxy"),))

RBAC = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: fettle-pprof
rules:
  - apiGroups: [""]
    resources: [pods/proxy]
    verbs: [get]
"""
"""The role; without deploy/base/pprof-admission.yaml it reads any address of any pod there."""

ANNOTATION = "fettle/pprof"
WITHIN = 60.0
TAKES = timedelta(minutes=5)
MOST = 64 * 1024**2
MOST_WHOLE = 512 * 1024**2
"""What a profile may be when it is unpacked."""
_GOROUTINE = re.compile(rb"goroutine \d+ (gp=\S+ m=\S+ )?(mp=\S+ )?\[[^\]]+\]:\n")


@dataclass(frozen=True)
class Profile:
    """One of the two: its address, what it is called, and what checks it (a sentence for what isn't one)."""

    kind: str
    path: str
    query: Mapping[str, str]
    noun: str
    told: str
    wrong: Callable[[bytes], str]


def not_goroutines(data: bytes) -> str:
    """Empty for the text of ``debug=2``: one goroutine at least from its beginning on, and whole lines to the end."""
    if _GOROUTINE.match(data) is None:
        return "What came is no goroutine dump"
    return "" if data.endswith(b"\n") else "The goroutine dump has no end"


def not_heap(data: bytes) -> str:
    """Empty for a gzipped profile.proto that unpacks whole, with the samples of a heap."""
    if not data.startswith(b"\x1f\x8b"):
        return "What came is no heap profile (gzip)"
    unpacked = zlib.decompressobj(wbits=31)
    try:
        whole = unpacked.decompress(data, MOST_WHOLE)
    except zlib.error:
        return "The heap profile is damaged"
    if not unpacked.eof or unpacked.unused_data:
        return "The heap profile has no end"
    strings = _strings(whole)
    return "" if strings is not None and b"inuse_space" in strings else "What came is no heap profile (profile.proto)"


def _strings(whole: bytes) -> set[bytes] | None:
    """The string table (field 6) of a profile.proto; None for what isn't made of its fields."""
    found: set[bytes] = set()
    at = 0
    while at < len(whole):
        tag, at = _varint(whole, at)
        size, at = _varint(whole, at)  # a number itself, or the length of what follows
        if tag < 0 or size < 0 or not 1 <= tag >> 3 <= 15 or tag & 7 not in {0, 2}:
            return None
        if tag & 7 == 2:
            if at + size > len(whole):
                return None
            if tag >> 3 == 6:
                found.add(whole[at : at + size])
            at += size
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    return -1, at


GOROUTINES = Profile(
    "goroutines.txt", "/debug/pprof/goroutine", {"debug": "2"}, "goroutine dump",
    "what each of its goroutines does, which stops it for a moment", not_goroutines,
)  # fmt: skip
HEAP = Profile(
    "heap.pb.gz", "/debug/pprof/heap", {}, "heap profile",
    "which code holds how much memory, by the samples that it takes anyway", not_heap,
)  # fmt: skip


async def plan(cluster: Cluster, state: TargetState, wanted: Params) -> Params:
    """One running pod, and the port that it names itself. ``RequestError`` where it names none."""
    params = await dumps.plan(cluster, state, wanted)
    found = await cluster.get(path("Pod", state.target.namespace, str(params["pod"])))
    told = text(mapping(found, "metadata", "annotations"), ANNOTATION).strip()
    if not told:
        said = f"Pod {params['pod']} doesn't say where its pprof listens"
        raise RequestError(f'{said}: put the annotation {ANNOTATION}: "6060", with its port, into the pod template.')
    if not told.isascii() or not told.isdecimal() or not 0 < int(told) < 65536:
        raise RequestError(f"{ANNOTATION} of pod {params['pod']} is “{told[:30]}”; it has to be a port, such as 6060.")
    return {**params, "port": int(told)}


def _request(
    profile: Profile, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params
) -> WriteRequest:
    """The exact address, of which pod, and the name of what is kept."""
    del approved_at
    if "port" not in params:
        raise RequestError("A profile needs one exact port.")
    planned = dumps.request(state, params, execution_uid, profile.kind, ())
    at = proxied.where(state.target.namespace, str(params["pod"]), int(params["port"]), profile.path)
    return replace(planned, method="GET", path=at, query=dict(profile.query))


async def _preview(
    profile: Profile,
    cluster: Cluster,
    state: TargetState,
    *,
    approved_at: datetime,
    execution_uid: str,
    params: Params,
) -> Preview:
    """What would be asked; nothing is before the approval."""
    planned = _request(profile, state, approved_at=approved_at, execution_uid=execution_uid, params=params)
    ran = await tried(cluster, state.target, RIGHTS)
    return ran.preview(
        planned,
        facts=f"pod {params['pod']} · port {params['port']}, {profile.path} · nothing is restarted",
        consequence=f"Asks the process in {params['pod']} {profile.told}, and keeps the answer in the store of dumps. "
        "Nothing is restarted.",
    )


async def _bring(profile: Profile, cluster: Cluster, store: Artifacts, stored: WriteRequest) -> Brought:
    """Asks once and keeps the answer; raises where nothing was kept."""
    job = Job.of(cluster, stored)
    data = await proxied.fetched(
        cluster, stored.path, stored.query, most=MOST, within=WITHIN, execution=stored.execution
    )
    if wrong := profile.wrong(data):
        raise RejectedError(f"{wrong}, so it wasn't kept.", "dump")
    await job.same()
    return Brought(await dumps.kept(store, job, data), f"{in_bytes(len(data))} by pprof")


async def _recall(store: Artifacts, stored: WriteRequest) -> Brought | str:
    return await dumps.recall(store, stored)


def _mitigation(action: Action, profile: Profile) -> Mitigation:
    return Mitigation(
        action=action,
        verb=profile.noun,
        headline=f"Take a {profile.noun} of pod {{pod}} ({{label}})",
        done=f"Took a {profile.noun} of pod {{pod}} ({{ref}})",
        press=profile.noun.capitalize(),
        plan=plan,
        asked=dumps.asked,
        follows=dumps.follows,
        preview=partial(_preview, profile),
        request=partial(_request, profile),
        ready=dumps.ready,
        bringing=Bringing(profile.noun, TAKES, partial(_bring, profile), _recall),
        inverse=dumps.inverse,
        binding=dumps.binding,
        rights=RIGHTS,
        role=RBAC,
    )


GOROUTINE_DUMP = _mitigation(Action.GOROUTINE_DUMP, GOROUTINES)
HEAP_PROFILE = _mitigation(Action.HEAP_PROFILE, HEAP)
