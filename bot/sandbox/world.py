"""A whole world in one object: Slack, the cluster, Alertmanager, the people, and the bot between them.

Used by the command line, by scenarios and by tests. It refuses to know the bot but as a process: what it sees is what
the servers saw, what Slack shows, and what the bot's own command line prints.
"""

from __future__ import annotations

import asyncio
import shlex
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from bot.sandbox import patience
from bot.sandbox.alert_names import RULES
from bot.sandbox.alertmanager import Alertmanager, Delivery
from bot.sandbox.alertmanager_api import AlertmanagerServer
from bot.sandbox.bot_process import BotProcess, BotStartError, fettle
from bot.sandbox.breakages import timeline
from bot.sandbox.breakages.timeline import Broken
from bot.sandbox.faults.every import Switchboard
from bot.sandbox.furnishing import furnish
from bot.sandbox.kubernetes.gateway import Record
from bot.sandbox.kubernetes.scenery import WORKLOADS
from bot.sandbox.kubernetes.server import ClusterServer
from bot.sandbox.lasting import BOT_CONTEXT, CLUSTER, Lasting, webhook_token, write_kubeconfigs
from bot.sandbox.moved_time import Hand
from bot.sandbox.ports import free_port
from bot.sandbox.prometheus import PrometheusServer
from bot.sandbox.registry import ImageRegistry
from bot.sandbox.shipped import ACTS, manifest, roles
from bot.sandbox.slack import persist
from bot.sandbox.slack.server import SlackServer
from bot.sandbox.slack_room import SlackRoom

ACCOUNT = "system:serviceaccount:fettle:fettle"
"""The account of ``deploy/base/rbac.yaml``."""
TICK = 0.2
"""Seconds between two looks at how late this process is."""
STRIDE = 5.0
"""Seconds that pass at once: as many as a bot with production times lets pass between two looks."""
SHORT = {
    "COOLDOWN": "0s",  # whoever tries things out wants to try them twice
    "TARGET_HOURLY": "1000",
    "HOURLY": "10000",
    "AT_ONCE": "1000",
    "BREAKER": "0",
    "APPROVAL_TTL": "5m",
    "VERIFY_SOAK": "2s",
    "VERIFY_SOAK_CRASHLOOP": "3s",
}
"""Times and limits for somebody who doesn't want to wait."""


@dataclass(frozen=True)
class WorldOptions:
    """What a world starts with. ``ready_after`` is in seconds from a pod's creation to Ready.

    ``progress_deadline`` is the workloads' own, in seconds. ``settings`` win over the built ones. ``workloads`` are
    ``namespace/name`` with their number of pods. ``metrics`` puts a Prometheus beside the cluster, ``silences`` lets
    Alertmanager be asked and silenced. ``broken`` are breakages that have happened by then, each in a namespace of its
    name. With ``production_times`` the bot has the times and limits that it has without settings, and ``advance`` lets
    time pass. ``images`` are the tags of repositories in a registry beside the cluster, from which workloads of the
    same name have theirs. ``extra`` is put into the environment of the bot for the sake of measuring it (coverage),
    nothing else.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    workloads: Mapping[str, int] = field(default_factory=lambda: dict(WORKLOADS))
    ready_after: float = 0.5
    progress_deadline: int = 600
    port: int = 0
    metrics: bool = False
    silences: bool = False
    broken: tuple[str, ...] = ()
    production_times: bool = False
    images: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)


class World:
    """Starts empty servers, fills them, and starts the bot when told to; ``async with`` ends all of it in order.

    ``lasting`` is what it has in common with the worlds before and after it.
    """

    def __init__(self, folder: Path, options: WorldOptions | None = None, lasting: Lasting | None = None) -> None:
        self.folder = folder
        self.options = options or WorldOptions()
        kept = folder / "slack.json"
        workspace = persist.load(kept) if kept.is_file() else None
        self.ahead = 0.0
        """Seconds that were let pass at once so far; Slack, the cluster, Alertmanager and the bot are so far ahead."""
        self.slack_server = SlackServer(manifest(), workspace=workspace, ahead=lambda: self.ahead)
        self.slack = SlackRoom(self.slack_server)
        self.cluster_server = ClusterServer(CLUSTER, ready_after=self.options.ready_after, bot_user=ACCOUNT)
        self.cluster = self.cluster_server.cluster
        self._lasting = lasting
        if lasting is not None:
            lasting.lend(self.cluster_server)
        self.webhook_token = lasting.webhook_token if lasting is not None else webhook_token()
        self.bot = BotProcess(folder, {})
        self.alertmanager = Alertmanager("", self.webhook_token, clock=self.now, give_up=patience.stretched(30))
        self.alertmanager_api = AlertmanagerServer(self.alertmanager)
        self.prometheus = PrometheusServer(self.cluster)
        self.registry = ImageRegistry()
        self.faults = Switchboard(self.slack_server.faults, self.cluster_server.faults, self.alertmanager_api)
        self.broken: list[Broken] = []
        self.listener: socket.socket | None = None
        """Where Slack and the page answer, if somebody listens there already; it is closed at the end."""
        self.lag = 0.0
        """The longest that this process had to wait for its turn so far, in seconds."""
        self._watching: asyncio.Task[None] | None = None

    # -- life ---------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        try:
            await self.start_servers()
        except BaseException:
            await self.stop()  # what was started of it
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start_servers(self) -> None:
        """Slack and the cluster on free loopback ports, the workloads running; writes the kubeconfigs."""
        if self.options.images:
            await self._publish()
        self._furnish()
        if self.options.broken:
            # Seconds of work, and other worlds may live in this loop; nobody looks at this cluster yet.
            self.broken += await timeline.happen_meanwhile(
                self.cluster, self.options.broken, measures=self.prometheus.measures
            )
        self._bind()
        self._watching = asyncio.create_task(self._watch_lag())
        await self.cluster_server.start(listener=self._lasting.cluster if self._lasting is not None else None)
        await self.slack_server.start(port=self.options.port, listener=self.listener)
        if self.options.metrics:
            await self.prometheus.start()
        if self.options.silences:
            await self.alertmanager_api.start()
        write_kubeconfigs(self.cluster_server, self.kubeconfig("bot"), self.kubeconfig("admin"))
        hand = self._hand if self.options.production_times else None
        self.bot = BotProcess(self.folder, self._settings(), self.options.extra, hand)
        self.alertmanager.url = f"{self.bot.url}/webhooks/alertmanager"

    async def _publish(self) -> None:
        """The images of the options, each tag a day younger than the one before, the last three days old."""
        await self.registry.start()
        self.cluster.world.lacks = self.registry.lacks
        for repository, tags in self.options.images.items():
            for older, tag in enumerate(reversed(tags)):
                self.registry.push(repository, tag, datetime.now(UTC) - timedelta(days=3 + older))

    async def _watch_lag(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK)
            self.lag = max(self.lag, time.monotonic() - before - TICK)

    def _bind(self) -> None:
        """The bot's account has the shipped roles that what it is allowed takes, where it may act, and nothing more."""
        settings = self._settings()
        may_act, allowed = settings["ALLOWED_NAMESPACES"], settings["ALLOWED_ACTIONS"].replace("-", "_").split(",")
        for name, rules in roles().items():
            if name in ACTS and not ACTS[name].intersection(allowed):
                continue
            if name == "fettle-review" and settings.get("REQUIRE_RBAC", "false") != "true":
                continue
            everywhere = name in {"fettle-read", "fettle-cordon", "fettle-review"}  # nodes lie in no namespace
            self.cluster_server.access.bind(rules, None if everywhere else frozenset(may_act.split(",")))

    def _furnish(self) -> None:
        kept = self.folder / "cluster.json"
        if kept.is_file():
            self.cluster.load(kept)
            return
        deadline, own = self.options.progress_deadline, self.options.images
        furnish(
            self.cluster,
            self.options.workloads,
            deadline=deadline,
            host=lambda place: self.registry.host if place in own else "registry.example",
        )

    async def start_bot(self) -> None:
        """Start the bot and wait until it takes alerts and listens to Slack; ``BotStartError`` if that fails."""
        await self.bot.start()
        connecting = asyncio.create_task(self.slack_server.wait_connected(timeout=20))
        ending = asyncio.create_task(self.bot.wait())
        try:
            await asyncio.wait((connecting, ending), return_when=asyncio.FIRST_COMPLETED)
            if not self.bot.running:
                await ending
                raise BotStartError(f"The bot ended with exit code {self.bot.exit_code}.{self.bot.last_lines()}")
            await connecting
        except TimeoutError:
            raise BotStartError(f"The bot didn't connect to Slack within 20 s.{self.bot.last_lines()}") from None
        finally:
            connecting.cancel()
            ending.cancel()

    @property
    def attended(self) -> bool:
        """Whether a bot hears what happens here: its own, or somebody's that is connected to this Slack."""
        return self.bot.running or self.slack_server.sockets.connections > 0

    async def stop(self) -> None:
        """The bot first, then the servers; state is kept by ``save``."""
        if self.bot.running:
            await self.bot.stop()
        if self._watching is not None:
            self._watching.cancel()
        await self.alertmanager.close()
        await self.prometheus.stop()
        await self.registry.stop()
        await self.alertmanager_api.stop()
        await self.slack_server.stop()
        await self.cluster_server.stop()

    def save(self) -> None:
        """Write Slack's and the cluster's state into the folder, for the next start."""
        persist.save(self.slack_server.workspace, self.folder / "slack.json")
        self.cluster.save(self.folder / "cluster.json")

    # -- the passing of time ------------------------------------------------------------------

    def now(self) -> datetime:
        """The present moment of this world."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def _hand(self) -> Hand:
        return Hand(self.ahead)

    async def advance(self, seconds: float) -> None:
        """Let time pass at once, in strides that the bot looks between; ``TimeoutError`` if it never comes to rest.

        Raises ``ValueError`` in a world without production times.
        """
        if not self.options.production_times:
            raise ValueError("time passes at once where the bot has production times, and nowhere else")
        while seconds > 0:
            stride = min(STRIDE, seconds)
            await self.bot.let_pass(stride, lambda by=stride: self._follow(by))  # type: ignore[misc]
            seconds -= stride

    def _follow(self, seconds: float) -> None:
        self.ahead += seconds
        self.cluster.advance(seconds)

    # -- what the bot is told -----------------------------------------------------------------

    def kubeconfig(self, who: str) -> Path:
        """The kubeconfig file of the ``bot`` or the ``admin``."""
        if self._lasting is not None and who == "admin":
            return self._lasting.kubeconfig
        return self.folder / f"kubeconfig-{who}.yaml"

    def _settings(self) -> dict[str, str]:
        """The built ones and over them those of the options, ``{registry}`` in them put in."""
        given = {name: value.replace("{registry}", self.registry.host) for name, value in self.options.settings.items()}
        return {**self.built_settings(), **given}

    def built_settings(self) -> dict[str, str]:
        """Every setting that the bot needs to act in this world; short times are short, and the card says so."""
        return {
            "SLACK_API_URL": self.slack_server.api_url,
            "SLACK_BOT_TOKEN": self.slack_server.bot_token,
            "SLACK_APP_TOKEN": self.slack_server.app_token,
            "SLACK_CHANNEL_ID": self.slack.channel,
            "KUBECONFIG": str(self.kubeconfig("bot")),
            "CLUSTER_NAME": "sandbox",
            "DATA_DIR": str(self.folder),
            "DATABASE_URL": f"sqlite:///{self.folder / 'fettle.db'}",
            "WEBHOOK_TOKENS": self.webhook_token,
            "APPROVERS": "S0SRE",
            "ALLOWED_NAMESPACES": "shop,pay",
            "ALLOWED_ACTIONS": "restart,rollback,pause,resume"
            f"{',set_image' if self.registry.host else ''}{',silence' if self.alertmanager_api.url else ''}",
            **({} if self.options.production_times else SHORT),
            **patience.limits(),
            "LISTEN_HOST": "127.0.0.1",
            **self._bot_ports(),
            "LOG_FORMAT": "json",
            **({"PROMETHEUS_URL": self.prometheus.url} if self.prometheus.url else {}),
            **({"REGISTRIES": f"{self.registry.host} insecure"} if self.registry.host else {}),
            **({"ALERTMANAGER_URL": self.alertmanager_api.url} if self.alertmanager_api.url else {}),
        }

    def _bot_ports(self) -> dict[str, str]:
        names = "LISTEN_PORT", "METRICS_PORT"
        return {name: str(self._lasting.port(name) if self._lasting is not None else free_port()) for name in names}

    def dotenv(self) -> str:
        """The same as a dotenv file, with the bot's address first; for curl, kubectl and `fettle run`.

        Its KUBECONFIG is the people's one, so that kubectl may do everything; KUBE_CONTEXT lets a bot that is started
        with this file use its own account in it. How the log looks is left to where that bot runs: a terminal or not.
        """
        people = {"KUBECONFIG": str(self.kubeconfig("admin")), "KUBE_CONTEXT": BOT_CONTEXT}
        values = {"FETTLE_URL": self.bot.url, **self.bot.settings, **people}
        told = ((name, value) for name, value in values.items() if name != "LOG_FORMAT")
        return "".join(f"{name}={shlex.quote(value)}\n" for name, value in told)

    # -- what happens -------------------------------------------------------------------------

    async def fire(self, name: str, workload: str = "", **labels: str) -> Delivery:
        """Fire the alert as its rule would: one alert a pod where the rule is about pods, else one.

        ``workload`` is ``namespace/name``; an alert about pods names only the pods, as the real rule does.
        """
        return await self.alertmanager.fire(name, *self.alert_sets(name, workload, **labels))

    def alert_sets(self, name: str, workload: str, **labels: str) -> list[dict[str, str]]:
        """The label sets that ``fire`` sends."""
        if not workload:
            return [labels]
        namespace, _, called = workload.partition("/")
        rule = RULES.get(name)
        by = rule.by if rule else "deployment"
        if by != "pod":
            return [{"namespace": namespace, by: called, **labels}]
        pods = self.cluster.pods(namespace, called)
        ill = [pod for pod in pods if not is_ready(pod)] or pods
        uids = ((pod["metadata"]["name"], pod["metadata"]["uid"]) for pod in ill)
        return [{"namespace": namespace, "pod": pod, "uid": uid, **labels} for pod, uid in uids]

    def break_(self, *names: str, namespace: str = "") -> list[Broken]:
        """Break the cluster in these ways, each in a namespace of its name or all in one; ``KeyError`` for an unknown.

        It takes a quarter of a second for each, in which nothing else happens: many are better ``broken`` at the start.
        """
        broken = timeline.happen(self.cluster, names, namespace=namespace, measures=self.prometheus.measures)
        self.broken += broken
        return broken

    async def tell(self, broken: Broken, name: str = "") -> Delivery:
        """Fire an alert that tells of a breakage, the first one unless named, since when it would have fired."""
        since = datetime.fromtimestamp(broken.since, UTC)
        return await self.alertmanager.fire(name or broken.breakage.alerts[0], *broken.alerts(name), starts_at=since)

    async def resolve(self, name: str) -> list[Delivery]:
        """All alerts of this name end."""
        return await self.alertmanager.resolve(name)

    async def fettle(self, *words: str) -> tuple[int, str]:
        """Run ``fettle WORDS`` on the bot's store, as an operator beside it would; exit code and output."""
        return await fettle(self.folder, self.bot.settings, *words, extra=self.options.extra)

    async def audit(self) -> str:
        """The audit as the table that an auditor reads."""
        _, table = await self.fettle("audit", "list", "--limit", "0")
        return table

    async def status(self) -> dict[str, Any]:
        """The bot's /status."""
        async with (
            aiohttp.ClientSession(trust_env=False) as session,
            session.get(f"{self.bot.status_url}/status") as got,
        ):
            found: dict[str, Any] = await got.json()
            return found

    def patches(self, workload: str) -> list[Record]:
        """Every write of the bot to this workload that wasn't a dry run, whatever it was answered."""
        namespace, _, name = workload.partition("/")
        return [
            one
            for one in self.cluster_server.requests
            if one.verb in {"patch", "update", "delete"}
            and (one.namespace, one.name) == (namespace, name)
            and one.user == self.cluster_server.access.bot_user
            and "dryRun" not in one.query
        ]


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether the pod's Ready condition is true."""
    conditions = pod.get("status", {}).get("conditions") or []
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
