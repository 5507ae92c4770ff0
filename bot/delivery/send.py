"""One row to one message: post, edit, read back; and what each failure means for the row.

It refuses to wait: a failed row is owed again with a time, gates are the dispatcher's. It refuses to drop: the only
row that ends without a message is one that has nothing to show any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.delivery import attach, backoff
from bot.delivery.channels import Channels
from bot.delivery.pace import EPHEMERAL, FILES, POST, SHARE, UPDATE, Pace
from bot.delivery.render import Draft, Look, load
from bot.domain.errors import (
    FettleError,
    OutcomeUnknownError,
    RejectedError,
    SlackUnavailableError,
    StoreUnavailableError,
)
from bot.domain.owed import MessageKind, OutboxRow
from bot.slack.client import SlackClient
from bot.slack.message import Message
from bot.slack.mrkdwn import safe
from bot.storage import outbox
from bot.storage.db import Lane, Store

log = structlog.get_logger(__name__)

AROUND = timedelta(hours=1)
"""How long before and after the time at which it was owed a message is looked for first."""
SHOWN_AFTER = 5.0
"""Seconds until a file that was shared is surely seen in its thread: Slack does that after its answer."""


class Sender:
    """Delivers claimed rows; ``problems`` holds a sentence for each channel that takes no messages now."""

    def __init__(
        self,
        store: Store,
        slack: SlackClient,
        clock: Callable[[], datetime],
        pace: Pace,
        look: Look,
        *,
        seconds: Callable[[], float],
        allow_shared: bool,
        charts: str = attach.AUTO,
    ) -> None:
        self._store = store
        self._seconds = seconds
        self._attacher = attach.Attacher(slack, charts)
        self._slack = slack
        self._clock = clock
        self._pace = pace
        self._look = look
        self.channels = Channels(slack, allow_shared=allow_shared)
        self._failures: Counter[int] = Counter()
        self.problems: dict[str, str] = {}
        self.sent: Counter[str] = Counter()

    def close(self) -> None:
        """Ends what was started for drawing, and looks that still wait."""
        self._attacher.close()
        self.channels.close()

    async def deliver(self, row: OutboxRow) -> None:
        """Sends one row and records it, or owes it again; never raises for what Slack or the store did."""
        try:
            await self._deliver(row)
        except StoreUnavailableError as error:
            # The row stays claimed and comes back as uncertain: it is looked for before it is posted again.
            log.warning("a message could not be recorded", key=row.key, error=str(error))
        except FettleError as error:
            await self._failed(row, error)
        except Exception as error:  # the loop's edge: one message must not end delivery
            log.exception("a message failed; it is owed again", key=row.key)
            await self._failed(row, error)

    async def _deliver(self, row: OutboxRow) -> None:
        draft = await self._store.read(load, row, self._look, self._clock())
        if draft.lost:
            return
        if draft.message is None:
            await self._done(draft.row)
            return
        await self.channels.refuse_shared(draft.row.channel)
        if row.kind is MessageKind.EPHEMERAL:
            await self._slack.ephemeral(draft.row.channel, draft.user, draft.message)
            await self._done(draft.row, EPHEMERAL)
        elif row.kind in FILES:
            await self._attach(draft, draft.message)
        elif row.posted_ts:
            await self._edit(draft, draft.message)
        else:
            await self._post(draft, draft.message)

    async def _edit(self, draft: Draft, message: Message) -> None:
        row = draft.row
        try:
            await self._update(row.posted_channel, row.posted_ts, message)
        except RejectedError as error:
            if error.code not in backoff.GONE:
                raise
            log.warning("a message was deleted in Slack; it is posted anew", key=row.key, code=error.code)
            await self._post_anew(row)
            return
        await self._done(row, UPDATE)

    async def _post_anew(self, row: OutboxRow) -> None:
        draft = await self._store.read(load, row, self._look, self._clock(), replaced=True)
        if draft.message is not None and not draft.lost:
            self._pace.spend(draft.row, self._seconds(), POST)
            await self._post(draft, draft.message)

    async def _post(self, draft: Draft, message: Message) -> None:
        row = draft.row
        ts = ""
        if row.uncertain:
            ts = await self._found(row, draft.thread_ts)
        if ts:
            log.info("found a message that had been posted without an answer", key=row.key)
            await self._update(row.channel, ts, message)
            await self._done(row, UPDATE, row.channel, ts)
            return
        try:
            ts = await self._slack.post(row.channel, message, key=row.key, thread_ts=draft.thread_ts)
        except RejectedError as error:
            if error.code not in backoff.UNDRAWABLE:
                raise
            ts = await self._slack.post(row.channel, _plain(message, error), key=row.key, thread_ts=draft.thread_ts)
        await self._done(row, POST, row.channel, ts)

    async def _attach(self, draft: Draft, message: Message) -> None:
        """Charts as blocks or as a picture, or a file; once, and never again when it may stand there already."""
        row = draft.row
        if row.posted_ts or (row.uncertain and await self._found(row, draft.thread_ts)):
            await self._done(row)
            return
        ts = await self._attacher.native(row, message, draft.charts, draft.thread_ts) if draft.charts else ""
        if ts:
            await self._done(row, POST, row.channel, ts)
            return
        attachment = draft.attachment or await self._attacher.picture(row, message, draft.charts)
        shared = attachment is not None and await self._attacher.share(row, draft.thread_ts, attachment)
        if shared or draft.attachment is None:
            await self._done(row, SHARE if shared else "")  # a picture's figures stand in the evidence
            return
        told = Message(f"{message.text}: the file couldn't be uploaded. {safe(self._attacher.refused, 400)}")
        ts = await self._slack.post(row.channel, told, key=row.key, thread_ts=draft.thread_ts)
        await self._done(row, POST, row.channel, ts)

    async def _found(self, row: OutboxRow, thread_ts: str) -> str:
        """The ts of a message that may have been posted: first around the time it was owed, where most were tried.

        In a busy channel the pages from now back would not reach that far. Then since: it may have been tried late. It
        is looked for by Slack's own time, because the clock of this machine may be wrong.
        """
        now = self._clock()
        owed_at = row.owed_at + ((self._slack.now() or now) - now)
        around, after = (owed_at - AROUND).timestamp(), (owed_at + AROUND).timestamp()
        file = attach.file_name(row) if row.kind in FILES else ""
        look = partial(self._slack.find_by_key, row.channel, row.key, thread_ts=thread_ts, file=file)
        ts = await look(oldest=around, latest=after)
        if ts or now - row.owed_at < AROUND / 2:
            return ts
        # A second of overlap: both ends of Slack's window are exclusive.
        return await look(oldest=after - 1)

    async def _update(self, channel: str, ts: str, message: Message) -> None:
        try:
            await self._slack.update(channel, ts, message)
        except RejectedError as error:
            if error.code not in backoff.UNDRAWABLE:
                raise
            await self._slack.update(channel, ts, _plain(message, error))

    async def _done(self, row: OutboxRow, method: str = "", channel: str = "", ts: str = "") -> None:
        self._failures.pop(row.id, None)
        if method:
            self.sent[method] += 1
            self.problems.pop(row.channel, None)
        await self._store.transact(outbox.sent, row, self._clock(), channel, ts, lane=Lane.PRESS)

    async def _failed(self, row: OutboxRow, error: Exception) -> None:
        self._failures[row.id] += 1
        seconds = backoff.wait(error, self._failures[row.id])
        until = self._seconds() + seconds
        if isinstance(error, SlackUnavailableError) and error.limited:
            # What was limited may be a look that came first: then only this row waits.
            self._pace.block(error.limited, row.channel, until)
        if isinstance(error, RejectedError) and error.code in backoff.CHANNEL:
            self._pace.block(POST, row.channel, until)
        if not isinstance(error, FettleError) or not error.retry:
            self.problems[row.channel] = str(error)
        uncertain = isinstance(error, OutcomeUnknownError) or not isinstance(error, FettleError)
        if uncertain and row.kind in FILES:
            seconds = max(seconds, SHOWN_AFTER)
        log.warning("a message waits", key=row.key, seconds=seconds, uncertain=uncertain, error=str(error))
        after = timedelta(seconds=seconds)
        try:
            await self._store.transact(
                outbox.retry, row, self._clock(), after, str(error)[:500], uncertain=uncertain, lane=Lane.PRESS
            )
        except FettleError as store_error:
            log.warning("a message stays claimed until its lease ends", key=row.key, error=str(store_error))


def _plain(message: Message, error: RejectedError) -> Message:
    """The page without its drawing: better a bare line than silence, and the log says why."""
    log.error("Slack refused the drawing of a message; its text goes out alone", error=str(error))
    return Message(f"{message.text}\n(The card could not be drawn; see /incident show.)", (), message.broadcast)
