"""Silences over a real socket: asked for, set once, read back, ended with their incident; and each thing in the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.decision import Rule
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.silence import SilenceState
from bot.domain.verification import Verdict
from bot.settings_policy import policy
from tests.integration.workflow.floor import LABELS, Floor
from tests.integration.workflow.silence_room import Room, opened


@pytest.fixture
async def room(floor: Floor) -> AsyncIterator[Room]:
    async with opened(floor) as made:
        yield made


# -- what would be matched ------------------------------------------------------------------------


async def test_the_preview_says_what_is_matched_and_sends_nothing(room: Room) -> None:
    incident = await room.firing(count=3)
    shown = await room.preview(incident)
    assert shown.refusal == ""
    assert (shown.own, shown.firing, shown.beside, shown.longest) == (3, 3, 0, timedelta(hours=4))
    assert list(shown.matchers) == [
        'alertname="KubePodCrashLooping"', 'namespace="shop"', 'deployment="api"', 'pod=~"api-0|api-1|api-2"',
        'severity="critical"',
    ]  # fmt: skip
    assert room.posts() == []


async def test_what_alertmanager_does_not_hold_is_told(room: Room) -> None:
    room.holds({**LABELS, "pod": "api-0"})
    incident = await room.delivered(count=2)
    shown = await room.preview(incident)
    assert (shown.own, shown.firing) == (1, 2)
    assert "1 of its 2 alerts aren't held" in shown.warnings[0]


async def test_nothing_at_alertmanager_is_nothing_to_silence(room: Room) -> None:
    shown = await room.preview(await room.delivered())
    assert "nothing to silence" in shown.refusal


async def test_what_would_hide_another_workload_is_refused(room: Room) -> None:
    bare = {key: value for key, value in LABELS.items() if key != "deployment"}
    incident = await room.firing(bare)
    room.holds({**bare, "deployment": "web"})
    assert "isn't about (KubePodCrashLooping of deployment web)" in (await room.preview(incident)).refusal
    assert not (await room.ask(incident, digest="d")).ok
    assert room.posts() == []


async def test_what_would_hide_another_incidents_alert_is_refused(room: Room) -> None:
    bare = {"alertname": "HighErrorRate", "namespace": "shop"}
    incident = await room.firing(bare)
    other = await room.firing({**bare, "team": "web"})
    assert other.id != incident.id
    assert f"alerts of INC-{other.id}" in (await room.preview(incident)).refusal


async def test_an_alertmanager_that_does_not_answer_is_said_in_the_form(room: Room) -> None:
    incident = await room.firing()
    room.server.fault("error", "get alerts")
    assert "Alertmanager" in (await room.preview(incident)).refusal
    assert [entry.detail["asked"] for entry in await room.floor.entries("command:request:refused")] == ["silence"]


# -- setting it -----------------------------------------------------------------------------------


async def test_it_is_set_once_read_back_and_told(room: Room) -> None:
    incident, silence = await room.set(count=3)
    assert (silence.state, silence.verdict) == (SilenceState.ACTIVE, Verdict.PASS)
    (kept,) = room.active()
    assert (kept.created_by, kept.comment) == ("ana (Fettle)", f"deploying {incident.ref} {silence.mark}")
    assert abs((kept.ends_at - silence.ends_at).total_seconds()) < 0.01
    assert [check.measured for check in silence.checks][1] == "3 of 3 quiet"
    assert len(room.posts()) == 1
    assert "Silenced until" in await room.thread()
    assert await room.floor.messages(f"card:{incident.id}")


async def test_one_good_look_is_no_verdict(room: Room) -> None:
    incident = await room.firing()
    await room.asked(incident)
    await room.run(3)
    assert (await room.silence()).verdict is Verdict.MEASURING
    await room.run(1)
    assert (await room.silence()).verdict is Verdict.PASS


async def test_the_intent_with_the_exact_body_is_committed_before_it_is_sent(room: Room) -> None:
    incident = await room.firing()
    await room.asked(incident)
    seen: list[Any] = []
    room.client.crash_point = lambda _point: seen.append(len(room.posts()))
    await room.floor.run(Stage.SILENCE)
    (intent,) = await room.floor.entries("silence:intent:committed")
    assert intent.detail is not None
    assert intent.detail["request"]["body"] == room.posts()[0]
    assert intent.actor == (await room.floor.person("ana")).id
    assert seen == [0, 1]
    tags = [entry.tag for entry in await room.floor.entries("silence:")]
    assert tags == ["silence:state:requested", "silence:intent:committed", "silence:state:active"]


async def test_an_approver_of_a_group_whose_members_are_fresh_may(room: Room) -> None:
    assert (await room.ask(await room.firing(), by="sam")).ok


async def test_opening_the_form_keeps_the_approver_groups_fresh(room: Room) -> None:
    """Nothing else reads them while no proposal waits."""
    from bot.groups import stale  # noqa: PLC0415 - the one place that asks

    incident = await room.firing()
    later = room.floor.now() + timedelta(minutes=2)
    assert await room.floor.store.read(stale, ("S0SRE",), later) == []
    await room.preview(incident)
    assert await room.floor.store.read(stale, ("S0SRE",), later) == ["S0SRE"]


AGAINST: list[tuple[str, dict[str, Any], Rule]] = [
    ("observe", {"MODE": "observe"}, Rule.MODE),
    ("action", {"ALLOWED_ACTIONS": (Action.RESTART,)}, Rule.ACTION),
    ("namespace", {"ALLOWED_NAMESPACES": ("pay",)}, Rule.NAMESPACE),
    ("too long", {"SILENCE_MAX": timedelta(minutes=30)}, Rule.RATE),
    ("nobody may approve", {"APPROVERS": ()}, Rule.APPROVER),
    ("not named", {"APPROVERS": ("U0LI",)}, Rule.APPROVER),
]


@pytest.mark.parametrize(("changes", "rule"), [row[1:] for row in AGAINST], ids=[row[0] for row in AGAINST])
async def test_settings_against_it_are_a_refusal_at_the_submission(
    room: Room, changes: dict[str, Any], rule: Rule
) -> None:
    incident = await room.firing()
    digest = (await room.preview(incident)).digest
    room.floor.configure(**changes)
    answer = await room.ask(incident, digest=digest)
    assert not answer.ok
    assert rule in await room.floor.last_rules("command:request:refused")
    assert await room.in_force(incident) is None


@pytest.mark.parametrize(("changes", "rule"), [row[1:] for row in AGAINST if row[0] != "too long"])
async def test_settings_against_it_by_the_time_it_is_sent_set_nothing(
    room: Room, changes: dict[str, Any], rule: Rule
) -> None:
    incident = await room.firing()
    await room.asked(incident)
    room.floor.configure(**changes)
    await room.run(2)
    assert (await room.silence()).state is SilenceState.FAILED
    assert rule in await room.floor.last_rules("silence:claim:refused")
    assert room.posts() == []
    assert "Not silenced" in await room.thread()


@pytest.mark.parametrize("facts", [{"restricted": True}, {"stranger": True}, {"bot": True}, {"deleted": True}])
async def test_guests_strangers_apps_and_deleted_people_set_and_end_nothing(room: Room, facts: dict[str, bool]) -> None:
    incident, _ = await room.set()
    ana = await room.floor.person("ana", **facts)
    assert not (await room.floor.verbs.unsilence(incident.id, ana)).ok
    assert (await room.preview(incident, "ana", **facts)).refusal
    assert not (await room.ask(incident, by=ana, digest="d")).ok
    assert len(room.active()) == 1


async def test_who_is_no_approver_is_told_whom_to_ask(room: Room) -> None:
    incident = await room.firing()
    answer = await room.ask(incident, by="bo")
    assert "only those whom APPROVERS names may approve a silence" in answer.text
    assert "may approve a silence" in (await room.preview(incident, "bo")).refusal


@pytest.mark.parametrize("on_namespace", [True, False])
@pytest.mark.parametrize(
    ("key", "value"), [("deny", "silence"), ("deny", "all"), ("approvers", "U0LI"), ("denny", "x")]
)
async def test_annotations_narrow_it(room: Room, key: str, value: str, on_namespace: bool) -> None:
    incident = await room.firing()
    await room.floor.prepare()
    incident = await room.floor.incident(incident.id)
    assert incident.target is not None
    room.floor.annotate(key, value, namespace=on_namespace)
    assert not (await room.ask(incident)).ok
    assert await room.in_force(incident) is None


async def test_annotations_that_cannot_be_read_deny(room: Room) -> None:
    incident = await room.firing()
    room.floor.server.faults.set("get", "namespaces", status=503, times=None)
    answer = await room.ask(incident)
    assert "annotations" in answer.text
    assert not answer.ok


async def test_the_playbooks_approvers_count(room: Room, tmp_path: Path) -> None:
    from bot.playbooks.shelf import Shelf  # noqa: PLC0415 - this test alone brings playbooks

    folder = tmp_path / "playbooks"
    folder.mkdir()
    (folder / "mine.yaml").write_text(
        "name: mine\ntitle: mine\nmatch: {alerts: [KubePodCrashLooping]}\nevidence: [pods]\n"
        "approval: {approvers: [U0LI]}\n"
    )
    room.floor.switch(playbooks=Shelf(folder))
    incident = await room.firing()
    assert "the playbook names" in (await room.ask(incident)).text
    assert (await room.ask(incident, by="li", digest=(await room.preview(incident, "li")).digest)).ok


async def test_a_foreign_clusters_alerts_are_silenced_there(room: Room) -> None:
    labels = {**LABELS, "cluster": "eu-2"}
    incident = await room.firing(labels)
    assert incident.foreign_cluster == "eu-2"
    assert "eu-2" in (await room.preview(incident)).refusal


async def test_other_alerts_than_were_shown_are_another_silence(room: Room) -> None:
    incident = await room.firing(count=2)
    digest = (await room.preview(incident)).digest
    room.server.alertmanager.lose()
    room.holds({**LABELS, "pod": "api-0"})
    answer = await room.ask(incident, digest=digest)
    assert "Other alerts fire than when the form was opened" in answer.text
    assert await room.floor.last_rules("command:request:refused") == [Rule.STALE]


async def test_one_is_in_force_at_a_time(room: Room) -> None:
    incident, _ = await room.set()
    assert "silenced already" in (await room.preview(incident)).refusal
    assert not (await room.ask(incident, digest="d")).ok


async def test_of_two_submissions_at_once_one_is_set(room: Room) -> None:
    import asyncio  # noqa: PLC0415

    incident = await room.firing()
    digest = (await room.preview(incident)).digest
    answers = await asyncio.gather(*(room.ask(incident, by=who, digest=digest) for who in ("ana", "li")))
    assert sorted(one.ok for one in answers) == [False, True]
    await room.run()
    assert len(room.posts()) == len(room.active()) == 1


@pytest.mark.parametrize("how", ["row", "file", "environment"])
async def test_the_kill_switch_stops_it_at_every_point(room: Room, how: str, tmp_path: Path) -> None:
    incident = await room.firing()
    digest = (await room.preview(incident)).digest
    await room.asked(incident)
    file = tmp_path / "freeze"
    room.floor.configure(FREEZE_FILE=file)

    async def freeze() -> None:
        if how == "row":
            await room.floor.freeze()
        elif how == "file":
            file.touch()
        else:
            room.floor.switch(frozen_by_environment=True)

    await freeze()
    await room.run(2)
    assert (await room.silence()).state is SilenceState.FAILED
    assert "rozen" in (await room.preview(incident)).refusal
    assert "rozen" in (await room.ask(incident, digest=digest)).text
    assert room.posts() == []


async def test_a_freeze_between_the_claim_and_the_request_stops_it(room: Room) -> None:
    """I8: the switch is read again when nothing stands between it and the request."""
    incident = await room.firing()
    await room.asked(incident)
    whole = room.floor.ctx.freeze_file
    looks = 0

    async def frozen_meanwhile() -> bool | None:
        nonlocal looks
        looks += 1
        if looks == 2:
            await room.floor.freeze()
        return await whole()

    object.__setattr__(room.floor.ctx, "freeze_file", frozen_meanwhile)
    await room.floor.run(Stage.SILENCE)
    assert looks == 2
    assert room.posts() == []
    assert (await room.silence()).state is SilenceState.FAILED


async def test_what_waited_too_long_is_not_set_any_more(room: Room) -> None:
    incident = await room.firing()
    await room.asked(incident)
    room.floor.advance(16 * 60)
    await room.run(1)
    assert "could not be set in time" in (await room.silence()).outcome
    assert room.posts() == []


@pytest.mark.parametrize("status", [400, 422])
async def test_what_alertmanager_refuses_is_told_with_its_reason(room: Room, status: int) -> None:
    incident = await room.firing()
    await room.asked(incident)

    def refuse(_body: Any) -> str:
        from bot.sandbox.silence_book import RefusedError  # noqa: PLC0415

        raise RefusedError(
            status, "silence invalid: no reason" if status == 400 else {"code": 612, "message": "no reason"}
        )

    room.book.post = refuse  # type: ignore[method-assign]
    await room.run(2)
    silence = await room.silence()
    assert (silence.state, "no reason" in silence.outcome) == (SilenceState.FAILED, True)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("deny: Ask the shop team", "The policy a denies silence in shop: Ask the shop team."),
        ("quorum: 2", "The policy a wants 2 people, and a silence is set by one."),
        ("approvers: [U0LI]", "policy a"),
    ],
)
async def test_rules_of_the_policy_hold_for_silences_too(room: Room, rule: str, said: str) -> None:
    incident = await room.firing()
    digest = (await room.preview(incident)).digest
    room.floor.configure(POLICY=policy(f"rules: [{{name: a, {rule}}}]"))
    assert said in (await room.preview(incident)).refusal
    assert said in (await room.ask(incident, digest=digest)).text


async def test_the_environment_that_a_label_tells_is_read_before_the_form_says_anything(room: Room) -> None:
    rule = "{name: a, match: {actions: [silence], environments: [prod]}, deny: No}"
    room.floor.configure(POLICY=policy(f"rules: [{rule}]\nenvironments: {{label: env}}"))
    incident = await room.firing()
    assert "denies silence" in (await room.preview(incident)).refusal, "one that isn't known counts as each"
    metadata = {"name": "shop", "labels": {"env": "test"}}
    room.floor.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    assert (await room.preview(incident)).refusal == ""


async def test_a_rule_that_wants_a_reason_wants_one_of_a_silence_too(room: Room) -> None:
    incident = await room.firing()
    shown = await room.preview(incident)
    room.floor.configure(POLICY=policy("rules: [{name: why, require_reason: true}]"))
    ana = await room.floor.person("ana")
    answer = await room.floor.verbs.silence(incident.id, ana, timedelta(hours=1), "  ", shown.digest)
    assert "The policy why wants a reason" in answer.text
    assert (await room.ask(incident)).ok


async def test_a_freeze_window_holds_a_silence_up_only_where_it_names_it(room: Room) -> None:
    window = "name: always, dates: 2020-01-01 - 2099-01-01, zone: UTC"
    incident = await room.firing()
    room.floor.configure(POLICY=policy(f"windows: [{{{window}}}]"))
    assert (await room.preview(incident)).refusal == ""
    room.floor.configure(POLICY=policy(f"windows: [{{{window}, match: {{actions: [silence]}}}}]"))
    assert "The freeze window always" in (await room.preview(incident)).refusal
