"""The kernel killed a container for its memory: what the limit was, and how its use came there.

Exit code 137 alone isn't it: the kubelet's probes kill with the same code. It refuses to call a restart a cure; for a
leak it is relief, and says so.
"""

from __future__ import annotations

from datetime import timedelta

from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.findings import cures
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.endings import worst
from bot.findings.measures import course
from bot.findings.phrases import number_of, part_of, share, size, span
from bot.findings.probe_failure import killed_by_probe
from bot.findings.sick import How, Sick

ABOUT = About(
    Cause.OOM_KILLED,
    "too little memory",
    "A container's last end is `OOMKilled`, and the template wasn't changed within 30 min before.",
    "The changes weren't read, or the failure follows one. Or: exit 137 without that reason, no probe killed it, "
    "and its "
    "memory was measured at 95 % of the limit or more.",
    "Two of these.",
    "Leak: a heap dump, then a restart as relief. Limit too small or a jump: a higher limit. Nothing that only "
    "starts it again.",
    75,
)
NEAR = 0.95
AT_START = timedelta(minutes=2)


def find(case: Case) -> Finding | None:
    """Killed by the kernel, with the course of its memory where it was measured."""
    killed = case.sick_with(How.OOM)
    if killed:
        return _said(case, killed)
    loud = [one for one in case.sick_with(How.CRASH) if one.exit_code == 137 and not killed_by_probe(case, one)]
    near = [one for one in loud if (_near(case, one) or 0) >= NEAR]
    return _measured(case, tuple(near)) if near else None


def _said(case: Case, killed: tuple[Sick, ...]) -> Finding | None:
    one = worst(killed)
    if one is None:
        return None
    follows = case.rollout is not None and case.rollout.follows and bool(case.rollout.new)
    against = ("the template was changed shortly before" if follows else "",)
    confidence, doubt = case.sure(Confidence.HIGH, "pods", "changes", against=against)
    cites = [
        Cite(
            "pods",
            f"{one.container.name or one.pod.name} was OOMKilled, {number_of(one.container.restarts, 'restart')}",
        )
    ]
    return _finding(case, killed, one, confidence, doubt, cites)


def _measured(case: Case, near: tuple[Sick, ...]) -> Finding | None:
    one = worst(near)
    if one is None:
        return None
    against = ("the reason of the kill isn't told, only exit 137",)
    confidence, doubt = case.sure(Confidence.HIGH, "pods", "changes", "events", against=against)
    cites = [Cite("metrics", f"memory of {one.pod.name} at {share(_near(case, one) or 0)} of its limit")]
    return _finding(case, near, one, confidence, doubt, cites)


def _finding(
    case: Case, ill: tuple[Sick, ...], one: Sick, confidence: Confidence, doubt: str, cites: list[Cite]
) -> Finding:
    limit, detail = one.container.memory_limit, _course(case, ill)
    who = part_of(len(ill), len(case.living))
    name = f"{one.container.name or 'The container'}"
    bound = f"its limit of {size(limit)}" if limit else "the node's memory (it has no limit)"
    words = {
        "leak": f"its memory creeps up until it reaches {bound}",
        "spike": f"its memory jumps to {bound}",
        "level": f"it needs more than {bound} from the start",
    }.get(detail, f"it reached {bound}")
    text = f"{name} is killed for its memory in {who} ({number_of(one.container.restarts, 'restart')}): {words}."
    if limit:
        cites.append(Cite("pods", f"memory limit {size(limit)}"))
    basis = "the kernel's own reason, OOMKilled" if one.how is How.OOM else "exit 137 at the limit"
    if detail and case.measured("memory"):
        basis += f", memory measured: {detail}"
    elif detail and one.ran is not None:
        basis += f", it ran {span(one.ran)} before"
    suggestions, no_help = _cures(case, one, limit, detail, confidence)
    return Finding(
        Cause.OOM_KILLED, text, confidence, tuple(cites), basis, doubt, detail, suggestions, no_help, ABOUT.weight
    )


def _cures(
    case: Case, one: Sick, limit: float | None, detail: str, confidence: Confidence
) -> tuple[tuple[Suggestion, ...], str]:
    if confidence is Confidence.LOW:
        return (), "Too little is known to act on: look at the container's memory and at how it ended first."
    follows = case.rollout is not None and case.rollout.follows and case.rollout.by_the_new()
    if follows:
        back = cures.rollback(case, "the template before didn't run out of memory")
        if back:
            return back, ""
    if detail == "leak":
        dump = Suggestion(
            "heap_dump",
            {"pod": one.pod.name, "container": one.container.name},
            "it shows what fills the memory, before a restart loses it",
            cures.kubectl(
                case.target, "exec", one.pod.name, "-c", one.container.name or "CONTAINER", "--", "DUMP-COMMAND"
            ),
        )
        relief = cures.restart(
            case, "empties the memory for as long as the leak takes to fill it again; low-risk relief, no cure"
        )
        return (dump, *relief), ""
    if limit and limit > 0:
        more = f"memory={int(limit * 1.5 / 2**20)}Mi"
        raised = cures.set_resources(case, one.container.name, more, "half as much again as the limit it runs into")
        return raised, ""
    return (), "It has no limit of its own, so the node's memory ran out: give it a limit, or the node relief."


def _course(case: Case, ill: tuple[Sick, ...]) -> str:
    """By measurement where there is one; else a run of minutes or hours hints at it."""
    told: dict[str, int] = {}
    for one in ill:
        limit = one.container.memory_limit
        for row in case.measured("memory"):
            if (
                limit
                and row.labels.get("pod") in {one.pod.name, None}
                and row.labels.get("container", one.container.name) == one.container.name
            ):
                found = course(row, limit)
                if found:
                    told[found] = told.get(found, 0) + 1
    if told:
        return max(told, key=lambda name: told[name])
    if case.measured("memory"):
        return ""
    runs = [one.ran for one in ill if one.ran is not None]
    if runs and max(runs) <= AT_START:
        return "level"
    return ""


def _near(case: Case, one: Sick) -> float | None:
    limit = one.container.memory_limit
    values = [
        max(value for _, value in row.points)
        for row in case.measured("memory")
        if row.labels.get("pod") in {one.pod.name, None}
    ]
    return max(values) / limit if limit and values else None
