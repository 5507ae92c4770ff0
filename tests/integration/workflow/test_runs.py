"""Jobs: a CronJob's run is started again, a Job that failed is deleted; each from proposal to verdict, and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from bot.domain.decision import Rule
from bot.domain.errors import WorldChangedError
from bot.domain.execution import EXECUTION_ID, ExecutionState
from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import Proposal, ProposalState
from bot.domain.verification import CheckState, Verdict
from bot.kube import things
from bot.mitigations import catalog
from bot.mitigations.applied import Applied
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.writes import Writing
from bot.workflow import recover

from .floor import Floor

HIDDEN = "hunter2-never-kept"
FAILED = "nightly-29371"
ALERT = {"alertname": "KubeJobFailed", "namespace": "shop", "job_name": FAILED, "severity": "warning"}
BOTH = (Action.RERUN_JOB, Action.DELETE_FAILED_JOB)


def cronjob(floor: Floor, *, safe: bool = True, image: str = "registry.example/shop/nightly:1", **spec: Any) -> Any:
    pod = {
        "restartPolicy": "Never",
        "containers": [{"name": "app", "image": image, "env": [{"name": "DB", "value": HIDDEN}]}],
    }
    template = {"backoffLimit": 0, "template": {"spec": pod}, **spec.pop("job", {})}
    meta: dict[str, Any] = {"name": "nightly", "namespace": "shop"}
    if safe:
        meta["annotations"] = {"fettle/rerun": "safe"}
    body = {"schedule": "0 3 * * *", "failedJobsHistoryLimit": 5, "jobTemplate": {"spec": template}, **spec}
    return floor.cluster.apply({"kind": "CronJob", "apiVersion": "batch/v1", "metadata": meta, "spec": body})


def job(floor: Floor, name: str = FAILED, *, owned: bool = True, **notes: str) -> Any:
    above = floor.cluster.get("CronJob", "shop", "nightly") or {}
    meta: dict[str, Any] = {"name": name, "namespace": "shop", "annotations": notes}
    spec = {
        "backoffLimit": 0,
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "x:1"}]}},
    }
    if owned:
        owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": above["metadata"]["uid"]}
        meta["ownerReferences"] = [{**owner, "controller": True}]
        spec = above["spec"]["jobTemplate"]["spec"]
    return floor.cluster.apply({"kind": "Job", "apiVersion": "batch/v1", "metadata": meta, "spec": spec})


def edited(floor: Floor, kind: str, name: str, edit: Callable[[Any], object]) -> None:
    """Somebody edits an object in place."""

    def change(obj: Any) -> Any:
        edit(obj)
        return obj

    floor.cluster.writes.patch(by_kind(kind), "shop", name, change, Writing("kubectl-edit"))


def ended_badly(floor: Floor, name: str = FAILED, *, owned: bool = True, **notes: str) -> None:
    floor.cluster.break_next("shop", name, "crash")
    job(floor, name, owned=owned, **notes)
    floor.advance(120)
    assert floor.cluster.get("Job", "shop", name)["status"]["conditions"][-1]["type"] == "Failed"


def conclusion(action: str) -> Finding:
    return Finding(
        Cause.JOB_FAILED, "It failed.", Confidence.HIGH, (Cite("jobs", "failed"),),
        suggestions=(Suggestion(action, {"job": FAILED}, "it may pass"),),
    )  # fmt: skip


async def proposed(floor: Floor, action: str = "rerun_job", **cron: Any) -> Proposal:
    floor.configure(ALLOWED_ACTIONS=BOTH)
    cronjob(floor, **cron)
    ended_badly(floor)
    await floor.alert(ALERT)
    await floor.run(Stage.INVESTIGATE)
    await floor.conclude(conclusion(action))
    await floor.run(Stage.PROPOSE)
    return await floor.proposal()


async def asked(floor: Floor, action: Action, what: str) -> Proposal:
    floor.configure(ALLOWED_ACTIONS=BOTH)
    answer = await floor.verbs.act(await floor.person("bo"), action, what)
    assert answer.ok, answer.text
    await floor.prepare()
    return await floor.proposal()


async def approved(floor: Floor, proposal: Proposal) -> None:
    assert proposal.state is ProposalState.PENDING, proposal.text.refusal
    answer = await floor.approve(proposal)
    assert answer.ok, answer.text


def sent(floor: Floor, verb: str) -> list[Any]:
    """What reached the API server and was no dry run."""
    return [
        one
        for one in floor.server.requests
        if one.verb == verb and one.resource == "jobs" and not one.query.get("dryRun")
    ]


def runs(floor: Floor) -> list[Any]:
    return [
        one for one in floor.cluster.list("Job", "shop") if EXECUTION_ID in (one["metadata"].get("annotations") or {})
    ]


# -- again -------------------------------------------------------------------------------------------


async def test_a_run_that_is_safe_to_repeat_is_started_again_and_passes(floor: Floor) -> None:
    proposal = await proposed(floor)
    assert proposal.text.headline == f"Run CronJob nightly again (shop/{FAILED})"
    assert "dry run ok" in proposal.text.facts
    assert any("Irreversible" in one for one in proposal.text.warnings)
    assert not runs(floor), "the preview makes none"
    await approved(floor, proposal)
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.state is ExecutionState.SUCCEEDED
    (made,) = runs(floor)
    meta = made["metadata"]
    assert meta["name"] == things.run_name("nightly", execution.uid)
    assert meta["annotations"] == {"cronjob.kubernetes.io/instantiate": "manual", EXECUTION_ID: execution.uid}
    (owner,) = meta["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("CronJob", "nightly", True)
    found = await floor.verdict()
    assert found.verdict is Verdict.PASS
    assert [(one.name, one.state) for one in found.checks if one.required] == [("run", CheckState.GOOD)]
    assert len(sent(floor, "create")) == 1


async def test_a_run_that_fails_again_is_a_fail_and_nothing_undoes_it(floor: Floor) -> None:
    proposal = await proposed(floor)
    await approved(floor, proposal)
    execution = await floor.execution()
    floor.cluster.break_next("shop", things.run_name("nightly", execution.uid), "crash")
    await floor.run(Stage.EXECUTE)
    found = await floor.verdict()
    assert found.verdict is Verdict.FAIL
    assert "BackoffLimitExceeded" in found.checks[0].measured
    assert not (await floor.owed()).get("propose")


async def test_a_run_that_does_not_end_is_inconclusive_at_the_deadline(floor: Floor) -> None:
    proposal = await proposed(floor)
    await approved(floor, proposal)
    floor.cluster.break_next("shop", things.run_name("nightly", (await floor.execution()).uid), "hang")
    await floor.run(Stage.EXECUTE)
    found = await floor.verdict(step=120)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "running for" in found.checks[0].measured


async def test_a_run_that_was_removed_before_it_was_seen_is_no_pass(floor: Floor) -> None:
    proposal = await proposed(floor)
    await approved(floor, proposal)
    await floor.run(Stage.EXECUTE)
    (made,) = runs(floor)
    floor.cluster.delete("Job", "shop", made["metadata"]["name"])
    assert (await floor.verdict()).verdict is Verdict.SUPERSEDED


async def test_a_person_asks_for_a_run_by_the_cronjob_s_name(floor: Floor) -> None:
    cronjob(floor)
    proposal = await asked(floor, Action.RERUN_JOB, "cronjob/nightly -n shop")
    assert proposal.target.label == "CronJob shop/nightly"
    assert (await floor.incident(proposal.incident_id)).title == "Run requested"
    await approved(floor, proposal)
    await floor.run(Stage.EXECUTE)
    assert (await floor.verdict()).verdict is Verdict.PASS


async def test_each_run_that_is_asked_for_is_one_of_its_own(floor: Floor) -> None:
    cronjob(floor)
    for number in (1, 2):
        await approved(floor, await asked(floor, Action.RERUN_JOB, "cronjob/nightly -n shop"))
        await floor.run(Stage.EXECUTE)
        assert (await floor.verdict()).verdict is Verdict.PASS
        assert len(runs(floor)) == number


async def test_a_name_that_is_a_job_s_and_a_cronjob_s_has_to_say_which(floor: Floor) -> None:
    floor.configure(ALLOWED_ACTIONS=BOTH)
    cronjob(floor)
    job(floor, "nightly")
    answer = await floor.verbs.act(await floor.person("bo"), Action.RERUN_JOB, "shop/nightly")
    assert "is 2 things. Say which" in answer.text
    answer = await floor.verbs.act(await floor.person("bo"), Action.RERUN_JOB, "shop/nobody")
    assert answer.text == "There is no CronJob or Job shop/nobody."
    answer = await floor.verbs.act(await floor.person("bo"), Action.RERUN_JOB, "shop/nightly", {"more": "--image=evil"})
    assert answer.text.startswith("A run takes nothing but the Job or CronJob")


REFUSED: dict[str, tuple[dict[str, Any], Rule, str]] = {
    "not marked": ({"safe": False}, Rule.ANNOTATION, "annotate cronjob nightly fettle/rerun=safe"),
    "suspended": ({"suspend": True}, Rule.PAUSED, "is suspended"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_run_that_its_cronjob_does_not_allow_is_refused_with_what_to_do(floor: Floor, name: str) -> None:
    cron, rule, said = REFUSED[name]
    proposal = await proposed(floor, **cron)
    assert proposal.state is ProposalState.RECORDED
    assert said in proposal.text.refusal
    assert str(rule) in await floor.last_rules("proposal:state:recorded")


async def test_a_run_beside_one_that_has_not_ended_is_refused_where_the_policy_forbids(floor: Floor) -> None:
    cronjob(floor, concurrencyPolicy="Forbid")
    floor.cluster.break_next("shop", "nightly-29372", "hang")
    job(floor, "nightly-29372")
    floor.advance(10)
    proposal = await asked(floor, Action.RERUN_JOB, "cronjob/nightly -n shop")
    assert "a run that hasn't ended (nightly-29372)" in proposal.text.refusal
    assert (await floor.owed()).get("propose") == 1, "it is looked at again when that one has ended"


async def test_two_jobs_of_one_cronjob_are_not_both_run_at_once(floor: Floor) -> None:
    """They are two targets; what is in flight is told by the CronJob."""
    cronjob(floor, concurrencyPolicy="Forbid")
    for name in (FAILED, "nightly-29372"):
        ended_badly(floor, name)
    first = await asked(floor, Action.RERUN_JOB, f"job/{FAILED} -n shop")
    second = await asked(floor, Action.RERUN_JOB, "job/nightly-29372 -n shop")
    await approved(floor, first)
    answer = await floor.approve(second)
    assert "already has a run of CronJob nightly in flight" in answer.text
    await floor.run(Stage.EXECUTE)
    assert len(runs(floor)) == 1


async def test_where_runs_may_be_side_by_side_it_is_a_warning(floor: Floor) -> None:
    cronjob(floor)
    floor.cluster.break_next("shop", "nightly-29372", "hang")
    job(floor, "nightly-29372")
    floor.advance(10)
    proposal = await asked(floor, Action.RERUN_JOB, "cronjob/nightly -n shop")
    assert proposal.state is ProposalState.PENDING
    assert any("nightly-29372 runs now" in one for one in proposal.text.warnings)


async def test_a_job_that_no_cronjob_made_has_no_template(floor: Floor) -> None:
    ended_badly(floor, "import", owned=False)
    proposal = await asked(floor, Action.RERUN_JOB, "job/import -n shop")
    assert proposal.state is ProposalState.RECORDED
    assert "wasn't made by a CronJob" in proposal.text.refusal


CHANGES: dict[str, Callable[[Any], object]] = {
    "another image": lambda o: o["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0].update(
        image="x:2"
    ),
    "suspended": lambda o: o["spec"].update(suspend=True),
    "not safe any more": lambda o: o["metadata"]["annotations"].pop("fettle/rerun"),
    "another policy": lambda o: o["spec"].update(concurrencyPolicy="Forbid"),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("when", ["before the press", "after it"])
async def test_a_cronjob_that_changed_since_it_was_shown_is_not_run(floor: Floor, name: str, when: str) -> None:
    proposal = await proposed(floor)
    if when == "before the press":
        edited(floor, "CronJob", "nightly", CHANGES[name])
        assert "The target changed since this was proposed" in (await floor.approve(proposal)).text
    else:
        await approved(floor, proposal)
        edited(floor, "CronJob", "nightly", CHANGES[name])
        await floor.run(Stage.EXECUTE)
        assert (await floor.execution()).state is ExecutionState.FAILED
    assert not runs(floor)


@pytest.mark.parametrize("name", list(CHANGES)[:3])
async def test_a_cronjob_that_changes_between_claim_and_write_is_not_run(floor: Floor, name: str) -> None:
    """``ready`` reads it once more: what is sent is what was approved."""
    proposal = await proposed(floor)
    await approved(floor, proposal)
    mitigation = catalog.CATALOG[Action.RERUN_JOB]
    state = await things.state(floor.ctx.cluster, proposal.target)
    stored = mitigation.request(state, approved_at=floor.now(), execution_uid="e" * 32, params=proposal.params)
    edited(floor, "CronJob", "nightly", CHANGES[name])
    with pytest.raises(WorldChangedError):
        await mitigation.ready(floor.ctx.cluster, stored)


async def test_no_value_of_the_environment_is_kept_anywhere(floor: Floor) -> None:
    proposal = await proposed(floor)
    await approved(floor, proposal)
    await floor.run(Stage.EXECUTE)
    (made,) = runs(floor)
    assert HIDDEN in json.dumps(made), "the cluster has it"
    execution = await floor.execution()
    told = [proposal.text, dict(proposal.params), execution.request, [one.detail for one in await floor.entries()]]
    assert HIDDEN not in repr(told)


async def test_an_answer_that_was_lost_is_settled_by_name_and_mark(floor: Floor) -> None:
    proposal = await proposed(floor)
    await approved(floor, proposal)
    floor.server.faults.drop_after("create", "jobs")
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.RUNNING
    floor.advance(8)
    await floor.run(Stage.RECOVER)
    execution = await floor.execution()
    assert (execution.state, execution.outcome) == (ExecutionState.SUCCEEDED, "applied (read back)")
    assert len(runs(floor)) == 1


async def test_a_request_that_never_arrived_is_read_back_as_not_done(floor: Floor) -> None:
    proposal = await proposed(floor)
    await approved(floor, proposal)
    floor.server.faults.drop_before("create", "jobs")
    await floor.run(Stage.EXECUTE)
    floor.advance(8)
    await floor.run(Stage.RECOVER)
    execution = await floor.execution()
    assert (execution.state, execution.outcome) == (ExecutionState.FAILED, recover.ABSENT)
    assert not runs(floor)


@pytest.mark.parametrize(
    "how", [{"job": {"ttlSecondsAfterFinished": 0}}, {"successfulJobsHistoryLimit": 0}], ids=["ttl", "limit"]
)
async def test_where_runs_are_removed_at_once_their_absence_proves_nothing(floor: Floor, how: dict[str, Any]) -> None:
    """Read back as not done it would be offered, and done, twice."""
    cronjob(floor, **how)
    proposal = await asked(floor, Action.RERUN_JOB, "cronjob/nightly -n shop")
    assert any("may be gone before I have seen it" in one for one in proposal.text.warnings)
    await approved(floor, proposal)
    floor.server.faults.drop_after("create", "jobs")
    await floor.run(Stage.EXECUTE)
    floor.advance(30)
    assert not runs(floor)
    await floor.run(Stage.RECOVER)
    execution = await floor.execution()
    assert execution.state is ExecutionState.UNKNOWN
    assert "A person has to look" in execution.outcome


async def test_the_same_request_sent_again_makes_no_second_run(floor: Floor) -> None:
    proposal = await proposed(floor)
    await approved(floor, proposal)
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.request is not None
    mitigation = catalog.CATALOG[Action.RERUN_JOB]
    whole = await mitigation.ready(floor.ctx.cluster, execution.request)
    assert await mitigation.apply(floor.ctx.cluster, whole) == 1, "it is ours, so it is done"
    assert len(runs(floor)) == 1


async def test_a_job_of_the_name_that_is_another_s_is_not_taken_for_the_run(floor: Floor) -> None:
    proposal = await proposed(floor)
    await approved(floor, proposal)
    execution = await floor.execution()
    job(floor, things.run_name("nightly", execution.uid))
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.state is ExecutionState.FAILED
    assert execution.request is not None
    mitigation = catalog.CATALOG[Action.RERUN_JOB]
    found = await mitigation.read_back(floor.ctx.cluster, execution.target, execution.uid, stored=execution.request)
    assert found.state is Applied.NOT_APPLIED


@pytest.mark.parametrize(("action", "verb"), [("rerun_job", "create"), ("delete_failed_job", "delete")])
async def test_without_the_right_the_role_is_named_and_there_is_no_button(floor: Floor, action: str, verb: str) -> None:
    floor.server.access.deny(verb, "jobs")
    proposal = await proposed(floor, action)
    assert proposal.state is ProposalState.RECORDED
    role = catalog.CATALOG[Action(action)].role.split("name: ")[1].split()[0]
    assert f"Apply the role {role} in shop" in proposal.text.refusal


# -- deleted -----------------------------------------------------------------------------------------


async def test_a_job_that_failed_is_deleted_with_its_pods_and_passes(floor: Floor) -> None:
    proposal = await proposed(floor, "delete_failed_job")
    assert proposal.text.headline == f"Delete Job shop/{FAILED}, which failed"
    assert any("Irreversible" in one for one in proposal.text.warnings)
    assert floor.cluster.pods("shop", FAILED)
    await approved(floor, proposal)
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED
    found = await floor.verdict()
    assert found.verdict is Verdict.PASS
    assert {one.name: one.state for one in found.checks} == {
        "job": CheckState.GOOD, "pods": CheckState.GOOD, "schedule": CheckState.ABSENT, "alerts": CheckState.ABSENT,
    }  # fmt: skip
    assert floor.cluster.get("Job", "shop", FAILED) is None
    assert not floor.cluster.pods("shop", FAILED)
    (one,) = sent(floor, "delete")
    options = json.loads(one.body)
    assert options["preconditions"] == {"uid": proposal.target.uid}
    assert options["propagationPolicy"] == "Background"


@pytest.mark.parametrize(
    ("how", "said"), [("hang", "hasn't ended"), ("ok", "has completed")], ids=["running", "completed"]
)
async def test_a_job_that_did_not_fail_is_never_deleted(floor: Floor, how: str, said: str) -> None:
    cronjob(floor)
    floor.cluster.break_next("shop", FAILED, how)
    job(floor)
    floor.advance(60)
    proposal = await asked(floor, Action.DELETE_FAILED_JOB, f"shop/{FAILED}")
    assert proposal.state is ProposalState.RECORDED
    assert f"{said}; I only delete a Job that failed" in proposal.text.refusal


async def test_a_job_made_by_hand_is_deleted_only_where_it_says_so(floor: Floor) -> None:
    ended_badly(floor, "import", owned=False)
    proposal = await asked(floor, Action.DELETE_FAILED_JOB, "shop/import")
    assert "annotate job import fettle/delete=safe" in proposal.text.refusal
    floor.cluster.annotate("Job", "shop", "import", {"fettle/delete": "safe"})
    assert (await floor.verbs.request_again(proposal.id, await floor.person("bo"))).ok
    await floor.run(Stage.PROPOSE)
    assert (await floor.proposal()).state is ProposalState.PENDING


async def test_another_job_of_the_name_is_not_deleted(floor: Floor) -> None:
    proposal = await proposed(floor, "delete_failed_job")
    await approved(floor, proposal)
    floor.cluster.delete("Job", "shop", FAILED)
    floor.advance(1)
    job(floor)
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.FAILED
    assert floor.cluster.get("Job", "shop", FAILED) is not None


@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
async def test_a_deletion_whose_answer_was_lost_is_settled_by_the_uid(floor: Floor, fault: str) -> None:
    """The library below the client sends a DELETE a second time by itself, which then finds nothing."""
    proposal = await proposed(floor, "delete_failed_job")
    await approved(floor, proposal)
    getattr(floor.server.faults, fault)("delete", "jobs", times=1 if fault == "drop_after" else 2)
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.RUNNING
    floor.advance(8)
    await floor.run(Stage.RECOVER)
    wanted = ExecutionState.SUCCEEDED if fault == "drop_after" else ExecutionState.FAILED
    assert (await floor.execution()).state is wanted
    assert (floor.cluster.get("Job", "shop", FAILED) is None) is (fault == "drop_after")


async def test_a_job_that_somebody_holds_on_to_is_no_pass(floor: Floor) -> None:
    proposal = await proposed(floor, "delete_failed_job")
    edited(floor, "Job", FAILED, lambda o: o["metadata"].update(finalizers=["archive.example/keep"]))
    await approved(floor, proposal)
    await floor.run(Stage.EXECUTE)
    found = await floor.verdict(step=60)
    assert found.verdict is Verdict.FAIL
    assert "held by archive.example/keep" in found.checks[0].measured


@pytest.mark.parametrize("action", ["rerun_job", "delete_failed_job"])
async def test_a_frozen_cluster_a_denial_and_a_setting_refuse_it(floor: Floor, action: str) -> None:
    proposal = await proposed(floor, action)
    await approved(floor, proposal)
    await floor.freeze()
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.FAILED
    assert not runs(floor)
    await floor.freeze(on=False)
    floor.cluster.annotate("CronJob", "shop", "nightly", {"fettle/deny": action.replace("_", "-")})
    assert (await floor.verbs.request_again(proposal.id, await floor.person("bo"))).ok
    await floor.run(Stage.PROPOSE)
    newest = await floor.proposal()
    assert newest.state is ProposalState.RECORDED
    assert f"The annotation fettle/deny of CronJob shop/nightly takes {action} away" in newest.text.refusal
