"""What a start loaded is audited with hash and difference, and what widens rights is announced in the channel."""

from pathlib import Path
from typing import Any

import pytest

from bot.evidence.handlers import Handler, Handlers
from bot.jobs import Jobs
from bot.settings import Settings, load
from bot.storage import facts
from bot.workflow import configured, loaded

from .floor import BASE, Floor, settings_in

SHAPES = {
    "SLACK_BOT_TOKEN": "xoxb-{}", "SLACK_APP_TOKEN": "xapp-{}", "WEBHOOK_TOKENS": "{}", "WEBHOOK_BASIC": "me:{}",
    "PROMETHEUS_TOKEN": "{}", "LOKI_BASIC": "me:{}", "PAGERDUTY_SERVICES": "shop={}",
    "DATABASE_URL": "postgresql://fettle:{}@db/fettle",
}  # fmt: skip


async def start(floor: Floor, settings: Settings, handlers: Handlers | None = None) -> None:
    """What a start writes."""
    floor.advance(1)
    await floor.store.transact(loaded.record_handlers, handlers or Handlers(), "C0ONCALL", floor.now())
    await floor.store.transact(loaded.record_settings, settings, "C0ONCALL", floor.now())


async def details(floor: Floor, tag: str) -> list[dict[str, Any]]:
    entries = sorted(await floor.entries(tag), key=lambda entry: entry.seq)
    return [dict(entry.detail or {}) for entry in entries]


async def told(floor: Floor) -> list[str]:
    return [str(params) for _, params in await floor.messages("loaded:")]


async def test_each_start_audits_the_settings_and_the_first_announces_nothing(floor: Floor, tmp_path: Path) -> None:
    for _ in range(2):
        await start(floor, settings_in(tmp_path))
    first, second = await details(floor, "system:settings:loaded")
    assert (first["before"], first["changes"], second["changes"]) == ("", [], [])
    assert first["hash"] == second["hash"] == second["before"]
    assert await told(floor) == []


@pytest.mark.parametrize(
    ("change", "what", "widens"),
    [
        ({"ALLOWED_NAMESPACES": "shop,pay"}, "ALLOWED_NAMESPACES gains pay", True),
        ({"ALLOWED_NAMESPACES": ""}, "ALLOWED_NAMESPACES loses shop", False),
        ({"APPROVERS": "U0ANA,U0LI,S0SRE,U0EVE"}, "APPROVERS gains U0EVE", True),
        ({"APPROVERS": "U0ANA"}, "APPROVERS loses S0SRE, U0LI", False),
        ({"ALLOWED_ACTIONS": ""}, "ALLOWED_ACTIONS loses restart", False),
        ({"SELF_APPROVE": "restart"}, "SELF_APPROVE gains restart", True),
        ({"MODE": "observe"}, "MODE is observe, was act", False),
        ({"FETTLE_FROZEN": "true"}, "FETTLE_FROZEN is yes, was no", False),
        ({"REQUIRE_RBAC": "true"}, "REQUIRE_RBAC is yes, was no", False),
        ({"CLUSTER_USERS": "U0ANA=ana groups=sre"}, "CLUSTER_USERS gains U0ANA=ana in sre", True),
        (
            {"ONCALL": "{people: [U0BO], handover: daily 09:00, starts: 2026-11-02, zone: UTC}"},
            "ONCALL gains oncall: rotation daily 09:00, UTC, U0BO, from 2026-11-02",
            True,
        ),
        ({"POST_TO_SHARED_CHANNELS": "true"}, "POST_TO_SHARED_CHANNELS is yes, was no", True),
        ({"APPROVAL_TTL": "1h"}, "APPROVAL_TTL is 3600 s, was 900 s", True),
        ({"APPROVAL_TTL": "5m"}, "APPROVAL_TTL is 300 s, was 900 s", False),
        ({"OWN_NAMESPACE": "other"}, "OWN_NAMESPACE is other, was fettle", True),
        ({"CLUSTER_NAME": ""}, "CLUSTER_NAME is not set, was eu-1", True),
        ({"FREEZE_FILE": "/run/freeze"}, "FREEZE_FILE is /run/freeze, was not set", False),
        ({"HANDLERS_DIR": "/h"}, "HANDLERS_DIR is /h, was not set", True),
        ({"KUBE_CONTEXT": "prod"}, "KUBE_CONTEXT is prod, was not set", True),
        ({"SLACK_CHANNEL_ID": "C0OTHER"}, "SLACK_CHANNEL_ID is C0OTHER, was C0ONCALL", True),
        ({"LOG_LEVEL": "debug"}, "LOG_LEVEL is debug, was info", False),
        ({"WEBHOOK_TOKENS": "token-one,token-two"}, "WEBHOOK_TOKENS is 2 secrets, was not set", False),
    ],
    ids=lambda value: "" if not isinstance(value, dict) else "=".join(*value.items()),
)
async def test_a_change_is_audited_and_announced_where_it_widens(
    floor: Floor, tmp_path: Path, change: dict[str, str], what: str, widens: bool
) -> None:
    await start(floor, settings_in(tmp_path))
    await start(floor, settings_in(tmp_path, **change))
    entry = (await details(floor, "system:settings:loaded"))[-1]
    assert what in entry["changes"]
    assert (what in entry["widens"]) is widens
    assert any(what in one and "fettle freeze on" in one for one in await told(floor)) is widens


async def test_what_was_taken_away_and_comes_back_widens_again(floor: Floor, tmp_path: Path) -> None:
    for mode in ("act", "observe", "act"):
        await start(floor, settings_in(tmp_path, MODE=mode, FETTLE_FROZEN=str(mode == "observe")))
    (text,) = await told(floor)
    assert "FETTLE_FROZEN is no, was yes; MODE is act, was observe" in text


async def test_no_secret_and_nothing_to_guess_it_from_is_kept(floor: Floor, tmp_path: Path) -> None:
    """Not even a hash: that of a weak password could be guessed back."""
    words = ("0123456789abcdefhunter1", "fedcba9876543210hunter2")
    one, other = (
        load(
            {**BASE, "KUBECONFIG": "/k", **{name: shape.format(word) for name, shape in SHAPES.items()}},
            tmp_path / "no", tmp_path / "no",
        )
        for word in words
    )  # fmt: skip
    assert configured.content(one) == configured.content(other)
    await start(floor, one)
    kept = await floor.store.read(facts.get, "settings") or ""
    assert words[0] not in kept + str(await details(floor, "system:settings:loaded"))
    assert '"PAGERDUTY_SERVICES":["shop=(a secret)"]' in kept


def test_settings_that_an_earlier_release_did_not_have_are_no_news_at_their_default(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, SELF_APPROVE="restart")
    old = {
        name: value for name, value in configured.content(settings).items() if name not in {"SELF_APPROVE", "CHARTS"}
    }
    changes = configured.difference({**old, "GONE": "x"}, configured.content(settings))
    assert [(str(one), one.widens) for one in changes] == [
        ("GONE is no setting any more", False),
        ("SELF_APPROVE gains restart", True),
    ]


def handlers(**digests: str) -> Handlers:
    return Handlers([Handler(name, f"folder/{name}.py", digest, lambda item: item) for name, digest in digests.items()])


async def test_every_load_of_handlers_is_audited_with_hash_and_difference_and_new_code_is_announced(
    floor: Floor, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path)
    for found in (Handlers(), handlers(Disk="a"), handlers(Disk="b", Node="c"), handlers(Node="c"), Handlers()):
        await start(floor, settings, found)
    entries = await details(floor, "system:handlers:loaded")
    assert [entry["changes"] for entry in entries] == [
        ["Disk is new (enrich)"], ["Node is new (enrich)", "Disk is another"], ["Disk is gone"], ["Node is gone"],
    ]  # fmt: skip
    assert entries[0]["handlers"]["Disk"] == {"from": "folder/Disk.py", "hash": "a", "does": ["enrich"]}
    assert entries[1]["before"] == entries[0]["hash"]
    first, second = await told(floor)
    assert "Handlers changed, whose code runs as Fettle" in first
    assert "Node is new (enrich); Disk is another" in second


async def test_handlers_that_the_first_start_finds_are_no_news(floor: Floor, tmp_path: Path) -> None:
    await start(floor, settings_in(tmp_path), handlers(Disk="a"))
    assert len(await details(floor, "system:handlers:loaded")) == 1
    assert await told(floor) == []


async def test_a_secret_that_was_read_again_is_audited_without_what_it_says(floor: Floor, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first-token", encoding="utf-8")
    floor.switch(settings=settings_in(tmp_path, LOKI_TOKEN_FILE=str(file), LOKI_URL="http://loki"))
    jobs = Jobs(floor.ctx)
    await jobs.secrets()
    assert await details(floor, "system:secret:replaced") == []
    file.write_text("second-token-longer", encoding="utf-8")
    await jobs.secrets()
    await jobs.secrets()
    assert await details(floor, "system:secret:replaced") == [{"settings": ["LOKI_TOKEN"]}]
