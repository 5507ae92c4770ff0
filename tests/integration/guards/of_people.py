"""Guards that ask who presses, whether what they approve is still to be had, and whether they still might."""

from __future__ import annotations

from bot.domain.decision import Rule
from bot.policy.guardrails import Point
from tests.integration.workflow.floor import BASE

from .room import LATER, Guard, Room

PRESS, CLAIM = (Point.APPROVE,), (Point.EXECUTE,)
NOBODY = "Nobody may approve this, because nobody is named by APPROVERS and by"
REVOKED = "Who approved this may not approve a {noun} any more. Nothing was done."
PROPOSE = (Point.PROPOSE,)


def _late(room: Room) -> None:
    room.floor.advance(16 * 60)


async def _rejected(room: Room) -> None:
    proposal = await room.floor.proposal()
    await room.floor.verbs.deny(proposal.id, await room.floor.person("li"), "no")


def _only_the_group(room: Room) -> None:
    room.floor.configure(APPROVERS=("S0SRE", "U0LI"))
    room.floor.advance(200)


def _own_request(room: Room) -> None:
    """Bo may approve, and approves what Bo asked for."""
    room.floor.configure(SELF_APPROVE=(room.way.action,), APPROVERS=(*BASE["APPROVERS"].split(","), "U0BO"))


def _left(room: Room) -> None:
    """Whoever approved is no approver any more."""
    room.floor.configure(APPROVERS=("U0KIM",))


async def _once_already(room: Room) -> None:
    await room.floor.approve(await room.newest(), "ana")


async def _wherever(_room: Room) -> None:
    """Nothing changes; what matters is who presses."""


GUARDS: tuple[Guard, ...] = (
    Guard("expired", Rule.EXPIRED, "guardrails._still_valid", "This proposal expired at", _late, points=LATER,
          also=frozenset(Rule)),
    Guard(
        "without an end", Rule.EXPIRED, "guardrails._still_valid", "This proposal has no time limit",
        lambda room: room.sql("UPDATE proposals SET expires_at = NULL"), points=PRESS,
    ),
    Guard(
        "an end that a rule brought forward", Rule.EXPIRED, "guardrails._still_valid", "This proposal expired at",
        lambda room: (room.policy("rules: [{name: short, expires: 1m}]"), room.floor.advance(61))[1], points=LATER,
        also=frozenset(Rule),
    ),
    Guard("already rejected", Rule.SETTLED, "decide.too_late", "Already rejected by @li", _rejected, points=PRESS),
    Guard(
        "withdrawn after the approval", Rule.SETTLED, "execute._claim", "The proposal is superseded, not approved.",
        lambda room: room.sql("UPDATE proposals SET state = 'superseded'"), points=CLAIM,
    ),
    Guard(
        "the same person twice", Rule.SETTLED, "decide._approve", "You approved this already; it needs 2 different",
        _once_already, points=PRESS, by="ana", first=lambda room: room.policy("rules: [{name: two, quorum: 2}]"),
    ),
    Guard("no approver", Rule.APPROVER, "approvers.listed", "@kim, only those whom APPROVERS names may", _wherever,
          points=PRESS, by="kim"),
    Guard(
        "nobody configured", Rule.APPROVER, "approvers.may_approve", "Nobody is configured to approve. Set APPROVERS",
        lambda room: room.floor.configure(APPROVERS=()), points=PRESS,
    ),
    Guard("group unread", Rule.APPROVER, "approvers.listed", "weren't read within 3 minutes.", _only_the_group,
          points=PRESS, by="sam"),
    Guard("a guest", Rule.IDENTITY, "approvers.identity", "@gus, guests may not do this.", _wherever,
          points=PRESS, by="gus", who={"restricted": True}),
    Guard("an app", Rule.IDENTITY, "approvers.identity", "@ana is an app; only a person may do this.", _wherever,
          points=PRESS, by="ana", who={"bot": True}),
    Guard("somebody who left", Rule.IDENTITY, "approvers.identity", "@ana, this account is deactivated;", _wherever,
          points=PRESS, by="ana", who={"deleted": True}),
    Guard("a stranger", Rule.IDENTITY, "approvers.identity", "@ana, you are in another organisation;", _wherever,
          points=PRESS, by="ana", who={"stranger": True}),
    Guard("one's own request", Rule.SELF_APPROVAL, "approvers.may_approve",
          "@bo, you requested this {action} yourself.",
          lambda room: room.floor.configure(SELF_APPROVE=()), points=PRESS, by="bo", first=_own_request),
    Guard(
        "one's own request, at the execution", Rule.SELF_APPROVAL, "entitled.still_approved", REVOKED,
        lambda room: room.floor.configure(SELF_APPROVE=()), points=CLAIM, by="bo", first=_own_request,
    ),
    Guard(
        "one's own request by a rule", Rule.SELF_APPROVAL, "approvers.may_approve",
        "@bo, you requested this {noun} yourself (policy four-eyes). Ask another approver.",
        lambda room: room.policy("rules: [{name: four-eyes, self_approval: forbid}]"), points=PRESS, by="bo",
        first=_own_request,
    ),
    Guard("a role that was revoked", Rule.APPROVER, "entitled.still_approved", REVOKED, _left, points=CLAIM),
    Guard(
        "nobody configured any more", Rule.APPROVER, "entitled.still_approved", REVOKED,
        lambda room: room.floor.configure(APPROVERS=()), points=CLAIM,
    ),
    Guard(
        "a rule that names nobody of them", Rule.APPROVER, "entitled.who_may", NOBODY,
        lambda room: room.policy("rules: [{name: few, approvers: [U0KIM]}]"), points=PROPOSE,
    ),
    Guard(
        "an annotation that names nobody of them", Rule.APPROVER, "entitled.who_may", NOBODY,
        lambda room: room.floor.cluster.annotate(*room.way.key, {"fettle/approvers": "U0KIM"}), points=PROPOSE,
    ),
    Guard(
        "an annotation that leaves them out", Rule.APPROVER, "approvers.listed",
        "the annotation fettle/approvers of {label} names may",
        lambda room: room.floor.cluster.annotate(*room.way.key, {"fettle/approvers": "U0KIM"}), points=PRESS,
    ),
    Guard(
        "a rule that leaves them out, at the execution", Rule.APPROVER, "entitled.still_approved", REVOKED,
        lambda room: room.policy("rules: [{name: few, approvers: [U0KIM]}]"), points=CLAIM,
    ),
    Guard(
        "more people by a rule", Rule.APPROVER, "entitled.still_approved", "The policy four wants 4 people now, and",
        lambda room: room.policy("rules: [{name: four, quorum: 4}]"), points=CLAIM,
    ),
)  # fmt: skip
