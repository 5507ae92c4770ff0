"""REQUIRE_RBAC: whoever approves may do it themselves, as the API server says at the press and again at the claim."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.answer import Answer
from bot.domain.cluster_user import ClusterUser, Needed, Review, Vouched
from bot.domain.errors import RejectedError
from bot.domain.execution import ExecutionState
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.kube import reviews
from bot.policy import cluster_rights
from bot.settings_cluster_users import cluster_users
from bot.settings_policy import policy
from bot.storage import people
from bot.workflow import ruled, vouching

from .floor import Floor

RULE = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]}
LOOK = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}
USERS = "U0ANA=ana@shop.example, U0BO=bo@shop.example groups=dev|shop-dev, U0LI=li@shop.example"


def guarded(floor: Floor, users: str = USERS, **more: Any) -> None:
    """The option is on, and Fettle may ask."""
    floor.server.access.allow("create", "subjectaccessreviews")
    floor.configure(REQUIRE_RBAC=True, CLUSTER_USERS=cluster_users(users), **more)


def may(floor: Floor, user: str, *rules: Any, group: str = "") -> None:
    bound = {"group": group} if group else {"user": f"{user}@shop.example"}
    floor.server.access.people.bind(f"of-{user}", rules or (RULE,), namespace="shop", **bound)


def asked(floor: Floor) -> list[Any]:
    """What was asked about people, in order."""
    found = [one for one in floor.server.requests if one.path.endswith("/subjectaccessreviews")]
    return [json.loads(one.body)["spec"] for one in found]


def refused(answer: Answer) -> bool:
    """For the sake of the account's own rights."""
    return not answer.ok and "may not" in answer.text


async def test_who_may_do_it_themselves_approves_and_the_answers_stand_in_the_audit(floor: Floor) -> None:
    guarded(floor)
    may(floor, "ana")
    _, proposal = await floor.restart_asked()
    told = "Whoever approves needs the right itself in the cluster: get deployments.apps, patch deployments.apps"
    assert told in proposal.text.warnings
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED
    (granted,) = await floor.entries("proposal:approval:granted")
    assert granted.detail is not None
    cluster = granted.detail["cluster"]
    assert (cluster["user"], cluster["groups"]) == ("ana@shop.example", [])
    assert [(one["right"], one["namespace"], one["name"], one["allowed"]) for one in cluster["asked"]] == [
        ("get deployments.apps", "shop", "api", True),
        ("patch deployments.apps", "shop", "api", True),
    ]
    assert 'of Role "of-ana" to User "ana@shop.example"' in cluster["asked"][1]["reason"]
    (intent,) = await floor.entries("execution:intent:committed")
    assert intent.detail is not None
    (again,) = intent.detail["cluster"]
    assert again["person"] == granted.actor
    assert again["at"] > cluster["at"], "asked anew at the claim"
    assert "ana@shop.example" not in str(intent.detail), "nothing is erased there"
    assert len(asked(floor)) == 4


async def test_who_may_not_is_refused_by_account_right_and_namespace(floor: Floor) -> None:
    guarded(floor)
    may(floor, "ana", LOOK)
    _, proposal = await floor.restart_asked()
    answer = await floor.approve(proposal)
    assert answer.text == (
        "@ana, your account ana@shop.example may not `patch deployments.apps` in shop, so this press counts for "
        "nothing. Ask another approver who may, or whoever gives out rights in the cluster."
    )
    assert await floor.last_rules("proposal:approval:refused") == ["rbac"]
    assert (await floor.proposal_now(proposal)).state is ProposalState.PENDING
    may(floor, "li")
    assert (await floor.approve(proposal, by="li")).ok


async def test_rights_by_a_group_count(floor: Floor) -> None:
    guarded(floor, APPROVERS=("U0BO", "U0ANA"))
    may(floor, "bo", group="shop-dev")
    _, proposal = await floor.restart_asked(by="cora")
    assert (await floor.approve(proposal, by="bo")).ok


async def test_whom_nobody_maps_is_told_what_to_do(floor: Floor) -> None:
    guarded(floor, "U0LI=li@shop.example")
    _, proposal = await floor.restart_asked()
    assert (await floor.approve(proposal)).text == (
        "@ana: nobody says who you are to the cluster, so this press counts for nothing. Have your Slack id (U0ANA) "
        "named in CLUSTER_USERS, with your user."
    )
    assert await floor.last_rules("proposal:approval:refused") == ["rbac"]


async def test_who_is_no_approver_hears_that_alone(floor: Floor) -> None:
    guarded(floor)
    may(floor, "kim")
    _, proposal = await floor.restart_asked()
    await floor.approve(proposal, by="kim")
    assert await floor.last_rules("proposal:approval:refused") == ["approver"]


async def test_without_the_role_every_press_is_refused_and_the_role_is_named(floor: Floor) -> None:
    guarded(floor)
    may(floor, "ana")
    floor.server.access.deny("create", "subjectaccessreviews")
    _, proposal = await floor.restart_asked()
    answer = await floor.approve(proposal)
    assert answer.text == (
        "@ana: I can't tell whether your account may do this, so nothing is done. I may not create "
        "subjectaccessreviews.authorization.k8s.io in the cluster (403). Apply the role fettle-review in the cluster."
    )
    assert await floor.last_rules("proposal:approval:refused") == ["rbac"]


async def test_an_api_server_that_does_not_answer_about_people_refuses(floor: Floor) -> None:
    guarded(floor)
    may(floor, "ana")
    _, proposal = await floor.restart_asked()
    floor.server.faults.set("create", "subjectaccessreviews", status=503, times=None)
    answer = await floor.approve(proposal)
    assert "I can't tell whether your account may do this" in answer.text
    assert await floor.last_rules("proposal:approval:refused") == ["unreadable"]
    assert await floor.count("executions") == 0


async def test_an_answer_without_a_status_is_no_yes() -> None:
    class Silent:
        async def review(self, _path: str, body: Any) -> Any:
            return body

    needed = (Needed("patch", "apps", "deployments", "shop", "api"),)
    with pytest.raises(RejectedError, match="without a status"):
        await reviews.reviews(Silent(), ClusterUser("ana"), needed)  # type: ignore[arg-type]


async def test_a_right_taken_away_between_press_and_claim_stops_it(floor: Floor) -> None:
    guarded(floor)
    may(floor, "ana")
    await floor.approved()
    floor.server.access.people.unbind("of-ana")
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.state is ExecutionState.FAILED
    assert "Who approved this may not `get deployments.apps`, `patch deployments.apps` in shop" in execution.outcome
    assert "ana@" not in execution.outcome
    assert await floor.last_rules("execution:claim:refused") == ["rbac"]
    assert floor.patches() == []


async def test_a_silent_api_server_at_the_claim_waits_and_the_approval_stands(floor: Floor) -> None:
    guarded(floor)
    may(floor, "ana")
    await floor.approved()
    floor.server.faults.set("create", "subjectaccessreviews", status=503, times=None)
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.PENDING
    assert floor.patches() == []
    floor.server.faults.clear()
    floor.advance(10)
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED


async def test_a_mapping_taken_away_between_press_and_claim_stops_it(floor: Floor) -> None:
    guarded(floor)
    may(floor, "ana")
    await floor.approved()
    floor.configure(CLUSTER_USERS=cluster_users("U0LI=li@shop.example"))
    await floor.run(Stage.EXECUTE)
    assert await floor.last_rules("execution:claim:refused") == ["rbac"]
    assert floor.patches() == []


async def test_of_a_quorum_each_is_asked_at_the_press_and_at_the_claim(floor: Floor) -> None:
    rules = "rules: [{name: two, quorum: 2}]"
    guarded(floor, POLICY=policy(rules))
    may(floor, "ana")
    _, proposal = await floor.restart_asked()
    assert "1 of 2" in (await floor.approve(proposal)).text
    assert not (await floor.approve(proposal, by="li")).ok
    may(floor, "li")
    assert (await floor.approve(proposal, by="li")).ok
    floor.server.access.people.unbind("of-ana")
    await floor.run(Stage.EXECUTE)
    assert await floor.last_rules("execution:claim:refused") == ["rbac"]
    assert floor.patches() == []


async def test_a_rejection_needs_no_right(floor: Floor) -> None:
    guarded(floor)
    _, proposal = await floor.restart_asked()
    assert (await floor.verbs.deny(proposal.id, await floor.person("ana"), "no")).ok
    assert asked(floor) == []


async def test_breaking_the_glass_overrides_no_right_and_takes_it(floor: Floor) -> None:
    window = "windows: [{name: night, weekly: daily 00:00 - 00:00, zone: UTC}]\nbreak_glass: [U0LI]\n"
    guarded(floor, POLICY=policy(window))
    _, proposal = await floor.alerted()
    li = await floor.person("li")
    assert "your account li@shop.example may not" in (await floor.verbs.break_glass(proposal.id, li, "down")).text
    assert await floor.last_rules("proposal:glass:refused") == ["rbac"]
    may(floor, "li")
    assert (await floor.verbs.break_glass(proposal.id, li, "down")).ok
    await floor.run(Stage.PROPOSE)
    opened = await floor.proposal()
    assert refused(await floor.approve(opened)), "the other one has no right"
    may(floor, "ana")
    assert (await floor.approve(opened)).ok
    floor.server.access.people.unbind("of-li")
    await floor.run(Stage.EXECUTE)
    assert await floor.last_rules("execution:claim:refused") == ["rbac"], "who broke it may not any more"
    assert floor.patches() == []


async def test_nothing_is_done_without_a_person(floor: Floor) -> None:
    guarded(floor)
    incident, proposal = await floor.alerted()
    against = ruled.alone(floor.ctx, incident, "restart", proposal.target, None)
    assert "somebody who might do it themselves" in against.sentence


async def test_an_email_makes_the_user_and_is_erased_with_the_person(floor: Floor) -> None:
    guarded(floor, '"*": "{email}"')
    may(floor, "ana")
    _, proposal = await floor.restart_asked()
    refused = await floor.approve(proposal)
    assert "Slack tells me no e-mail address of yours" in refused.text
    assert "users:read.email" in refused.text
    ana = replace(await floor.person("ana"), email="ana@shop.example")
    await floor.store.transact(people.keep_email, ana.id, ana.email)
    assert (await floor.verbs.approve(proposal.id, ana)).ok
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED
    assert await floor.store.read(people.email_of, ana.id) == "ana@shop.example"
    await floor.store.transact(people.erase, "U0ANA")
    assert await floor.store.read(people.email_of, ana.id) == ""


async def test_without_the_option_nothing_is_asked(floor: Floor) -> None:
    await floor.executed()
    assert asked(floor) == []


ACTIONS: dict[Action, tuple[dict[str, str], set[tuple[str, str, str, str]]]] = {
    Action.SCALE: ({"replicas": "4"}, {("get", "deployments", "", "api"), ("patch", "deployments", "scale", "api")}),
    Action.EVICT: (
        {"pod": "POD"},
        {
            ("get", "deployments", "", "api"),
            ("get", "pods", "", "POD"),
            ("list", "pods", "", ""),
            ("create", "pods", "eviction", "POD"),
        },
    ),
}


@pytest.mark.parametrize("action", ACTIONS)
async def test_exactly_the_action_s_own_rights_are_asked_with_the_object_s_name(floor: Floor, action: Action) -> None:
    guarded(floor, ALLOWED_ACTIONS=(action,))
    wanted, rights = ACTIONS[action]
    pod = floor.runs()[0]
    typed = {key: pod if value == "POD" else value for key, value in wanted.items()}
    answer = await floor.verbs.act(await floor.person("bo"), action, "shop/api", typed)
    assert answer.ok, answer.text
    await floor.prepare()
    proposal = await floor.proposal()
    assert proposal.state is ProposalState.PENDING, proposal.text.refusal
    assert refused(await floor.approve(proposal))
    sent = [one["resourceAttributes"] for one in asked(floor)]
    found = {(one["verb"], one["resource"], one.get("subresource", ""), one.get("name", "")) for one in sent}
    assert found == {(verb, kind, sub, pod if name == "POD" else name) for verb, kind, sub, name in rights}
    assert {one["namespace"] for one in sent} == {"shop"}
    assert {tuple(one["groups"]) for one in asked(floor)} == {("system:authenticated",)}


async def test_of_what_was_changed_the_other_object_is_asked_about(floor: Floor) -> None:
    guarded(floor, ALLOWED_ACTIONS=(Action.EVICT,))
    first, second, *_ = floor.runs()
    await floor.verbs.act(await floor.person("bo"), Action.EVICT, "shop/api", {"pod": first})
    await floor.prepare()
    assert (await floor.verbs.change((await floor.proposal()).id, await floor.person("li"), second)).ok
    await floor.run(Stage.PROPOSE)
    assert refused(await floor.approve(await floor.proposal()))
    names = {one["resourceAttributes"].get("name") for one in asked(floor)}
    assert second in names
    assert first not in names


async def test_answers_older_than_five_seconds_count_for_nothing(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_rights, "MAX_AGE", timedelta(seconds=5))  # as it is
    guarded(floor)
    _, proposal = await floor.restart_asked()
    needed = vouching.needed_for(proposal)
    vouched = Vouched(ClusterUser("ana"), floor.now(), tuple(Review(one, allowed=True) for one in needed))
    at = vouched.at
    assert cluster_rights.check(vouched, needed, at + timedelta(seconds=5), "@ana").allowed
    late = cluster_rights.check(vouched, needed, at + timedelta(seconds=5.1), "@ana")
    assert [str(one.rule) for one in late.reasons] == ["unreadable"]
    assert not cluster_rights.check(vouched, (), at, "@ana").allowed, "no right asked is none given"
