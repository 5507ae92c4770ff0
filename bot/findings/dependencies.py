"""Something outside that the target needs and can't reach: who says so, and who else bears witness.

One pod's log line is a word, not a proof. Witnesses are other pods, pods of another template, an alert about the thing
named, and a log store in which the line is new. It refuses to conclude; ``dependency_down`` and its neighbours do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.domain.snapshot import AlertSeen
from bot.findings.case import Case
from bot.findings.lines import Points
from bot.findings.sick import How
from bot.findings.signs import Sign

_IP = re.compile(r"[\d.]+(?::\d+)?")
_NAMING = ("service", "job", "deployment", "statefulset", "daemonset", "app", "pod", "instance", "container")
_ADDRESS = re.compile(r"HOST|URL|ADDR|ENDPOINT|DSN|SERVER|BROKER|SERVICE|CONN", re.IGNORECASE)
_ENOUGH = 3


@dataclass(frozen=True)
class Suspect:
    """The thing that can't be reached.

    ``who`` names it ("db:5432", or "a dependency"); ``alert`` is one about it; ``others`` says that pods of the
    template before, or pods that are well, say the same; ``everyone`` that all ill pods whose log was read do;
    ``partly`` that healthy pods say nothing of it; ``touched`` that the newest change names it or an address.
    """

    sign: Sign
    who: str
    alert: AlertSeen | None
    others: bool
    everyone: bool
    partly: bool
    touched: bool

    @property
    def borne_out(self) -> bool:
        """Whether somebody else than the failing pods says so."""
        return self.alert is not None or self.others


def suspect(case: Case) -> Suspect | None:
    """The dependency that the logs accuse, None when they accuse none loudly enough."""
    best: Suspect | None = None
    for sign in case.signs:
        if sign.points is not Points.DEPENDENCY:
            continue
        often = sign.count >= _ENOUGH or len(sign.pods) > 1 or sign.rose
        loud = bool(sign.last_words) or (often and not sign.chronic)
        found = _weigh(case, sign)
        if (loud or found.alert is not None) and (best is None or _worth(found) > _worth(best)):
            best = found
    return best


def _worth(one: Suspect) -> tuple[bool, bool, int, int]:
    return one.alert is not None, one.everyone, len(one.sign.last_words), one.sign.count


def _weigh(case: Case, sign: Sign) -> Suspect:
    ill = {one.pod.name for one in case.sick_with(How.CRASH, How.UNREADY)}
    heard = {log.pod for log in case.logs or () if log.lines or log.signatures or log.tail}
    old = {one.pod.name for one in case.rollout.old} if case.rollout is not None else set()
    well = {pod.name for pod in case.living if pod.ready and pod.name not in ill}
    of_old = {pod.name for pod in case.living} - {one.pod.name for one in case.rollout.new} if case.rollout else set()
    new = {one.pod.name for one in case.rollout.new} if case.rollout is not None else set()
    says = sign.pods
    others = bool(says & (well | old | (of_old - new))) and bool(ill or case.service_alert)
    everyone = bool(says) and all(name in says for name in ill & heard)
    partly = bool(ill) and len(well) >= len(ill) and not (says & well) and not sign.rose
    return Suspect(
        sign, sign.what or "a dependency", _alert_about(case, sign.what), others, everyone, partly, _touched(case, sign)
    )


def _alert_about(case: Case, what: str) -> AlertSeen | None:
    """A firing alert whose labels name this host, and not the target itself."""
    if not what or _IP.fullmatch(what):
        return None
    name = re.split(r"[.:]", what, maxsplit=1)[0].lower()
    own = case.target.name.lower() if case.target is not None else ""
    if len(name) < 2 or name == own:
        return None
    return next((alert for alert in case.alerts if _names(alert, name, own)), None)


def _names(alert: AlertSeen, name: str, own: str) -> bool:
    values = (alert.labels.get(label, "").lower() for label in _NAMING)
    return any(
        (value == name or value.startswith((f"{name}-", f"{name}:", f"{name}.")))
        and not (own and value.startswith(own))
        for value in values
    )


def _touched(case: Case, sign: Sign) -> bool:
    """Whether the newest template or config change, if the trouble follows it, names the host or an address setting."""
    rollout = case.rollout
    if rollout is None or rollout.change is None or not rollout.follows:
        return False
    text = " ".join((rollout.change.what, *rollout.change.diff))
    name = re.split(r"[.:]", sign.what, maxsplit=1)[0]
    settings = (word for word in re.findall(r"\b[A-Z][A-Z0-9_]{2,}\b", text))
    return (len(name) > 2 and name in text) or any(_ADDRESS.search(word) for word in settings)
