"""A node is silent, under pressure or full, and what runs on it suffers.

On a dead node pods stay Running with ready containers and Ready false, and no probe says a word. It refuses to blame a
node for pods that fail elsewhere too.
"""

from __future__ import annotations

from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.domain.observed import NodeSeen
from bot.domain.snapshot import AlertSeen
from bot.findings import cures
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.phrases import clock, cut, instant, last_of, listed, measured, number_of, stop
from bot.findings.sick import How, Sick

ABOUT = About(
    Cause.NODE_TROUBLE,
    "a node in trouble",
    "A node that was read isn't ready or is under pressure, and all ill pods are on such nodes, or the alert is "
    "about that node.",
    "Pods are lost or evicted in the way that nodes' trouble shows, and the nodes weren't read; or only most ill "
    "pods are there.",
    "The alert is about a node, and nothing of it could be read.",
    "Silent: cordon it, so that nothing new goes there. Pressure: nothing, the kubelet evicts by itself and takes "
    "no new pods.",
    95,
)
ALERTS = (
    "KubeNode*",
    "Kubelet*",
    "Node*",
)
OVER = ("KubeNodeNotReady", "KubeNodeUnreachable", "KubeNodePressure")
"""Alerts that say no more than the node's own conditions: of a node that is well by now they tell of what is over."""
_BEGINNINGS = tuple(name.rstrip("*") for name in ALERTS)
SILENT, NOT_READY = "silent", "not ready"
DOWN = frozenset({SILENT, NOT_READY})
PRESSURE = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")


def find(case: Case) -> Finding | None:
    """The node behind the ill pods, or the one that the alert is about."""
    bad = [node for node in case.nodes or () if ailment(node)]
    named = next((one for one in case.alerts if case.alert(*ALERTS) and _about_a_node(one)), None)
    label = _name(named) if named is not None else ""
    own = [node for node in bad if label and node.name == label]
    there = [one for one in case.sick if one.pod.node in {node.name for node in bad}]
    lost = case.sick_with(How.LOST, How.EVICTED)
    if own or (there and len(there) * 2 > len(case.sick)):
        return _seen(case, own or bad, there, alerted=bool(own))
    if lost and len(lost) * 2 > len(case.sick):
        return _by_pods(case, lost)
    return _by_alert(case, named, label) if named is not None and not case.sick else None


def _about_a_node(alert: AlertSeen) -> bool:
    """Disks of nodes are for ``disk``."""
    return alert.name.startswith(_BEGINNINGS) and not alert.name.startswith(("NodeFilesystem", "NodeDiskFull"))


def _name(alert: AlertSeen) -> str:
    """The node that an alert names; of an instance its host."""
    return alert.labels.get("node", "") or alert.labels.get("instance", "").rsplit(":", 1)[0]


def ailment(node: NodeSeen) -> str:
    """What is wrong with a node: "silent", a pressure, or nothing."""
    told = next((one.status for one in node.conditions if one.type == "Ready"), "")
    if told == "Unknown" or (node.ready is False and not told):
        return SILENT
    if told == "False" or node.ready is False:
        return NOT_READY
    return next((one.type for one in node.conditions if one.type in PRESSURE and one.status == "True"), "")


def _seen(case: Case, bad: list[NodeSeen], there: list[Sick], *, alerted: bool) -> Finding:
    worst = max(bad, key=lambda node: (sum(1 for one in there if one.pod.node == node.name), ailment(node) in DOWN))
    what = ailment(worst)
    elsewhere = len(case.sick) - len(there)
    crashing = [one for one in there if one.how in {How.CRASH, How.OOM, How.IMAGE, How.CONFIG}]
    against = (
        f"{number_of(elsewhere, 'ill pod')} on other nodes" if elsewhere and not alerted else "",
        "its pods fail in a way that a node doesn't cause"
        if crashing and len(crashing) == len(there) and not alerted
        else "",
    )
    confidence, doubt = (
        case.sure(Confidence.HIGH, "nodes", "pods", against=against)
        if not alerted
        else case.sure(Confidence.HIGH, "nodes")
    )
    ready = next((one for one in worst.conditions if one.type == "Ready"), None)
    since = instant(ready.at) if ready is not None and what in DOWN else None
    told = next((one.message for one in worst.conditions if one.type == (what if what in PRESSURE else "Ready")), "")
    state = {SILENT: "doesn't answer", NOT_READY: "isn't ready"}.get(what, f"is under {_plain(what)}")
    text = (
        f"Node {worst.name} {state}"
        + (f" since {clock(since)}" if since else "")
        + (f" ({cut(told.rstrip('. '), 100)})" if told else "")
    )
    if there:
        text += f"; {number_of(len(there), 'ill pod')} {'is' if len(there) == 1 else 'are'} there"
    others = [node.name for node in bad if node is not worst]
    if others:
        text += f"; so {'is' if len(others) == 1 else 'are'} {listed(others)}"
    suggestions, no_help = _cures(worst, what, confidence)
    cites = [Cite("nodes", f"{worst.name}: {what}" + (f", last sign {worst.lease_at}" if worst.lease_at else ""))]
    if there:
        cites.append(Cite("pods", f"on it: {listed([one.pod.name for one in there])}"))
    basis = (
        "all ill pods are on it"
        if there and not elsewhere
        else "the alert names it"
        if alerted
        else "most ill pods are on it"
    )
    return Finding(
        Cause.NODE_TROUBLE, stop(text), confidence, tuple(cites), basis, doubt, what, suggestions, no_help, ABOUT.weight
    )


def _by_pods(case: Case, lost: tuple[Sick, ...]) -> Finding | None:
    """Nodes weren't read, or look well by now."""
    looked = {node.name for node in case.nodes or () if node.ready}
    hidden = [one for one in lost if one.pod.node not in looked]
    evicted = [one for one in lost if one.how is How.EVICTED]
    if not hidden and not evicted:
        return None
    ill = hidden or evicted
    names = list(dict.fromkeys(one.pod.node for one in ill if one.pod.node))
    against = ("the nodes look well by now" if not hidden else "",)
    confidence, doubt = case.sure(Confidence.MEDIUM, "pods", "nodes", against=against)
    told = next((one.pod.message for one in evicted if one.pod.message), "")
    verb = "was evicted" if evicted else "is out of reach while its containers ran well"
    verbs = "were evicted" if evicted else "are out of reach while their containers ran well"
    text = f"{number_of(len(ill), 'pod')} {verb if len(ill) == 1 else verbs}" + (
        f" on {listed(names)}" if names else ""
    )
    text += f": {cut(told, 140)}" if told else ", as on a node that is silent"
    return Finding(
        Cause.NODE_TROUBLE,
        stop(text),
        confidence,
        (Cite("pods", f"{verbs}: {listed([one.pod.name for one in ill])}"),),
        "the pods' own state",
        doubt,
        "evicted" if evicted else SILENT,
        (),
        "The node has to be looked at first; its pods come up elsewhere by themselves.",
        ABOUT.weight,
    )


def _by_alert(case: Case, alert: AlertSeen, label: str) -> Finding | None:
    """Most alerts about nodes measure what the node's own conditions don't tell."""
    looked = next((node for node in case.nodes or () if node.name == label), None)
    if looked is not None and looked.ready and alert.name in OVER:
        return None
    said = alert.annotations.get("summary", "") or alert.annotations.get("description", "")
    measures = [row for name in ("node_cpu", "node_memory", "node_disk") for row in case.measured(name)]
    confidence, doubt = case.sure(Confidence.MEDIUM if said or measures else Confidence.LOW, "nodes")
    text = cut(alert.name, 60) + (f" about node {cut(label, 80)}" if label else "")
    text += f": {cut(said.rstrip('.'), 140)}" if said else ""
    text += "".join(f"; {_small(row.title or row.query)} {measured(last_of(row), row.unit)}" for row in measures[:3])
    state = "" if looked is None else "ready" if looked.ready else "not ready"
    cites = [Cite("alerts", f"{cut(alert.name, 60)}: {cut(label, 80) or 'no node is named'}")]
    if state:
        cites.append(Cite("nodes", f"{label}: {state}"))
    return Finding(
        Cause.NODE_TROUBLE,
        stop(text),
        confidence,
        tuple(cites),
        "the alert's own measure",
        doubt,
        "alert",
        (),
        "Look at the node first; if it has to be emptied, cordon it and let its pods go one by one."
        if label
        else "No node is named: look at the kubelets, and at whether Prometheus still finds them.",
        ABOUT.weight,
    )


def _cures(node: NodeSeen, what: str, confidence: Confidence) -> tuple[tuple[Suggestion, ...], str]:
    if what in DOWN and confidence is not Confidence.LOW:
        if node.unschedulable:
            return (), "It is cordoned already; its pods come up elsewhere by themselves after 5 min."
        cordon = Suggestion(
            "cordon",
            {"node": node.name},
            "nothing new goes to a node that doesn't answer",
            cures.kubectl(None, "cordon", node.name),
        )
        return (cordon,), ""
    return (), "The kubelet frees what it can and takes no new pods meanwhile; look at what uses the node up."


def _small(title: str) -> str:
    """A title within a sentence."""
    return f"{title[:1].lower()}{title[1:]}"


def _plain(pressure: str) -> str:
    return {
        "MemoryPressure": "memory pressure",
        "DiskPressure": "disk pressure",
        "PIDPressure": "pressure of process ids",
    }.get(pressure, "network trouble")
