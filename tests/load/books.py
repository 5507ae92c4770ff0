"""What the store, Slack and the cluster hold once faults stop, read from outside, and the laws over all three.

The database is read with plain SQL, beside the running bot, on SQLite by a connection that can't write. Nothing here
uses the bot's own code: if that were wrong in reading and writing alike, these laws would still say so.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import psycopg

from bot.sandbox.slack.models import Message
from bot.sandbox.slack_room import CARD, DIGEST, message_key
from bot.sandbox.world import World

EXECUTION_ID = "fettle.dev/execution"
"""The annotation by which a write says which execution it belongs to."""
UNPOSTED = """
SELECT count(*) FROM incidents AS i WHERE NOT EXISTS (
  SELECT 1 FROM outbox AS o WHERE o.posted_ts <> '' AND o.key = CASE
    WHEN i.digest_id IS NULL THEN 'card:' || i.id ELSE 'digest:' || i.digest_id END)
  AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.posted_ts <> '' AND o.key = 'card:' || i.id)
"""
BEHIND = "SELECT count(*) FROM outbox WHERE version > sent_version AND NOT dropped AND kind = 'digest'"
UNSETTLED = "SELECT count(*) FROM executions WHERE state IN ('pending', 'running') OR in_flight"
WORKING = "SELECT count(*) FROM due WHERE stage <> 'expire'"


class Books:
    """The evidence of one world. ``accepted`` and ``ended``: whose firing, and whose resolve, was answered 2xx."""

    def __init__(self, world: World, accepted: Iterable[str] = (), ended: Iterable[str] = ()) -> None:
        self.world = world
        self.accepted = set(accepted)
        self.ended = set(ended)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of one SELECT on the bot's own database."""
        url = self.world.bot.settings["DATABASE_URL"]
        if url.startswith("postgresql"):
            with psycopg.connect(url) as server:
                return server.execute(sql).fetchall()  # type: ignore[arg-type]
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(sql).fetchall()

    def count(self, sql: str) -> int:
        """The one number that a SELECT answers."""
        return int(self.rows(sql)[0][0])

    def messages(self) -> list[Message]:
        """Every message that the bot ever posted into the channel or its threads, deleted ones included."""
        space, channel = self.world.slack_server.workspace, self.world.slack.channel
        return [one for one in space.all_messages.get(channel, []) if message_key(one) and not one.ephemeral_to]

    # -- waiting ------------------------------------------------------------------------------------

    async def quiet(self, within: float) -> None:
        """Wait until every incident stands in Slack, the digest counts them, and no execution or stage is left.

        Edits of cards aren't waited for: Slack takes 50 of them a minute, whatever is owed.
        """
        asked = {
            "incidents that stand nowhere": UNPOSTED,
            "digests behind": BEHIND,
            "executions unsettled": UNSETTLED,
            "stages owed": WORKING,
        }
        end = time.monotonic() + within
        while left := {words: number for words, sql in asked.items() if (number := self.count(sql))}:
            if time.monotonic() > end:
                raise AssertionError(f"after {within:.0f} s there are still {left}{self.world.bot.last_lines()}")
            await asyncio.sleep(0.25)

    # -- laws ---------------------------------------------------------------------------------------

    async def problems(self) -> list[str]:
        """A sentence for each law that doesn't hold; the world must be quiet."""
        code, said = await self.world.fettle("audit", "verify")
        audit = [] if code == 0 else [f"the audit doesn't verify: {said}"]
        return [*self.lost(), *self.twice(), *self.digests(), *self.effects(), *audit]

    def lost(self) -> list[str]:
        """Every alert that was accepted is stored, belongs to an incident, and that stands on a card or digest."""
        stored = dict(self.rows("SELECT fingerprint, incident_id FROM alerts"))
        firing = {mark for (mark,) in self.rows("SELECT fingerprint FROM alerts WHERE status <> 'resolved'")}
        missing = self.accepted - stored.keys()
        homeless = {mark for mark in self.accepted - missing if stored[mark] is None}
        digest_of = dict(self.rows("SELECT id, digest_id FROM incidents"))
        keys = {message_key(one) for one in self.messages() if not one.deleted}
        unseen = {
            number
            for number in {stored[mark] for mark in self.accepted - missing - homeless}
            if f"{CARD}{number}" not in keys and f"{DIGEST}{digest_of.get(number)}" not in keys
        }
        found = []
        if missing:
            found.append(
                f"{len(missing)} of {len(self.accepted)} accepted alerts are not in the store: {_some(missing)}"
            )
        if self.ended & firing:
            found.append(
                f"{len(self.ended & firing)} alerts whose end was accepted still fire: {_some(self.ended & firing)}"
            )
        if homeless:
            found.append(f"{len(homeless)} accepted alerts belong to no incident: {_some(homeless)}")
        if unseen:
            found.append(f"{len(unseen)} incidents are on no card and in no digest: {_some(unseen)}")
        return found

    def twice(self) -> list[str]:
        """No message stands twice: the key in the metadata is unique in the whole workspace."""
        counted = Counter(message_key(one) for one in self.messages())
        return [f"{key} was posted {number} times" for key, number in counted.items() if number > 1]

    def digests(self) -> list[str]:
        """The digest counts all incidents that it stands for, whether or not they fit on it."""
        owed = self.rows("SELECT digest_id, count(*) FROM incidents WHERE digest_id IS NOT NULL GROUP BY digest_id")
        stand = {message_key(one): one for one in self.messages()}
        found = []
        for number, incidents in owed:
            said = stand[f"{DIGEST}{number}"].text if f"{DIGEST}{number}" in stand else "nothing"
            if not re.search(rf"\b{incidents} incident", said):
                found.append(f"digest {number} stands for {incidents} incidents and says: {said}")
        return found

    def effects(self) -> list[str]:
        """Every execution is settled, and each reached the cluster at most once."""
        found = [
            f"execution {number} is still {state}"
            for number, state in self.rows("SELECT id, state FROM executions WHERE state IN ('pending', 'running')")
        ]
        sent = Counter(uid for place in self.world.options.workloads for uid in self.executions_sent(place))
        found += [f"execution {uid} was sent {times} times" for uid, times in sent.items() if times > 1]
        known = dict(self.rows("SELECT uid, state FROM executions"))
        found += [f"a write names {uid}, which the store doesn't know" for uid in sent.keys() - known.keys()]
        found += [
            f"execution {uid} succeeded without a write"
            for uid, state in known.items()
            if state == "succeeded" and not sent[uid]
        ]
        twice = self.rows("SELECT proposal_id, count(*) FROM executions GROUP BY proposal_id HAVING count(*) > 1")
        return found + [f"proposal {number} has {times} executions" for number, times in twice]

    def executions_sent(self, place: str) -> list[str]:
        """The execution ids in the writes that reached this workload, dry runs aside, whatever they were answered."""
        return [_execution_in(json.loads(one.body)) for one in self.world.patches(place)]


def _execution_in(patch: list[dict[str, Any]]) -> str:
    for step in patch:
        value = step.get("value")
        if isinstance(value, dict) and EXECUTION_ID in value:
            return str(value[EXECUTION_ID])
        if step["path"].endswith(EXECUTION_ID.replace("/", "~1")):
            return str(value)
    raise AssertionError(f"a write without an execution's id: {patch}")


def _some(names: Iterable[object]) -> str:
    return ", ".join(sorted(str(name) for name in names)[:5])
