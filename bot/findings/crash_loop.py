"""Containers crash and nothing more telling explains it: by exit code, last words, and which pods are spared.

The kubelet already starts them again, so another start helps only what lives in the pod or has passed: a stale lock, a
back-off after a dependency's return, one pod among healthy ones. It refuses to suggest a restart for anything else.
"""

from __future__ import annotations

from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.findings import cures
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.changed import changed_config
from bot.findings.dependencies import suspect
from bot.findings.endings import NATIVE, UNSTARTABLE, at_start, heard, how_it_ended, last_words, worst
from bot.findings.lines import Points
from bot.findings.phrases import begin, cut, number_of, part_of, span
from bot.findings.probe_failure import KILLS, killed_by_probe
from bot.findings.sick import How, Sick
from bot.findings.signs import Sign

ABOUT = About(
    Cause.CRASH_LOOP,
    "a crash of the program itself",
    "Pods of an unchanged template crash, the last words and the code are known, and neither a probe, the memory nor a "
    "dependency explains it.",
    "The logs, the events or the changes weren't read, or the last words name a dependency that others reach.",
    "The failure follows a change of the template, all pods name a dependency, or two of the above.",
    "A lock, a cache or a port of the pod itself, or one pod among healthy ones: evict or restart. A missing "
    "setting, a wrong command, "
    "an expired certificate, an error that every start repeats: nothing.",
    50,
)
UNLIKELY = NATIVE | KILLS
"""Ends of one pod that another start of it hardly changes, or that somebody else brought about."""


_OF_THE_POD = ("eaddrinuse", "address already in use", "/tmp/", "/run/", "/dev/shm/")  # noqa: S108 - words of log lines


def find(case: Case) -> Finding | None:
    """The crash by its reason; probes' kills are ``probe_failure``'s."""
    crashed = tuple(one for one in case.sick_with(How.CRASH, How.START) if not killed_by_probe(case, one))
    one = worst(crashed)
    if one is None:
        return None
    words, others, rollout = last_words(case, crashed), suspect(case), case.rollout
    follows = rollout is not None and rollout.follows and any(ill in crashed for ill in rollout.new)
    accused = others is not None and not others.partly
    against = (
        "the template was changed shortly before" if follows else "",
        f"the last words name {others.who}" if others is not None else "",
        "every pod that was heard says so" if accused else "",
        "exit 137 is also how the kernel and probes kill" if one.exit_code == 137 else "",
        "its configuration was changed shortly before" if changed_config(case) else "",
        "the disk may be full" if words is not None and words.points is Points.DISK_FULL else "",
    )
    wanted = Confidence.MEDIUM if follows else Confidence.HIGH
    confidence, doubt = case.sure(wanted, "pods", "events", "changes", "logs", against=against)
    detail = _detail(one, words)
    ended = how_it_ended(case, crashed)
    when = "at start" if at_start(crashed) else f"after {span(one.ran)}" if one.ran is not None else ""
    who = part_of(len(crashed), len(case.living))
    verb = "crashes" if len(crashed) == 1 else "crash"
    if one.how is How.START:
        verb, when = "can't be started", ""
    said = " ".join(filter(None, (f"{begin(who)} {verb}", when)))
    text = f"{said}: {ended}." if ended else f"{said}."
    cites = [
        Cite(
            "pods",
            f"{number_of(len(crashed), 'pod')}, {number_of(one.container.restarts, 'restart')}, "
            f"{ended or 'no code told'}",
        )
    ]
    if words is not None:
        cites.append(Cite("logs", cut(words.line)))
    suggestions, no_help = _cures(case, crashed, one, words, confidence)
    return Finding(
        Cause.CRASH_LOOP,
        text,
        confidence,
        tuple(cites),
        _basis(case, crashed),
        doubt,
        detail,
        suggestions,
        no_help,
        ABOUT.weight,
        said=heard(case, crashed),
    )


def _detail(one: Sick, words: Sign | None) -> str:
    if one.how is How.START or one.exit_code in UNSTARTABLE:
        return "start"
    if words is not None and words.points is not Points.ERROR:
        return words.points.value
    return f"exit {one.exit_code}" if one.exit_code is not None else ""


def _basis(case: Case, crashed: tuple[Sick, ...]) -> str:
    parts = []
    rollout = case.rollout
    if case.changes is not None and rollout is None:
        parts.append("no change of the template is known")
    elif rollout is not None and not rollout.follows:
        parts.append(
            f"the template stood for {span(rollout.gap)} before"
            if rollout.gap and rollout.gap.total_seconds() > 0
            else "the change came after the first failure"
        )
    fine = len([pod for pod in case.living if pod.ready and pod.name not in {one.pod.name for one in crashed}])
    if fine and (rollout is None or not rollout.old_ready):
        parts.append(f"{number_of(fine, 'pod')} of it {'is' if fine == 1 else 'are'} ready")
    return ", ".join(parts) or "the pods' own state"


def _cures(
    case: Case, crashed: tuple[Sick, ...], one: Sick, words: Sign | None, confidence: Confidence
) -> tuple[tuple[Suggestion, ...], str]:
    why = cures.no_restart(case)
    points = words.points if words is not None else None
    if one.how is How.START or one.exit_code in UNSTARTABLE or points is Points.COMMAND:
        return (), "The command of the container is wrong, at every start: the image or the template has to be changed."
    if points is Points.SETTING:
        name = f" ({words.what})" if words is not None and words.what else ""
        return (), f"A setting is missing or wrong{name}; every start ends the same way."
    if points in {Points.CERTIFICATE, Points.CREDENTIALS, Points.PERMISSION, Points.DISK_FULL}:
        return (), "What the last words name has to be put right; every start ends the same way."
    if changed_config(case):
        return (), "Its configuration was changed shortly before; new pods read the same."
    if why or confidence is Confidence.LOW:
        return (), f"No restart: {why or 'too little is known of why it crashes'}."
    if points is Points.LOCAL and (case.volumes or case.volumes is None) and _stored(words):
        return (
            (),
            "What the last words name may lie on a volume: then new pods find it again. It has to be removed there.",
        )
    if points is Points.LOCAL:
        return cures.one_or_all(case, crashed, "new pods begin without what the old ones left behind"), ""
    if points is Points.DEPENDENCY:
        reason = "other pods of this template reach it; a new one needn't wait for the back-off"
        return (*cures.evict_all(case, crashed, reason), *cures.restart(case, reason)), ""
    if _alone(case, crashed) and one.exit_code not in UNLIKELY and points is None and case.logs_known:
        return cures.evict(case, crashed, "its siblings of the same template run; a new one may too"), ""
    return (), (
        "The kubelet already starts it again and again; a restart would start the same program on the same input. "
        "Its last words and what it was given have to be looked at."
    )


def _stored(words: Sign | None) -> bool:
    """Whether what is in the way may lie on a volume: a port and the pod's own folders go with the pod."""
    return words is not None and not any(word in words.line.lower() for word in _OF_THE_POD)


def _alone(case: Case, crashed: tuple[Sick, ...]) -> bool:
    """One pod crashes while at least two of the same template have never restarted lately."""
    names = {one.pod.name for one in crashed}
    calm = [pod for pod in case.living if pod.ready and pod.name not in names and pod.restarts == 0]
    return len(crashed) == 1 and len(calm) >= 2
