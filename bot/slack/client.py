"""The one door to Slack's Web API: the unmodified SDK client, with time limits, no retries, and our errors.

The SDK's default handler posts again after a connection reset, which doubles messages; here nothing is retried, a call
without a clear answer raises ``OutcomeUnknownError`` and the dispatcher reads back by metadata key first.
It refuses to know incidents: callers hand in messages and views.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import NotFoundError, RejectedError, SlackUnavailableError
from bot.domain.note import Seen
from bot.domain.person import SlackPerson
from bot.secret_file import Secret, text
from bot.slack import ids
from bot.slack.errors import FOREIGN, not_taken, translated
from bot.slack.message import Attachment, Message
from bot.slack.said import root_of, seen
from bot.slack.workspace import ChannelFacts, Greeting, Identity, channel_facts, described, is_loopback

log = structlog.get_logger(__name__)

SLACK = "https://slack.com/api/"
CONNECTIONS = 20
STALE = frozenset({"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"})
"""Refusals of a token that another one may mend."""
PAGES = 20
"""Pages of 200 messages that a read-back looks through before it says that the message isn't there.

More would spend a minute's rate of conversations.history, and be refused for ever in a channel that is busy enough.
"""


class SlackClient:
    """One workspace, one bot token, one pool of connections.

    ``web`` is the SDK's client, for Bolt. ``crash_point`` is called
    as ``before:post``, ``after:post`` and the same for ``update`` and ``share`` around those calls; tests raise in it.
    """

    def __init__(self, web: AsyncWebClient, session: aiohttp.ClientSession, token: str | Secret) -> None:
        """Use ``connect``."""
        self._token = token
        self.web = web
        self.identity: Identity | None = None
        self.crash_point: Callable[[str], None] | None = None
        self._session = session
        self._date: tuple[datetime, float] | None = None

    @classmethod
    async def connect(cls, token: str | Secret, api_url: str = SLACK, timeout: float = 10.0) -> SlackClient:  # noqa: ASYNC109 - the limit of each later call
        """A client with its own session; nothing is asked yet."""
        session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=timeout, connect=min(timeout, 5.0)),
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            trust_env=False,
        )
        web = AsyncWebClient(
            token=text(token), base_url=api_url, timeout=max(int(timeout), 1), session=session, retry_handlers=[]
        )
        if is_loopback(api_url):
            web.proxy = None  # the SDK takes the proxy from the environment and ignores NO_PROXY
        return cls(web, session, token)

    def now(self) -> datetime | None:
        """The present moment by Slack's clock, to a second; None before its first answer."""
        if self._date is None:
            return None
        date, noted = self._date
        return date + timedelta(seconds=time.monotonic() - noted)

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()

    # -- who and where ----------------------------------------------------------------------------------------------

    async def whoami(self) -> Identity:
        """``auth.test``; keeps the answer in ``identity``."""
        response = await self._call("auth.test", self.web.auth_test)
        granted = _headers(response).get("x-oauth-scopes", "").split(",")
        scopes = frozenset(scope.strip() for scope in granted if scope.strip())
        self.identity = Identity(
            str(response.get("user_id", "")),
            str(response.get("bot_id", "")),
            str(response.get("team_id", "")),
            str(response.get("team", "")),
            str(response.get("url", "")).rstrip("/") + "/",
            scopes,
        )
        return self.identity

    async def may_connect(self, app_token: str) -> None:
        """Raises when the app token opens no Socket Mode connection."""
        await self._call("apps.connections.open", self.web.apps_connections_open, app_token=app_token)

    async def greeting(self, app_token: str) -> Greeting:
        """Opens a Socket Mode connection, hears how many the app has, and closes it at once.

        For that moment Slack may hand a press to it, which nobody would answer: only for when no Fettle runs here.
        """
        opened = await self._call("apps.connections.open", self.web.apps_connections_open, app_token=app_token)
        async with (
            _translating("the Socket Mode connection"),
            asyncio.timeout(self.web.timeout),
            self._session.ws_connect(str(opened["url"]), proxy=self.web.proxy) as socket,
        ):
            said = await socket.receive()
        hello = json.loads(said.data) if said.type is aiohttp.WSMsgType.TEXT else {}
        if hello.get("type") != "hello":
            raise SlackUnavailableError("Slack took the Socket Mode connection and closed it at once.")
        info = hello.get("connection_info") or {}
        return Greeting(int(hello.get("num_connections") or 1), str(info.get("app_id", "")))

    async def channel(self, channel_id: str) -> ChannelFacts:
        """``conversations.info`` of one channel."""
        response = await self._call("conversations.info", self.web.conversations_info, channel=channel_id)
        return channel_facts(response["channel"])

    async def own_channels(self) -> list[ChannelFacts]:
        """The channels that the bot is in, without archived ones."""
        found: list[ChannelFacts] = []
        cursor = ""
        while True:
            page = await self._call(
                "users.conversations",
                self.web.users_conversations,
                types="public_channel,private_channel",
                exclude_archived=True,
                limit=200,
                cursor=cursor,
            )
            found += [channel_facts({"is_member": True, **each}) for each in page.get("channels") or ()]
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return found

    async def user(self, user_id: str) -> SlackPerson:
        """``users.info``; a stranger is whoever isn't of this workspace (or its organisation's other workspaces)."""
        response = await self._call("users.info", self.web.users_info, user=user_id)
        return described(response["user"], user_id, self.identity.team_id if self.identity else "")

    async def by_email(self, email: str) -> str:
        """``users.lookupByEmail``: the Slack id; ``NotFoundError`` for an address that is nobody's here."""
        try:
            response = await self._call("users.lookupByEmail", self.web.users_lookupByEmail, email=email)
        except RejectedError as error:
            if error.code != "users_not_found":
                raise
            raise NotFoundError("Slack knows nobody by that address.") from error
        return str(response["user"]["id"])

    async def group_members(self, group_id: str) -> tuple[str, ...]:
        """``usergroups.users.list``; raises ``ForbiddenError`` on plans without user groups."""
        response = await self._call("usergroups.users.list", self.web.usergroups_users_list, usergroup=group_id)
        return tuple(str(user) for user in response.get("users") or ())

    async def group_names(self) -> Mapping[str, str]:
        """``usergroups.list``: what people type for each user group (``sre-oncall``), by its id."""
        response = await self._call("usergroups.list", self.web.usergroups_list)
        return {str(each.get("id", "")): str(each.get("handle", "")) for each in response.get("usergroups") or ()}

    # -- messages ---------------------------------------------------------------------------------------------------

    async def post(self, channel: str, message: Message, *, key: str, thread_ts: str = "") -> str:
        """``chat.postMessage`` with the key in the metadata; the new message's ts. Never tried twice here."""
        self._point("before:post")
        response = await self._call(
            "chat.postMessage",
            self.web.chat_postMessage,
            writes=True,
            channel=channel,
            text=message.text,
            **_blocks(message),
            metadata={"event_type": ids.METADATA_EVENT, "event_payload": {ids.METADATA_KEY: key}},
            unfurl_links=False,
            unfurl_media=False,
            **({"thread_ts": thread_ts, "reply_broadcast": message.broadcast} if thread_ts else {}),
        )
        self._point("after:post")
        return str(response["ts"])

    async def update(self, channel: str, ts: str, message: Message) -> None:
        """``chat.update``; an edit says the same twice without harm, so it may be repeated."""
        self._point("before:update")
        # An empty list takes the blocks of an earlier version away; leaving it out would keep nothing either.
        await self._call(
            "chat.update", self.web.chat_update, channel=channel, ts=ts, text=message.text, blocks=list(message.blocks)
        )
        self._point("after:update")

    async def find_by_key(
        self, channel: str, key: str, *, oldest: float, latest: float = 0.0, thread_ts: str = "", file: str = ""
    ) -> str:
        """The ts of our message with that metadata key since ``oldest`` (epoch seconds), or an empty string.

        A message with a file has no metadata: it is found by the ``file``'s name, without extension. ``latest`` bounds
        the other end. Slack gives the newest first: what ``PAGES`` don't reach counts as not there, for a card that is
        posted twice is better than one that is never posted.
        """
        cursor = ""
        for _ in range(PAGES):
            asked: dict[str, Any] = {
                "channel": channel, "oldest": f"{oldest:.6f}", "limit": 200, "cursor": cursor,
                "latest": f"{latest:.6f}" if latest else "",
                "include_all_metadata": True,
            }  # fmt: skip
            if thread_ts:
                page = await self._call("conversations.replies", self.web.conversations_replies, ts=thread_ts, **asked)
            else:
                page = await self._call("conversations.history", self.web.conversations_history, **asked)
            for found in page.get("messages") or ():
                payload = (found.get("metadata") or {}).get("event_payload") or {}
                named = file and any(
                    str(one.get("name", "")).rpartition(".")[0] == file for one in found.get("files") or ()
                )
                if (payload.get(ids.METADATA_KEY) == key or named) and self._ours(found):
                    return str(found["ts"])
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return ""
        log.warning("the history is too long to look through; the message counts as not posted", key=key)
        return ""

    def _ours(self, found: Mapping[str, Any]) -> bool:
        """Whether the bot wrote this; a file's message may carry its user alone."""
        who = self.identity
        if who is None:
            return True
        bot = found.get("bot_id")
        return bot == who.bot_id if bot else found.get("user") == who.user_id

    async def share(self, channel: str, thread_ts: str, attachment: Attachment) -> None:
        """Uploads a file and shows it in a thread. Until the last of the three calls nobody sees anything."""
        begun = await self._call(
            "files.getUploadURLExternal",
            self.web.files_getUploadURLExternal,
            filename=attachment.name,
            length=len(attachment.content),
            alt_txt=attachment.alt,
        )
        await self._upload(str(begun["upload_url"]), attachment.content)
        self._point("before:share")
        await self._call(
            "files.completeUploadExternal",
            self.web.files_completeUploadExternal,
            writes=True,
            files=[{"id": str(begun["file_id"]), "title": attachment.title}],
            channel_id=channel,
            thread_ts=thread_ts,
            initial_comment=attachment.comment,
        )
        self._point("after:share")

    async def _upload(self, url: str, content: bytes) -> None:
        """POSTs the bytes, without the token: the address that Slack gave is all that is needed."""
        if not self._slacks(url, "files.slack.com", "files.slack-gov.com"):
            raise RejectedError("The upload address is not Slack's.", "upload_url")
        async with (
            _translating("the upload of a file"),
            self._session.post(url, data=content, proxy=self.web.proxy, allow_redirects=False) as answer,
        ):
            if answer.status >= 500:
                raise SlackUnavailableError(f"Slack takes no file at the moment ({answer.status}).")
            if answer.status != 200:
                raise RejectedError(f"Slack took no file ({answer.status}).", f"http_{answer.status}")

    def _slacks(self, url: str, *hosts: str) -> bool:
        """Whether an address is on the server that we talk to, or on one of these hosts of Slack's by TLS."""
        wanted, given = urlsplit(self.web.base_url), urlsplit(url)
        ours = (given.scheme, given.netloc) == (wanted.scheme, wanted.netloc)
        return ours or (given.scheme == "https" and given.netloc in hosts)

    async def ephemeral(self, channel: str, user: str, message: Message, *, thread_ts: str = "") -> None:
        """``chat.postEphemeral``: only that person sees it, and Slack doesn't promise that they do."""
        await self._call(
            "chat.postEphemeral",
            self.web.chat_postEphemeral,
            channel=channel,
            user=user,
            text=message.text,
            **_blocks(message),
            thread_ts=thread_ts,
        )

    async def respond(self, response_url: str, message: Message) -> None:
        """An ephemeral answer by ``response_url`` (five uses, 30 minutes), which works where the bot isn't a member."""
        if not self._slacks(response_url, "hooks.slack.com"):
            raise RejectedError("The response address is not Slack's.", "response_url")
        body = {
            "response_type": "ephemeral", "replace_original": False, "text": message.text, **_blocks(message),
        }  # fmt: skip
        async with (
            _translating("response_url"),
            self._session.post(response_url, json=body, proxy=self.web.proxy) as answer,
        ):
            if wrong := not_taken(answer.status, await answer.text(), answer.headers.get("Retry-After", "")):
                raise wrong

    def permalink(self, channel: str, ts: str, thread_ts: str = "") -> str:
        """The address of a message, built as Slack builds it; empty before ``whoami``."""
        if self.identity is None or not ts:
            return ""
        address = f"{self.identity.url}archives/{channel}/p{ts.replace('.', '')}"
        return f"{address}?thread_ts={thread_ts}&cid={channel}" if thread_ts else address

    async def pinned(self, channel: str, ts: str, user: str) -> Seen:
        """``reactions.get``: what a message says, and whether this person's 📌 is on it now."""
        told = await self._call("reactions.get", self.web.reactions_get, channel=channel, timestamp=ts, full=True)
        link = self.permalink(channel, ts, root_of(told["message"]))
        return seen(told["message"], user, self.identity.user_id if self.identity else "", link)

    # -- modals -----------------------------------------------------------------------------------------------------

    async def open_view(self, trigger_id: str, view: Mapping[str, Any]) -> str:
        """``views.open`` within three seconds of the press; the view's id."""
        response = await self._call("views.open", self.web.views_open, trigger_id=trigger_id, view=dict(view))
        return str(response["view"]["id"])

    async def update_view(self, view_id: str, view: Mapping[str, Any], view_hash: str = "") -> None:
        """``views.update``; with a hash only if nobody changed it meanwhile."""
        await self._call("views.update", self.web.views_update, view_id=view_id, view=dict(view), hash=view_hash)

    async def publish_home(self, user: str, view: Mapping[str, Any]) -> None:
        """``views.publish``: what this person sees on App Home."""
        await self._call("views.publish", self.web.views_publish, user_id=user, view=dict(view))

    # -- the door ---------------------------------------------------------------------------------------------------

    def _point(self, name: str) -> None:
        if self.crash_point is not None:
            self.crash_point(name)

    async def _read_again(self) -> bool:
        shown = self.web.token
        if isinstance(self._token, Secret):
            await asyncio.to_thread(self._token.look, whatever=True)
        self.web.token = text(self._token)
        return self.web.token != shown

    async def _call(
        self, method: str, call: Callable[..., Awaitable[Any]], *, writes: bool = False, **args: Any
    ) -> Any:
        given = {name: value for name, value in args.items() if value != ""}
        async with _translating(method, writes=writes):
            self.web.token = text(self._token)
            try:
                response = await call(**given)
            except SlackApiError as error:
                # Refused at the door, so nothing was done; the file of the token may hold another by now.
                if not _stale(error) or "app_token" in given or not await self._read_again():
                    raise
                response = await call(**given)
        with suppress(TypeError, ValueError):  # an answer without a date, or with a strange one
            date = parsedate_to_datetime(_headers(response).get("date", ""))
            self._date = date.astimezone(UTC), time.monotonic()
        return response


@asynccontextmanager
async def _translating(method: str, *, writes: bool = False) -> AsyncIterator[None]:
    try:
        yield
    except FOREIGN as exc:
        raise translated(exc, method, writes=writes) from exc


def _stale(error: SlackApiError) -> bool:
    data = getattr(error.response, "data", None)  # text, where the answer wasn't Slack's
    return isinstance(data, Mapping) and data.get("error") in STALE


def _headers(response: Any) -> dict[str, str]:
    return {str(key).lower(): str(value) for key, value in (getattr(response, "headers", None) or {}).items()}


def _blocks(message: Message) -> dict[str, Any]:
    return {"blocks": list(message.blocks)} if message.blocks else {}
