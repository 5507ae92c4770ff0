"""Heap dump of a JVM: written to a file in its container, streamed out in pieces, removed; kept only if it is whole.

Before the JVM is stopped: that there is a disk with room for it, that nothing evicts the pod for that file, and that
the store has room. The digest is taken in the container and again of what arrived. It refuses folders in memory, whose
pages count against the container's limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

from bot.domain.artifact import Kept
from bot.domain.errors import FettleError, OutcomeUnknownError, RejectedError, RequestError
from bot.domain.execution import WriteRequest
from bot.domain.mitigation import Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.units import in_bytes
from bot.integrations import artifacts
from bot.integrations.artifacts import CHUNK, Artifacts, Upload
from bot.kube import execs, room
from bot.kube.client import Cluster
from bot.mitigations import dump_found, dumps
from bot.mitigations.dump_scripts import COMMANDS
from bot.mitigations.dumps import Job
from bot.mitigations.params import Params
from bot.mitigations.verb import Bringing, Brought, Mitigation

KIND = "hprof"
NAMES = tuple(name for name in COMMANDS if name in {"find", "read", "remove"} or name.startswith("heap"))
WITHIN = 600.0
"""Seconds that the JVM may take to write it."""
READ_WITHIN = 600.0
LONGEST = 780.0
"""Seconds for writing and reading together; looking before and removing after fit into ``dumps.TAKES``."""
READS = 4
"""How often reading the file is begun where it stopped; reading it changes nothing."""
MIB = 1024 * 1024
HEAD = b"JAVA PROFILE 1.0."
END_TAG, TAIL = 0x2C, 9
"""An HPROF file ends with an empty record HEAP DUMP END: tag, time (4), length 0 (4)."""
_WRITTEN = re.compile(rb"\s*(\d{1,15}) ([0-9a-f]{64})\s*")


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
        f"Writes the heap of the JVM in {params['pod']} to a file in its container, brings it to the store of dumps "
        "and removes it there. The JVM stands still while it writes, a second or a few for each GiB."
    )
    warnings = (
        "A liveness probe that fails while the JVM stands still restarts the container.",
        "A heap dump holds whatever the process knows, passwords and customers' data too.",
    )
    return await dumps.preview(cluster, state, planned, consequence, warnings)


async def bring(cluster: Cluster, store: Artifacts, stored: WriteRequest) -> Brought:
    """Dumps once, streams it out and keeps it; raises where nothing was kept."""
    job = Job.of(cluster, stored)
    found = await job.looked()
    way = dump_found.heap_of(found)
    process = way.process
    size = dump_found.need(process)
    await _room_in(store, size)
    folder = dump_found.folder_for(found, size)
    await _not_evicted(job, folder, size)
    file = f"{folder.path}/{dumps.file_name(stored.execution)}"
    done = await _written(job, store, job.named(way.command), {"pid": process.pid, "tool": way.tool, "file": file})
    left = "" if await _removed(job, job.seen(file, process.pid)) else dumps.left_behind(stored)
    if isinstance(done, Kept):
        return Brought(done, f"{dumps.words(done, way.by)}{'.' if left else ''}{left}")
    if left:
        raise RejectedError(f"{done}{left}", "left") from done
    raise done


async def _room_in(store: Artifacts, size: int) -> None:
    left = await store.room()
    if left is not None and left < size:
        raise RequestError(f"A heap dump may take {in_bytes(size)}, and the store of dumps has {in_bytes(left)} left.")


async def _not_evicted(job: Job, folder: dump_found.Folder, size: int) -> None:
    """A file beyond what the pod's spec allows would have it evicted."""
    now = await room.room(job.cluster, job.place.namespace, job.place.pod, job.found.container)
    limit = now.limit_at(folder.mounted)
    if limit is not None and limit < size:
        raise RequestError(
            f"A heap dump may take {in_bytes(size)}, and {folder.path} is limited to {in_bytes(limit)}: "
            "the pod would be evicted."
        )


async def _written(job: Job, store: Artifacts, command: str, places: dict[str, Any]) -> Kept | FettleError:
    """Writes and reads the file: what is kept, or why nothing is. Whoever calls removes it in the container."""
    try:
        async with asyncio.timeout(LONGEST):
            told = await job.told(command, within=WITHIN, **places)
            return await _brought(job, store, told, job.seen(str(places["file"]), places["pid"]))
    except OutcomeUnknownError as error:  # what is still being written is gone once the JVM closes it
        return RejectedError(f"{error} No heap dump was kept; nothing was restarted.", "cut")
    except TimeoutError:
        return RejectedError(f"The heap dump wasn't whole within {LONGEST / 60:g} min; nothing was kept.", "time")
    except FettleError as error:
        return error


async def _removed(job: Job, file: str) -> bool:
    try:
        await job.told("remove", file=file)
    except FettleError:
        return False
    return True


async def _brought(job: Job, store: Artifacts, told: bytes, file: str) -> Kept:
    written = _WRITTEN.fullmatch(told)
    if written is None:
        raise RejectedError("The container didn't tell the size and the digest of what it wrote.", "dump")
    size, digest = int(written.group(1)), written.group(2).decode()
    await job.same()
    async with await store.begin(job.draft(size, digest)) as upload:
        await _streamed(job, upload, file, size)
        return await upload.finish()


async def _streamed(job: Job, upload: Upload, file: str, size: int) -> None:
    """Every byte once and in order: where reading broke it goes on at the last piece that is kept."""
    offset, head, tail = 0, b"", b""
    for attempt in range(1, READS + 1):
        try:
            async with contextlib.aclosing(_chunks(job, file, offset, size)) as chunks:
                async for chunk in chunks:
                    head = head or chunk[: len(HEAD)]
                    if head != HEAD:
                        raise RejectedError("What came is no heap dump (HPROF), so it wasn't kept.", "dump")
                    tail = (tail + chunk)[-TAIL:]
                    offset = await artifacts.send(upload, offset, chunk)
            break
        except OutcomeUnknownError:
            if attempt == READS:
                raise
            if offset == size:
                break
    if offset != size or tail[:1] != bytes([END_TAG]) or tail[-4:] != bytes(4):
        raise RejectedError("The heap dump has no end, so it wasn't kept.", "dump")


async def _chunks(job: Job, file: str, offset: int, size: int) -> AsyncGenerator[bytes, None]:
    """Pieces of ``CHUNK`` bytes from there on; ``dd`` skips whole MiB, and so does what is kept."""
    held, past = bytearray(), offset
    argv = job.argv("read", file=file, mib=offset // MIB)
    stream = execs.stream(job.cluster, job.place, argv, within=READ_WITHIN, what="reading the dump")
    async with contextlib.aclosing(stream) as pieces:
        async for piece in pieces:
            held += piece
            if past + len(held) > size:
                raise RejectedError("The file grew while it was read.", "size")
            while len(held) >= CHUNK:
                yield bytes(held[:CHUNK])
                del held[:CHUNK]
                past += CHUNK
    if held:
        yield bytes(held)


MITIGATION = Mitigation(
    action=Action.HEAP_DUMP,
    verb="heap dump",
    headline="Take a heap dump of pod {pod} ({label})",
    done="Took a heap dump of pod {pod} ({ref})",
    press="Heap dump",
    plan=dumps.plan,
    asked=dumps.asked,
    follows=dumps.follows,
    preview=preview,
    request=request,
    ready=dumps.ready,
    bringing=Bringing("heap dump", dumps.TAKES, bring, dumps.recall),
    inverse=dumps.inverse,
    binding=dumps.binding,
    rights=dumps.RIGHTS,
    role=dumps.RBAC,
)
