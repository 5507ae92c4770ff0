"""What follows ``/incident act``: the action, the workload as people type it anywhere, and what the action takes.

Each action has one form here. Whether what it takes makes sense is the mitigation's own to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.domain.mitigation import Action
from bot.domain.target import KIND_ALIASES

_LEAD = re.compile(r"(?:--to-revision|to|revision|rev)\b[.:=\s]*|rev(?=\d)|#(?=\d)", re.IGNORECASE)
_COUNT = re.compile(r"^(?:(?:--replicas|to|replicas)\b[=:\s]*)+", re.IGNORECASE)
_MOST = re.compile(r"^(?:(?:--max|to|max|maximum)\b[=:\s]*)+", re.IGNORECASE)
_THEN = re.compile(r"[,;]?\s+(?:and\s+)?then\s+", re.IGNORECASE)
_POD = re.compile(r"^(?:pods?[/\s]+|po/)", re.IGNORECASE)


@dataclass(frozen=True)
class Form:
    """``usage`` follows the action in the help; ``wanted`` makes parameters of what follows the workload."""

    usage: str
    says: str
    wanted: Callable[[str], dict[str, str]]


def _revision(rest: str) -> dict[str, str]:
    """``41``, ``to rev 41``, ``--to-revision=41``."""
    while lead := _LEAD.match(rest):
        rest = rest[lead.end() :]
    return {"revision": rest} if rest else {}


def _tag(rest: str) -> dict[str, str]:
    """``1.4.2``, ``1.4.2 sidecar``, ``:1.4.2``; what is more is handed on, so that it can be refused."""
    names = ("tag", "container")
    words = rest.removeprefix(":").split(maxsplit=2)
    return {**dict(zip(names, words, strict=False)), **({"more": words[2]} if len(words) > 2 else {})}


def _replicas(rest: str) -> dict[str, str]:
    """``6``, ``to 6``, ``--replicas=6``."""
    return {"replicas": _COUNT.sub("", rest)} if rest else {}


def _bounds(rest: str) -> dict[str, str]:
    """``12``, ``max 12``, ``3-12``."""
    return {"bounds": _MOST.sub("", rest)} if rest else {}


def _pod(rest: str) -> dict[str, str]:
    """``api-7d9f-x2x1p``, ``pod/api-7d9f-x2x1p``."""
    return {"pod": _POD.sub("", rest)} if rest else {}


def _size(rest: str) -> dict[str, str]:
    """``15Gi``, ``to 15Gi``."""
    size = rest.removeprefix("to ").strip()
    return {"size": size} if size else {}


def _as_given(rest: str) -> dict[str, str]:
    """For an action that takes nothing: handed on, so that it can say so."""
    return {"more": rest} if rest else {}


def _container(rest: str) -> dict[str, str]:
    """``api-7d9f5c-x2x4q``, or that and a container."""
    pod, _, container = rest.partition(" ")
    named = {"pod": pod, "container": container.strip()}
    return {key: value for key, value in named.items() if value}


def _beside(rest: str) -> dict[str, str]:
    """``api-7d9f5c-x2x4q``, that and a container, and which tools it takes; what is more belongs to the last."""
    return dict(zip(("pod", "container", "kind"), rest.split(maxsplit=2), strict=False))


FORMS: Mapping[Action, Form] = {
    Action.RESTART: Form("namespace/name", "a rolling restart", _as_given),
    Action.ROLLBACK: Form("namespace/name [revision]", "the last healthy revision, or the one named", _revision),
    Action.SET_IMAGE: Form("namespace/name [tag] [container]", "the nearest tag that there is, or the one named", _tag),
    Action.PAUSE: Form("namespace/name", "holds a Deployment's rollout where it is", _as_given),
    Action.RESUME: Form("namespace/name", "lets a paused Deployment roll out what is pending", _as_given),
    Action.SCALE: Form("namespace/name replicas", "another number of replicas", _replicas),
    Action.RAISE_AUTOSCALER: Form(
        "namespace/name [minimum-]maximum", "other bounds for its autoscaler, for a while", _bounds
    ),
    Action.EVICT: Form(
        "namespace/name [pod or crash-looping]",
        "evicts the pod named, all that crash again and again, or the worst",
        _pod,
    ),
    Action.THREAD_DUMP: Form(
        "namespace/name [pod [container]]", "what every thread of a JVM does, kept as a file", _container
    ),
    Action.HEAP_DUMP: Form("namespace/name [pod [container]]", "the heap of a JVM, kept as a file", _container),
    Action.DEBUG_THREAD_DUMP: Form(
        "namespace/name [pod [container [jvm or python]]]",
        "the same by a debug container, for images without tools",
        _beside,
    ),
    Action.DEBUG_HEAP_DUMP: Form("namespace/name [pod [container]]", "the same of the heap", _beside),
    Action.GOROUTINE_DUMP: Form(
        "namespace/name [pod]", "what every goroutine of a Go program does, by its pprof", _container
    ),
    Action.HEAP_PROFILE: Form("namespace/name [pod]", "which code of a Go program holds its memory", _container),
    Action.RERUN_JOB: Form("namespace/name", "a Job or CronJob, from the CronJob's own template", _as_given),
    Action.DELETE_FAILED_JOB: Form("namespace/name", "a Job that failed, with its pods", _as_given),
    Action.EXPAND_VOLUME: Form("namespace/claim [size]", "half as much again, or 15Gi", _size),
    Action.CORDON: Form("node", "no new pods on it", _as_given),
    Action.UNCORDON: Form("node", "new pods again", _as_given),
}
"""A test holds that every action has one."""


def action_of(word: str) -> Action | None:
    """The action that a word names, a hyphen being as good as an underscore; None where it names none."""
    lower = word.lower().replace("-", "_")
    return Action(lower) if lower in set(Action) else None


def steps(text: str) -> list[str]:
    """``thread-dump shop/api then evict`` as what is written for each step."""
    return [part.strip() for part in _THEN.split(text)]


def following(text: str) -> tuple[Action, dict[str, str]] | None:
    """A step after the first: the action, and what it takes; None where the word names none."""
    word, _, rest = text.partition(" ")
    action = action_of(word)
    return (action, FORMS[action].wanted(rest.strip())) if action is not None else None


def parse(action: Action, text: str) -> tuple[str, dict[str, str]]:
    """(workload, what is wanted): ``deployment/api -n shop 41``, ``sts api 41 -n shop``, ``shop/api to rev 41``."""
    words = text.split()
    namespace: list[str] = []
    if "-n" in words[:-1]:
        at = words.index("-n")
        namespace = words[at : at + 2]
        del words[at : at + 2]
    kind_alone = len(words) > 1 and words[0].lower() in KIND_ALIASES
    workload, rest = words[: 1 + kind_alone], " ".join(words[1 + kind_alone :])
    return " ".join([*workload, *namespace]), FORMS[action].wanted(rest)
