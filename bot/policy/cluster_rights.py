"""May the person who approves do it themselves? What the API server said of their own account, judged.

Asked only where REQUIRE_RBAC wants it, at the press and at the claim. What wasn't asked, or wasn't answered just now,
denies. It refuses to name a person where ``named`` is false: such a sentence is kept where nothing is erased.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.domain.cluster_user import Needed, Vouched
from bot.domain.decision import ALLOWED, NOTHING_DONE, Decision, Rule, deny
from bot.domain.errors import UnavailableError

MAX_AGE = timedelta(seconds=5)
"""How old an answer may be, like every fact for an effect (definitions: "Execute")."""
UNASKED = "whether the cluster lets {who} do this wasn't asked, so nothing is done. Try again."


def check(
    vouched: Vouched | None, needed: Sequence[Needed], now: datetime, who: str, *, named: bool = True
) -> Decision:
    """The decision for one person and all rights of one action on one target; ``who`` begins the sentence."""
    if vouched is None:
        return deny(Rule.UNREADABLE, f"{who}: {UNASKED.format(who='you' if named else 'this person')}")
    if vouched.user is None:
        why = vouched.unmapped if named else "no cluster user is mapped to whoever approved this."
        return deny(Rule.RBAC, f"{who}: {why}")
    if vouched.problem is not None:
        passes = isinstance(vouched.problem, UnavailableError)
        whose = "your account may do this" if named else "who approved this may do it"
        said = f"{who}: I can't tell whether {whose}, so nothing is done. {vouched.problem}"
        return deny(Rule.UNREADABLE if passes else Rule.RBAC, said)
    if now - vouched.at > MAX_AGE:
        return deny(Rule.UNREADABLE, f"{who}: the cluster took longer than 5 s to answer about rights. Try again.")
    answers = {one.needed: one.allowed for one in vouched.reviews}
    lacking = [one for one in needed if not answers.get(one)]
    if not needed or lacking:
        return deny(Rule.RBAC, _lacks(who, vouched.user.name if named else "", lacking))
    return ALLOWED


def _lacks(who: str, account: str, lacking: Sequence[Needed]) -> str:
    rights = ", ".join(f"`{one.words}`" for one in lacking) or "anything here"
    place = next((one.namespace for one in lacking if one.namespace), "")
    where = f" in {place}" if place else ""
    if not account:
        return f"{who} may not {rights}{where} themselves by the cluster's rights. {NOTHING_DONE}"
    return (
        f"{who}, your account {account} may not {rights}{where}, so this press counts for nothing. Ask another "
        "approver who may, or whoever gives out rights in the cluster."
    )
