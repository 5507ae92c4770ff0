"""A ConfigMap that the target reads was changed, and the trouble follows: the template is the same, its input isn't.

Neither a restart nor a rollback brings the old content back; a person does. It refuses to guess at Secrets, whose
content is never read.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.finding import Cause, Cite, Confidence, Finding
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.dependencies import suspect
from bot.findings.endings import heard, how_it_ended, last_words
from bot.findings.lines import Points
from bot.findings.phrases import begin, clock, cut, instant, part_of, span, stop
from bot.findings.rollouts import FOLLOWS, SKEW, SOON
from bot.findings.sick import How

ABOUT = About(
    Cause.CONFIG_CHANGE,
    "a change of its configuration",
    "A ConfigMap of the target changed, the first failure followed within 10 min, the last words name a setting, a "
    "file or "
    "an address, and the template wasn't changed.",
    "The last words don't, or weren't read, or more time passed.",
    "Two of these, or only the service's alert follows the change.",
    "Nothing: put the old content back; a rollback of the template keeps the new content.",
    78,
)


def find(case: Case) -> Finding | None:
    """The newest change of configuration, if failures follow it and no template change is nearer."""
    change = _newest(case)
    ill = case.sick_with(How.CRASH, How.UNREADY, How.START)
    hidden = case.pods is None and case.pod_alert is not None
    if change is None or case.began is None or not (ill or hidden or case.service_alert is not None):
        return None
    at, what, by = change
    gap = case.began - at
    if not -SKEW <= gap <= FOLLOWS:
        return None
    rollout = case.rollout
    words = last_words(case, ill)
    telling = words is not None and words.points in {
        Points.SETTING,
        Points.DEPENDENCY,
        Points.CREDENTIALS,
        Points.PERMISSION,
    }
    others = suspect(case)
    if others is not None and others.alert is not None:
        return None
    against = (
        "the template was changed too" if rollout is not None and rollout.follows else "",
        f"the first failure came {span(gap)} after it" if gap > SOON else "",
        "" if telling else "the last words don't name it",
        "" if ill or hidden else "the pods themselves are well",
    )
    confidence, doubt = case.sure(Confidence.HIGH, "pods", "changes", "logs", against=against)
    ended = how_it_ended(case, ill)
    who = part_of(len(ill), len(case.living)) if ill else "its pods" if hidden else "the service"
    verb = "fails" if len(ill) <= 1 else "fail"
    text = f"{cut(what, 120)} at {clock(at)}{f' by {by}' if by else ''}, and {who} {verb} since" + (
        f": {ended}" if ended else ""
    )
    return Finding(
        Cause.CONFIG_CHANGE,
        stop(begin(text)),
        confidence,
        (Cite("changes", f"{clock(at)}: {cut(what)}"),),
        f"first failure {span(max(gap, timedelta(0)))} after the change",
        doubt,
        "",
        (),
        "Put the old content back. A rollback of the template keeps the new content, and a restart reads it again.",
        ABOUT.weight,
        said=heard(case, ill),
    )


def _newest(case: Case) -> tuple[datetime, str, str] | None:
    """(time, sentence, by) of the newest change of configuration."""
    for one in case.changes or ():
        at = instant(one.at)
        if one.kind == "config" and at is not None:
            return at, one.what or "its configuration changed", one.by
    seen = [(at, one.kind, one.name) for one in case.references or () if (at := instant(one.changed_at)) is not None]
    if not seen:
        return None
    at, kind, name = max(seen)
    return at, f"{kind} {name} changed", ""
