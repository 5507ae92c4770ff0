"""Who may press what: approvers approve, members ask, everyone else is refused and written down."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from bot.domain.answer import Answer
from bot.domain.approval import Principal
from bot.domain.mitigation import Action
from bot.domain.note import Brought, PinNews, Seen
from bot.domain.owed import DueWork, Stage
from bot.domain.proposal import ProposalState
from bot.domain.severity import Severity
from bot.storage import due, people

from .floor import API, Floor

Press = Callable[[Floor, Principal, int, int], Awaitable[Answer]]

ON = Seen(on=True, text="failing over")
BROUGHT = Brought("C0ONCALL", "1.1", ON, "V1")


async def _pinned(floor: Floor, who: Principal) -> DueWork:
    """Somebody put 📌 on a message; the look at it is claimed."""
    await floor.verbs.heard(PinNews(f"Ev{len(await floor.entries())}", "C0ONCALL", "1.1", who.slack_id, on=True))
    (work,) = await floor.due(Stage.PIN)
    return work


async def _settled(floor: Floor, who: Principal) -> Answer:
    answer = await floor.verbs.settle_pin(await _pinned(floor, who), who, ON)
    assert answer is not None
    return answer


async def _chosen(floor: Floor, who: Principal, incident_id: int) -> Answer:
    work = await _pinned(floor, who)
    await floor.store.transact(due.done, work)
    return await floor.verbs.choose_incident(work.subject, incident_id, who, ON)


async def _offered(floor: Floor, who: Principal) -> Answer:
    found = await floor.verbs.noting(who, BROUGHT)
    assert isinstance(found, Answer), "who may note nothing is offered nothing"
    return found


VERBS: dict[str, Press] = {
    "approve": lambda f, who, _i, p: f.verbs.approve(p, who),
    "deny": lambda f, who, _i, p: f.verbs.deny(p, who, "no"),
    "change": lambda f, who, _i, p: f.verbs.change(p, who, "41"),
    "stop": lambda f, who, _i, p: f.verbs.stop(p, who),
    "break_glass": lambda f, who, _i, p: f.verbs.break_glass(p, who, "because"),
    "request_again": lambda f, who, _i, p: f.verbs.request_again(p, who),
    "freeze": lambda f, who, _i, _p: f.verbs.freeze(who, "migration"),
    "thaw": lambda f, who, _i, _p: f.verbs.thaw(who),
    "acknowledge": lambda f, who, i, _p: f.verbs.acknowledge(i, who),
    "resolve": lambda f, who, i, _p: f.verbs.resolve(i, who, "done"),
    "keep_open": lambda f, who, i, _p: f.verbs.keep_open(i, who),
    "measure_again": lambda f, who, i, _p: f.verbs.measure_again(i, who),
    "choose_target": lambda f, who, i, _p: f.verbs.choose_target(i, API.key, who),
    "silence": lambda f, who, i, _p: f.verbs.silence(i, who, timedelta(hours=1), "why", "d"),
    "lend": lambda f, who, _i, _p: f.verbs.lend(1, who),
    "unsilence": lambda f, who, i, _p: f.verbs.unsilence(i, who),
    "open_card": lambda f, who, i, _p: f.verbs.open_card(i, who),
    "declare": lambda f, who, _i, _p: f.verbs.declare(who, "slow", Severity.SEV3, "shop", "api"),
    "restart": lambda f, who, _i, _p: f.verbs.restart(who, "shop/api"),
    "act": lambda f, who, _i, _p: f.verbs.act(who, Action.ROLLBACK, "shop/api"),
    "verify": lambda f, who, _i, _p: f.verbs.verify(who, "shop/api"),
    "settle_pin": lambda f, who, _i, _p: _settled(f, who),
    "choose_incident": lambda f, who, i, _p: _chosen(f, who, i),
    "noting": lambda f, who, _i, _p: _offered(f, who),
    "note": lambda f, who, i, _p: f.verbs.note(who, i, BROUGHT),
    "retract": lambda f, who, _i, _p: f.verbs.retract(who, BROUGHT),
    "declare_from": lambda f, who, _i, _p: f.verbs.declare_from(who, "slow", Severity.SEV3, "shop", "api", BROUGHT),
}


def test_every_verb_of_a_person_is_in_the_table() -> None:
    """A verb added later has to be added here."""
    from bot.workflow.verbs import Workflow  # noqa: PLC0415

    looking = {
        "principal",
        "home",
        "silence_preview",
        "refused",
        "unidentified",
        "list_open",
        "show",
        "incident_at",
        "card_at",
        "proposal",
        "namespaces",
        "workloads",
        "heard",  # what Slack tells, by whomever it is: it is kept to be looked at
        "pin",
        "put_off_pin",
        "asked_pin",
    }
    public = {name for name in vars(Workflow) if not name.startswith("_")}
    assert public - looking == set(VERBS)


@pytest.mark.parametrize("kind", ["restricted", "stranger", "bot", "deleted"])
async def test_nobody_but_living_members_may_do_anything(floor: Floor, kind: str) -> None:
    """All verbs are refused, audited as the person's, and change nothing."""
    floor.configure(APPROVERS=("U0EVE",))
    asked, proposal = await floor.restart_asked()
    eve = await floor.person("eve", **{kind: True})
    before = (await floor.incident(asked.incident_id), await floor.proposal(), await floor.owed())
    for name, press in VERBS.items():
        count = len(await floor.entries())
        answer = await press(floor, eve, asked.incident_id, proposal.id)
        assert not answer.ok, name
        new = (await floor.entries())[count:]
        assert [entry.outcome for entry in new] == ["refused"], name
        assert new[0].actor == eve.id, name
    assert (await floor.incident(asked.incident_id), await floor.proposal(), await floor.owed()) == before


async def test_whom_slack_does_not_identify_may_do_nothing(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    answer = await floor.verbs.approve(proposal.id, Principal("", "", ""))
    assert answer.text == "I can't tell who pressed this, so nothing was done."


@pytest.mark.parametrize("verb", ["approve", "deny"])
async def test_who_is_no_approver_is_refused_and_written_down(floor: Floor, verb: str) -> None:
    _, proposal = await floor.restart_asked()
    kim = await floor.person("kim")
    answer = await VERBS[verb](floor, kim, 0, proposal.id)
    assert not answer.ok
    assert answer.text == "@kim, only those whom APPROVERS names may approve a restart in shop. Ask one of them."
    assert await floor.last_rules("proposal:approval:refused") == ["approver"]
    assert (await floor.proposal_now(proposal)).state is ProposalState.PENDING


async def test_who_is_no_approver_is_told_the_group_to_ask(floor: Floor) -> None:
    await floor.store.transact(people.name_groups, {"S0SRE": "sre-oncall"})
    _, proposal = await floor.restart_asked()
    answer = await floor.approve(proposal, by="kim")
    assert answer.text == (
        "@kim, only those whom APPROVERS names may approve a restart in shop. Ask somebody of @sre-oncall."
    )


async def test_who_is_known_of_the_one_group_is_named_beside_it(floor: Floor) -> None:
    floor.configure(APPROVERS=("S0SRE",))
    await floor.store.transact(people.name_groups, {"S0SRE": "sre-oncall"})
    await floor.person("sam")
    _, proposal = await floor.restart_asked()
    answer = await floor.approve(proposal, by="kim")
    assert answer.text == "@kim, only @sre-oncall may approve a restart in shop (APPROVERS). Ask @sam."


async def test_the_one_group_that_may_approve_stands_on_the_card_by_its_name(floor: Floor) -> None:
    floor.configure(APPROVERS=("S0SRE",))
    await floor.store.transact(people.name_groups, {"S0SRE": "sre-oncall"})
    _, proposal = await floor.restart_asked()
    assert proposal.text.policy == "Needs 1 of @sre-oncall"


async def test_a_member_of_an_approver_group_may_approve(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    assert (await floor.approve(proposal, by="sam")).ok


async def test_a_group_read_longer_than_three_minutes_ago_denies(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    floor.advance(181)
    answer = await floor.approve(proposal, by="sam")
    assert not answer.ok
    assert "weren't read within 3 minutes" in answer.text
    assert (await floor.approve(proposal, by="ana")).ok, "who is named by id doesn't need the group"


async def test_a_group_that_could_not_be_read_denies_and_says_why(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    floor.advance(181)
    await floor.store.transact(people.group_failed, "S0SRE", "Slack says missing_scope.", floor.now())
    answer = await floor.approve(proposal, by="sam")
    assert "Slack says missing_scope." in answer.text


async def test_nobody_configured_means_nobody_may(floor: Floor) -> None:
    floor.configure(APPROVERS=())
    _, proposal = await floor.restart_asked()
    assert proposal.text.policy == "Nobody may approve: set APPROVERS to Slack user or group ids"
    answer = await floor.approve(proposal)
    assert answer.text.startswith("Nobody is configured to approve.")


@pytest.mark.parametrize("now", [(), ("U0LI",)])
async def test_whom_approvers_names_no_more_may_not_approve_what_was_shown_before(
    floor: Floor, now: tuple[str, ...]
) -> None:
    """The list that the card showed is no right that outlives the setting."""
    _, proposal = await floor.restart_asked()
    floor.configure(APPROVERS=now)
    assert not (await floor.approve(proposal)).ok
    assert await floor.last_rules("proposal:approval:refused") == ["approver"]
    assert (await floor.approve(proposal, by="li")).ok is bool(now)


async def test_whom_approvers_names_only_since_may_not_approve_what_was_shown_before(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    floor.configure(APPROVERS=("U0ANA", "U0KIM"))
    assert not (await floor.approve(proposal, by="kim")).ok
    assert (await floor.approve(proposal)).ok


async def test_nobody_approves_a_request_of_their_own(floor: Floor) -> None:
    _, proposal = await floor.restart_asked(by="ana")
    answer = await floor.approve(proposal, by="ana")
    assert not answer.ok
    assert await floor.last_rules("proposal:approval:refused") == ["self_approval"]
    assert (await floor.approve(proposal, by="li")).ok


async def test_unless_self_approve_names_the_action(floor: Floor) -> None:
    floor.configure(SELF_APPROVE=(Action.RESTART,))
    _, proposal = await floor.restart_asked(by="ana")
    assert (await floor.approve(proposal, by="ana")).ok


async def test_a_requester_may_always_withdraw_their_own_request(floor: Floor) -> None:
    _, proposal = await floor.restart_asked(by="bo")
    answer = await floor.verbs.deny(proposal.id, await floor.person("bo"), "typed the wrong name")
    assert answer.ok
    assert answer.text == "Rejected: Restart Deployment shop/api. Nothing was done."


async def test_a_rejection_keeps_its_reason_and_does_nothing(floor: Floor) -> None:
    asked, proposal = await floor.restart_asked()
    answer = await floor.verbs.deny(proposal.id, await floor.person("ana"), "deploy in an hour")
    assert answer.ok
    stored = await floor.proposal_now(proposal)
    assert (stored.state, stored.reason) == (ProposalState.DENIED, "deploy in an hour")
    entry = (await floor.entries("proposal:approval:denied"))[-1]
    assert (entry.actor_name, entry.detail) == ("ana", {"reason": "deploy in an hour"})
    assert "expire" not in await floor.owed()
    assert await floor.count("executions") == 0
    assert not floor.patches()
    assert (await floor.incident(asked.incident_id)).open
