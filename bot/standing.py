"""How Slack and the cluster stand: asked until they answer and again while they don't, said when it changes.

A start doesn't wait for either, so what is wrong with them may show late: with a token that was revoked meanwhile, a
right that was taken away. Then it is an error in the log and a sentence in /status, never a quiet wait.
It refuses to end the program: alerts are taken and kept whatever Slack and the cluster say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot import rights
from bot.domain.errors import ConfigError, FettleError, UnavailableError
from bot.domain.mitigation import on_cluster
from bot.secret_file import text
from bot.settings import Settings
from bot.slack.client import SlackClient
from bot.slack.preflight import Ready, preflight
from bot.workflow.context import Context

logger = structlog.get_logger(__name__)

PAUSES = (5.0, 10.0, 20.0, 40.0, 60.0)
"""Seconds between tries; the last one goes on. Slack allows apps.connections.open about once a minute."""
LOOK_EVERY = 60.0
"""Seconds between looks at what stood well."""
SAY_AGAIN = 600.0
"""Seconds after which what is still wrong is said again."""

NO_SLACK = "Slack can't be used: alerts are taken and kept, cards and presses wait"
NO_CLUSTER = "the cluster can't be used: alerts are taken and cards posted, evidence and proposals wait"
START_AGAIN = "Once it is put right Fettle goes on by itself; a changed setting needs a new start."


class Standing:
    """``problems`` holds a sentence for ``slack`` and for ``cluster`` while something is wrong with it."""

    def __init__(self, ctx: Context, slack: SlackClient) -> None:
        self._ctx = ctx
        self._slack = slack
        self._said: dict[str, tuple[str, float]] = {}
        self.problems: dict[str, str] = {}

    async def slack_ready(self) -> Ready:
        """Asks until Slack answers well."""
        tries = 0
        while True:
            try:
                ready = await self._ask_slack()
            except FettleError as error:
                self.tell("slack", error)
                await asyncio.sleep(_pause(tries, error))
                tries += 1
            else:
                self.well("slack")
                return ready

    async def watch_slack(self, connected: Callable[[], Awaitable[int]]) -> None:
        """Once Slack stood well: while no connection is up it is asked why."""
        tries = 0
        while True:
            await asyncio.sleep(LOOK_EVERY if not tries else _pause(tries))
            if await connected():
                self.well("slack")
                tries = 0
                continue
            tries += 1
            try:
                await self._ask_slack()
            except FettleError as error:
                self.tell("slack", error)

    async def watch_cluster(self) -> None:
        """Looks each minute, more often while it doesn't answer well; says which rights are missing once it does."""
        tries, looked = 0, False
        while True:
            try:
                await self._ctx.cluster.identity()
                if not looked:
                    await self._say_missing()
                    looked = True
            except FettleError as error:
                self.tell("cluster", error)
                await asyncio.sleep(_pause(tries, error))
                tries += 1
            else:
                self.well("cluster")
                tries = 0
                await asyncio.sleep(LOOK_EVERY)

    def tell(self, what: str, error: FettleError) -> None:
        """Notes what is wrong, and says it when it is new or has been so for long."""
        sentence = " ".join(error.sentences) if isinstance(error, ConfigError) else str(error)
        self.problems[what] = sentence
        now = asyncio.get_running_loop().time()
        before, at = self._said.get(what, ("", 0.0))
        if sentence == before and now - at < SAY_AGAIN:
            return
        self._said[what] = (sentence, now)
        event = NO_SLACK if what == "slack" else NO_CLUSTER
        if isinstance(error, UnavailableError):
            away = slack_away(self._ctx.settings) if what == "slack" else cluster_away(self._ctx.cluster.server)
            logger.warning(event, error=sentence, next=away)
        else:
            logger.error(event, error=sentence, next=START_AGAIN)

    def well(self, what: str) -> None:
        """Notes that it stands well, and says it if it didn't before."""
        if self.problems.pop(what, ""):
            logger.info("it answers again", what=what)
        self._said.pop(what, None)

    async def _ask_slack(self) -> Ready:
        return await ask_slack(self._slack, self._ctx.settings, self._ctx.channel)

    async def _say_missing(self) -> None:
        settings = self._ctx.settings
        cluster = self._ctx.cluster
        lacks = await rights.missing(cluster, settings.ALLOWED_NAMESPACES, on_cluster(settings.ALLOWED_ACTIONS))
        for sentence, _ in lacks:
            logger.warning("a right is missing in the cluster", error=sentence)


async def ask_slack(slack: SlackClient, settings: Settings, channel: str) -> Ready:
    """The preflight at Slack with this program's settings."""
    token = text(settings.secret("SLACK_APP_TOKEN"))
    return await preflight(slack, token, channel, allow_shared=settings.POST_TO_SHARED_CHANNELS)


def slack_away(settings: Settings) -> str:
    """What to do about a Slack that doesn't answer."""
    if settings.slack_is_real:
        return "Check the way out to slack.com: network, firewall, and HTTPS_PROXY where a proxy is needed."
    return f"Is anything listening at SLACK_API_URL, {settings.SLACK_API_URL}?"


def cluster_away(server: str) -> str:
    """What to do about an API server that doesn't answer."""
    return f"Is the cluster at {server} up, may this machine reach it, and is the address in the kubeconfig right?"


def _pause(tries: int, error: FettleError | None = None) -> float:
    named = error.retry_after if isinstance(error, UnavailableError) else None
    return max(PAUSES[min(tries, len(PAUSES) - 1)], named or 0.0)
