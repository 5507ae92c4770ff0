"""Matchers of a silence, built so that an incident's own alerts are covered and nothing else.

Label values are hostile: they go into a matcher whole, alternatives quoted for a regular expression, and a value that
can't go in safely costs the label, or the silence where the label says what the alert is about. It refuses an empty
set of matchers, one without alertname and namespace, and one that has lost sight of what the alerts name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.errors import RequestError
from bot.domain.redaction import redact

Labels = Mapping[str, str]

ALERTNAME, NAMESPACE = "alertname", "namespace"
ABOUT = frozenset({
    "deployment", "statefulset", "daemonset", "replicaset", "cronjob", "job_name", "horizontalpodautoscaler",
    "persistentvolumeclaim", "pod",
})  # fmt: skip
"""Labels that name one object: an alert that has any is covered only by a matcher on one of them."""
BESIDE = frozenset({"instance", "service", "node", "container", "ingress", "host", "resource", "resourcequota"})
"""What says it where nothing of ``ABOUT`` does."""
PASSING = frozenset({"uid", "instance", "endpoint", "prometheus", "prometheus_replica"})
"""What says who measured, and changes when that is restarted; left out where an object is named."""
MOST = 20
"""Alternatives of one label."""
LONGEST = 1000
"""Characters of one value."""
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_META = re.compile(r"[\\.+*?()|\[\]{}^$]")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}

BY_HAND = "Silence them in Alertmanager itself."


@dataclass(frozen=True)
class Matcher:
    """One label and the values that it may have, none of them empty; several are alternatives of an anchored regex."""

    name: str
    values: tuple[str, ...]

    def holds(self, labels: Labels) -> bool:
        """Whether an alert with these labels is matched, as Alertmanager would match it."""
        return labels.get(self.name, "") in self.values

    @property
    def regex(self) -> bool:
        """Whether it takes a regular expression to say it."""
        return len(self.values) > 1

    @property
    def value(self) -> str:
        """As it is sent: Alertmanager anchors the expression itself."""
        return "|".join(map(quoted, self.values)) if self.regex else self.values[0]

    def body(self) -> dict[str, Any]:
        """As Alertmanager's API takes it."""
        return {"name": self.name, "value": self.value, "isRegex": self.regex, "isEqual": True}

    def __str__(self) -> str:
        """As Alertmanager writes it: ``namespace="shop"``."""
        shown = "".join(_ESCAPES.get(char, char) for char in self.value)
        return f'{self.name}{"=~" if self.regex else "="}"{shown}"'


@dataclass(frozen=True)
class Cover:
    """What matchers cover of what fires now: the incident's own, others that belong with them, and strangers.

    ``own`` and ``beside`` are fingerprints; ``strangers`` are alerts outside of what the incident is about, a few words
    each.
    """

    own: tuple[str, ...]
    beside: tuple[str, ...]
    strangers: tuple[str, ...]


def quoted(text: str) -> str:
    """The text as a pattern that matches it alone, in RE2 as in Python."""
    return _META.sub(r"\\\g<0>", text)


def build(alerts: Sequence[Labels]) -> tuple[Matcher, ...]:
    """Matchers of these alerts; ``RequestError`` says why there are none."""
    if not alerts:
        raise RequestError("None of its alerts fires at Alertmanager, so there is nothing to silence.")
    if any(not labels.get(ALERTNAME) or not labels.get(NAMESPACE) for labels in alerts):
        said = "Its alerts don't all name their alertname and their namespace: a silence would cover too much."
        raise RequestError(f"{said} {BY_HAND}")
    if len({labels[NAMESPACE] for labels in alerts}) > 1:
        raise RequestError(f"Its alerts are of several namespaces: a silence would cover too much. {BY_HAND}")
    shared = set.intersection(*({name for name, value in labels.items() if value} for labels in alerts))
    kept = {name: made for name in sorted(shared) if (made := _matcher(name, alerts)) is not None}
    if ABOUT & kept.keys():
        kept = {name: made for name, made in kept.items() if name not in PASSING}
    _sees_all(alerts, kept.keys())
    return tuple(kept[name] for name in sorted(kept, key=lambda name: (name not in {ALERTNAME, NAMESPACE}, name)))


def _matcher(name: str, alerts: Sequence[Labels]) -> Matcher | None:
    values = tuple(sorted({labels[name] for labels in alerts}))
    if len(values) <= MOST and _NAME.fullmatch(name) and all(_fits(name, value) for value in values):
        return Matcher(name, values)
    if name not in {ALERTNAME, NAMESPACE} | ABOUT | BESIDE:
        return None
    if len(values) > MOST:
        raise RequestError(f"Its alerts name {len(values)} different values of {name}; {MOST} are the most. {BY_HAND}")
    if name in {ALERTNAME, NAMESPACE} | ABOUT:
        raise RequestError(f"A value of {name} is too long or looks like a secret, and isn't repeated. {BY_HAND}")
    return None


def _fits(name: str, value: str) -> bool:
    if len(value) > LONGEST or any("\ud800" <= char <= "\udfff" for char in value):
        return False
    shown = f'{name}="{value}"'
    return redact(value) == value and redact(shown) == shown


def _sees_all(alerts: Sequence[Labels], kept: Collection[str]) -> None:
    """Each alert that names an object is still known by one that it names; RequestError for what got lost."""
    for labels in alerts:
        for known in (ABOUT, BESIDE):
            named = {name for name in known if labels.get(name)}
            if not named:
                continue
            if not named & set(kept):
                told = " or ".join(sorted(named))
                said = f"Its alerts don't all say by {told} what they are about: a silence would cover too much."
                raise RequestError(f"{said} {BY_HAND}")
            break


def covers(matchers: Iterable[Matcher], labels: Labels) -> bool:
    """Whether all matchers hold; without any nothing is covered."""
    every = tuple(matchers)
    return bool(every) and all(one.holds(labels) for one in every)


def cover(matchers: Sequence[Matcher], firing: Mapping[str, Labels], own: Collection[str]) -> Cover:
    """What of ``firing`` (by fingerprint) would be covered; ``own`` are the incident's."""
    found = {mark: labels for mark, labels in firing.items() if covers(matchers, labels)}
    ours = [firing[mark] for mark in own if mark in firing]
    passing = PASSING if ABOUT & {one.name for one in matchers} else frozenset()
    others = {mark: labels for mark, labels in found.items() if mark not in own}
    strange = {mark: labels for mark, labels in others.items() if _elsewhere(labels, ours, passing)}
    told = tuple(dict.fromkeys(_told(labels) for labels in strange.values()))
    return Cover(tuple(mark for mark in found if mark in own), tuple(others.keys() - strange.keys()), told)


def _elsewhere(labels: Labels, ours: Sequence[Labels], passing: Collection[str]) -> bool:
    """It names an object that none of ours names."""
    named = {name for name in ABOUT | BESIDE if labels.get(name)} - set(passing)
    return any(labels[name] not in {one.get(name) for one in ours} for name in named)


def _told(labels: Labels) -> str:
    named = [f"{name} {labels[name]}" for name in sorted(ABOUT | BESIDE) if labels.get(name)][:2]
    return redact(" of ".join([labels.get(ALERTNAME, "an alert"), " ".join(named)]).removesuffix(" of "))[:160]
