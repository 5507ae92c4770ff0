"""What is different between two pod templates, in words: image, environment by name, resources, probes, command, rest.

Values of the environment are never shown, only names and "changed"; arguments pass redaction. Pure. It refuses to say
which difference matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.execution import EXECUTION_ID, RESTARTED_AT
from bot.domain.redaction import redact
from bot.kube.objects import Json, dig, mapping, text

RESOURCES = "resources"
GONE, NEW, CHANGED = "gone", "new", "changed"
MOST_LINES, LONGEST = 40, 160
_IGNORED = frozenset({RESTARTED_AT, EXECUTION_ID, "pod-template-hash", "controller-revision-hash"})
_OWN_WORDS = frozenset(
    {
        "name",
        "image",
        "env",
        "envFrom",
        RESOURCES,
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "command",
        "args",
    }
)
_SHOWN_PROBE = (
    "path", "port", "initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold", "successThreshold",
)  # fmt: skip
_SHOWN_SPEC = frozenset(
    {"serviceAccountName", "terminationGracePeriodSeconds", "priorityClassName", "restartPolicy", "hostNetwork"}
)
_TWINS = frozenset({"serviceAccount"})
"""Fields that only repeat another."""


@dataclass(frozen=True)
class Difference:
    """``what`` is a sentence without its end, ``lines`` the same one by one; both empty when nothing differs.

    ``resources``: what the containers of both ask for, or are limited to, differs.
    """

    what: str = ""
    lines: tuple[str, ...] = ()
    resources: bool = False


def compare(old: Json, new: Json) -> Difference:
    """How ``new`` differs from ``old``; restart annotations and the hashes of controllers don't count."""
    groups: list[tuple[str, list[tuple[str, str]]]] = []
    pairs = list(_containers(old, new))
    several = len(pairs) > 1
    for name, before, after in pairs:
        where = f"{name}: " if several and before and after else ""
        groups += [(where + subject, found) for subject, found in _container(before, after)]
    groups += list(_pod(old, new))
    kept = [(subject, found) for subject, found in groups if found]
    what = "; ".join(_joined(subject, found) for subject, found in kept)
    lines = [_line(subject, name, change) for subject, found in kept for name, change in found]
    if not lines and _bare(old) != _bare(new):
        return Difference("pod template changed", ("pod template changed",))
    resources = any(before and after and before.get(RESOURCES) != after.get(RESOURCES) for _, before, after in pairs)
    return Difference(what, tuple(line[:LONGEST] for line in lines[:MOST_LINES]), resources)


def image_change(old: str, new: str) -> str:
    """``api:1.4.1 → 1.4.2``: the repository once where it stays the same."""
    (old_name, old_tag), (new_name, new_tag) = _image(old), _image(new)
    if old_name == new_name and old_tag != new_tag:
        return f"{old_name.rsplit('/', 1)[-1]}:{old_tag} → {new_tag}"
    return f"{old} → {new}"


def _joined(subject: str, found: Sequence[tuple[str, str]]) -> str:
    """One group as a clause: ``image api:1 → 2``, ``env: A gone, B new``."""
    words = ", ".join(f"{name} {change}".strip() for name, change in found)
    return f"{subject} {words}" if len(found) == 1 and not found[0][1] else f"{subject}: {words}"


def _line(subject: str, name: str, change: str) -> str:
    mark = {GONE: "\N{MINUS SIGN}", NEW: "+", CHANGED: "~"}.get(change)
    return f"{subject} {mark} {name}" if mark else f"{subject} {name} {change}".strip()


def _containers(old: Json, new: Json) -> Iterator[tuple[str, Json, Json]]:
    """(name, before, after) of every container of either side; an empty one isn't there."""
    for key in ("initContainers", "containers"):
        before = {text(one, "name"): one for one in dig(old, "spec", key) or []}
        after = {text(one, "name"): one for one in dig(new, "spec", key) or []}
        for name in dict.fromkeys([*after, *before]):
            yield name, before.get(name, {}), after.get(name, {})


def _container(before: Json, after: Json) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    if not before or not after:
        name = text(after or before, "name")
        image = text(after or before, "image")
        yield "container", [(f"{name} ({image})", NEW if after else GONE)]
        return
    if before.get("image") != after.get("image"):
        yield "image", [(image_change(text(before, "image"), text(after, "image")), "")]
    yield "env", [*_named(_env(before), _env(after)), *_named(_env_from(before), _env_from(after))]
    yield RESOURCES, list(_resources(mapping(before, RESOURCES), mapping(after, RESOURCES)))
    for probe in ("liveness", "readiness", "startup"):
        yield f"{probe} probe", list(_probe(mapping(before, f"{probe}Probe"), mapping(after, f"{probe}Probe")))
    for words in ("command", "args"):
        yield words, list(_words(before.get(words) or [], after.get(words) or []))
    rest = {key: before.get(key) for key in before if key not in _OWN_WORDS}
    now = {key: after.get(key) for key in after if key not in _OWN_WORDS}
    yield "container", _named(rest, now)


def _pod(old: Json, new: Json) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    before, after = mapping(old, "spec"), mapping(new, "spec")
    yield "volume", _named(_by_name(before.get("volumes")), _by_name(after.get("volumes")))
    for kind in ("annotations", "labels"):
        was, now = mapping(old, "metadata", kind), mapping(new, "metadata", kind)
        kept = [{key: value for key, value in side.items() if key not in _IGNORED} for side in (was, now)]
        yield kind.removesuffix("s"), _named(*kept)
    found = []
    for key in sorted((before.keys() | after.keys()) - {"containers", "initContainers", "volumes"} - _TWINS):
        if before.get(key) != after.get(key):
            shown = f"{_shown(before.get(key))} → {_shown(after.get(key))}"
            found.append((key, shown if key in _SHOWN_SPEC else _kind(key, before, after)))
    yield "pod", found


def _named(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is gone, new or changed, by name alone."""
    names = [key for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key)]
    return [(name[:80], _kind(name, before, after)) for name in names]


def _kind(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    return GONE if name not in after else NEW if name not in before else CHANGED


def _by_name(items: Any) -> dict[str, Any]:
    return {text(one, "name"): one for one in items or []}


def _env(container: Json) -> dict[str, Any]:
    return {text(one, "name"): {**one, "value": one.get("value", "")} for one in container.get("env") or []}


def _env_from(container: Json) -> dict[str, Any]:
    found = {}
    for one in container.get("envFrom") or []:
        kind = "ConfigMap" if one.get("configMapRef") else "Secret"
        ref = mapping(one, "configMapRef") or mapping(one, "secretRef")
        found[f"all of {kind} {text(ref, 'name')}"] = one
    return found


def _resources(before: Json, after: Json) -> Iterator[tuple[str, str]]:
    for kind in ("requests", "limits"):
        was, now = mapping(before, kind), mapping(after, kind)
        for name in sorted(was.keys() | now.keys()):
            if was.get(name) != now.get(name):
                yield f"{name} {kind.removesuffix('s')}", f"{_shown(was.get(name))} → {_shown(now.get(name))}"


def _probe(before: Json, after: Json) -> Iterator[tuple[str, str]]:
    if before == after:
        return
    if not before or not after:
        yield "the probe", NEW if after else GONE
        return
    was, now = _flat(before), _flat(after)
    shown = False
    for key in _SHOWN_PROBE:
        if was.get(key) != now.get(key):
            shown = True
            yield key, f"{_shown(was.get(key))} → {_shown(now.get(key))}"
    if not shown:
        yield "what it asks", CHANGED  # headers and commands may hold secrets


def _flat(probe: Json) -> dict[str, Any]:
    inner = next((mapping(probe, kind) for kind in ("httpGet", "tcpSocket", "grpc", "exec") if probe.get(kind)), {})
    return {**probe, **inner}


def _words(before: Sequence[Any], after: Sequence[Any]) -> list[tuple[str, str]]:
    """Words of a command that went or came; only their order otherwise. ``--password x`` hides what follows it too."""
    was, now = [str(one) for one in before], [str(one) for one in after]
    if was == now:
        return []
    hidden_was, hidden_now = _hidden(was), _hidden(now)
    gone = [(shown, GONE) for word, shown in zip(was, hidden_was, strict=True) if word not in now]
    come = [(shown, NEW) for word, shown in zip(now, hidden_now, strict=True) if word not in was]
    return [*gone[:5], *come[:5]] or [("the order", CHANGED)]


def _hidden(words: Sequence[str]) -> list[str]:
    """Each word redacted, alone and as the value of the one before it."""
    found = []
    for number, word in enumerate(words):
        flag = words[number - 1].lstrip("-") if number and words[number - 1].startswith("-") else ""
        alone = redact(word)
        pair = redact(f"{flag}={word}") if flag and "=" not in flag else ""
        safe = alone if not pair or pair == f"{flag}={word}" else pair.partition("=")[2]
        found.append(" ".join(safe.split())[:80])
    return found


def _shown(value: Any) -> str:
    return "none" if value is None else " ".join(redact(str(value)).split())[:40]


def _image(image: str) -> tuple[str, str]:
    """(name, tag or short digest)."""
    name, _, digest = image.partition("@")
    if digest:
        return name.rsplit(":", 1)[0] if ":" in name.rsplit("/", 1)[-1] else name, digest[:19]
    base, colon, tag = name.rpartition(":")
    return (base, tag) if colon and "/" not in tag else (name, "latest")


def _bare(template: Json) -> Json:
    metadata = mapping(template, "metadata")
    kept = {
        kind: {key: value for key, value in mapping(metadata, kind).items() if key not in _IGNORED}
        for kind in ("annotations", "labels")
    }
    spec = {key: value for key, value in mapping(template, "spec").items() if key not in _TWINS}
    return {"metadata": {kind: found for kind, found in kept.items() if found}, "spec": spec}
