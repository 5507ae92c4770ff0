"""Charts and files into a card's thread: as Slack's own block where the workspace takes it, else as an uploaded file.

A file carries no metadata, so its name is its key: what left without an answer is looked for in the thread by that
name. What can't be drawn or may not be uploaded costs the picture alone: its figures stand in the evidence as text.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from bot.delivery.backoff import UNDRAWABLE
from bot.domain.chart import Chart
from bot.domain.errors import ForbiddenError, RejectedError
from bot.domain.owed import OutboxRow
from bot.slack.charts import native, press
from bot.slack.client import SlackClient
from bot.slack.message import Attachment, Message

log = structlog.get_logger(__name__)

SCOPE = "files:write"
AUTO, PICTURE, OFF = "auto", "picture", "off"
"""Values of CHARTS."""


def file_name(row: OutboxRow) -> str:
    """The name under which a row's file is found again, such as ``chart-42-1``; the extension is added to it."""
    return "".join(one if one.isalnum() else "-" for one in row.key)


class Attacher:
    """One per process: it remembers whether this workspace takes native charts, and holds the press."""

    def __init__(self, slack: SlackClient, charts: str = AUTO) -> None:
        self._slack = slack
        self._press = press.Press()
        self._native = charts == AUTO
        self._pictures = charts != OFF
        self.refused = ""
        """Why nothing may be uploaded; empty while nobody said so."""

    def close(self) -> None:
        """Ends the process that draws."""
        self._press.close()

    async def native(self, row: OutboxRow, message: Message, charts: Sequence[Chart], thread_ts: str) -> str:
        """Posts the charts as blocks; the message's ts, or nothing where they don't fit or Slack doesn't take them."""
        drawn = native.blocks_of(charts) if self._native else None
        if drawn is None:
            return ""
        whole = Message(message.text, [*message.blocks, *drawn])
        try:
            return await self._slack.post(row.channel, whole, key=row.key, thread_ts=thread_ts)
        except RejectedError as error:
            if error.code not in UNDRAWABLE:
                raise
            self._native = False
            log.info("this workspace takes no native charts; pictures are uploaded instead", code=error.code)
            return ""

    async def picture(self, row: OutboxRow, message: Message, charts: Sequence[Chart]) -> Attachment | None:
        """The charts as a file; None where pictures are off, can't be drawn here, or may not be uploaded."""
        if not self._pictures or not press.installed() or not self._may_upload():
            return None
        content = await self._press.draw(charts)
        title = ", ".join(chart.title for chart in charts)
        return Attachment(f"{file_name(row)}.png", title[:250], content, message.text, message.text[:1000])

    async def share(self, row: OutboxRow, thread_ts: str, attachment: Attachment) -> bool:
        """Uploads; whether it is in the thread now. False: the app may not, which is said once."""
        if not self._may_upload():
            return False
        try:
            await self._slack.share(row.channel, thread_ts, attachment)
        except ForbiddenError as error:
            self._warn(str(error))
            return False
        return True

    def _may_upload(self) -> bool:
        scopes = self._slack.identity.scopes if self._slack.identity else frozenset()
        if scopes and SCOPE not in scopes:
            self._warn(f"The app lacks {SCOPE}; reinstall it from manifest.yml.")
            return False
        return True

    def _warn(self, why: str) -> None:
        if not self.refused:
            log.warning("pictures and files are left out", reason=why)
        self.refused = why
