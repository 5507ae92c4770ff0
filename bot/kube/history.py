"""What changed around a workload: its template, restarts, its size, its autoscaler, the nodes under it.

Read from what the cluster still keeps: revisions, ``managedFields``, conditions, taints. Newest first, each with its
time and who wrote it as far as told. Pure. It refuses to say which change is to blame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from bot.domain.execution import EXECUTION_ID, RESTARTED_AT
from bot.domain.observed import ChangeSeen
from bot.domain.redaction import redact
from bot.kube import template as templates
from bot.kube.managers import newest, writer_at, writes
from bot.kube.objects import Json, count, dig, instant, mapping, stamp, text
from bot.kube.revisions import began, ordered
from bot.kube.workload import beyond_restart, revision_number, revision_template, template_hash

OLDEST = timedelta(days=7)
"""What happened before that is left out, but for the newest change of the template."""
LATELY = timedelta(days=1)
"""For nodes, whose conditions are all that is kept."""
MOST, MOST_DIFFS, MOST_RESTARTS = 20, 3, 5
AUTOSCALING = "autoscaler"
"""Controllers beside Kubernetes' own say by their names what they do (cluster-proportional-autoscaler)."""
CAUSE = "kubernetes.io/change-cause"
_NEVER = datetime.min.replace(tzinfo=UTC)
NODE_TROUBLE = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")


def template_changes(kind: str, obj: Json, revisions: Sequence[Json]) -> Iterator[ChangeSeen]:
    """The newest three changes of the template in more than restart annotations, each with its difference."""
    return islice(_template_changes(kind, obj, ordered(obj, revisions)), MOST_DIFFS)


def _template_changes(kind: str, obj: Json, own: Sequence[Json]) -> Iterator[ChangeSeen]:
    writers = [one for one in writes(obj) if beyond_restart(dig(one.fields, "f:spec", "f:template"))]
    wanted = mapping(obj, "spec", "template")
    if own and template_hash(wanted) != template_hash(revision_template(kind, own[0])):
        # Written this moment: its controller hasn't made a revision of it yet.
        wrote = newest(writers)
        difference = templates.compare(revision_template(kind, own[0]), wanted)
        at, by = (stamp(wrote.at) if wrote.at else "", wrote.words) if wrote is not None else ("", "")
        yield ChangeSeen("template", difference.what, at, by, "", difference.lines, resources=difference.resources)
    for newer, older in _distinct(kind, own):
        first = newer[-1]  # of revisions that are restarts of one another the oldest is when the template came
        current = own[0] is newer[0]
        at = began(kind, obj, first, own, current=current)
        difference = templates.compare(revision_template(kind, older), revision_template(kind, first))
        cause = redact(text(first, "metadata", "annotations", CAUSE))[:120]
        yield ChangeSeen(
            kind="template",
            what=difference.what or "pod template changed",
            at=at,
            by=writer_at(writers, instant(at)) if current else "",
            revision=str(revision_number(first)),
            diff=difference.lines + ((f"change-cause {cause}",) if cause else ()),
            resources=difference.resources,
        )


def restarts(kind: str, obj: Json, revisions: Sequence[Json]) -> Iterator[ChangeSeen]:
    """The newest five restarts by annotation that revisions remember."""
    restarters = [one for one in writes(obj) if one.owns("spec", "template", "metadata", "annotations", RESTARTED_AT)]
    known: set[str] = set()
    own = ordered(obj, revisions)
    marks = [mapping(revision_template(kind, item), "metadata", "annotations") for item in own]
    for number, (item, mark) in enumerate(zip(own, marks, strict=True)):
        at = text(mark, RESTARTED_AT)
        before = marks[number + 1] if number + 1 < len(marks) else {}
        if not at or at in known or at == text(before, RESTARTED_AT) or instant(at) is None:
            continue
        known.add(at)
        # The id stays in the template when somebody else restarts later: only a new one is a restart of ours.
        ours = text(mark, EXECUTION_ID) not in {"", text(before, EXECUTION_ID)}
        by = "Fettle" if ours else writer_at(restarters, instant(at))
        yield ChangeSeen("restart", "all pods restarted", at, by, str(revision_number(item)))
        if len(known) == MOST_RESTARTS:
            return


def scalings(obj: Json, autoscalers: Sequence[Json]) -> Iterator[ChangeSeen]:
    """Writes of the number of replicas alone, by hand or by an autoscaler, and what the autoscaler itself tells."""
    sized = [one for one in writes(obj) if one.owns("spec", "replicas")]
    last = newest([one for one in sized if len(mapping(one.fields, "f:spec")) == 1])
    wanted = count(obj, "spec", "replicas")
    by_autoscaler = last is not None and last.manager == "kube-controller-manager"
    if last is not None and last.at is not None and not (by_autoscaler and autoscalers):
        by = "an autoscaler" if by_autoscaler else last.words
        automatic = by_autoscaler or AUTOSCALING in last.manager
        yield ChangeSeen("scale", f"scaled to {wanted}", stamp(last.at), by, size=wanted, automatic=automatic)
    if not wanted and not sized and dig(obj, "spec", "replicas") is not None:
        yield ChangeSeen("scale", "scaled to 0", size=0)  # as a Scale omits a zero, nobody is noted as its writer
    for item in autoscalers:
        name = text(item, "metadata", "name")
        at = text(item, "status", "lastScaleTime")
        if at:
            size = count(item, "status", "desiredReplicas")
            told = f"scaled to {size} by its autoscaler"
            yield ChangeSeen("scale", told, at, f"autoscaler {name}", size=size, automatic=True)
        spec = mapping(item, "spec")
        least = spec.get("minReplicas")
        bounds = f"{1 if least is None else least} to {count(spec, 'maxReplicas')} replicas"
        wrote = newest([one for one in writes(item) if one.owns("spec")])
        if wrote is not None and wrote.at is not None:
            made = instant(dig(item, "metadata", "creationTimestamp"))
            verb = "made" if made is not None and wrote.at - made < timedelta(seconds=2) else "written"
            yield ChangeSeen("autoscaler", f"autoscaler {name} {verb}: {bounds}", stamp(wrote.at), wrote.words)


def node_changes(nodes: Sequence[Json], now: datetime) -> Iterator[ChangeSeen]:
    """What became of nodes within the last day: not ready, back again, joined, cordoned, tainted, under pressure."""
    for node in nodes:
        for what, at, by in _node(node):
            when = instant(at)
            if when is not None and now - when < LATELY:
                yield ChangeSeen("node", f"node {text(node, 'metadata', 'name')} {what}", at, by)


def assembled(changes: Sequence[ChangeSeen], since: datetime | None, now: datetime) -> tuple[ChangeSeen, ...]:
    """Newest first, those without a time last, each with its distance from the alert's start."""
    newest_template = next((one for one in changes if one.kind == "template"), None)
    kept: list[tuple[datetime | None, ChangeSeen]] = []
    for one in changes:
        at = instant(one.at)
        if one is newest_template or at is None or now - at < OLDEST:
            offset = (at - since).total_seconds() if at is not None and since is not None else None
            kept.append((at, replace(one, offset=offset)))
    kept.sort(key=lambda pair: pair[0] or _NEVER, reverse=True)
    return tuple(one for _, one in kept[:MOST])


def _distinct(kind: str, own: Sequence[Json]) -> Iterator[tuple[list[Json], Json]]:
    """(revisions of one template, newest first; the revision before them) for each change of the template."""
    hashes = [template_hash(revision_template(kind, item)) for item in own]
    start = 0
    for number in range(1, len(own)):
        if hashes[number] != hashes[start]:
            yield list(own[start:number]), own[number]
            start = number


def _node(node: Json) -> Iterator[tuple[str, str, str]]:
    """(what, at, by) of all that its object tells."""
    conditions: Mapping[str, Json] = {text(one, "type"): one for one in dig(node, "status", "conditions") or []}
    joined = text(node, "metadata", "creationTimestamp")
    yield "joined", joined, ""
    ready = conditions.get("Ready", {})
    changed, made = instant(dig(ready, "lastTransitionTime")), instant(joined)
    if text(ready, "status") not in {"True", ""}:
        yield f"not ready: {text(ready, 'reason') or 'no reason given'}", text(ready, "lastTransitionTime"), ""
    elif changed is not None and made is not None and changed - made > timedelta(minutes=5):
        yield "ready again", text(ready, "lastTransitionTime"), ""
    for kind in NODE_TROUBLE:
        if text(conditions.get(kind, {}), "status") == "True":
            yield f"has {kind}", text(conditions[kind], "lastTransitionTime"), ""
    wrote = newest([one for one in writes(node) if one.owns("spec", "unschedulable")])
    if dig(node, "spec", "unschedulable") and wrote is not None and wrote.at is not None:
        yield "cordoned", stamp(wrote.at), wrote.words
    for taint in dig(node, "spec", "taints") or []:
        if text(taint, "timeAdded"):
            yield f"tainted {text(taint, 'key')}:{text(taint, 'effect')}", text(taint, "timeAdded"), ""
