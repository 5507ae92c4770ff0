"""Findings: a conclusion that cites evidence, with a confidence, and what follows from it or why nothing does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Cause(StrEnum):
    """The closed list of causes; each has a file of its name in ``bot/findings``, but what a team's handler found."""

    BAD_ROLLOUT = "bad_rollout"
    OOM_KILLED = "oom_killed"
    IMAGE_PULL = "image_pull"
    CONFIG_MISSING = "config_missing"
    CRASH_LOOP = "crash_loop"
    UNSCHEDULABLE = "unschedulable"
    PROBE_FAILURE = "probe_failure"
    NODE_TROUBLE = "node_trouble"
    QUOTA = "quota"
    AUTOSCALER_BOUND = "autoscaler_bound"
    THROTTLING = "throttling"
    DISK = "disk"
    DEPENDENCY_DOWN = "dependency_down"
    SCRAPE_PROBLEM = "scrape_problem"
    JOB_FAILED = "job_failed"
    BUDGET = "budget"
    STALLED_CONTROLLER = "stalled_controller"
    SATURATION = "saturation"
    CONFIG_CHANGE = "config_change"
    VOLUME_MOUNT = "volume_mount"
    SERVICE_DEGRADED = "service_degraded"
    NOTHING_WRONG = "nothing_wrong"
    HANDLER = "handler"


class Confidence(StrEnum):
    """How sure: high only if nothing that was observed speaks against it and what decides was observed."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 is the surest."""
        return list(Confidence).index(self)


@dataclass(frozen=True)
class Cite:
    """One observed fact that a finding rests on: the evidence's source and the fact in a few words."""

    source: str
    text: str


@dataclass(frozen=True)
class Suggestion:
    """A mitigation that this cause calls for, in the words of the field (``rollback``, ``restart``, ``evict``).

    ``params`` are what the mitigation takes (``{"revision": "41"}``); ``reason`` says in a clause why it helps. Whether
    Fettle has that mitigation, and may use it, is decided elsewhere; ``by_hand`` is the command line that does it.
    """

    action: str
    params: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    by_hand: str = ""


@dataclass(frozen=True)
class Finding:
    """One conclusion.

    ``sentence`` says what is wrong, whole and plain ("The rollout of 03:00 (rev 41 → 42, api:1.4.2) crashes at start:
    exit 1, KeyError: 'DB_URL'."); ``basis`` says in a clause what the confidence rests on ("first crash 40 s after the
    rollout, rev 41 pods are healthy"); ``doubt`` what speaks against it or wasn't measured. ``detail`` tells variants
    apart (``leak``, ``spike``, ``exit 137``; of a handler its name). ``suggestions`` come best first; without one
    ``no_help`` is the sentence why no mitigation helps and who has to look. ``weight`` orders findings of one
    confidence, larger first. ``said`` is what containers or the kubelet said that the sentence tells, in their own
    words and whole; ``killed`` is whether it tells that containers run out of memory.
    """

    cause: Cause
    sentence: str
    confidence: Confidence
    cites: tuple[Cite, ...]
    basis: str = ""
    doubt: str = ""
    detail: str = ""
    suggestions: tuple[Suggestion, ...] = ()
    no_help: str = ""
    weight: float = 0.0
    said: tuple[str, ...] = ()
    killed: bool = False


_LOADS = frozenset({
    Cause.SATURATION, Cause.AUTOSCALER_BOUND, Cause.THROTTLING, Cause.QUOTA, Cause.BUDGET, Cause.SCRAPE_PROBLEM,
    Cause.SERVICE_DEGRADED, Cause.NOTHING_WRONG, Cause.STALLED_CONTROLLER, Cause.UNSCHEDULABLE, Cause.HANDLER,
})  # fmt: skip
"""Causes of which pods that crash are no sign."""


def says_again(first: Finding, other: Finding) -> bool:
    """Whether a finding behind the first is that one's own sign, told once more: no other possibility.

    Containers that crash are what most causes look like; a probe's answer and a kill for memory may be what the first
    tells of.
    """
    if other.cause is Cause.CRASH_LOOP and first.cause not in _LOADS and first.confidence is not Confidence.LOW:
        return True
    if other.cause is Cause.OOM_KILLED:
        return first.killed
    if other.cause not in {Cause.CRASH_LOOP, Cause.PROBE_FAILURE}:
        return False
    return bool(other.said) and set(other.said) <= set(first.said)
