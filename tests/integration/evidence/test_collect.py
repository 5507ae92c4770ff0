"""Evidence over the socket: worst first, redacted, side by side, and a failing collector shown as such."""

from __future__ import annotations

import asyncio

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.target import Target
from bot.evidence import collect
from bot.evidence.ask import Ask
from tests.integration.clusters import API, World, now
from tests.patience import GROWING, PATIENT, until


async def gather(
    kube: World, deadline: float = PATIENT, target: Target = API, **others: collect.Collector
) -> dict[str, Evidence]:
    ask = Ask(kube.cluster, target, now)
    kube.cluster.shared.forget()
    found = await collect.gather(ask, deadline=deadline, collectors={**collect.chosen(["pods", "events"]), **others})
    return {item.source: item for item in found}


async def test_pods_and_events_of_a_healthy_workload(kube: World) -> None:
    await kube.api()
    found = await gather(kube)
    assert list(found) == ["pods", "events"]
    assert found["pods"].summary == "3/3 ready"
    assert len(found["pods"].data["pods"]) == 3
    assert found["events"].status is EvidenceStatus.OK
    assert found["events"].summary == "", "nothing warns: nothing for the card"


async def test_crashing_pods_come_first_with_their_last_exit(kube: World) -> None:
    await kube.api()
    await kube.crashing()
    found = await gather(kube)
    rows = found["pods"].data["pods"]
    assert rows[0]["restarts"] > 1
    assert rows[-1]["restarts"] == 0
    assert "last exit 1" in found["pods"].summary


async def test_events_of_pods_and_replica_sets_belong_to_the_workload_others_do_not(kube: World) -> None:
    await kube.api()
    kube.sandbox.deployment("shop", "web", replicas=1)
    await kube.sandbox.settle(10)
    rows = (await gather(kube))["events"].data["events"]
    kinds = {row["object"].split()[0] for row in rows}
    assert {"Deployment", "Pod"} <= kinds
    assert not any("web" in row["object"] for row in rows)


async def test_secrets_in_event_messages_are_hidden(kube: World) -> None:
    state = await kube.api()
    kube.sandbox.apply(
        {
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "api.1", "namespace": "shop"},
            "type": "Warning", "reason": "Unhealthy", "message": "probe failed: password=hunter22 refused",
            "involvedObject": {"kind": "Deployment", "namespace": "shop", "name": "api", "uid": state.target.uid},
            "lastTimestamp": now().isoformat(), "count": 6,
        }
    )  # fmt: skip
    found = (await gather(kube))["events"]
    assert found.summary == "Unhealthy (6)"
    assert found.data["events"][0]["reason"] == "Unhealthy"
    assert "hunter22" not in str(found.data)


async def test_nothing_there_is_empty_and_not_failed(kube: World) -> None:
    await kube.api(replicas=0)
    assert (await gather(kube))["pods"].status is EvidenceStatus.EMPTY


async def test_a_missing_right_fails_one_collector_and_says_what_to_apply(kube: World) -> None:
    await kube.api()
    kube.server.deny("list", "events")
    found = await gather(kube)
    assert found["pods"].status is EvidenceStatus.OK
    assert found["events"].status is EvidenceStatus.FAILED
    assert "fettle-read" in found["events"].problem


async def test_a_collector_that_hangs_or_breaks_costs_only_itself(kube: World) -> None:
    await kube.api()

    async def hangs(_ask: Ask) -> Evidence:
        await asyncio.sleep(3600)
        raise AssertionError

    async def breaks(_ask: Ask) -> Evidence:
        raise KeyError("a bug")

    for deadline in GROWING:
        found = await gather(kube, deadline, hangs=hangs, breaks=breaks)
        assert found["hangs"].problem == f"No answer within {deadline:g} s."
        if found["pods"].status is EvidenceStatus.OK:
            break
    assert found["pods"].status is EvidenceStatus.OK
    assert found["breaks"].problem == "The collector failed; the log says why."


async def test_a_target_that_is_gone_is_told_by_each(kube: World) -> None:
    found = await gather(kube)
    assert {item.status for item in found.values()} == {EvidenceStatus.FAILED}


async def test_collectors_that_ask_the_same_share_the_answer(kube: World) -> None:
    await kube.api()
    before = len(kube.server.requests)
    await gather(kube)
    asked = [seen.path.rsplit("/", 1)[-1] for seen in list(kube.server.requests)[before:]]
    assert sorted(asked) == ["api", "events", "pods", "replicasets"]


async def test_one_askers_deadline_does_not_cost_another_the_answer(kube: World) -> None:
    kube.server.faults.hang("list", "namespaces", seconds=1.0, times=1)
    slow = kube.cluster.relaxed
    other = asyncio.create_task(slow.get("/api/v1/namespaces"))
    mine = asyncio.create_task(slow.get("/api/v1/namespaces"))
    await until(lambda: kube.sent("GET"))
    mine.cancel()
    await asyncio.wait({mine})
    assert (await other)["items"]
    assert len(kube.sent("GET")) == 1
