"""What a container said, bounded, and a sentence where nothing can be read.

A pod that isn't scheduled answers 204, one that waits 400, a kubelet that is gone 500: all of that is knowledge and
none of it an error of the collector. What the pod's own state already tells isn't asked for. It refuses to interpret
lines.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.errors import UnavailableError
from bot.domain.evidence import PodRow
from bot.domain.observed import ContainerSeen
from bot.domain.redaction import redact
from bot.kube.answers import Text
from bot.kube.client import Cluster
from bot.kube.objects import path

TAIL, SHORT_TAIL = 500, 50
"""Lines asked for; the second when the first were so long that the newest of them were cut off."""
MOST_BYTES = 256 * 1024
STARTING = ("ContainerCreating", "PodInitializing", "")


@dataclass(frozen=True)
class Wanted:
    """One log to read, or ``problem`` why there is nothing to be asked.

    ``began`` and ``ended`` are of a container that had just ended when it was looked at: by the time its log is asked
    for, the next one may run.
    """

    pod: str
    container: str
    previous: bool = False
    problem: str = ""
    began: str = ""
    ended: str = ""


@dataclass(frozen=True)
class Said:
    """What came: text with the kubelet's time before each line, or a problem; of which container, in the end."""

    text: str = ""
    problem: str = ""
    previous: bool = False


def plan(pods: Sequence[PodRow], most: int) -> list[Wanted]:
    """Which logs of these pods tell something, at most ``most``: the container before the restart first.

    Of each pod the containers that fail; of a pod in which none does, its first one.
    """
    found = [one for pod in pods for one in _of_pod(pod)]
    asked = [one for one in found if not one.problem][:most]
    return asked + [one for one in found if one.problem][: max(0, most - len(asked))]


def _of_pod(pod: PodRow) -> list[Wanted]:
    if not pod.node:
        return [Wanted(pod.name, "", problem="The pod isn't scheduled, so it has said nothing.")]
    main = [one for one in pod.containers if not one.init]
    failing = [one for one in pod.containers if _failing(one)]
    return [wanted for one in (failing or main[:1])[:2] for wanted in _of_container(pod, one)]


def _failing(one: ContainerSeen) -> bool:
    """Ended badly, waits, restarted, or runs without being ready; a container that did its work isn't failing."""
    if one.last_exit not in {None, 0} or one.restarts:
        return True
    if one.state == "terminated":
        return False
    if one.init:  # one that runs or waits for its turn is no failure; a sidecar that isn't ready is for its own pod
        return one.state == "waiting" and one.reason not in STARTING
    return not one.ready


def _of_container(pod: PodRow, one: ContainerSeen) -> list[Wanted]:
    ended = bool(one.last_finished_at)
    if one.state == "terminated":
        return [Wanted(pod.name, one.name, began=one.last_started_at, ended=one.last_finished_at)]
    if one.state == "running":
        now = Wanted(pod.name, one.name)
        return [Wanted(pod.name, one.name, previous=True), now] if ended else [now]
    if ended:  # it waits for its next start: the current log would be the previous one once more
        return [Wanted(pod.name, one.name, previous=True)]
    why = f" ({one.reason})" if one.reason else ""
    return [Wanted(pod.name, one.name, problem=f"The container hasn't started{why}, so it has said nothing.")]


async def read(cluster: Cluster, namespace: str, wanted: Wanted) -> Said:
    """Asks for one log; raises only what concerns all of them (``ForbiddenError``, ``ClusterUnavailableError``)."""
    if wanted.problem:
        return Said(problem=wanted.problem)
    found = await _read(cluster, namespace, wanted)
    if wanted.ended and found.status == 200 and _from(found.text, wanted.ended):
        # It was started again meanwhile: what is asked for is the previous one's by now.
        before = replace(wanted, previous=True)
        with suppress(UnavailableError):  # then what was read has to do
            earlier = await _read(cluster, namespace, before)
            if earlier.status == 200 and _up_to(earlier.text, wanted.began):
                wanted, found = before, earlier
    if found.status == 200 and found.text.strip():
        return Said(found.text, previous=wanted.previous)
    problem = "The container has said nothing." if found.status == 200 else problem_of(found, wanted)
    return Said(problem=problem, previous=wanted.previous)


async def _read(cluster: Cluster, namespace: str, wanted: Wanted) -> Text:
    found = await _ask(cluster, namespace, wanted, TAIL)
    return await _ask(cluster, namespace, wanted, SHORT_TAIL) if found.status == 200 and found.cut else found


def _from(text: str, ended: str) -> bool:
    """Whether nothing of it was said before the second in which a container ended: not by that one, as it seems."""
    first, end = _moment(text.partition("\n")[0]), _moment(ended)
    return end is not None and (not text.strip() or (first is not None and first >= end))


def _up_to(text: str, began: str) -> bool:
    """Whether its last line is of the container that began then, and not of an earlier one."""
    last, start = _moment(text.rstrip().rpartition("\n")[2]), _moment(began)
    return last is not None and start is not None and last >= start


def _moment(line: str) -> datetime | None:
    """The time before a line, or a time alone, without the part of a second: the ends of containers tell none."""
    try:
        at = datetime.fromisoformat(line.partition(" ")[0]).replace(microsecond=0)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


async def _ask(cluster: Cluster, namespace: str, wanted: Wanted, lines: int) -> Text:
    query = {
        "container": wanted.container,
        "tailLines": str(lines),
        "limitBytes": str(
            MOST_BYTES + 1
        ),  # counted from the oldest of these lines: one more tells that newer ones lack
        "timestamps": "true",
    }
    if wanted.previous:
        query["previous"] = "true"
    return await cluster.text(f"{path('Pod', namespace, wanted.pod)}/log", query, MOST_BYTES)


def problem_of(answer: Text, wanted: Wanted) -> str:
    """The sentence for an answer without a log."""
    message = redact(_message(answer.text))[:300]
    if answer.status == 204:
        return "The pod isn't scheduled, so it has said nothing."
    if answer.status == 404:
        return "The pod is gone, and its log with it."
    if answer.status == 400 and "previous terminated" in message:
        return "There is no earlier container whose log could be read."
    if answer.status == 400 and "waiting to start" in message:
        why = message.partition("waiting to start: ")[2] or "it waits"
        return f"The container hasn't started ({why}), so it has said nothing."
    if answer.status == 500 and ("dial tcp" in message or "proxy error" in message or "no route" in message):
        return "The node's kubelet doesn't answer, so the log can't be read."
    if answer.status >= 500:
        return f"The node couldn't give the log: {message or f'HTTP {answer.status}'}"
    return f"The log of {wanted.container or 'the container'} was refused ({answer.status}): {message}"


def _message(body: str) -> str:
    try:
        value = json.loads(body)
    except ValueError:
        return body.strip()
    return str(value.get("message", "")).strip() if isinstance(value, dict) else ""
