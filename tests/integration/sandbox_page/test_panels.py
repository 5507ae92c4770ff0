"""What the panels say and refuse, without a browser: alerts that nobody takes, the audit as it is, faults."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from bot.domain.audit import AuditNote
from bot.sandbox.alertmanager import Alertmanager
from bot.sandbox.alertmanager_api import AlertmanagerServer
from bot.sandbox.demo import Demo
from bot.sandbox.faults.every import KINDS, Switchboard
from bot.sandbox.faults.fault import Order
from bot.sandbox.faults.presets import PRESETS, Preset
from bot.sandbox.kubernetes.faults import Faults as ClusterFaults
from bot.sandbox.page.panels import alerts
from bot.sandbox.page.panels.alerts import AlertsPanel
from bot.sandbox.page.panels.audit import AuditPanel
from bot.sandbox.page.panels.every import break_here
from bot.sandbox.page.panels.faults import FaultsPanel
from bot.sandbox.ports import free_port
from bot.sandbox.slack.errors import NotThere
from bot.sandbox.slack.faults import Faults as SlackFaults
from bot.sandbox.slack.faults import SocketOrders
from bot.sandbox.world import World
from bot.storage import people
from bot.storage.db import Store, Tx

NOW = datetime(2026, 11, 21, 3, 14, 15, tzinfo=UTC)

# -- alerts -----------------------------------------------------------------------------------------


def about(_name: str, workload: str) -> list[dict[str, str]]:
    namespace, _, name = workload.partition("/")
    return [{"namespace": namespace, "deployment": name}]


@pytest_asyncio.fixture
async def unheard(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AlertsPanel]:
    """Alerts that go where nobody listens."""
    monkeypatch.setattr(alerts, "PATIENCE", 0.3)
    manager = Alertmanager(f"http://127.0.0.1:{free_port()}/webhooks/alertmanager", "sandbox")
    yield AlertsPanel(manager, about, lambda: ["shop/api"], lambda: ["node-1", "node-2"])
    await manager.close()


async def test_an_alert_that_nobody_takes_fires_all_the_same_and_says_so(unheard: AlertsPanel) -> None:
    before = unheard.mark()
    with pytest.raises(NotThere, match=r"Nobody takes alerts at .*It fires all the same"):
        await unheard.acts["fire"]({"name": "HighErrorRate", "about": "shop/api"})
    assert unheard.mark() != before
    html = unheard.html()
    assert 'aria-label="HighErrorRate in shop"' in html
    assert 'deployment="api"' in html
    assert "<span>shop/api</span>" in html, "what it is about is seen without opening its labels"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "Choose an alert"),
        ({"name": "Melted", "about": "shop/api"}, "Choose an alert"),
        ({"name": "HighErrorRate", "about": "node-1"}, "is about a workload"),
        ({"name": "HighErrorRate", "about": "shop/gone"}, "is about a workload"),
    ],
)
async def test_what_cannot_be_fired_is_said_in_a_sentence(
    unheard: AlertsPanel, body: dict[str, str], said: str
) -> None:
    with pytest.raises(NotThere, match=said):
        await unheard.acts["fire"](body)
    assert "Nothing fires." in unheard.html()


@pytest.mark.parametrize(
    ("name", "chosen", "label"),
    [
        ("KubeNodeNotReady", "node-2", 'node="node-2"'),
        ("KubeNodeNotReady", "shop/api", 'node="node-1"'),
        ("NodeClockSkewDetected", "node-2", 'instance="node-2"'),
        ("Watchdog", "shop/api", 'alertname="Watchdog"'),
    ],
)
async def test_an_alert_is_about_what_its_rule_is_about(
    unheard: AlertsPanel, name: str, chosen: str, label: str
) -> None:
    with pytest.raises(NotThere):
        await unheard.acts["fire"]({"name": name, "about": chosen})
    assert label in unheard.html()


async def test_what_does_not_fire_cannot_be_resolved(unheard: AlertsPanel) -> None:
    with pytest.raises(NotThere, match="HighLatency doesn't fire"):
        await unheard.acts["resolve"]({"name": "HighLatency"})
    assert await unheard.acts["all"]({}) == "Nothing fires."


# -- the cluster ------------------------------------------------------------------------------------


async def test_what_cannot_be_broken_now_is_said_and_leaves_the_clock_where_it_was(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.cluster.apply(
        {
            "kind": "ResourceQuota",
            "apiVersion": "v1",
            "metadata": {"name": "none", "namespace": "shop"},
            "spec": {"hard": {"pods": "0"}},
        }
    )
    with pytest.raises(NotThere, match="The scheduler crashes: that can't be broken in shop now"):
        await break_here(world, Demo(world), "scheduler-gone")
    assert world.cluster.clock.offset == pytest.approx(0.0)
    world.cluster.delete("ResourceQuota", "shop", "none")
    said = await break_here(world, Demo(world), "stale-lock")
    follows = "KubePodCrashLooping tells of it as soon as a bot is connected."
    assert said == f"Broken in shop: A lock file that a pod left behind. {follows}"
    assert world.cluster.clock.offset == pytest.approx(0.0)


# -- audit ------------------------------------------------------------------------------------------


async def whole() -> tuple[int, str]:
    return 0, "The audit is whole: 3 entries.\nHead: abc"


async def broken() -> tuple[int, str]:
    return 1, "Entry 2 doesn't follow.\n"


def story(tx: Tx) -> None:
    ana = people.person_for(tx, "U0ANA", "Ana", NOW)
    tx.audit(AuditNote("incident:state:triggered", "alertmanager", "incident:3", "triggered", 3), NOW)
    tx.audit(AuditNote("proposal:approval:granted", ana, "proposal:7", "granted", 3, {"reason": "looks right"}), NOW)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """The store of a bot that has it open."""
    path = tmp_path / "fettle.db"
    opened = Store.open(f"sqlite:///{path}")
    opened.transact_now(story)
    yield path
    opened.close_now()


def test_the_audit_is_read_newest_first_with_names_and_links(store: Path) -> None:
    entries, total = AuditPanel(store, whole).entries()
    assert [entry.seq for entry in entries] == list(range(total, 0, -1))
    assert (entries[0].who, entries[0].tag, entries[0].reason) == ("@Ana", "proposal:approval:granted", "looks right")
    assert [entry.follows for entry in entries] == [True] * (total - 1) + [None]


def test_an_entry_that_was_changed_afterwards_no_longer_follows(store: Path) -> None:
    with contextlib.closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute("UPDATE audit SET hash = 'other' WHERE tag = 'incident:state:triggered'")
    panel = AuditPanel(store, whole)
    assert panel.entries()[0][0].follows is False
    assert "does not follow" in panel.html()


def test_the_mark_moves_when_the_bot_writes(store: Path) -> None:
    panel = AuditPanel(store, whole)
    before = panel.mark()
    assert panel.mark() == before
    other = Store.open(f"sqlite:///{store}", lock=False)
    other.transact_now(story)
    other.close_now()
    assert panel.mark() != before


async def test_the_chain_is_verified_by_the_bots_own_command(store: Path) -> None:
    assert await AuditPanel(store, whole).acts["verify"]({}) == "The audit is whole: 3 entries."
    with pytest.raises(NotThere, match="Entry 2 doesn't follow"):
        await AuditPanel(store, broken).acts["verify"]({})


def test_before_a_bot_has_written_there_is_nothing_and_no_file_is_made(tmp_path: Path) -> None:
    panel = AuditPanel(tmp_path / "fettle.db", whole)
    assert "Nothing was written yet." in panel.html()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "fettle.db").touch()
    assert panel.entries() == ([], 0)
    opened = Store.open(f"sqlite:///{tmp_path / 'fettle.db'}")
    assert panel.entries() == ([], 0), "its tables are there, and nothing in them"
    opened.close_now()


# -- faults -----------------------------------------------------------------------------------------


async def _disconnect(_reason: str) -> int:
    return 2


def switched() -> tuple[FaultsPanel, Switchboard]:
    """Switchboards as the servers have them; two sockets are open."""
    slack, cluster = SlackFaults(orders=SocketOrders(_disconnect, lambda: 2, lambda: None)), ClusterFaults()
    board = Switchboard(slack, cluster, AlertmanagerServer(Alertmanager("", "")))
    return FaultsPanel(board), board


LASTING = [row for listed in PRESETS.values() for row in listed if any(KINDS[o.of][o.kind].holds for o in row.orders)]
AT_ONCE = [row for listed in PRESETS.values() for row in listed if row not in LASTING]


@pytest.mark.parametrize("row", LASTING, ids=lambda row: row.name)
async def test_a_switch_says_that_it_is_on_until_it_is_off(row: Preset) -> None:
    panel, board = switched()
    before = panel.mark()
    assert f'data-switch="{row.name}" aria-pressed="false"' in panel.html()
    assert await panel.acts["turn"]({"switch": row.name}) == ""
    assert panel.mark() != before
    assert f'data-switch="{row.name}" aria-pressed="true"' in panel.html()
    assert panel.html().count('aria-pressed="true"') == 1
    assert "✕ 1 on" in panel.html()
    assert (await panel.acts["turn"]({"switch": row.name})).startswith("Over: ")
    assert (panel.mark(), board.holding) == (before, [])


@pytest.mark.parametrize("row", AT_ONCE, ids=lambda row: row.name)
async def test_what_is_over_at_once_says_that_it_was_done(row: Preset) -> None:
    panel, _ = switched()
    assert f'data-switch="{row.name}"><span>' in panel.html(), "no switch, so that it isn't announced as one"
    assert (await panel.acts["turn"]({"switch": row.name})).startswith("Done: ")
    assert "Nothing fails" in panel.html()


async def test_a_reset_tells_how_many_connections_it_was() -> None:
    panel, _ = switched()
    assert await panel.acts["turn"]({"switch": "socket-cut"}) == "Done: the socket is reset once (2 of them)."


async def test_what_is_used_up_is_off_by_itself() -> None:
    panel, board = switched()
    await panel.acts["turn"]({"switch": "slack-drop"})
    assert "✕ waits" in panel.html()
    board._boards["slack"].take("chat.postMessage")
    assert 'aria-pressed="true"' not in panel.html()
    assert "Nothing fails" in panel.html()


async def test_what_a_scenario_ordered_is_told_too_and_ends_with_the_rest() -> None:
    panel, board = switched()
    before = panel.mark()
    await board.put(Order("cluster", "error", "patch deployments", None, status=409))
    assert panel.mark() != before
    assert "From now on at patch deployments: The cluster&#39;s API answers 409." in panel.html()
    for name in ("slack-429", "cluster-503", "slack-socket", "alertmanager-503"):
        await panel.acts["turn"]({"switch": name})
    assert "5 on" in panel.html()
    assert await panel.acts["clear"]({}) == "Everything works again."
    assert 'aria-pressed="true"' not in panel.html()
    assert board.holding == []
    assert panel.mark() == before


async def test_an_unknown_fault_is_refused_and_alertmanagers_stand_only_where_there_is_one() -> None:
    panel, board = switched()
    with pytest.raises(NotThere, match="no such fault"):
        await panel.acts["turn"]({"switch": "flood"})
    assert "alertmanager-503" in panel.html()
    assert "alertmanager-503" not in FaultsPanel(board, ["Slack"]).html()
