"""One verdict for each execution, by its deadline, bound to our own change; what wasn't measured is never a pass."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.incident import IncidentState
from bot.domain.owed import Priority, Stage
from bot.domain.verification import CheckState, Verdict
from bot.kube import reads
from bot.storage import outbox
from bot.storage.db import Store, Tx
from bot.verification import measure
from bot.workflow import verify

from .floor import Floor


async def test_new_pods_that_stay_up_through_the_soak_pass(floor: Floor) -> None:
    execution = await floor.executed()
    found = await floor.verdict()
    assert found.verdict is Verdict.PASS
    assert {check.name: check.state for check in found.checks} == {
        "rollout": CheckState.GOOD,
        "restarts": CheckState.GOOD,
    }
    assert found.progress["updated"] == found.progress["ready"] == found.progress["desired"] == 3
    assert found.execution_id == execution.id
    assert found.settled_at is not None
    assert found.rolled_out_at is not None
    assert found.settled_at - found.rolled_out_at >= timedelta(seconds=5)
    assert not (await floor.execution()).in_flight


async def test_new_pods_that_crash_fail_and_hand_the_incident_back(floor: Floor) -> None:
    execution = await floor.approved()
    floor.cluster.break_next("shop", "api", "oom")  # ready in between, so that the rollout completes
    await floor.run(Stage.EXECUTE)
    found = await floor.verdict()
    assert found.verdict is Verdict.FAIL
    incident = await floor.incident(execution.incident_id)
    assert incident.state is IncidentState.ACKNOWLEDGED
    assert not (await floor.execution()).in_flight


async def test_pods_that_never_get_ready_fail_at_the_deadline(floor: Floor) -> None:
    floor.change(lambda obj: obj["spec"].update(progressDeadlineSeconds=30))
    floor.advance(3600)
    await floor.approved()
    floor.cluster.break_next("shop", "api", "not-ready")
    await floor.run(Stage.EXECUTE)
    started = (await floor.verification()).started_at
    found = await floor.verdict(step=5)
    assert found.verdict is Verdict.FAIL
    assert found.settled_at is not None
    assert found.settled_at - started <= timedelta(seconds=30 + 5 + 60 + 10)
    assert any("ProgressDeadlineExceeded" in check.measured for check in found.checks)


async def test_pods_that_never_get_ready_in_a_stateful_set_fail_at_the_absolute_deadline(floor: Floor) -> None:
    """No progress deadline there: ours counts."""
    floor.cluster.statefulset("shop", "db", replicas=2)
    floor.advance(3600)
    _, proposal = await floor.restart_asked(what="shop/db")
    assert (await floor.approve(proposal)).ok
    floor.cluster.break_next("shop", "db", "not-ready")
    await floor.run(Stage.EXECUTE)
    deadline = (await floor.verification()).deadline
    found = await floor.verdict(step=60)
    assert found.verdict is Verdict.FAIL
    assert found.settled_at is not None
    assert deadline <= found.settled_at <= deadline + timedelta(seconds=61)


async def test_a_cluster_that_is_silent_until_the_deadline_is_inconclusive(floor: Floor) -> None:
    execution = await floor.executed()
    floor.server.faults.set("*", "*", status=403)
    deadline = (await floor.verification()).deadline
    found = await floor.verdict(step=200)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert {check.state for check in found.checks} == {CheckState.UNMEASURED}
    assert found.settled_at is not None
    assert found.settled_at >= deadline
    assert (await floor.incident(execution.incident_id)).state is IncidentState.ACKNOWLEDGED


async def test_a_cluster_that_is_silent_for_a_while_costs_nothing_but_time(floor: Floor) -> None:
    await floor.executed()
    floor.server.faults.set("*", "*", status=403)
    for _ in range(3):
        floor.advance(5)
        await floor.run(Stage.VERIFY)
    assert (await floor.verification()).verdict is Verdict.MEASURING
    floor.server.faults.clear()
    assert (await floor.verdict()).verdict is Verdict.PASS


async def test_somebody_elses_restart_supersedes(floor: Floor) -> None:
    execution = await floor.executed()

    def kubectl(obj: Any) -> None:
        obj["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "2026-01-01"}

    floor.change(kubectl)
    found = await floor.verdict()
    assert found.verdict is Verdict.SUPERSEDED
    assert "another change of the pod template took over" in found.note
    assert (await floor.incident(execution.incident_id)).state is IncidentState.ACKNOWLEDGED


async def test_a_target_deleted_after_the_action_is_superseded(floor: Floor) -> None:
    await floor.executed()
    floor.cluster.delete("Deployment", "shop", "api")
    found = await floor.verdict()
    assert (found.verdict, found.note) == (Verdict.SUPERSEDED, "Deployment shop/api was deleted after the action")


async def test_a_restart_of_this_process_changes_neither_soak_nor_deadline(floor: Floor, sqlite_url: str) -> None:
    await floor.executed()
    floor.advance(2)
    await floor.run(Stage.VERIFY)
    before = await floor.verification()
    await floor.store.close()
    reopened = Store.open(sqlite_url)
    floor.switch(store=reopened)
    floor.configure(VERIFY_SOAK=timedelta(seconds=500))
    try:
        after = await floor.verification()
        assert after == before
        found = await floor.verdict()
        assert found.verdict is Verdict.PASS
        assert (found.soak, found.deadline) == (5, before.deadline)
        assert found.rolled_out_at is not None
        assert floor.now() - found.rolled_out_at < timedelta(seconds=60)
    finally:
        await reopened.close()


async def test_a_process_that_was_away_until_after_the_deadline_gives_a_verdict_at_its_first_look(floor: Floor) -> None:
    """Nobody watched, but the pods' own times tell that they stayed up."""
    await floor.executed()
    floor.advance(3600)
    await floor.run(Stage.VERIFY)
    assert (await floor.verification()).verdict is Verdict.PASS


async def test_production_soaks_hold_under_an_advanced_clock(floor: Floor) -> None:
    floor.configure(VERIFY_SOAK=timedelta(seconds=120), VERIFY_SOAK_CRASHLOOP=timedelta(seconds=600))
    await floor.executed()
    found = await floor.verdict(step=10)
    assert (found.verdict, found.soak) == (Verdict.PASS, 120)
    assert found.settled_at is not None
    assert found.rolled_out_at is not None
    assert timedelta(seconds=120) <= found.settled_at - found.rolled_out_at < timedelta(seconds=150)


async def test_a_pod_that_stops_being_ready_in_between_begins_the_soak_anew(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it restarted or not: the whole soak has to pass with every pod ready."""
    floor.configure(VERIFY_SOAK=timedelta(seconds=20))
    await floor.executed()
    while (await floor.verification()).rolled_out_at is None:
        floor.advance(1)
        await floor.run(Stage.VERIFY)
    floor.advance(15)
    real = measure.reads.snapshot

    async def one_unready(*asked: Any, **options: Any) -> Any:
        found = await real(*asked, **options)
        first = replace(found.pods[0], row=replace(found.pods[0].row, ready=False))
        state = replace(found.state, available=found.state.available - 1, ready=found.state.ready - 1)
        return replace(found, state=state, pods=(first, *found.pods[1:]))

    with monkeypatch.context() as seen:
        seen.setattr(measure.reads, "snapshot", one_unready)
        await floor.run(Stage.VERIFY)
    found = await floor.verification()
    assert (found.verdict, found.rolled_out_at) == (Verdict.MEASURING, None)
    ready_again = floor.now()
    found = await floor.verdict()
    assert found.verdict is Verdict.PASS
    assert found.settled_at is not None
    assert found.settled_at - ready_again >= timedelta(seconds=20)


async def test_after_a_crash_loop_the_soak_is_ten_minutes(floor: Floor) -> None:
    floor.configure(VERIFY_SOAK=timedelta(seconds=120), VERIFY_SOAK_CRASHLOOP=timedelta(seconds=600))
    floor.cluster.crash_loop("shop", "api", pods=1)
    floor.advance(5)
    _, proposal = await floor.alerted()
    assert (await floor.approve(proposal)).ok
    floor.cluster.heal("shop", "api")
    floor.advance(60)  # between two crashes a pod looks well; what was seen when it was proposed counts
    await floor.run(Stage.EXECUTE)
    found = await floor.verdict(step=20)
    assert (found.verdict, found.soak) == (Verdict.PASS, 600)
    assert found.settled_at is not None
    assert found.rolled_out_at is not None
    assert found.settled_at - found.rolled_out_at >= timedelta(seconds=600)


async def test_a_crash_loop_seen_when_it_was_proposed_counts_though_the_claim_sees_none(floor: Floor) -> None:
    floor.configure(VERIFY_SOAK=timedelta(seconds=120), VERIFY_SOAK_CRASHLOOP=timedelta(seconds=600))
    floor.cluster.crash_loop("shop", "api", pods=1)
    floor.advance(5)
    _, proposal = await floor.alerted()
    assert (await floor.approve(proposal)).ok
    floor.cluster.heal("shop", "api")
    floor.advance(800)
    state = await reads.target_state(floor.ctx.cluster, proposal.target, now=floor.now())
    assert not state.crash_looping
    await floor.run(Stage.EXECUTE)
    assert (await floor.verification()).soak == 600


async def test_twice_min_ready_seconds_is_the_least_soak(floor: Floor) -> None:
    floor.change(lambda obj: obj["spec"].update(minReadySeconds=20))
    floor.advance(3600)
    await floor.executed()
    assert (await floor.verification()).soak == 40


async def test_the_state_of_alerts_is_shown_and_never_judged(floor: Floor) -> None:
    incident, proposal = await floor.alerted(count=2)
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    found = await floor.verdict()
    assert found.verdict is Verdict.PASS, "the alerts still fire"
    row = next(check for check in found.checks if check.name == "alerts")
    assert (row.state, row.measured, row.required) == (CheckState.ABSENT, "2 of 2 still firing", False)
    assert (await floor.incident(incident.id)).state is IncidentState.MITIGATED


async def test_progress_is_owed_to_the_card_only_when_it_changed(floor: Floor) -> None:
    await floor.executed()
    for _ in range(3):
        floor.advance(1)
        await floor.run(Stage.VERIFY)

    async def version() -> int:
        return int((await floor.store.read(lambda tx: tx.execute("SELECT version FROM outbox").fetchone()))[0])

    before = await version()
    await floor.run(Stage.VERIFY)
    floor.advance(1)
    await floor.run(Stage.VERIFY)
    assert (await floor.verification()).verdict is Verdict.MEASURING
    assert await version() == before


async def test_counting_further_gives_way_to_what_changes_the_state(floor: Floor) -> None:
    """A verdict owed after progress is worth a press; progress alone is worth what nobody waits for."""

    async def sent_and_worth() -> int:
        def take(tx: Tx) -> int:
            [row] = outbox.claim(tx, floor.now(), timedelta(seconds=1), 1)
            outbox.sent(tx, row, floor.now(), row.channel, "1.2")
            return row.priority.rank

        return await floor.store.transact(take)

    await floor.executed()
    await sent_and_worth()
    floor.advance(1)
    await floor.run(Stage.VERIFY)
    assert await sent_and_worth() == Priority.THREAD.rank
    await floor.verdict()
    assert await sent_and_worth() == Priority.PRESS.rank


async def test_a_verdict_is_given_once(floor: Floor) -> None:
    await floor.executed()
    await floor.verdict()
    found = await floor.verification()
    from bot.storage import due  # noqa: PLC0415

    await floor.store.transact(due.owe, Stage.VERIFY, found.id, floor.now())
    (work,) = await floor.due(Stage.VERIFY)
    measured = await verify.measure.measure(floor.ctx.cluster, found, clock=floor.now)
    await verify.verify(floor.ctx, work)
    await floor.store.transact(verify._settle, floor.ctx, work, measured, Verdict.FAIL)
    assert await floor.verification() == found
    assert len(await floor.entries("verification:verdict:given")) == 1


async def test_the_verdict_goes_to_the_thread_with_what_was_measured(floor: Floor) -> None:
    await floor.executed()
    await floor.verdict()
    ((_, params),) = await floor.messages("verdict:")
    assert "Verification PASS for shop/api: rollout: 3/3 available; restarts: none for" in params


async def test_a_bad_verdict_names_what_was_bad(floor: Floor) -> None:
    await floor.approved()
    floor.cluster.break_next("shop", "api", "oom")
    await floor.run(Stage.EXECUTE)
    await floor.verdict()
    ((_, params),) = await floor.messages("verdict:")
    assert "Verification FAIL for shop/api: " in params
    assert "expected" in params


# -- measure again ---------------------------------------------------------------------------------


async def test_measuring_again_appends_one_and_supersedes_the_last(floor: Floor) -> None:
    execution = await floor.approved()
    floor.cluster.break_next("shop", "api", "oom")
    await floor.run(Stage.EXECUTE)
    first = await floor.verdict()
    floor.cluster.heal("shop", "api")
    floor.advance(60)
    answer = await floor.verbs.measure_again(execution.incident_id, await floor.person("li"))
    assert answer.ok
    second = await floor.verdict()
    assert (second.verdict, second.current) == (Verdict.PASS, True)
    from bot.storage import verifications  # noqa: PLC0415

    old = await floor.store.read(verifications.get, first.id)
    assert (old.verdict, old.current) == (Verdict.SUPERSEDED, False)
    assert (await floor.entries("verification:state:requested"))[-1].actor_name == "li"
    assert (await floor.entries("verification:state:superseded"))[-1].subject == f"verification:{first.id}"
    assert not (await floor.incident(execution.incident_id)).open, "a request closes on pass"


async def test_while_it_is_measured_it_is_not_measured_again(floor: Floor) -> None:
    execution = await floor.executed()
    answer = await floor.verbs.measure_again(execution.incident_id, await floor.person("li"))
    assert answer.text == "It is being measured right now; the verdict comes on the card."
    assert await floor.count("verifications") == 1


async def test_without_an_execution_there_is_nothing_to_measure_again(floor: Floor) -> None:
    asked, _ = await floor.restart_asked()
    answer = await floor.verbs.measure_again(asked.incident_id, await floor.person("li"))
    assert answer.text.endswith("has no execution that could be measured. Use /verify to look at a workload.")
    assert (await floor.entries("command:request:refused"))[-1].actor_name == "li"


async def test_alerts_that_clear_while_it_is_measured_again_wait_for_the_verdict(floor: Floor) -> None:
    incident, proposal = await floor.alerted()
    assert (await floor.approve(proposal)).ok
    floor.cluster.break_next("shop", "api", "oom")
    await floor.run(Stage.EXECUTE)
    assert (await floor.verdict()).verdict is Verdict.FAIL
    floor.cluster.heal("shop", "api")
    floor.advance(60)
    assert (await floor.verbs.measure_again(incident.id, await floor.person("li"))).ok
    assert not await floor.clear(incident.id)
    assert (await floor.verdict()).verdict is Verdict.PASS
    assert (await floor.incident(incident.id)).resolution == "alerts_cleared"


# -- /verify ---------------------------------------------------------------------------------------


async def test_a_look_answers_with_checks_and_changes_nothing(floor: Floor) -> None:
    answer = await floor.verbs.verify(await floor.person("kim"), "shop/api")
    assert (answer.text, answer.verdict) == ("Deployment shop/api: pass", Verdict.PASS)
    assert [check.name for check in answer.checks] == ["rollout", "restarts"]
    entry = (await floor.entries("verification:look:taken"))[-1]
    assert (entry.actor_name, entry.outcome) == ("kim", "pass")
    assert not floor.patches()
    assert await floor.count("incidents") == 0


async def test_a_look_at_crashing_pods_is_a_fail(floor: Floor) -> None:
    floor.cluster.crash_loop("shop", "api", pods=2)
    floor.advance(8)
    answer = await floor.verbs.verify(await floor.person("kim"), "deployment/api -n shop")
    assert answer.verdict is Verdict.FAIL


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
async def test_a_look_at_a_rollout_under_way_is_no_fail(floor: Floor, kind: str) -> None:
    """Nothing is bad yet: one look can't tell how it ends."""
    make = {"StatefulSet": floor.cluster.statefulset, "DaemonSet": floor.cluster.daemonset}.get(kind)
    name = "api"
    if make is not None:
        name = "db"
        make("shop", name)
        floor.advance(600)
    floor.change(lambda obj: obj["spec"]["template"]["metadata"].update(annotations={"a": "b"}), name, kind)
    answer = await floor.verbs.verify(await floor.person("kim"), f"{kind.lower()}/{name} -n shop")
    assert answer.verdict is Verdict.INCONCLUSIVE, answer.checks
    assert answer.text == f"{kind} shop/{name}: inconclusive, still rolling out; look again when it ended"
    floor.advance(600)
    answer = await floor.verbs.verify(await floor.person("kim"), f"{kind.lower()}/{name} -n shop")
    assert answer.verdict is Verdict.PASS, answer.checks


@pytest.mark.parametrize("text", ["shop/nothing", "", "deploy/gone -n shop"])
async def test_a_look_at_nothing_says_so(floor: Floor, text: str) -> None:
    answer = await floor.verbs.verify(await floor.person("kim"), text)
    assert not answer.ok
    assert answer.text
    assert (await floor.entries("command:request:refused"))[-1].actor_name == "kim"


async def test_a_look_at_a_silent_cluster_says_so(floor: Floor) -> None:
    floor.server.faults.set("*", "*", status=403)
    answer = await floor.verbs.verify(await floor.person("kim"), "deploy/api -n shop")
    assert not answer.ok


async def test_the_pause_between_looks_follows_the_soak(floor: Floor) -> None:
    await floor.executed()
    found = await floor.verification()
    pauses = [verify._pause(replace(found, soak=soak)).total_seconds() for soak in (1, 12, 120, 600)]
    assert pauses == [1.0, 2.0, 5.0, 5.0]
