"""Something that the target needs doesn't answer: a database, a queue, another service.

Nothing done to the target brings it back, so nothing is suggested. It refuses to take one pod's line for it while
siblings of the same template are well, or a change that touched the address.
"""

from __future__ import annotations

from bot.domain.finding import Cause, Cite, Confidence, Finding
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.changed import changed_config
from bot.findings.dependencies import Suspect, suspect
from bot.findings.lines import spoken
from bot.findings.phrases import agree, begin, clock, cut, number_of, part_of
from bot.findings.sick import How

ABOUT = About(
    Cause.DEPENDENCY_DOWN,
    "a dependency that doesn't answer",
    "The pods' last words or growing errors name it, and an alert is about it, or pods of another template or at least "
    "two pods say so, with no change of template or configuration shortly before.",
    "Only one pod could be heard, a change came shortly before but didn't touch its address, or something wasn't read.",
    "Siblings of the same template are well, or two of these.",
    "Nothing: look at the dependency; pods in back-off come back by themselves within 5 min of its return.",
    70,
)


def find(case: Case) -> Finding | None:
    """The dependency that the logs accuse, if the target suffers."""
    found = suspect(case)
    ill = case.sick_with(How.CRASH, How.UNREADY)
    if found is None or not (ill or case.service_alert is not None):
        return None
    if found.touched and not found.borne_out:
        return None  # the change of the address is the finding
    rollout = case.rollout
    follows = rollout is not None and rollout.follows and bool(rollout.new or not ill) and rollout.change is not None
    mixed = bool(rollout and rollout.old and rollout.new)
    heard = len(found.sign.pods)
    against = (
        f"the template was changed at {clock(rollout.at)}"
        if rollout and follows and not (found.borne_out or mixed)
        else "",
        "pods of the template before are well"
        if rollout and follows and rollout.old_ready and not found.borne_out
        else "",
        "pods of the same template are well" if found.partly and found.alert is None else "",
        "a dependency that is down spares none of them" if found.partly and found.alert is None else "",
        "some pods that fail say nothing of it" if ill and not found.everyone and found.alert is None else "",
        "its configuration was changed shortly before" if changed_config(case) and not found.borne_out else "",
        "only one pod says so" if heard <= 1 and not found.borne_out and not found.sign.rose else "",
    )
    confidence, doubt = case.sure(Confidence.HIGH, "pods", "logs", "changes", against=against)
    who = part_of(len(ill), len(case.living)) if ill else "the service"
    said = spoken(found.sign.line)
    fails = agree(max(len(ill), 1), "fails", "fail")
    text = f"{begin(who)} {fails} to reach {found.who}: “{cut(said, 140)}”."
    return Finding(
        Cause.DEPENDENCY_DOWN,
        text,
        confidence,
        tuple(_cites(found)),
        _basis(found),
        doubt,
        found.sign.what,
        (),
        f"Nothing done to this workload brings {found.who} back: look there first. Pods that wait in back-off start "
        f"by themselves within 5 min.",
        ABOUT.weight,
        said=(said,),
    )


def _cites(found: Suspect) -> list[Cite]:
    source = "logs" if found.sign.pods else "log_errors"
    cites = [Cite(source, f"{found.sign.count} times: {cut(found.sign.line)}")]
    if found.alert is not None:
        cites.append(Cite("alerts", f"{found.alert.name} about {found.who}"))
    return cites


def _basis(found: Suspect) -> str:
    parts = []
    if found.sign.pods:
        parts.append(f"{number_of(len(found.sign.pods), 'pod')} say{'s' if len(found.sign.pods) == 1 else ''} so")
    if found.alert is not None:
        parts.append(f"{found.alert.name} fires for it")
    if found.others:
        parts.append("pods that are otherwise well say so too")
    if found.sign.rose:
        parts.append("such lines weren't there before")
    return ", ".join(parts)
