"""A volume that can't be attached or mounted, or a claim that isn't bound: the pod waits for it.

ConfigMaps and Secrets as volumes are ``config_missing``'s. It refuses to detach anything: that can cost data.
"""

from __future__ import annotations

import re

from bot.domain.finding import Cause, Cite, Confidence, Finding
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.config_missing import named
from bot.findings.phrases import agree, cut, listed, number_of, stop
from bot.findings.sick import How

ABOUT = About(
    Cause.VOLUME_MOUNT,
    "a volume that can't be mounted",
    "A pod is being created, and `FailedAttachVolume` or `FailedMount` events name a volume.",
    "A pod is being created, and a claim of it isn't bound.",
    "The alert is about a volume's errors, and nothing else is known.",
    "Nothing: where a volume hangs, detaching by force can cost data; a person looks.",
    88,
)
ALERTS = ("KubePersistentVolumeErrors",)
ELSEWHERE = "attached elsewhere"
"""The detail of a volume that another node holds."""
_MULTI = re.compile(r"Multi-Attach", re.IGNORECASE)


def find(case: Case) -> Finding | None:
    """Events first; then claims; then the alert."""
    creating = case.sick_with(How.CREATING)
    rows = [
        row for row in case.event_rows("FailedAttachVolume", "FailedMount", "FailedMapVolume") if not named(row.message)
    ]
    unbound = [one for one in case.volumes or () if one.phase in {"Pending", "Lost"}]
    if creating and rows:
        row = next((one for one in rows if one.reason == "FailedAttachVolume"), rows[0])
        confidence, doubt = case.sure(Confidence.HIGH, "pods", "events")
        detail = ELSEWHERE if _MULTI.search(row.message) else "mount"
        waits = agree(len(creating), "waits", "wait")
        text = f"{number_of(len(creating), 'pod')} {waits} for a volume: {cut(row.message, 160)}"
        return _finding(
            text, confidence, doubt, Cite("events", f"{row.reason}, {row.count} times: {cut(row.message)}"), detail
        )
    alert = case.alert(*ALERTS)
    if case.pods is None and rows:
        confidence, doubt = case.sure(Confidence.MEDIUM, "pods")
        cite = Cite("events", f"{rows[0].reason}, {rows[0].count} times: {cut(rows[0].message)}")
        return _finding(f"A pod waits for a volume: {cut(rows[0].message, 160)}", confidence, doubt, cite, "mount")
    if unbound and (creating or alert is not None):
        one = unbound[0]
        confidence, doubt = case.sure(Confidence.HIGH if alert is not None else Confidence.MEDIUM, "volumes")
        text = f"Claim {one.claim} is {one.phase}" + (f": {cut(one.message, 120)}" if one.message else "")
        return _finding(
            text,
            confidence,
            doubt,
            Cite("volumes", f"{listed([each.claim for each in unbound])}: {one.phase}"),
            "claim",
            "the claim's own status",
        )
    if creating:
        confidence, doubt = case.sure(Confidence.LOW, "events")
        text = (
            f"{number_of(len(creating), 'pod')} got a node minutes ago and can't start; nothing says what it waits for"
        )
        return _finding(
            text,
            confidence,
            doubt,
            Cite("pods", f"{creating[0].pod.name}: {creating[0].container.reason}"),
            "unsaid",
            "the pods' own state",
        )
    if alert is not None:
        confidence, doubt = case.sure(Confidence.LOW, "volumes")
        volume, phase = (cut(alert.labels.get(name, ""), 80) for name in ("persistentvolume", "phase"))
        told = f"Volume {volume} is {phase or 'in trouble'}" if volume else f"{alert.name} fires"
        return _finding(
            f"{told}, nothing more is known of it",
            confidence,
            doubt,
            Cite("alerts", alert.name),
            "",
            "the alert alone",
        )
    return None


def _finding(
    text: str, confidence: Confidence, doubt: str, cite: Cite, detail: str, basis: str = "the kubelet's own words"
) -> Finding:
    no_help = (
        "The volume has to come free where it is attached; forcing it can cost data."
        if detail == ELSEWHERE
        else "The claim, its class or the storage behind it has to be looked at; starting the pod again meets the same."
    )
    return Finding(
        Cause.VOLUME_MOUNT,
        stop(text),
        confidence,
        (cite,),
        basis,
        doubt,
        detail,
        (),
        no_help,
        ABOUT.weight,
    )
