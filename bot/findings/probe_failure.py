"""Probes fail: the kubelet kills a container for its liveness or startup probe, or a running one doesn't get ready.

A dependency's absence or a dead node looks alike from outside; those findings weigh more where they have evidence. It
refuses to call a template that never got ready a stuck process; that is a bad rollout's.
"""

from __future__ import annotations

import re

from bot.domain.evidence import EventRow
from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.findings import cures
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.dependencies import suspect
from bot.findings.endings import last_words
from bot.findings.lines import Points, spoken
from bot.findings.phrases import agree, begin, cut, number_of, part_of, stop
from bot.findings.sick import How, Sick
from bot.findings.signs import unexplained

ABOUT = About(
    Cause.PROBE_FAILURE,
    "a process that doesn't answer its probes",
    "Pods of an unchanged template run, aren't ready, their containers aren't either, and `Unhealthy` events tell the "
    "probe's answer; the logs accuse nothing else. Or: exit 137 or 143, and the kubelet says that the probe was why.",
    "The events, the logs or the changes weren't read, or the logs name a dependency.",
    "Two of these, or a change of the template came shortly before.",
    "Running and not ready: evict the one pod, restart several, if the logs were read. Killed by a probe: nothing, "
    "that "
    "already starts it again. Nothing while a dependency, a change or a node explains it.",
    60,
)
_KILLED = re.compile(r"failed (?:liveness|startup) probe", re.IGNORECASE)
_PROBES = re.compile(r"\b(liveness|readiness|startup) probe", re.IGNORECASE)
OBEYED = 143
KILLS = frozenset({137, OBEYED})


def find(case: Case) -> Finding | None:
    """Killed by a probe first, since that also makes pods unready; then running and not ready."""
    killed = tuple(one for one in case.sick_with(How.CRASH) if killed_by_probe(case, one))
    if killed:
        return _finding(case, killed, "liveness")
    unready = case.sick_with(How.UNREADY)
    return _finding(case, unready, "readiness") if unready else None


def killed_by_probe(case: Case, one: Sick) -> bool:
    """Whether the kubelet killed this container for a probe: a code of a kill, and an event that says so."""
    if one.exit_code not in KILLS or one.container.last_reason == "OOMKilled":
        return False
    about = [row for row in case.event_rows("Killing", "Unhealthy") if row.object.endswith(one.pod.name)]
    # Nothing but the kubelet asks a container to stop while its pod stays; it does so for a probe.
    asked = one.exit_code == OBEYED and bool({"liveness", "startup"} & set(one.container.probes))
    return asked or any(_KILLED.search(row.message) or _of_kill(row) for row in about)


def _of_kill(row: EventRow) -> bool:
    return row.reason == "Unhealthy" and bool(re.search(r"(liveness|startup) probe", row.message, re.IGNORECASE))


def _finding(case: Case, ill: tuple[Sick, ...], detail: str) -> Finding | None:
    names = {one.pod.name for one in ill}
    rows = [row for row in case.event_rows("Unhealthy") if any(row.object.endswith(name) for name in names)]
    said = rows[0].message if rows else ""
    others = suspect(case)
    rollout = case.rollout
    follows = rollout is not None and rollout.follows and any(one.pod.name in names for one in rollout.new)
    words = last_words(case, ill)
    named = words is not None and words.points not in {Points.ERROR, Points.DEPENDENCY, Points.LOCAL, Points.STUCK}
    strange = unexplained(one for one in case.signs if one.pods & names)
    against = (
        f"the logs name {others.who}" if others is not None else "",
        "the template was changed shortly before" if follows else "",
        "" if rows or case.events is None else "no event tells of a probe",
        f"the logs say “{cut(spoken(words.line), 100)}”" if words is not None and named else "",
        f"the logs say “{cut(spoken(strange.line), 100)}”, and it isn't known what that is"
        if strange is not None
        else "",
    )
    wanted = Confidence.MEDIUM if follows else Confidence.HIGH
    confidence, doubt = case.sure(wanted, "pods", "events", "changes", "logs", "nodes", against=against)
    probe = _PROBES.search(said)
    which = probe[1].lower() if probe else detail
    who = part_of(len(ill), len(case.living))
    if detail == "liveness":
        text = f"The kubelet kills {who} because the {which} probe fails"
    else:
        verbs = agree(len(ill), "runs and fails", "run and fail")
        text = f"{begin(who)} {verbs} the readiness probe"
    text += f": {cut(said, 140)}" if said else ""
    cites = [Cite("events", f"Unhealthy, {sum(row.count for row in rows)} times: {cut(said, 160)}")] if rows else []
    cites.append(Cite("pods", f"{number_of(len(ill), 'pod')} not ready"))
    suggestions, no_help = _cures(
        case, ill, confidence, detail, explained=others is not None or named or strange is not None
    )
    return Finding(
        Cause.PROBE_FAILURE,
        stop(text),
        confidence,
        tuple(cites),
        _basis(case, ill, bool(rows)),
        doubt,
        detail,
        suggestions,
        no_help,
        ABOUT.weight,
        said=(said,) if said else (),
    )


def _basis(case: Case, ill: tuple[Sick, ...], told: bool) -> str:
    parts = ["the kubelet tells the probe's answer"] if told else []
    if case.changes is not None and (case.rollout is None or not case.rollout.follows):
        parts.append("the template wasn't changed before")
    fine = sum(1 for pod in case.living if pod.ready)
    if fine:
        parts.append(f"{number_of(fine, 'pod')} of it {'is' if fine == 1 else 'are'} ready")
    return ", ".join(parts) or f"{number_of(len(ill), 'pod')} not ready"


def _cures(
    case: Case, ill: tuple[Sick, ...], confidence: Confidence, detail: str, *, explained: bool
) -> tuple[tuple[Suggestion, ...], str]:
    why = cures.no_restart(case) or ("" if case.logs_known else "what the pods say wasn't read")
    if detail == "liveness":
        return (), (
            "The kubelet already starts it again each time. Look at why it doesn't answer: its CPU, what it waits for, "
            "or a probe that is too strict."
        )
    if explained or confidence is Confidence.LOW:
        return (), "Something else is behind the probe; starting the pods again wouldn't change that."
    if why:
        return (), f"No restart: {why}."
    return cures.one_or_all(case, ill, "a process that is stuck starts anew"), ""
