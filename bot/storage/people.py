"""People whom Fettle met, and the approver groups as last read from Slack.

The audit holds ``person:7``; the Slack id and the name stand here alone and can be erased. Groups are read by policy
from here, so that no decision waits for Slack; how old a reading may be is policy's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from bot.domain import oncall
from bot.domain.approval import is_oncall
from bot.domain.audit import AuditNote
from bot.storage import facts
from bot.storage.note_tables import NoteRow
from bot.storage.oncall_table import ShiftRow
from bot.storage.silence_table import SilenceRow
from bot.storage.tables import (
    ApprovalRow,
    AuditDetail,
    AuditRow,
    FreezeRow,
    GroupMember,
    GroupRefresh,
    IncidentRow,
    Person,
    ProposalRow,
)
from bot.storage.tx import Tx

PREFIX = "person:"
EMAIL = "email:"
"""Before the principal id, the key of the fact that holds an e-mail address, where a setting makes use of those."""
GROUP_NAME = "group-name:"
"""Before the id, the key of the fact that holds a group's name."""


def person_for(tx: Tx, slack_id: str, name: str, now: datetime) -> str:
    """The principal id (``person:7``) of a Slack user; met for the first time, the person is created and audited."""
    known = tx.one(Person.select().where(Person.slack_id == slack_id))
    if known is None:
        known = tx.one(Person.insert(slack_id=slack_id, name=name, seen_at=now).returning(Person))
        principal = f"{PREFIX}{known.id}"
        tx.audit(AuditNote("person:identity:seen", principal, principal, "seen"), now)
        return principal
    if name and known.name != name:
        tx.run(Person.update(name=name, seen_at=now).where(Person.id == known.id))
    return f"{PREFIX}{known.id}"


def names(tx: Tx, ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Principal id to (slack_id, name); erased people give ("", ""), other actors are left out."""
    numbers = sorted({number for number in map(_number, ids) if number})
    if not numbers:
        return {}
    marks = ", ".join("?" * len(numbers))
    sql = f"SELECT id, slack_id, name FROM people WHERE id IN ({marks})"  # noqa: S608 - question marks alone
    return {f"{PREFIX}{row[0]}": (row[1] or "", row[2]) for row in tx.execute(sql, numbers)}


def name_of(tx: Tx, principal: str) -> str:
    """What a principal is called, empty where that isn't known (any more)."""
    return names(tx, [principal]).get(principal, ("", ""))[1]


def slack_id_of(tx: Tx, principal: str) -> str:
    """The Slack user id of a principal, empty if erased or not a person."""
    return names(tx, [principal]).get(principal, ("", ""))[0]


def keep_email(tx: Tx, principal: str, email: str) -> None:
    """Keep a person's e-mail address as Slack tells it now, an empty one too."""
    if email_of(tx, principal) != email:
        facts.put(tx, f"{EMAIL}{principal}", email)


def email_of(tx: Tx, principal: str) -> str:
    """A person's e-mail address as last told; empty if never, or erased."""
    return facts.get(tx, f"{EMAIL}{principal}") or ""


def principal_of(tx: Tx, slack_id: str) -> str:
    """The principal id of a Slack user whom we met, else an empty string."""
    known = tx.one(Person.select().where(Person.slack_id == slack_id))
    return f"{PREFIX}{known.id}" if known is not None else ""


def erase(tx: Tx, slack_id: str) -> int:
    """Forget a person: id, name, group memberships, and the words that person wrote; the number of rows changed.

    The audit's entries stay, with ``person:7`` and the digests of what is gone: the chain verifies as before.
    Messages in Slack are Slack's to erase.
    """
    person = tx.one(Person.select().where(Person.slack_id == slack_id))
    changed = tx.run(GroupMember.delete().where(GroupMember.slack_id == slack_id))
    changed += tx.run(ShiftRow.delete().where(ShiftRow.slack_id == slack_id))
    if person is None:
        return changed
    principal = f"{PREFIX}{person.id}"
    changed += tx.execute("DELETE FROM facts WHERE key = ?", (f"{EMAIL}{principal}",)).rowcount
    own = AuditRow.select(AuditRow.seq).where(AuditRow.actor == principal)
    changed += tx.run(AuditDetail.delete().where(AuditDetail.seq.in_(own)))
    changed += tx.run(ApprovalRow.update(reason="").where(ApprovalRow.principal == principal, ApprovalRow.reason != ""))
    changed += tx.run(
        ProposalRow.update(reason="").where(ProposalRow.decided_by == principal, ProposalRow.reason != "")
    )
    ended = AuditRow.select(AuditRow.incident_id).where(
        AuditRow.actor == principal, AuditRow.tag == "incident:state:resolved"
    )
    changed += tx.run(IncidentRow.update(reason="").where(IncidentRow.id.in_(ended), IncidentRow.reason != ""))
    # Until 0.1 the title of a requested restart held the name; databases of then may be here still.
    changed += tx.execute(
        "UPDATE incidents SET title = 'Restart requested' WHERE declared_by = ? AND title LIKE ?",
        (principal, "Restart requested by @%"),
    ).rowcount
    changed += tx.run(FreezeRow.update(reason="").where(FreezeRow.actor == principal, FreezeRow.reason != ""))
    changed += tx.run(
        SilenceRow.update(comment="", body=None).where(
            SilenceRow.requested_by == principal, (SilenceRow.comment != "") | ~SilenceRow.body.is_null()
        )
    )
    changed += _notes_erased(tx, principal, slack_id)
    changed += tx.execute(
        "UPDATE outbox SET params = '{}' WHERE params LIKE ? AND (version <= sent_version OR dropped)",
        (f"%{slack_id}%",),
    ).rowcount
    return changed + tx.run(Person.update(slack_id=None, name="").where(Person.id == person.id))


def _notes_erased(tx: Tx, principal: str, slack_id: str) -> int:
    """The words of notes that this person wrote or pinned, or that name them, and of the entries that repeat those."""
    whose = (NoteRow.author == principal) | (NoteRow.noted_by == principal) | NoteRow.text.contains(f"@{slack_id}")
    ids = [f"note:{row.id}" for row in tx.all(NoteRow.select(NoteRow.id).where(whose))]
    told = AuditRow.select(AuditRow.seq).where(AuditRow.subject.in_(ids))
    changed = tx.run(AuditDetail.delete().where(AuditDetail.seq.in_(told))) if ids else 0
    return changed + tx.run(NoteRow.update(text="", link="").where(whose, NoteRow.text != ""))


def forget(tx: Tx, slack_id: str, actor: str, now: datetime) -> int:
    """``erase``, audited as ``actor`` (``cli:USER``) by the principal id alone; 0 and no entry if nothing was there."""
    person = tx.one(Person.select().where(Person.slack_id == slack_id))
    changed = erase(tx, slack_id)
    if changed:
        subject = f"{PREFIX}{person.id}" if person else "person"
        tx.audit(AuditNote("person:identity:erased", actor, subject, "erased", detail={"rows": changed}), now)
    return changed


def set_group(tx: Tx, group_id: str, slack_ids: Iterable[str], now: datetime) -> None:
    """Replace the members of a group by what Slack said at ``now``."""
    tx.run(GroupMember.delete().where(GroupMember.group_id == group_id))
    members = sorted(set(slack_ids))
    tx.execute_many(
        "INSERT INTO group_members (group_id, slack_id) VALUES (?, ?)", [(group_id, member) for member in members]
    )
    refreshed(tx, group_id, now, "")


def name_groups(tx: Tx, names: Mapping[str, str]) -> None:
    """Keep what people call the groups, by id."""
    for group_id, name in names.items():
        facts.put(tx, f"{GROUP_NAME}{group_id}", name)


def group_names(tx: Tx) -> dict[str, str]:
    """Group id to what people call it (``sre-oncall``), as far as Slack told."""
    rows = tx.execute("SELECT key, value FROM facts WHERE key LIKE ?", (f"{GROUP_NAME}%",)).fetchall()
    return {str(key).removeprefix(GROUP_NAME): str(value) for key, value in rows if value}


def by_name(tx: Tx, name: str) -> list[str]:
    """The Slack ids of everybody whom we met under this name."""
    return [row.slack_id for row in tx.all(Person.select().where(Person.name == name)) if row.slack_id]


def called(tx: Tx, slack_ids: Iterable[str]) -> dict[str, str]:
    """Slack id to ``@ana`` or ``@sre-oncall``, for the people whom we met and the groups whose name is known."""
    wanted = set(slack_ids)
    found = {row.slack_id: f"@{row.name}" for row in tx.all(Person.select().where(Person.slack_id.in_(wanted)))}
    found |= {group: f"@{name}" for group, name in group_names(tx).items() if group in wanted}
    found |= {one: oncall.called(one) for one in wanted if is_oncall(one)}
    return {one: name for one, name in found.items() if name != "@"}


def group_failed(tx: Tx, group_id: str, problem: str, now: datetime) -> None:  # noqa: ARG001 - see below
    """Note why a group couldn't be read; the members and the time of the last good reading stay.

    That time, not ``now``, is what policy measures; it is taken so that all of this room are called alike.
    """
    before = tx.one(GroupRefresh.select().where(GroupRefresh.group_id == group_id))
    refreshed(tx, group_id, before.refreshed_at if before else None, problem)


def groups(tx: Tx) -> dict[str, tuple[tuple[str, ...], datetime | None, str]]:
    """Group id to (members, time of the last good reading or None, problem of the last try or "")."""
    members: dict[str, list[str]] = {}
    for row in tx.all(GroupMember.select().order_by(GroupMember.slack_id)):
        members.setdefault(row.group_id, []).append(row.slack_id)
    return {
        row.group_id: (tuple(members.get(row.group_id, ())), row.refreshed_at, row.problem)
        for row in tx.all(GroupRefresh.select())
    }


def refreshed(tx: Tx, group_id: str, at: datetime | None, problem: str) -> None:
    """Notes when a group or schedule was last read, or why it couldn't be."""
    tx.run(GroupRefresh.delete().where(GroupRefresh.group_id == group_id))
    tx.all(GroupRefresh.insert(group_id=group_id, refreshed_at=at, problem=problem).returning(GroupRefresh))


def _number(principal: str) -> int:
    text = principal.removeprefix(PREFIX)
    return int(text) if text != principal and text.isdecimal() else 0
