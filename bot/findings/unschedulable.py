"""Pods that no node takes: the scheduler's own reasons, the resource that is short, and what asked for more.

It refuses to suggest more nodes by itself; it says what is short, and goes back only on a change that asked for more.
"""

from __future__ import annotations

import re

from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.findings import cures
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.changed import room, scaled_lately
from bot.findings.phrases import agree, clock, cut, listed, number_of, part_of, stop
from bot.findings.sick import How, condition

ABOUT = About(
    Cause.UNSCHEDULABLE,
    "pods that no node takes",
    "A pod's `PodScheduled` condition is false, with the scheduler's message.",
    "Only events tell of `FailedScheduling`, or the message is missing.",
    "",
    "Rollback if only pods of the newest template find no node; as many replicas as have a place, at least the former "
    "number, if scaling up asked for too many; else nothing: room, taints and selectors are for a person.",
    86,
)
_NODES = re.compile(r"^(\d+)/(\d+) nodes are available: (.*)$", re.DOTALL)
_REASONS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("cpu", re.compile(r"Insufficient cpu")),
    ("memory", re.compile(r"Insufficient memory")),
    ("storage", re.compile(r"Insufficient ephemeral-storage")),
    ("device", re.compile(r"Insufficient [\w.-]+/[\w.-]+")),
    ("pods", re.compile(r"Too many pods")),
    (
        "volume",
        re.compile(
            r"unbound immediate|volume node affinity conflict|persistentvolumeclaim .{1,80} not found|max volume count"
        ),
    ),
    ("selector", re.compile(r"didn't match Pod's node affinity|node selector")),
    ("affinity", re.compile(r"didn't (?:match|satisfy) .{0,12}pod(?:'s)? (?:anti-)?affinity|topology spread")),
    ("ports", re.compile(r"free ports")),
    ("cordoned", re.compile(r"were unschedulable")),
    ("taint", re.compile(r"untolerated taint|taints? that the pod didn't tolerate")),
)
WORDS = {
    "cpu": "too little free CPU",
    "memory": "too little free memory",
    "storage": "too little free disk",
    "device": "none of the devices it asks for is free",
    "pods": "the nodes are full of pods",
    "volume": "its volume can't be had there",
    "selector": "no node matches its node selector or affinity",
    "affinity": "its rules about other pods forbid it",
    "ports": "its host port is taken",
    "cordoned": "the nodes are cordoned",
    "taint": "the nodes are tainted",
    "": "the scheduler doesn't say why",
}
ELSEWHERE = frozenset({"selector", "taint", "cordoned"})
"""Reasons of nodes where the pod needn't ever have been meant to run."""
NEW_REASONS = frozenset({"cpu", "memory", "storage", "device", "selector", "affinity", "ports", ""})
"""Reasons that a change of the template can bring."""


def find(case: Case) -> Finding | None:
    """Why no node takes them."""
    waiting = case.sick_with(How.PENDING)
    rows = case.event_rows("FailedScheduling")
    if not waiting and (case.pods is not None or not rows):
        return _misplaced(case)
    told = [found.message for one in waiting if (found := condition(one.pod, "PodScheduled")) is not None]
    message = next((text for text in told if text), "") or (rows[0].message if rows else "")
    confidence, doubt = case.sure(Confidence.HIGH if waiting and message else Confidence.MEDIUM, "pods")
    reasons = why(message)
    detail = reasons[0] if reasons else ""
    count = len(waiting) or 1
    head = _NODES.match(message)
    nodes = f" on any of {head[2]} nodes" if head else ""
    text = (
        f"{number_of(count, 'pod')} can't be scheduled{nodes}: {listed([WORDS[one] for one in reasons] or [WORDS['']])}"
    )
    rollout = case.rollout
    new_only = rollout is not None and rollout.by_the_new() and rollout.follows and rollout.was_healthy
    if new_only and rollout is not None:
        text += f", since the rollout of {clock(rollout.at)}" + (f" ({rollout.words})" if rollout.words else "")
    source = "pods" if told else "events"
    suggestions = _cures(case, reasons, new_only=new_only)
    return Finding(
        Cause.UNSCHEDULABLE,
        stop(text),
        confidence,
        (Cite(source, cut(message, 220) or f"{part_of(count, len(case.living))} Pending"),),
        "the scheduler's own message" if message else "the pods have no node",
        doubt,
        detail,
        suggestions,
        "" if suggestions else _no_help(detail),
        ABOUT.weight,
    )


def _misplaced(case: Case) -> Finding | None:
    """A DaemonSet's pods on nodes that its template, or a taint, now excludes: the other side of the same rules."""
    row = case.workload
    if row is None or not row.misscheduled or case.alert("KubeDaemonSet*") is None:
        return None
    confidence, doubt = case.sure(Confidence.HIGH if not case.sick else Confidence.MEDIUM, "workload", "pods")
    runs = agree(row.misscheduled, "runs", "run")
    text = f"{number_of(row.misscheduled, 'pod')} of {row.name} {runs} on nodes where no pod of it should be"
    return Finding(
        Cause.UNSCHEDULABLE,
        stop(text),
        confidence,
        (Cite("workload", f"{row.misscheduled} misscheduled"),),
        "the DaemonSet's own status",
        doubt,
        "misscheduled",
        (),
        "Its selector or tolerations, or the nodes' labels and taints, were changed: decide which is right.",
        ABOUT.weight,
    )


def why(message: str) -> list[str]:
    """What the scheduler's message names, most often first."""
    body = message.split(" preemption:", 1)[0]
    found: dict[str, int] = {}
    for part in re.split(r", (?=\d+ )|\. ", body.split(": ", 1)[-1]):
        kind = next((name for name, words in _REASONS if words.search(part)), None)
        if kind is not None:
            number = re.match(r"\d+", part.strip())
            found[kind] = found.get(kind, 0) + (int(number[0]) if number else 1)
    if set(found) - ELSEWHERE:
        found.pop("selector", None)  # those are the nodes of others: where it belongs something else is short
    # What the pod itself asks for goes before what the nodes are tainted with: control planes always are.
    return sorted(found, key=lambda name: (name in {"taint", "cordoned"}, -found[name]))


def _cures(case: Case, reasons: list[str], *, new_only: bool) -> tuple[Suggestion, ...]:
    if new_only and (not reasons or reasons[0] in NEW_REASONS):
        return cures.rollback(case, "pods of the template before have their nodes")
    before = scaled_lately(case)
    if before is not None and (not reasons or reasons[0] in {"cpu", "memory", "pods", "storage"}):
        return cures.scale(case, *room(case, before))
    return ()


def _no_help(detail: str) -> str:
    return {
        "cpu": "Room is needed: more nodes, or fewer or smaller requests; starting pods again frees none.",
        "memory": "Room is needed: more nodes, or fewer or smaller requests; starting pods again frees none.",
        "storage": "Room is needed on the nodes' disks.",
        "pods": "The nodes carry as many pods as they may: more nodes are needed.",
        "volume": "The claim or its volume has to be looked at; no other pod gets it either.",
        "cordoned": "Somebody cordoned the nodes: uncordon them when their maintenance is over.",
        "taint": "Somebody tainted the nodes: that has to end, or the pods must tolerate it.",
    }.get(detail, "What the pod asks for and what the nodes offer have to be brought together by a person.")
