"""The invariants I1 to I9, asked of what a run has left behind: database, audit, cluster and Slack, whatever broke it.

The one checker of every fault test. It reads the database with plain SQL, beside a running bot if there is one, on
SQLite by a connection that can't write; of the bot's own code it uses the audit's check alone. If the bot were wrong
in reading and writing alike, these laws would still say so.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg

from bot.sandbox.kubernetes.gateway import Record
from bot.sandbox.kubernetes.server import ClusterServer
from bot.sandbox.slack.models import Message
from bot.sandbox.slack.server import SlackServer
from bot.sandbox.slack_room import CARD, DIGEST, message_key
from bot.storage import audit
from bot.storage.db import Store
from tests.patience import PATIENT

EXECUTION_ID = "fettle.dev/execution"
"""The annotation by which a write says which execution it belongs to."""
STEPS_WITHIN = timedelta(hours=1)
"""How long an approval of several steps lasts at most."""
WITHIN = timedelta(seconds=300)
"""What is due is attempted, and a verdict given, this soon (I7): a minute, and four that a busy machine may take."""

ENTRIES = """
SELECT a.seq, a.at, a.subject, a.actor, d.detail FROM audit AS a LEFT JOIN audit_details AS d ON d.seq = a.seq
WHERE a.tag = '{}' ORDER BY a.seq
"""
SWITCHES = "SELECT seq, tag FROM audit WHERE tag IN ('freeze:state:on', 'freeze:state:off') ORDER BY seq"
EXECUTIONS = """
SELECT e.id, e.uid, e.state, e.in_flight, e.request, e.step, p.id, p.state, p.digest, p.decided_at, p.expires_at,
  (SELECT count(*) FROM approvals AS y WHERE y.proposal_id = p.id AND y.verb = 'approved'), p.quorum, e.approved_by
FROM executions AS e JOIN proposals AS p ON p.id = e.proposal_id
"""
PARTLY = "SELECT id FROM executions WHERE standing = 'partly'"
VERDICTS = "SELECT id, execution_id, incident_id, verdict, current, deadline, settled_at FROM verifications"
UNATTEMPTED = """
SELECT key, due_at FROM outbox WHERE version > sent_version AND NOT dropped AND attempts = 0
  AND (thread_key = '' OR thread_key IN (SELECT key FROM outbox WHERE posted_ts <> ''))
"""


@dataclass(frozen=True)
class Left:
    """What is left of one run, to be asked once it is quiet.

    ``accepted`` and ``ended`` are the fingerprints whose firing, and whose end, were answered 2xx. ``slack`` is None
    where nobody delivers, ``now`` the bot's own time, ``ttl`` how long its approvals are good for.
    """

    url: str
    server: ClusterServer | None = None
    slack: SlackServer | None = None
    channel: str = "C0ONCALL"
    accepted: Collection[str] = ()
    ended: Collection[str] = ()
    ttl: timedelta = timedelta(minutes=15)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of one SELECT on the bot's own database."""
        if self.url.startswith("postgresql"):
            with psycopg.connect(self.url) as server:
                return server.execute(sql).fetchall()  # type: ignore[arg-type]
        path = self.url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=PATIENT)) as connection:
            return connection.execute(sql).fetchall()

    def messages(self) -> list[Message]:
        """Every message that the bot ever posted into the channel or its threads, deleted ones included."""
        if self.slack is None:
            return []
        found = self.slack.workspace.all_messages.get(self.channel, [])
        return [one for one in found if message_key(one) and not one.ephemeral_to]

    def writes(self) -> list[Record]:
        """Every write of the bot that reached the API server and wasn't a dry run, whatever it was answered."""
        if self.server is None:
            return []
        return [
            one
            for one in self.server.requests
            if (
                one.verb in {"patch", "update", "delete"}
                or one.resource == "pods/eviction"
                or (one.verb, one.resource) == ("create", "jobs")
            )
            and one.user == self.server.access.bot_user
            and "dryRun" not in one.query
        ]

    def effects(self) -> set[str]:
        """The executions whose write is in the cluster, each with its name in a template, or whose dump is kept."""
        if self.server is None:
            return set()
        templates = (one["spec"]["template"]["metadata"] for one in self.server.cluster.list("ReplicaSet"))
        marks = {(one.get("annotations") or {}).get(EXECUTION_ID) for one in templates}
        answered = {execution_of(one) for one in self.writes() if 200 <= one.status < 300}
        brought = {uid for (uid,) in self.rows("SELECT execution FROM artifacts")}
        return {str(mark) for mark in marks | answered | brought if mark}

    def commands(self) -> set[str]:
        """The executions for which a pod was asked something, by a command or on a port; a dump writes nothing else."""
        if self.server is None:
            return set()
        asked = (one for one in self.server.requests if one.resource in {"pods/exec", "pods/proxy"})
        return {one.user_agent.partition(" ")[2] for one in asked if one.user == self.server.access.bot_user}


def problems(left: Left) -> list[str]:
    """A sentence for each breach of an invariant, with its number; blocks for some milliseconds."""
    return [f"{number}: {sentence}" for number, law in LAWS.items() for sentence in law(left)]


def hold(left: Left) -> None:
    """Raises with all that doesn't hold."""
    found = problems(left)
    assert not found, "\n".join(found)


def lost(left: Left) -> Iterator[str]:
    """An alert answered 2xx is stored, belongs to an incident, and that stands on a card or in the digest."""
    stored = dict(left.rows("SELECT fingerprint, incident_id FROM alerts ORDER BY id"))
    firing = {mark for (mark,) in left.rows("SELECT fingerprint FROM alerts WHERE status <> 'resolved'")}
    missing = set(left.accepted) - stored.keys()
    homeless = {mark for mark in set(left.accepted) - missing if stored[mark] is None}
    if missing:
        yield f"{len(missing)} of {len(left.accepted)} accepted alerts are not in the store: {_named(missing)}"
    if homeless:
        yield f"{len(homeless)} accepted alerts belong to no incident: {_named(homeless)}"
    still = set(left.ended) & firing
    if still:
        yield f"{len(still)} alerts whose end was accepted still fire: {_named(still)}"
    if left.slack is None:
        return
    digest_of = dict(left.rows("SELECT id, digest_id FROM incidents"))
    keys = {message_key(one) for one in left.messages() if not one.deleted}
    shown = {stored[mark] for mark in set(left.accepted) - missing - homeless}
    unseen = {one for one in shown if f"{CARD}{one}" not in keys and f"{DIGEST}{digest_of.get(one)}" not in keys}
    if unseen:
        yield f"{len(unseen)} incidents are on no card and in no digest: {_named(unseen)}"


def doubled(left: Left) -> Iterator[str]:
    """One card for an incident; no message, no alert episode stands twice."""
    # The key in the metadata is unique in the whole workspace, for cards and for everything else.
    counted = Counter(message_key(one) for one in left.messages() if not one.deleted)
    yield from (f"{key} was posted {number} times" for key, number in counted.items() if number > 1)
    cards = left.rows("SELECT subject, count(*) FROM outbox WHERE kind = 'card' GROUP BY subject HAVING count(*) > 1")
    yield from (f"incident {number} is owed {count} cards" for number, count in cards)
    alerts = "SELECT fingerprint, starts_at FROM alerts GROUP BY fingerprint, starts_at HAVING count(*) > 1"
    yield from (f"alert {mark} of {since} is stored twice" for mark, since in left.rows(alerts))


def repeated(left: Left) -> Iterator[str]:
    """At most one effect for a step of an approved proposal."""
    many = left.rows("SELECT proposal_id, step, count(*) FROM executions GROUP BY 1, 2 HAVING count(*) > 1")
    yield from (f"step {step} of proposal {number} has {count} executions" for number, step, count in many)
    # What a disruption budget holds back is a clear no, the only one after which the same is asked again. A DELETE is
    # sent again by the library below the client where a connection breaks; by its uid one succeeds at most.
    held = ("pods/eviction", 429)
    # Of several pods each is an eviction of its own.
    sent = Counter(
        (execution_of(one), one.name if one.resource == held[0] else "")
        for one in left.writes()
        if (one.resource, one.status) != held and (one.verb != "delete" or 200 <= one.status < 300)
    )
    yield from (f"execution {uid} was sent {count} times {name}" for (uid, name), count in sent.items() if count > 1)


def unapproved(left: Left) -> Iterator[str]:
    """No effect without a valid, unexpired approval of exactly what was sent."""
    intents = {entry.detail["execution"]: entry for entry in _entries(left, "execution:intent:committed")}
    granted = {entry.subject: entry for entry in _entries(left, "proposal:approval:granted")}
    known = {row[1]: row[4:] for row in left.rows(EXECUTIONS)}
    yield from _unasked(left, {uid: row[3] for uid, row in known.items()}, intents)
    for one in left.writes():
        uid = execution_of(one)
        if uid not in known or uid not in intents:
            yield f"a write names {uid}, which store or audit don't know"
            continue
        request, step, number, proposal, digest, decided_at, expires_at, approvals, quorum, by = known[uid]
        intent, grant = intents[uid], granted.get(f"proposal:{number}")
        if proposal != "approved" or approvals < quorum or grant is None or grant.seq > intent.seq:
            yield f"execution {uid} was sent; its proposal is {proposal} with {approvals} of {quorum} approvals"
        elif not decided_at or not expires_at or decided_at > expires_at:
            yield f"execution {uid} was sent without a valid approval ({decided_at}, until {expires_at})"
        elif step:
            yield from (f"execution {uid} {why}" for why in _out_of_turn(left, number, step, grant, intent))
        elif (waited := _passed(left, grant, intent)) > left.ttl:
            yield f"execution {uid} was begun {waited} after its approval"
        elif not by.startswith("person:"):
            yield from (f"execution {uid} was approved by {by}, {why}" for why in _unannounced(left, grant, by))
        bodies = [json.loads(request)["body"] if request else None, intent.detail["request"]["body"]]
        sent = _as_stored(json.loads(one.body), bodies[0])
        if [sent] * 2 != bodies or intent.detail["approved_digest"] != digest:
            yield f"what was sent for execution {uid} isn't what was approved and written down"


def _unasked(left: Left, proposals: Mapping[str, str], intents: Collection[str]) -> Iterator[str]:
    """A command in a container belongs to an approved proposal, as a write does."""
    for uid in left.commands():
        if proposals.get(uid) != "approved" or uid not in intents:
            yield f"a pod was asked something for {uid or 'nobody'}, which nobody approved"


def _out_of_turn(left: Left, proposal: int, step: int, grant: _Entry, intent: _Entry) -> Iterator[str]:
    """A later step follows PASS of the one before, as soon after as an approval lasts, within an hour of that."""
    before = left.rows(
        "SELECT v.id FROM verifications AS v JOIN executions AS e ON e.id = v.execution_id "  # noqa: S608 - numbers
        f"WHERE e.proposal_id = {proposal} AND e.step = {step - 1} AND e.state = 'succeeded' AND v.verdict = 'pass'"
    )
    given = [
        one
        for one in _entries(left, "verification:verdict:given")
        if one.seq < intent.seq and any(one.subject == f"verification:{number}" for (number,) in before)
    ]
    if not given:
        yield "was sent though the step before it hadn't passed"
    elif _passed(left, given[0], intent) > left.ttl or _passed(left, grant, intent) > STEPS_WITHIN:
        yield f"was begun {_passed(left, grant, intent)} after its approval"


def _as_stored(sent: Any, stored: Any) -> Any:
    """What was sent without the template, which the stored request of a run or a rollback names; one of several."""
    if isinstance(stored, dict):
        if sent in stored.get("evictions", ()) or sent == (stored.get("debug") or {}).get("patch", ""):
            return stored
        return {**sent, "spec": None} if stored.get("spec", "") is None else sent
    if not isinstance(stored, list) or not isinstance(sent, list):
        return sent
    named = {step["path"] for step in stored if step["path"] == "/spec/template" and step.get("value") is None}
    return [{**step, "value": None} if step["path"] in named else step for step in sent]


def _unannounced(left: Left, grant: _Entry, by: str) -> Iterator[str]:
    """A playbook's word counts alone if it was announced, its delay was over, and nobody had stopped it."""
    said = {
        tag: [one for one in _entries(left, f"proposal:autonomy:{tag}") if one.subject == grant.subject]
        for tag in ("announced", "stopped", "refused")
    }
    before = [one for one in said["announced"] if one.seq < grant.seq]
    if len(before) != 1 or by != f"fettle:playbook:{before[0].detail['playbook']}" or grant.actor != by:
        yield "which its audit entries don't say"
    elif _passed(left, before[0], grant) < timedelta(seconds=before[0].detail["delay"]):
        yield "before the delay was over"
    if any(one.seq < grant.seq for one in (*said["stopped"], *said["refused"])):
        yield "though it was stopped or left to people"


def verdicts(left: Left) -> Iterator[str]:
    """Exactly one current verdict for an execution that succeeded, none for another."""
    current = Counter(row[1] for row in left.rows(VERDICTS) if row[4])
    for number, _, state, *_ in left.rows(EXECUTIONS):
        wanted = 1 if state == "succeeded" else 0
        if current[number] != wanted:
            yield f"execution {number} ({state}) has {current[number]} current verdicts"


def chain(left: Left) -> Iterator[str]:
    """The audit has no gap, its hashes are right, and every effect is in it."""
    store = Store.open(left.url, lock=False, query_only=True)
    try:
        yield from store.read_now(audit.verify_chain)
    finally:
        store.close_now()
    written = {entry.detail["execution"] for entry in _entries(left, "execution:intent:committed")}
    yield from (f"the effect of {uid} isn't in the audit" for uid in left.effects() - written)


def unsettled(left: Left) -> Iterator[str]:
    """Every execution is settled, every verdict given by its deadline, every due message attempted."""
    for number, _, state, in_flight, *_ in left.rows(EXECUTIONS):
        if state not in {"succeeded", "failed", "unknown"}:
            yield f"execution {number} is still {state}"
        elif in_flight:
            yield f"execution {number} ({state}) still holds its target"
    for number, _, _, verdict, now, deadline, settled_at in left.rows(VERDICTS):
        if verdict == "measuring" and now:
            yield f"verification {number} has no verdict"
        elif settled_at and _at(settled_at) > _at(deadline) + WITHIN:
            yield f"verification {number} was settled {_at(settled_at) - _at(deadline)} after its deadline"
    if left.slack is not None:
        late = [key for key, due_at in left.rows(UNATTEMPTED) if left.now - _at(due_at) > WITHIN]
        if late:
            yield f"{len(late)} messages were never attempted: {_named(late)}"


def frozen(left: Left) -> Iterator[str]:
    """No effect is begun between the freeze and its end."""
    switches = left.rows(SWITCHES)
    for entry in _entries(left, "execution:intent:committed"):
        before = [tag for seq, tag in switches if seq < entry.seq]
        if before and before[-1] == "freeze:state:on":
            yield f"execution {entry.detail['execution']} was begun while writes were frozen"


def unfounded(left: Left) -> Iterator[str]:
    """What failed or is unknown is never shown as a success, nor an effect as none."""
    effects, partly = left.effects(), {row[0] for row in left.rows(PARTLY)}
    of_execution = {row[1]: (row[3], row[4]) for row in left.rows(VERDICTS)}
    for number, uid, state, *_ in left.rows(EXECUTIONS):
        if left.server is not None and (state == "succeeded") > (uid in effects | left.commands()):
            yield f"execution {number} is shown as a success, and its write isn't in the cluster"
        if state == "failed" and uid in effects and number not in partly:
            yield f"execution {number} is shown as not applied, and its write is in the cluster"
        if of_execution.get(number, ("", False))[0] == "pass" and state != "succeeded":
            yield f"execution {number} ({state}) has the verdict pass"
    passed = {incident for _, _, incident, verdict, *_ in left.rows(VERDICTS) if verdict == "pass"}
    for one in left.messages():
        _, mark, number = message_key(one).partition(CARD)
        if mark and "PASS" in f"{one.text} {json.dumps(one.blocks)}" and int(number) not in passed:
            yield f"the card of incident {number} says PASS, and no verdict does"


LAWS = {
    "I1": lost, "I2": doubled, "I3": repeated, "I4": unapproved, "I5": verdicts, "I6": chain, "I7": unsettled,
    "I8": frozen, "I9": unfounded,
}  # fmt: skip


def execution_of(write: Record) -> str:
    """The execution that a write names: in its patch, in what it makes, or in its agent where nothing bears a mark."""
    body = json.loads(write.body)
    if isinstance(body, dict):
        notes = (body.get("metadata") or {}).get("annotations") or {}
        return str(notes.get(EXECUTION_ID) or write.user_agent.partition(" ")[2])
    for step in body if isinstance(body, list) else ():
        value = step.get("value")
        if isinstance(value, dict) and EXECUTION_ID in value:
            return str(value[EXECUTION_ID])
        if step["path"].endswith(EXECUTION_ID.replace("/", "~1")):
            return str(value)
    marked = any(step["path"].startswith("/spec/template") for step in body) if isinstance(body, list) else False
    # Scales, autoscalers and evictions can't bear a mark.
    return "" if marked else write.user_agent.partition(" ")[2]


class _Entry(NamedTuple):
    seq: int
    at: datetime
    subject: str
    actor: str
    detail: dict[str, Any]


def _entries(left: Left, tag: str) -> list[_Entry]:
    rows = left.rows(ENTRIES.format(tag))
    return [_Entry(seq, _at(at), *who, json.loads(detail or "{}")) for seq, at, *who, detail in rows]


def _passed(left: Left, first: _Entry, second: _Entry) -> timedelta:
    """The time between two entries, without the steps of a clock that was set in between."""
    steps = [entry for entry in _entries(left, "system:clock:set") if first.seq < entry.seq < second.seq]
    return second.at - first.at - timedelta(seconds=sum(entry.detail["seconds"] for entry in steps))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _named(names: Iterable[object]) -> str:
    return ", ".join(sorted(str(name) for name in names)[:5])
