"""Thread dump of a JVM (or of a Python process that has py-spy beside it): what every thread does, as a text.

By jcmd or jstack where the container has them. Without them the JVM is asked by SIGQUIT, which it answers in its log,
but only one that catches that signal; any other would end by it. What doesn't read like a thread dump isn't kept.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from bot.domain.errors import FettleError, OutcomeUnknownError, RejectedError
from bot.domain.execution import WriteRequest
from bot.domain.mitigation import Action, Preview
from bot.domain.proposal import TargetState
from bot.integrations.artifacts import Artifacts
from bot.kube.client import Cluster
from bot.kube.objects import path, stamp
from bot.mitigations import dump_found, dumps
from bot.mitigations.dump_scripts import BY_SIGNAL, COMMANDS
from bot.mitigations.dumps import Job
from bot.mitigations.params import Params
from bot.mitigations.verb import Bringing, Brought, Mitigation

KIND = "threads.txt"
NAMES = tuple(name for name in COMMANDS if name == "find" or name.startswith("threads"))
MOST = 32 * 1024**2
WITHIN = 60.0
LOOKS, PAUSE = 20, 0.5
"""How often the log is read for what SIGQUIT makes a JVM write, and the seconds between."""
JAVA, PYTHON = b"Full thread dump", b"Thread "
LAST = ("JNI global ref", "Heap\n")
"""What a JVM writes after its last thread."""


def request(state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params) -> WriteRequest:
    """The exact commands and the container; the time isn't needed."""
    del approved_at
    return dumps.request(state, params, execution_uid, KIND, NAMES)


async def preview(
    cluster: Cluster, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params
) -> Preview:
    """What would happen."""
    planned = request(state, approved_at=approved_at, execution_uid=execution_uid, params=params)
    consequence = (
        f"Asks the JVM in {params['pod']} what every thread does, which stops it for a moment, and keeps the answer in "
        "the store of dumps. Nothing is restarted."
    )
    return await dumps.preview(cluster, state, planned, consequence, ())


async def bring(cluster: Cluster, store: Artifacts, stored: WriteRequest) -> Brought:
    """Dumps once and keeps it; raises where nothing was kept."""
    job = Job.of(cluster, stored)
    try:
        async with asyncio.timeout(dumps.TAKES.total_seconds()):
            found = await job.looked()
            way = dump_found.threads_of(found)
            text = await _dumped(job, way)
            await job.same()
            kept = await dumps.kept(store, job, text)
    except TimeoutError as error:
        raise RejectedError(f"The dump wasn't whole within {dumps.TAKES}.", "time") from error
    except OutcomeUnknownError as error:
        raise RejectedError(f"{error} No thread dump was kept; nothing was restarted.", "cut") from error
    return Brought(kept, dumps.words(kept, way.by))


async def _dumped(job: Job, way: dump_found.Way) -> bytes:
    if way.command == BY_SIGNAL and not job.beside:
        text = await _from_log(job, way.process)
    else:
        text = await job.told(job.named(way.command), within=WITHIN, most=MOST, pid=way.process.pid, tool=way.tool)
    mark = PYTHON if way.process.kind == "python" else JAVA
    if mark not in text:
        raise RejectedError("What came is no thread dump, so it wasn't kept.", "dump")
    return text


async def _from_log(job: Job, process: dump_found.Process) -> bytes:
    """What the JVM wrote to its log since it was asked; the log's own lines between are a part of it."""
    before = await job.cluster.date()
    await job.told(BY_SIGNAL, pid=process.pid)
    query = {"container": job.place.container, "limitBytes": str(MOST)}
    if before is not None:
        query["sinceTime"] = stamp(before - timedelta(seconds=1))
    where = f"{path('Pod', job.place.namespace, job.place.pod)}/log"
    problem = "The JVM wrote no thread dump to its container's log."
    for _ in range(LOOKS):
        await asyncio.sleep(PAUSE)
        try:
            answer = await job.cluster.text(where, query, MOST)
        except FettleError as error:
            problem = str(error)
            continue
        start = answer.text.rfind(JAVA.decode())
        if start >= 0 and any(last in answer.text[start:] for last in LAST):
            return answer.text[answer.text.rfind("\n", 0, start) + 1 :].encode()
    raise RejectedError(f"{problem} Nothing was kept.", "log")


MITIGATION = Mitigation(
    action=Action.THREAD_DUMP,
    verb="thread dump",
    headline="Take a thread dump of pod {pod} ({label})",
    done="Took a thread dump of pod {pod} ({ref})",
    press="Thread dump",
    plan=dumps.plan,
    asked=dumps.asked,
    follows=dumps.follows,
    preview=preview,
    request=request,
    ready=dumps.ready,
    bringing=Bringing("thread dump", dumps.TAKES, bring, dumps.recall),
    inverse=dumps.inverse,
    binding=dumps.binding,
    rights=dumps.RIGHTS,
    role=dumps.RBAC,
)
