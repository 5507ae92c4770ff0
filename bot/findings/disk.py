"""A volume or a disk that is full or fills up: how much, until when, and whether it can grow.

It refuses to delete anything. A node's own disk is told here when it is what the alert is about or what pods complain
of.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.domain.observed import VolumeSeen
from bot.domain.snapshot import AlertSeen
from bot.findings import cures
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.lines import Points, spoken
from bot.findings.measures import latest, seconds_until
from bot.findings.phrases import cut, last_of, number_of, share, size, span, stop
from bot.findings.sick import How
from bot.findings.signs import strongest

ABOUT = About(
    Cause.DISK,
    "a disk that is full",
    "A claim was measured full to 95 % or more, or to 85 % and filling, and the alert is about it or the pods "
    "complain of no space.",
    "Pods complain of no space and no claim's use is known; or a full claim that nobody complains of.",
    "The alert alone.",
    "Expand the claim where its class allows; else nothing: a person frees or moves data.",
    89,
)
ALERTS = (
    "KubePersistentVolumeFillingUp",
    "KubePersistentVolumeInodesFillingUp",
    "NodeFilesystem*",
    "DiskSpace*",
    "VolumeFull*",
)
FULL, FILLING = 0.95, 0.85
SOON = timedelta(days=4)


def find(case: Case) -> Finding | None:
    """The fullest claim, or what the pods and the alert say."""
    alert = case.alert(*ALERTS)
    sign = strongest(case.signs, Points.DISK_FULL)
    label = alert.labels.get("persistentvolumeclaim", "") if alert is not None else ""
    if not label and case.target is not None and case.target.kind == "PersistentVolumeClaim":
        label = case.target.name
    claims = [one for one in _known(case, label) if fill(one) is not None and (not label or one.claim == label)]
    top = max(claims, key=lambda one: fill(one) or 0.0, default=None)
    if top is not None and (alert is not None or (fill(top) or 0) >= (FILLING if sign is not None else FULL)):
        return _claim(case, top, alerted=alert is not None, complained=sign is not None)
    if sign is not None and (case.sick_with(How.CRASH, How.UNREADY) or case.service_alert is not None):
        # A claim with room left leaves the container's own disk or the node's.
        confidence, doubt = case.sure(Confidence.MEDIUM, "pods", "volumes")
        return _finding(
            "The disk is full: " + f"“{cut(spoken(sign.line), 140)}”",
            confidence,
            doubt,
            [Cite("logs", f"{sign.count} times: {cut(sign.line)}")],
            "the pods' own words",
            "logs",
            (),
        )
    if alert is not None:
        inodes = _of_inodes(alert)
        node = alert.labels.get("instance", "") if alert.name.startswith("NodeFilesystem") else ""
        what = f"claim {label}" if label else f"the disk of {node or 'a node'}"
        used = latest(case.measured("node_inodes" if inodes else "node_disk")) if not label else None
        sure = (
            Confidence.HIGH if used is not None and used >= FILLING else Confidence.LOW if label else Confidence.MEDIUM
        )
        confidence, doubt = case.sure(sure, "volumes") if label else (sure, "")
        what += f" ({share(used)}{' of its inodes' if inodes else ''} in use)" if used is not None else ""
        text = f"{alert.name}: {cut(what, 80)} runs out of {'inodes' if inodes else 'space'}"
        basis = "the alert alone" if used is None else "measured"
        return _finding(text, confidence, doubt, [Cite("alerts", alert.name)], basis, "inodes" if inodes else "", ())
    return None


def _of_inodes(alert: AlertSeen) -> bool:
    """Whether it is about the number of files, not about their bytes."""
    return "Inodes" in alert.name or alert.name.endswith(("FilesFillingUp", "OutOfFiles"))


def _known(case: Case, label: str) -> list[VolumeSeen]:
    """The claims, their use by measurement where the cluster itself doesn't tell it."""
    rows = list(case.volumes or ())
    if label and label not in {one.claim for one in rows}:
        rows.append(VolumeSeen(label, capacity=1.0))
    for row in (*case.measured("volume_used"), *case.measured("disk")):
        claim = row.labels.get("persistentvolumeclaim", "") or label
        for place, one in enumerate(rows):
            if claim == one.claim and one.used is None and row.unit in {"ratio", ""}:
                capacity = one.capacity or 1.0
                eta = one.full_in if one.full_in is not None else seconds_until(row, 1.0)
                rows[place] = replace(one, capacity=capacity, used=last_of(row) * capacity, full_in=eta)
    return rows


def fill(one: VolumeSeen) -> float | None:
    """The used share of a claim; None when it isn't known."""
    return one.used / one.capacity if one.used is not None and one.capacity else None


def _claim(case: Case, top: VolumeSeen, *, alerted: bool, complained: bool) -> Finding | None:
    used = fill(top) or 0.0
    soon = top.full_in is not None and top.full_in < SOON.total_seconds()
    inodes = latest(case.measured("inodes")) if case.alert("KubePersistentVolumeInodesFillingUp") is not None else None
    if used < FILLING and not soon and case.alert("KubePersistentVolumeInodesFillingUp") is None:
        return None
    ill = case.sick_with(How.CRASH, How.UNREADY)
    borne = alerted or (complained and used >= FULL)
    against = ("" if borne else "nobody complains of it",)
    hurts = used >= FULL and (bool(ill) or case.service_alert is not None)
    told = borne and (max(used, inodes or 0.0) >= FULL or (alerted and (used >= FILLING or soon)))
    wanted = Confidence.HIGH if told or hurts else Confidence.MEDIUM
    confidence, doubt = case.sure(wanted, "volumes", against=against)
    left = (
        f", full in {span(timedelta(seconds=min(max(top.full_in, 0), 10**8)))} at this rate"
        if top.full_in is not None
        else ""
    )
    known = (top.capacity or 0) > 1
    amount = f"{size(top.used or 0)} of {size(top.capacity or 0)}" if known else "its size isn't known"
    text = f"Claim {top.claim} is {share(used)} full ({amount}{left})"
    if inodes is not None and inodes > used:
        text = (
            f"Claim {top.claim} runs out of inodes: {share(inodes)} are in use, of its space {share(used)} ({amount})"
        )
    if ill and complained:
        text += f"; {number_of(len(ill), 'pod')} can't write"
    suggestions: tuple[Suggestion, ...] = ()
    if top.expandable and top.capacity and known and confidence is not Confidence.LOW:
        wanted_size = f"{int(top.capacity * 1.5 / 2**30) or 1}Gi"
        patch = f'{{"spec":{{"resources":{{"requests":{{"storage":"{wanted_size}"}}}}}}}}'
        line = cures.kubectl(case.target, "patch", "pvc", top.claim, "-p", patch)
        suggestions = (
            Suggestion(
                "expand_volume",
                {"claim": top.claim, "size": wanted_size},
                "half as much again; it can't be undone",
                line,
            ),
        )
    cites = [
        Cite(
            "volumes",
            f"{top.claim}: {amount}, class {top.storage_class or 'unknown'}",
        )
    ]
    return _finding(
        text,
        confidence,
        doubt,
        cites,
        "measured" + (", and the pods say so" if complained else ""),
        "claim",
        suggestions,
    )


def _finding(
    text: str,
    confidence: Confidence,
    doubt: str,
    cites: list[Cite],
    basis: str,
    detail: str,
    suggestions: tuple[Suggestion, ...],
) -> Finding:
    no_help = (
        "" if suggestions else "Data has to be freed or moved by a person; starting pods again frees none of a volume."
    )
    return Finding(
        Cause.DISK, stop(text), confidence, tuple(cites), basis, doubt, detail, suggestions, no_help, ABOUT.weight
    )
