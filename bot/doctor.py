"""``fettle doctor``: a table of what works, what doesn't, and what each missing setting would add.

It asks the same questions as the start of ``fettle run``, and more, and changes nothing anywhere. Exit code 0 when
nothing failed, 1 when something did, 2 when the settings themselves are wrong.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.domain.errors import ConfigError, FettleError
from bot.domain.mitigation import Action
from bot.domain.target import RESTARTABLE
from bot.kube import reads
from bot.kube.client import Cluster
from bot.mitigations import catalog
from bot.playbooks import loader
from bot.settings import DESCRIPTIONS, Settings, load
from bot.slack.client import SlackClient
from bot.slack.preflight import preflight
from bot.storage import audit, freeze
from bot.storage.db import Store

ADDS = (
    "APPROVERS", "ALLOWED_NAMESPACES", "ALLOWED_ACTIONS", "WEBHOOK_TOKENS", "CLUSTER_NAME", "FREEZE_FILE",
    "PLAYBOOKS_DIR",
)  # fmt: skip
"""Settings without which Fettle starts and does less."""

READS = (
    ("list", "", "pods"),
    ("list", "", "events"),
    ("list", "", "services"),
    ("list", "apps", "deployments"),
    ("list", "apps", "replicasets"),
    ("list", "apps", "statefulsets"),
    ("list", "apps", "daemonsets"),
    ("list", "apps", "controllerrevisions"),
    ("list", "autoscaling", "horizontalpodautoscalers"),
    ("list", "policy", "poddisruptionbudgets"),
)
TOO_MUCH = (
    ("get", "", "secrets", ""),
    ("create", "", "pods", ""),
    ("create", "", "pods", "exec"),
    ("delete", "apps", "deployments", ""),
)
"""Rights that Fettle never uses: holding one only helps whoever steals its token."""


class Level(StrEnum):
    """How a row stands."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Row:
    """One line: what was looked at, how it stands, what to do."""

    check: str
    level: Level
    sentence: str


def main(env_file: Path, *, as_json: bool) -> int:
    """Runs every check and prints the table; returns the exit code."""
    try:
        settings = load(env_file=env_file)
    except ConfigError as error:
        show([Row("settings", Level.FAIL, sentence) for sentence in error.sentences], as_json=as_json)
        return 2
    rows = asyncio.run(examine(settings))
    show(rows, as_json=as_json)
    return 1 if any(row.level is Level.FAIL for row in rows) else 0


async def examine(settings: Settings) -> list[Row]:
    """All rows, in the order in which a person would fix them."""
    slack, cluster, database = await asyncio.gather(_slack(settings), _cluster(settings), _database(settings))
    settled = [Row("settings", Level.OK, "All settings can be read."), *_playbooks(settings)]
    return [*settled, *slack, *cluster, *database, *_would_add(settings)]


def show(rows: Iterable[Row], *, as_json: bool) -> None:
    """A table for people, one JSON object a line for programs."""
    if as_json:
        for row in rows:
            print(json.dumps(asdict(row), ensure_ascii=False))  # noqa: T201 - this is the command's output
        return
    colours = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}
    table = Table(box=None, pad_edge=False)
    for heading in ("check", "state", "what it means and what to do"):
        table.add_column(heading, no_wrap=heading == "state")
    for row in rows:
        table.add_row(row.check, f"[{colours[row.level]}]{row.level}[/]", row.sentence)
    Console(soft_wrap=False).print(table)


async def _slack(settings: Settings) -> list[Row]:
    slack = await SlackClient.connect(
        settings.SLACK_BOT_TOKEN.get_secret_value(), settings.SLACK_API_URL, settings.SLACK_TIMEOUT.total_seconds()
    )
    try:
        try:
            ready = await preflight(
                slack,
                settings.SLACK_APP_TOKEN.get_secret_value(),
                settings.SLACK_CHANNEL_ID,
                allow_shared=settings.POST_TO_SHARED_CHANNELS,
            )
        except ConfigError as error:
            return [Row("slack", Level.FAIL, sentence) for sentence in error.sentences]
        except FettleError as error:
            return [Row("slack", Level.FAIL, str(error))]
        rows = [
            Row("slack", Level.OK, f"The bot is {ready.identity.user_id} of {ready.identity.team}; both tokens work."),
            Row("channel", Level.OK, f"Cards go to #{ready.channel.name} ({ready.channel.id})."),
        ]
        if ready.warning:
            rows.append(Row("channel", Level.WARN, ready.warning))
        return rows + [await _group(slack, group) for group in settings.approver_groups]
    finally:
        await slack.close()


async def _group(slack: SlackClient, group: str) -> Row:
    try:
        members = await slack.group_members(group)
    except FettleError as error:
        return Row("approvers", Level.FAIL, f"The user group {group} can't be read: {error}")
    if not members:
        return Row("approvers", Level.WARN, f"The user group {group} has no members: nobody of it can approve.")
    return Row("approvers", Level.OK, f"The user group {group} has {len(members)} members.")


async def _cluster(settings: Settings) -> list[Row]:
    try:
        cluster = await Cluster.connect(
            settings.KUBECONFIG or None, settings.KUBE_CONTEXT or None, settings.KUBE_TIMEOUT.total_seconds(),
            "fettle-doctor",
        )  # fmt: skip
    except ConfigError as error:
        return [Row("cluster", Level.FAIL, sentence) for sentence in error.sentences]
    try:
        identity = await cluster.identity()
        rows = [Row("cluster", Level.OK, f"{identity.server} answers, version {identity.version}.")]
        for namespace in settings.ALLOWED_NAMESPACES or ("",):
            rows += await _rights(cluster, settings, namespace)
    except FettleError as error:
        return [Row("cluster", Level.FAIL, str(error))]
    else:
        return rows
    finally:
        await cluster.close()


async def _rights(cluster: Cluster, settings: Settings, namespace: str) -> list[Row]:
    where = f"in {namespace}" if namespace else "in any namespace"
    unseen = [what for verb, group, what in READS if not await reads.access(cluster, verb, group, what, namespace)]
    rows = []
    if unseen:
        text = f"May not list {', '.join(unseen)} {where}: apply fettle-read from deploy/rbac.yaml."
        rows.append(Row("rights", Level.FAIL, text))
    else:
        rows.append(Row("rights", Level.OK, f"May read what it needs {where}."))
    if namespace:
        rows += [await _may_act(cluster, action, namespace) for action in settings.ALLOWED_ACTIONS]
    too_much = [
        f"{verb} {resource}{f'/{sub}' if sub else ''}"
        for verb, group, resource, sub in TOO_MUCH
        if await reads.access(cluster, verb, group, resource, namespace, sub)
    ]
    if too_much:
        text = f"May {', '.join(too_much)} {where}, which Fettle never does: bind the roles of deploy/rbac.yaml only."
        rows.append(Row("rights", Level.WARN, text))
    return rows


async def _may_act(cluster: Cluster, action: Action, namespace: str) -> Row:
    mitigation = catalog.CATALOG[action]
    missing = []
    for kind in RESTARTABLE:
        for verb, group, resource in mitigation.rights.get(kind, ()):
            if not await reads.access(cluster, verb, group, resource, namespace):
                missing.append(f"{verb} {resource}")
    if missing:
        text = f"May not {', '.join(missing)} in {namespace}: bind fettle-patch there to allow {action}."
        return Row("rights", Level.WARN, text)
    return Row("rights", Level.OK, f"May {action} workloads in {namespace}.")


async def _database(settings: Settings) -> list[Row]:
    url = settings.DATABASE_URL
    path = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
    if path is not None and not path.exists():
        return [Row("database", Level.OK, f"{path} doesn't exist yet; the first start makes it.")]
    try:
        store = await asyncio.to_thread(Store.open, url, query_only=True)
    except ConfigError as error:
        return [Row("database", Level.FAIL, sentence) for sentence in error.sentences]
    except FettleError as error:
        return [Row("database", Level.FAIL, str(error))]
    try:
        seq, head = await store.read(audit.head)
        on, actor, reason, _ = await store.read(freeze.state)
    finally:
        await store.close()
    rows = [Row("database", Level.OK, f"The audit has {seq} entries, head {head[:12]}.")]
    if on:
        text = f"Writes are frozen by {actor}{f': {reason}' if reason else ''}. fettle freeze off lifts it."
        rows.append(Row("freeze", Level.WARN, text))
    return rows


def _playbooks(settings: Settings) -> list[Row]:
    """What a start would say of the folder; a running bot keeps what it has until the folder is right."""
    try:
        found = loader.load(settings.PLAYBOOKS_DIR)
    except ConfigError as error:
        return [Row("playbooks", Level.FAIL, sentence) for sentence in error.sentences]
    own = f", {len(found.own)} of them yours" if found.own else ""
    return [Row("playbooks", Level.OK, f"{len(found.playbooks)} playbooks{own}, hash {found.hash[:12]}.")]


def _would_add(settings: Settings) -> list[Row]:
    """One row for each setting that is empty: what it would add."""
    rows = [
        Row(name, Level.WARN, f"Not set. {DESCRIPTIONS[name]}")
        for name in ADDS
        if getattr(settings, name) in ((), "", None)
    ]
    if settings.MODE == "observe":
        rows.append(Row("MODE", Level.WARN, "observe: Fettle shows what it would propose and changes nothing."))
    return rows
