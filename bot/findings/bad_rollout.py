"""The newest change of the pod template is what broke it: its pods fail, or the service does since then.

What the kubelet, the scheduler or a quota names as missing (image, Secret, room) is told by those findings, with the
rollback among their suggestions. It refuses to blame a change when pods of the template before fail in the same way.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.finding import Cause, Cite, Confidence, Finding
from bot.findings import cures
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.changed import changed_config
from bot.findings.dependencies import suspect
from bot.findings.endings import at_start, heard, how_it_ended, worst
from bot.findings.measures import around, onset
from bot.findings.phrases import clock, cut, instant, measured, number_of, share, span, stop
from bot.findings.rollouts import SKEW, Rollout
from bot.findings.sick import How, Sick
from bot.findings.signs import unexplained

ABOUT = About(
    Cause.BAD_ROLLOUT,
    "the newest rollout",
    "Pods of the new template alone crash, run out of memory or don't get ready, the first within 10 min after the "
    "change, most of them do, and an older revision is known to have worked. Or: error rate or latency is measured to "
    "rise at the change.",
    "One of these isn't known or speaks against it: 10 to 30 min passed, no healthy revision is known, some new "
    "pods are "
    "ready, the last words name a dependency. Or: errors began within 15 min after the change, and only logs tell.",
    "Two of them, or the service's alert alone follows the change.",
    "Rollback to the last healthy revision, from medium on; beside it the pause of a rollout that is under way.",
    80,
)
WAYS = (How.CRASH, How.OOM, How.START, How.UNREADY)


def find(case: Case) -> Finding | None:
    """The rollout as cause, None when nothing failed after it."""
    rollout = case.rollout
    if rollout is None or not rollout.follows:
        return None
    bad = tuple(one for one in rollout.new if one.how in WAYS)
    if bad:
        return _pods(case, rollout, bad)
    if case.service_alert is not None and not case.sick:
        return _service(case, rollout)
    return _by_revisions(case, rollout) if case.pods is None else None


def _pods(case: Case, rollout: Rollout, bad: tuple[Sick, ...]) -> Finding | None:
    alike = [one for one in rollout.old if one.how in WAYS and not one.up]
    if alike and (len(alike) >= len(bad) or not rollout.old_ready):
        return None
    others = suspect(case)
    outside = others is not None and not others.touched and not (rollout.old_ready and not others.borne_out)
    if others is not None and not others.touched and others.alert is not None:
        return None  # somebody else says that the dependency is down; that finding has the word
    against = (
        "" if rollout.was_healthy else "no older revision is known to have worked",
        "" if rollout.soon else _late(rollout),
        f"{number_of(len(alike), 'pod')} of the template before fail too" if alike else "",
        f"{number_of(rollout.new_ready, 'pod')} of the new template are ready" if _most_are_fine(rollout, bad) else "",
        f"their last words name {others.who}" if others is not None and outside else "",
        "its configuration was written too, and a rollback keeps that" if changed_config(case) else "",
    )
    confidence, doubt = case.sure(Confidence.HIGH, "pods", "changes", against=against)
    before = rollout.before.revision if rollout.before is not None else ""
    basis = [f"first failure {_after(rollout.gap)} the change"] if rollout.gap is not None else []
    if rollout.old_ready:
        basis.append(
            f"{number_of(rollout.old_ready, 'pod')} of the template before "
            f"{'is' if rollout.old_ready == 1 else 'are'} ready"
        )
    elif rollout.was_healthy:
        basis.append(f"rev {before} {stood(rollout)}" if before else f"the revision before {stood(rollout)}")
    cites = [
        Cite("pods", f"{number_of(len(bad), 'pod')} of the new template fail: {_way(case, bad)}"),
        *_change_cites(rollout),
    ]
    found = _finding(
        case, rollout, f"{_subject(rollout)} {_way(case, bad)}", confidence, basis, doubt, cites, bad[0].how.value
    )
    one = worst(bad)
    unready = one is not None and one.how is How.UNREADY
    return replace(
        found,
        said=tuple(filter(None, (_not_ready(case),))) if unready else heard(case, bad),
        killed=one is not None and one.how is How.OOM,
    )


def _by_revisions(case: Case, rollout: Rollout) -> Finding | None:
    """Pods weren't read: the revisions' counts and the rollout's own condition still tell that it is stuck."""
    current, before = rollout.current, rollout.before
    stuck = case.workload is not None and any(
        one.type == "Progressing" and one.reason == "ProgressDeadlineExceeded" for one in case.workload.conditions
    )
    told = case.event_rows("FailedCreate", "FailedMount", "FailedScheduling", "FailedAttachVolume", "Failed")
    if current is None or before is None or told or not (stuck or (current.replicas and not current.ready)):
        return None
    if not before.ready or current.ready:
        return None
    confidence, doubt = case.sure(Confidence.MEDIUM, "pods")
    basis = [f"none of its {number_of(current.replicas, 'pod')} is ready, {before.ready} of rev {before.revision} are"]
    text = f"{_subject(rollout)} doesn't get ready"
    return _finding(case, rollout, text, confidence, basis, doubt, _change_cites(rollout), "stuck")


def _service(case: Case, rollout: Rollout) -> Finding | None:
    """Pods are well, the service isn't: then only what was measured tells the change from a coincidence."""
    alert = case.service_alert
    if alert is None or case.pods is None or rollout.gap is None or rollout.gap > timedelta(minutes=25):
        return None
    rises = [_rise(case, rollout, query) for query in ("errors", "latency")]
    told = next((rise for rise in rises if rise), "")
    if not told and (case.measured("errors") or case.measured("latency")):
        return None
    since, before = case.log_count("since_rollout"), case.log_count("before")
    louder = since is not None and before is not None and since.count >= 5 and since.rate > 3 * max(before.rate, 1e-9)
    if before is not None and since is not None and not louder and not told:
        return None
    others = suspect(case)
    if others is not None and not others.touched and others.alert is not None:
        return None
    against = (
        f"the logs name {others.who}" if others is not None and not others.touched else "",
        "" if rollout.was_healthy else "no older revision is known to have worked",
    )
    soon = rollout.gap <= timedelta(minutes=15)
    wanted = Confidence.HIGH if told else Confidence.MEDIUM if louder or soon else Confidence.LOW
    confidence, doubt = case.sure(wanted, "pods", "changes", "logs", against=against)
    cites = [Cite("alerts", f"{alert.name} since {clock(case.since)}"), *_change_cites(rollout)]
    basis = ["the rise began with the change"] if told else []
    if told:
        cites.append(Cite("metrics", told))
    if louder and since is not None and before is not None:
        cites.append(Cite("log_errors", f"{since.rate:.2g} errors/s since the rollout, {before.rate:.2g}/s before"))
        basis.append(f"{since.rate:.2g} errors/s in the logs since then, {before.rate:.2g}/s before")
    if not basis:
        basis = [f"the alert began {span(max(rollout.gap, timedelta(0)))} after the change"]
        doubt = "; ".join(filter(None, (doubt, "nothing was measured around the change")))
    text = f"{_subject(rollout)} starts, and {told or 'fails in service'}"
    complains = unexplained(case.signs) is not None
    accused = others is not None and not others.touched
    sure = case.logs_known and not accused and bool(told or louder or complains)
    return _finding(case, rollout, text, confidence, basis, doubt, cites, "service", sure=sure)


def _rise(case: Case, rollout: Rollout, query: str) -> str:
    """``errors rose from 0.1 % to 12 %`` if that began with the change."""
    rows = case.measured(query)
    began = onset(rows)
    before, after = around(rows, rollout.at)
    if began is None or before is None or after is None or after < 1.5 * before:
        return ""
    if not -SKEW <= began - rollout.at <= timedelta(minutes=15):
        return ""
    name = rows[0].title or query
    name = f"{name[:1].lower()}{name[1:]}" if name[1:2].islower() else name
    return f"{name} rose from {measured(before, rows[0].unit)} to {measured(after, rows[0].unit)}"


def _finding(
    case: Case,
    rollout: Rollout,
    text: str,
    confidence: Confidence,
    basis: list[str],
    doubt: str,
    cites: list[Cite],
    detail: str,
    *,
    sure: bool = True,
) -> Finding:
    unsure = confidence is Confidence.LOW or not sure
    name = (
        f"rev {rollout.before.revision}"
        if rollout.before is not None and rollout.before.revision
        else "The revision before"
    )
    back = (
        ()
        if unsure
        else cures.rollback(case, f"{name} {stood(rollout)}" if rollout.was_healthy else f"{name} is the one before")
    )
    if back:
        back += cures.pause(case, "it keeps the rollout from going on while somebody looks")
    no_help = ""
    if not back:
        no_help = (
            "Too little is known to go back on this: look at the change and at what fails first."
            if unsure
            else "No older revision is known to go back to: whoever made the change has to look."
        )
    return Finding(
        Cause.BAD_ROLLOUT,
        stop(text),
        confidence,
        tuple(cites),
        ", ".join(basis),
        doubt,
        detail,
        back,
        no_help,
        ABOUT.weight,
    )


def _after(gap: timedelta) -> str:
    """``40 s after``, or ``right after`` where it came with the change."""
    return f"{span(gap)} after" if gap >= timedelta(seconds=1) else "right after"


def stood(rollout: Rollout) -> str:
    """How the revision before is known to have been well: its pods tell, or the time for which it was left alone."""
    before = rollout.before
    since = instant(before.created_at) if before is not None else None
    if rollout.old_ready or before is None or before.healthy is True or before.ready or since is None:
        return "worked"
    return f"stood for {span(rollout.at - since)} before the change"


def _subject(rollout: Rollout) -> str:
    return f"The rollout of {clock(rollout.at)}" + (f" ({rollout.words})" if rollout.words else "")


def _way(case: Case, bad: tuple[Sick, ...]) -> str:
    one = worst(bad)
    how = one.how if one is not None else How.CRASH
    if one is not None and how is How.OOM:
        limit = one.container.memory_limit
        return "runs out of memory" + (f" (limit {measured(limit, 'bytes')})" if limit else "")
    if how is How.UNREADY:
        said = _not_ready(case)
        return "doesn't become ready" + (f": {cut(said, 120)}" if said else "")
    ended = how_it_ended(case, bad)
    if how is How.START:
        return f"can't be started: {ended}" if ended else "can't be started"
    when = "crashes at start" if at_start(bad) else "crashes"
    return f"{when}: {ended}" if ended else when


def _not_ready(case: Case) -> str:
    """The kubelet's word on the newest probe that failed."""
    return next((row.message for row in case.event_rows("Unhealthy")), "")


def _late(rollout: Rollout) -> str:
    if rollout.gap is None:
        return "it isn't known when the first one failed"
    return f"the first failure came {span(rollout.gap)} after the change"


def _most_are_fine(rollout: Rollout, bad: tuple[Sick, ...]) -> bool:
    return rollout.new_ready > len(bad)


def _change_cites(rollout: Rollout) -> list[Cite]:
    found = []
    if rollout.change is not None:
        found.append(Cite("changes", f"{clock(rollout.at)}: {cut(rollout.change.what, 200)}"))
    if rollout.before is not None and rollout.was_healthy:
        ready = share(1.0) if rollout.before.healthy else number_of(rollout.before.ready, "pod")
        found.append(Cite("changes", f"rev {rollout.before.revision or '?'} had {ready} ready"))
    return found
