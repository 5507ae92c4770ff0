"""May this happen to a Job, a volume claim? And of nodes: ``policy.nodes``. Pure.

A workload's guards make no sense for these; theirs are here, each a sentence that says what to do instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from bot.domain.decision import Reason, Rule
from bot.domain.mitigation import Action
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.domain.thing import DELETE, RERUN, SAFE, CronSeen, Thing


def check(action: str, state: TargetState) -> Iterator[Reason]:
    """Every reason against it that lies in the target itself."""
    if state.thing is None:
        return
    if state.thing.going:
        yield Reason(Rule.STATE, f"{state.target.label} is being deleted. Nothing can be done to it.")
    elif action in _CHECKS:
        yield from _CHECKS[Action(action)](state.target, state.thing)


def warnings(action: str, state: TargetState) -> Iterator[str]:
    """What should be known before the press; none of it denies."""
    cron = state.thing.cron if state.thing is not None else None
    if action == Action.RERUN_JOB and cron is not None:
        if cron.active:
            yield f"{', '.join(cron.active[:3])} runs now; this one would run beside it (concurrencyPolicy Allow)."
        elif cron.concurrency != "Allow":
            yield (
                f"The schedule {cron.schedule} doesn't know of a run that wasn't its own: where it comes meanwhile, "
                "both run at once."
            )
        if cron.fleeting:
            yield "Its CronJob removes runs soon after they ended: the outcome may be gone before I have seen it."


def _rerun(target: Target, thing: Thing) -> Iterator[Reason]:
    cron = thing.cron
    if cron is None:
        yield Reason(
            Rule.STATE, f"{target.label} wasn't made by a CronJob that is there: there is no template to run it from."
        )
        return
    named = f"CronJob {target.namespace}/{cron.name}"
    if cron.going:
        yield Reason(Rule.STATE, f"{named} is being deleted, and its runs with it.")
    if not cron.safe:
        yield Reason(
            Rule.ANNOTATION,
            f"{named} isn't marked as safe to repeat. Who knows that it is says so: "
            f"kubectl -n {target.namespace} annotate cronjob {cron.name} {RERUN}={SAFE}",
        )
    if cron.suspended:
        yield Reason(Rule.PAUSED, f"{named} is suspended: whoever did that wants no run now. Resume it first.")
    yield from _running(named, cron)


def _running(named: str, cron: CronSeen) -> Iterator[Reason]:
    """Running counts by what Jobs say, not by the CronJob's own list: that lacks runs which somebody else made."""
    if cron.active and cron.concurrency != "Allow":
        yield Reason(
            Rule.IN_FLIGHT,
            f"{named} has a run that hasn't ended ({', '.join(cron.active[:3])}), and its concurrencyPolicy is "
            f"{cron.concurrency}. I look again when it has.",
        )


def _delete(target: Target, thing: Thing) -> Iterator[Reason]:
    job = thing.job
    if job is None:
        return
    if job.result != "failed":
        now = "has completed" if job.result == "complete" else "hasn't ended"
        yield Reason(Rule.STATE, f"{target.label} {now}; I only delete a Job that failed.")
        return
    if job.active:
        yield Reason(Rule.ROLLING_OUT, f"Pods of {target.label} haven't ended yet. I look again.")
    if thing.cron is None and not job.disposable:
        yield Reason(
            Rule.ANNOTATION,
            f"{target.label} wasn't made by a CronJob: with it goes the only record of that run. Who doesn't need it "
            f"says so: kubectl -n {target.namespace} annotate job {target.name} {DELETE}={SAFE}",
        )


def _expand(target: Target, thing: Thing) -> Iterator[Reason]:
    claim = thing.claim
    if claim is None:
        return
    if claim.phase != "Bound":
        yield Reason(
            Rule.STATE, f"{target.label} is {claim.phase or 'in no phase'}, not Bound: there is no volume yet."
        )
    named = (
        f"The StorageClass {claim.storage_class}" if claim.storage_class else "Its volume has no StorageClass, which"
    )
    if claim.expandable is None:
        yield Reason(Rule.UNREADABLE, f"{named} can't be read, so I can't tell whether the volume may grow.")
    elif not claim.expandable:
        yield Reason(Rule.STATE, f"{named} doesn't let volumes grow (allowVolumeExpansion). Move the data instead.")
    if claim.resizing:
        yield Reason(
            Rule.ROLLING_OUT,
            f"{target.label} grows already ({claim.resizing}, {claim.written} asked for). I look again.",
        )


_CHECKS: Mapping[Action, Callable[[Target, Thing], Iterator[Reason]]] = {
    Action.RERUN_JOB: _rerun,
    Action.DELETE_FAILED_JOB: _delete,
    Action.EXPAND_VOLUME: _expand,
}
