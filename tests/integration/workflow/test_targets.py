"""What people type for a workload, and the lists behind the pickers."""

import pytest

from bot.workflow import targets

from .floor import Floor

TYPED = [
    ("shop/api", ("shop", "", "api")),
    ("  shop/api  ", ("shop", "", "api")),
    ("deployment/api -n shop", ("shop", "Deployment", "api")),
    ("-n shop deploy/api", ("shop", "Deployment", "api")),
    ("deploy api -n shop", ("shop", "Deployment", "api")),
    ("sts/db -n shop", ("shop", "StatefulSet", "db")),
    ("DS/agent -n shop", ("shop", "DaemonSet", "agent")),
    ("Deployment/shop/api", ("shop", "Deployment", "api")),
    ("rollout/shop/api", ("shop", "rollout", "api")),
    ("api -n shop", ("shop", "", "api")),
    ("deploy/api", ("deploy", "", "api")),
    ("api", ("", "", "")),
    ("", ("", "", "")),
    ("   ", ("", "", "")),
    ("shop/api now", ("", "", "")),
    ("shop api", ("", "", "")),
    ("api -n", ("", "", "")),
    ("-n shop", ("shop", "", "")),
    ("/api", ("", "", "api")),
    ("shop/", ("shop", "", "")),
    ("a/b/c/d", ("", "", "")),
]


@pytest.mark.parametrize(("text", "parts"), TYPED, ids=[text or "nothing" for text, _ in TYPED])
def test_what_is_typed_is_read_or_not_read_at_all(text: str, parts: tuple[str, str, str]) -> None:
    assert targets.parse(text) == parts


async def test_the_picker_finds_part_of_a_name_in_all_three_kinds(floor: Floor) -> None:
    floor.cluster.statefulset("shop", "api-db", replicas=1)
    floor.cluster.daemonset("shop", "agent")
    found = await floor.verbs.workloads("shop", " API ")
    assert [target.label for target in found] == ["Deployment shop/api", "StatefulSet shop/api-db"]
    assert len(await floor.verbs.workloads("shop", "")) == 3


async def test_the_picker_asks_the_cluster_once_in_half_a_minute(floor: Floor) -> None:
    await floor.verbs.workloads("shop", "")
    before = len(floor.server.requests)
    await floor.verbs.workloads("shop", "a")
    assert len(floor.server.requests) == before


async def test_a_picker_answers_from_what_it_knew_when_the_cluster_is_silent(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack gives three seconds in all."""
    await floor.verbs.workloads("shop", "")
    monkeypatch.setattr(targets, "FRESH", 0.0)
    monkeypatch.setattr(targets, "DEADLINE", 0.2)
    floor.server.faults.hang("list", "*")
    assert [target.name for target in await floor.verbs.workloads("shop", "")] == ["api"]
    assert await floor.verbs.workloads("other", "") == []


async def test_the_pickers_namespaces_are_the_allowed_ones(floor: Floor) -> None:
    floor.configure(ALLOWED_NAMESPACES=("web", "shop"))
    assert await floor.verbs.namespaces() == ["shop", "web"]


async def test_without_allowed_ones_those_that_can_be_seen(floor: Floor) -> None:
    floor.configure(ALLOWED_NAMESPACES=())
    assert "shop" in await floor.verbs.namespaces()
    floor.server.deny("list", "namespaces")
    assert await floor.verbs.namespaces() == []


async def test_a_kind_and_a_name_need_no_list(floor: Floor) -> None:
    found = await targets.find(floor.ctx, "deploy/anything -n shop")
    assert found.target is not None
    assert found.target.label == "Deployment shop/anything"
