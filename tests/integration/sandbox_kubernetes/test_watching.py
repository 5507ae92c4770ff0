"""Watches tell everything once, in order, and say when they can't."""

import asyncio
import itertools

from bot.sandbox.kubernetes.server import ClusterServer
from tests.integration.sandbox_kubernetes.probe import Api, capture
from tests.patience import until

PODS = "/api/v1/namespaces/shop/pods"
MAPS = "/api/v1/namespaces/shop/configmaps"


def config_map(name: str, **labels: str) -> dict:
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop", "labels": labels}}


async def test_a_watch_without_a_version_begins_with_all_there_is(api: Api, server: ClusterServer) -> None:
    server.cluster.deployment("shop", "api", replicas=2)
    server.cluster.advance(1)
    events = await api.watch(PODS, timeoutSeconds="0.2", allowWatchBookmarks="true")
    recorded = capture("watch-stream")["lines"]
    assert [one["type"] for one in events] == ["ADDED", "ADDED"]
    assert set(events[0]["object"]) == set(recorded[0]["object"])


async def test_a_watch_replays_what_came_after_its_version(api: Api, server: ClusterServer) -> None:
    start = server.cluster.store.version
    server.cluster.apply(config_map("a", colour="red"))
    server.cluster.apply(config_map("a", colour="blue"))
    server.cluster.delete("ConfigMap", "shop", "a")
    events = await api.watch(MAPS, timeoutSeconds="0.1", resourceVersion=str(start))
    assert [one["type"] for one in events] == ["ADDED", "MODIFIED", "DELETED"]
    versions = [int(one["object"]["metadata"]["resourceVersion"]) for one in events]
    assert versions == sorted(set(versions))


async def test_what_a_watch_tells_is_never_changed_afterwards(api: Api, server: ClusterServer) -> None:
    """An event counted up is a new object: the one told before keeps its version and count."""
    server.cluster.deployment("shop", "api", replicas=1, behaviour="crash")
    start = server.cluster.store.version
    server.cluster.advance(10)
    path = "/api/v1/namespaces/shop/events"
    events = await api.watch(path, timeoutSeconds="0.1", resourceVersion=str(start))
    told = [one["object"]["metadata"]["resourceVersion"] for one in events]
    counts = [one["object"]["count"] for one in events if one["object"]["reason"] == "BackOff"]
    assert len(told) == len(set(told))
    assert counts == list(range(1, len(counts) + 1))


async def test_objects_come_and_go_with_the_selector(api: Api, server: ClusterServer) -> None:
    start = server.cluster.store.version
    for colour in ("red", "blue", "red"):
        server.cluster.apply(config_map("a", colour=colour))
    events = await api.watch(MAPS, timeoutSeconds="0.1", resourceVersion=str(start), labelSelector="colour=red")
    assert [one["type"] for one in events] == ["ADDED", "DELETED", "ADDED"]


async def test_an_old_version_is_an_error_object_in_a_200(api: Api, server: ClusterServer) -> None:
    server.cluster.apply(config_map("a"))
    server.cluster.store.compact()
    events = await api.watch(PODS, timeoutSeconds="0.1", resourceVersion="1")
    recorded = capture("watch-410-gone")["lines"]
    floor = server.cluster.store.floor
    recorded[0]["object"]["message"] = f"too old resource version: 1 ({floor})"
    assert events == recorded


async def test_a_future_version_waits_in_silence(api: Api) -> None:
    assert await api.watch(PODS, timeoutSeconds="0.1", resourceVersion="99999999") == []


async def test_initial_events_end_with_a_bookmark(api: Api, server: ClusterServer) -> None:
    server.cluster.apply(config_map("a"))
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    events = await api.watch(MAPS, timeoutSeconds="0.1", **query)
    assert [one["type"] for one in events] == ["ADDED", "BOOKMARK"]
    assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_many_watches_are_let_go(api: Api, server: ClusterServer) -> None:
    """A client that goes away leaves no watch behind."""
    watches = [asyncio.create_task(api.watch(PODS, timeoutSeconds="600")) for _ in range(5)]
    await until(lambda: len(server.cluster.store.listeners) == 5)
    for one in watches:
        one.cancel()
    await asyncio.gather(*watches, return_exceptions=True)
    number = itertools.count()

    def gone() -> bool:
        server.cluster.apply({"kind": "Namespace", "metadata": {"name": "shop", "labels": {"n": str(next(number))}}})
        return server.cluster.store.listeners == []

    await until(gone)


async def test_a_watch_can_be_made_to_expire_at_its_beginning_and_in_the_middle(
    api: Api, server: ClusterServer
) -> None:
    """As recorded: a 200, and then an ERROR object with code 410."""
    recorded = capture("watch-410-gone")["lines"][0]
    server.faults.set("watch", "*", status=410, times=1)
    [begun] = await api.watch(PODS, timeoutSeconds="600")
    open_ = asyncio.create_task(api.watch(PODS, timeoutSeconds="600"))
    while not server.cluster.store.listeners:  # noqa: ASYNC110 - a list has no event
        await asyncio.sleep(0.01)
    assert server.faults.expire_watches() == 1
    [later] = await open_
    for told in (begun, later):
        assert told["type"] == recorded["type"]
        assert set(told["object"]) == set(recorded["object"])
        assert (told["object"]["code"], told["object"]["reason"]) == (410, "Expired")
    version = recorded["object"]["message"].partition("(")[0]
    assert later["object"]["message"].startswith(version.rpartition(":")[0])
