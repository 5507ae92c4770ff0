"""The composition root: the only file that knows everyone. It starts, it drains, it stops.

Order of the start: settings, store, then cluster and Slack side by side; whatever is *wrong* is said at once with exit
code 2, whatever can't be *reached* is said too, and the intake starts all the same: an alert must not wait for Slack.
SIGTERM stops taking envelopes and alerts, lets running work end, hands the rest back, and exits with 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import structlog
import uvloop

from alerts import webhook
from bot import clock, collector, log, sandboxed
from bot.audit_lines import print_entries
from bot.delivery.dispatcher import Dispatcher, Options
from bot.delivery.render import Look
from bot.domain import redaction
from bot.domain.audit import AuditNote
from bot.domain.errors import ConfigError, FettleError, UnavailableError
from bot.domain.owed import Stage
from bot.domain.proposal import SYSTEM
from bot.evidence import handler_files
from bot.evidence.handlers import Handlers
from bot.health import Health
from bot.integrations import artifact_store
from bot.integrations.pagerduty import PagerDuty
from bot.integrations.sources import Sources
from bot.jobs import Jobs, Passing
from bot.kube.client import Cluster
from bot.playbooks.shelf import Shelf
from bot.roster import Roster
from bot.servers import Servers
from bot.settings import Settings, load, suspicious
from bot.slack import ids
from bot.slack.client import SlackClient
from bot.slack.preflight import Ready
from bot.slack.sharing import shared
from bot.slack.socket_mode import SocketMode
from bot.standing import NO_CLUSTER, NO_SLACK, Standing, ask_slack
from bot.storage import due, facts, outbox
from bot.storage.db import Store, Tx
from bot.workflow import loaded, reloading, silence_guards, timekeeping
from bot.workflow.context import Context
from bot.workflow.intake import IntakeRules
from bot.workflow.verbs import Workflow
from commands import pushpin
from commands.front import Front
from commands.listen import bolt_app

logger = structlog.get_logger(__name__)

NO_CHANNEL = (
    "SLACK_CHANNEL_ID is missing, and Slack can't be asked which channel the bot is in: set it, "
    "or start again when Slack answers."
)
DRAIN = 13.0
"""Seconds that presses and running work get after SIGTERM, the closing of the doors (5 at most) included.

Cancelling what is late takes up to 2 more, delivery up to 3, and all of it must end within 20.
"""


def main(env_file: Path, moved: sandboxed.Moved | None = None) -> int:
    """Runs the bot until a signal; returns the exit code. ``ConfigError`` goes to the command line.

    ``moved`` is the time of a bot that the sandbox started; it is refused anywhere else.
    """
    settings = load(env_file=env_file)
    redaction.know(settings.secrets())
    log.configure(level=settings.LOG_LEVEL, form=settings.LOG_FORMAT, secrets=settings.secrets())
    for sentence in suspicious():
        logger.warning("an environment variable looks like a setting", error=sentence)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(Program(settings, collector.settle, moved).run())


class Program:
    """One running bot: what was opened, in the order in which it is closed again."""

    def __init__(
        self, settings: Settings, on_ready: Callable[[], None] | None = None, moved: sandboxed.Moved | None = None
    ) -> None:
        self.settings = settings
        self.on_ready = on_ready
        self.moved = moved
        self.stop = asyncio.Event()

    async def run(self) -> int:
        """Opens, serves until SIGTERM or SIGINT, drains. Raises ``ConfigError`` for what is wrong."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop.set)
        settings = self.settings
        async with contextlib.AsyncExitStack() as closing:
            opened = await _open(settings, closing, self.moved)
            store, cluster, slack = opened.store, opened.cluster, opened.slack
            moved = self.moved
            steady = clock.Steady() if moved is None else clock.moved(lambda: moved.ahead)
            sources = Sources.of(settings, artifact_store.named(settings, settings.DATA_DIR), settings.DEBUG_IMAGES)
            closing.push_async_callback(sources.close)
            pager = await _pager(settings, closing)
            ctx = Context(
                store, cluster, settings, steady, opened.channel, settings.FETTLE_FROZEN, opened.playbooks, sources,
                pager, opened.handlers,
            )  # fmt: skip
            roster = Roster(settings, slack.by_email)
            closing.push_async_callback(roster.close)
            running = Running(ctx, slack, opened.servers, steady, roster, moved)
            await running.start(opened.ready, self.stop)
            if self.on_ready is not None:
                self.on_ready()
            try:
                await self.stop.wait()
            finally:
                await running.drain()
        return 0


@dataclass(frozen=True)
class Opened:
    """What is open after a good start; ``ready`` is None while Slack can't be reached."""

    store: Store
    cluster: Cluster
    slack: SlackClient
    servers: Servers
    ready: Ready | None
    channel: str
    playbooks: Shelf
    handlers: Handlers


async def _open(settings: Settings, closing: contextlib.AsyncExitStack, moved: sandboxed.Moved | None = None) -> Opened:
    """Opens and asks everything; then raises one ``ConfigError`` with all that is wrong, not one thing at a time."""
    wrong: list[str] = []
    slack = await SlackClient.connect(
        settings.secret("SLACK_BOT_TOKEN"), settings.SLACK_API_URL, settings.SLACK_TIMEOUT.total_seconds()
    )
    closing.push_async_callback(slack.close)
    store: Store | None = None
    try:
        store = await asyncio.to_thread(Store.open, settings.DATABASE_URL, on_entries=print_entries)
        closing.push_async_callback(store.close)
    except FettleError as error:
        wrong += _sentences(error)
    servers = Servers(settings)
    closing.callback(servers.close)
    try:
        servers.bind()
    except ConfigError as error:
        wrong += error.sentences
    playbooks: Shelf | None = None
    try:
        playbooks = await asyncio.to_thread(Shelf, settings.PLAYBOOKS_DIR)
    except ConfigError as error:
        wrong += error.sentences
    handlers: Handlers | None = None
    try:
        handlers = await asyncio.to_thread(handler_files.load, settings.HANDLERS_DIR)
    except ConfigError as error:
        wrong += error.sentences
    cluster: Cluster | None = None
    try:
        cluster = await _cluster(settings, moved)
        closing.push_async_callback(cluster.close)
    except ConfigError as error:
        wrong += error.sentences
    ready, refused, away = await _ask(settings, cluster, slack)
    wrong += refused
    channel = "" if store is None else await _channel(settings, store, ready)
    if not channel and not wrong:
        wrong.append(NO_CHANNEL)
    if wrong or store is None or cluster is None or playbooks is None or handlers is None:
        for event, sentence in away.items():
            logger.warning(event, error=sentence)
        raise ConfigError(wrong)
    await store.transact(facts.put, "channel", channel)
    return Opened(store, cluster, slack, servers, ready, channel, playbooks, handlers)


def _sentences(error: FettleError) -> list[str]:
    return error.sentences if isinstance(error, ConfigError) else [str(error)]


class Running:
    """The parts that work after the preflight."""

    def __init__(
        self, ctx: Context, slack: SlackClient, servers: Servers, steady: clock.Steady, roster: Roster,
        moved: sandboxed.Moved | None = None,
    ) -> None:  # fmt: skip
        self._ctx = ctx
        self._steady = steady
        self._moved = moved
        self._slack = slack
        self._socket: SocketMode | None = None
        self._stop_delivery = asyncio.Event()
        options = delivery_options(ctx.settings, slack)
        if moved is not None:
            options = replace(options, ahead=lambda: moved.ahead)
        self._dispatcher = Dispatcher(ctx.store, slack, ctx.clock, options)
        passing = None if moved is None else Passing(moved, self._resting)
        self._front = Front(slack, Workflow(ctx), ctx.clock, ctx.settings.COMMAND_SUFFIX)
        hands = {Stage.PIN: partial(pushpin.settle, self._front)}
        self._jobs = Jobs(ctx, slack.group_members, steady, slack.group_names, roster.shifts, passing, hands)
        self._health = Health(ctx, self._slack_status)
        self._standing = Standing(ctx, slack)
        self._servers = servers
        self._tasks: list[asyncio.Task[None]] = []

    def _resting(self) -> bool:
        return self._dispatcher.resting and not self._front.busy

    async def _slack_status(self) -> Mapping[str, object]:
        """How Slack stands: connections, delivery and what is wrong; ids, but no names and no secrets."""
        health = await self._socket.health() if self._socket is not None else None
        problem = self._standing.problems.get("slack", "")
        told: dict[str, object] = {"problem": problem} if problem else {}
        if self._slack.identity is not None:
            told["bot"] = self._slack.identity.bot_id
        if health is None:
            return {"connected": 0, "wanted": 0, **told, "delivery": self._dispatcher.status()}
        if health.others:
            told["shared"] = shared(health.others, health.connected)
        return {
            "connected": health.connected,
            "wanted": health.wanted,
            "rebuilt": health.rebuilt,
            "ping_age_seconds": health.ping_age,
            "announced_connections": health.announced,
            "other_connections": health.others,
            "counted_seconds_ago": round(health.counted_ago),
            **told,
            "delivery": self._dispatcher.status(),
        }

    async def _connected(self) -> int:
        return (await self._socket.health()).connected if self._socket is not None else 0

    async def start(self, ready: Ready | None, stop: asyncio.Event) -> None:
        """Intake first, then what is owed, then Slack (which may take its time)."""
        ctx = self._ctx
        await timekeeping.follow(ctx.store, self._steady)
        rules = IntakeRules.of(ctx.settings, ctx.channel, ctx.playbooks)
        intake = webhook.application(ctx.store, ctx.settings, rules, ctx.clock, self._health)
        await self._servers.start(intake, self._health.application())
        # Last of what can fail, and before anything is claimed: whatever is in the audit as started did start.
        await ctx.store.transact(_started, ctx, self._moved)
        self._jobs.start()
        if ready is not None:
            self._dispatcher.seen(ready.channel)
        self._tasks.append(asyncio.create_task(self._slack_side(ready, stop), name="slack"))
        self._tasks.append(asyncio.create_task(self._standing.watch_cluster(), name="cluster"))
        self._tasks.append(asyncio.create_task(self._dispatcher.run(self._stop_delivery), name="delivery"))
        if await ctx.freeze_file() is None:
            logger.error(
                "nothing is changed: it can't be told whether FREEZE_FILE exists", file=str(ctx.settings.FREEZE_FILE)
            )
        logger.info("ready", intake=self._servers.intake_url, metrics=self._servers.metrics_url, channel=ctx.channel)

    async def _slack_side(self, ready: Ready | None, stop: asyncio.Event) -> None:
        """Connects, once Slack answers well; then looks that it stays so."""
        ready = ready or await self._standing.slack_ready()
        if stop.is_set():
            return
        self._dispatcher.seen(ready.channel)
        if ready.warning:
            logger.warning(ready.warning)
        logger.info(
            "Slack answers", bot=ready.identity.user_id, workspace=ready.identity.team, channel=ready.channel.id
        )
        app = bolt_app(self._front)
        self._socket = SocketMode(app, self._ctx.settings.secret("SLACK_APP_TOKEN"), clock.now)
        self._socket.start()
        await self._standing.watch_slack(self._connected)

    async def drain(self) -> None:
        """No new envelopes and alerts, running work ends, due messages go out as far as they can.

        A press that was acknowledged is lost to Slack: it is let finish while store, cluster and Slack are open.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + DRAIN
        self._jobs.hold()
        doors = [self._servers.stop(), *([self._socket.close()] if self._socket is not None else [])]
        for problem in await asyncio.gather(*doors, return_exceptions=True):
            if isinstance(problem, Exception):
                logger.warning("a door didn't close cleanly", error=repr(problem))
        left = max(end - loop.time(), 1.0)
        await asyncio.gather(self._front.drain(left), self._jobs.drain(left))
        self._stop_delivery.set()
        await self._dispatcher.drain(2.0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(FettleError):
            await self._ctx.store.transact(_stopped, self._ctx)


def delivery_options(settings: Settings, slack: SlackClient) -> Options:
    """What the cards show of this process's settings, and how an address in Slack is built."""
    soak = ""
    if settings.short_soak:
        soaks = sorted({settings.VERIFY_SOAK.total_seconds(), settings.VERIFY_SOAK_CRASHLOOP.total_seconds()})
        soak = f"short soak for the sandbox: {' to '.join(f'{seconds:g}' for seconds in soaks)} s"
    look = Look(
        observe=settings.MODE == "observe",
        approvers_missing=not settings.APPROVERS,
        soak_note=soak,
        permalink=slack.permalink,
        command=ids.command("/incident", settings.COMMAND_SUFFIX),
        silencing_in=silence_guards.namespaces(settings),
    )
    return Options(look=look, allow_shared=settings.POST_TO_SHARED_CHANNELS, charts=settings.CHARTS)


async def _pager(settings: Settings, closing: contextlib.AsyncExitStack) -> PagerDuty | None:
    if not settings.PAGERDUTY_SERVICES:
        return None
    pager = PagerDuty(settings.PAGERDUTY_URL, settings.secret("PAGERDUTY_SERVICES"))
    closing.push_async_callback(pager.close)
    return pager


async def _cluster(settings: Settings, moved: sandboxed.Moved | None) -> Cluster:
    agent = f"fettle/{version('fettle-bot')}"
    timeout = settings.KUBE_TIMEOUT.total_seconds()
    cluster = await Cluster.connect(
        settings.KUBECONFIG or None, settings.KUBE_CONTEXT or None, timeout, agent, rate=settings.EVIDENCE_RATE
    )
    if wrong := sandboxed.refused(settings, cluster.name, cluster.server, moved):
        await cluster.close()
        raise ConfigError(wrong)
    return cluster


async def _ask(
    settings: Settings, cluster: Cluster | None, slack: SlackClient
) -> tuple[Ready | None, list[str], dict[str, str]]:
    """Asks Slack and the cluster side by side: a sentence for all that is wrong, and for what can't be reached."""
    asked = await asyncio.gather(
        ask_slack(slack, settings, settings.SLACK_CHANNEL_ID), _identity(cluster), return_exceptions=True
    )
    wrong: list[str] = []
    away: dict[str, str] = {}
    for event, answer in zip((NO_SLACK, NO_CLUSTER), asked, strict=True):
        if isinstance(answer, UnavailableError):
            away[event] = str(answer)
        elif isinstance(answer, FettleError):
            wrong += _sentences(answer)
        elif isinstance(answer, BaseException):
            raise answer
    return (asked[0] if isinstance(asked[0], Ready) else None), wrong, away


async def _identity(cluster: Cluster | None) -> None:
    if cluster is not None:
        await cluster.identity()


async def _channel(settings: Settings, store: Store, ready: Ready | None) -> str:
    """Where the cards go: as set, else as Slack says, else as it was last time; empty if nobody knows."""
    known = await store.read(facts.get, "channel")
    return settings.SLACK_CHANNEL_ID or (ready.channel.id if ready else "") or known or ""


def _started(tx: Tx, ctx: Context, moved: sandboxed.Moved | None = None) -> None:
    if tx.dialect == "sqlite":
        # The lock file says that we are alone: claims of a dead predecessor need not run out first.
        due.free_claims(tx)
        outbox.free_claims(tx)
    held = {"playbooks": ctx.playbooks.current.hash, "handlers": ctx.handlers.hash}
    clocks = {} if moved is None else {"clock": "moved by the sandbox", "ahead_seconds": moved.ahead}
    detail = {"version": version("fettle-bot"), "mode": ctx.settings.MODE, **held, **clocks}
    tx.audit(AuditNote("system:process:started", SYSTEM, "process", "started", 0, detail), ctx.clock())
    loaded.record_handlers(tx, ctx.handlers, ctx.channel, ctx.clock())
    loaded.record_settings(tx, ctx.settings, ctx.channel, ctx.clock())
    reloading.record(tx, ctx.playbooks.current, ctx.channel, ctx.clock())


def _stopped(tx: Tx, ctx: Context) -> None:
    tx.audit(AuditNote("system:process:stopped", SYSTEM, "process", "stopped", 0, {}), ctx.clock())
