"""A change of configuration has a time because it was watched; a watch is cheap, survives expiry, ends when told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, TypeVar

import pytest

from bot.kube import config_watch, configs
from bot.kube.config_memory import Known
from bot.kube.config_watch import ConfigWatch
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.writes import Writing
from tests.integration.clusters import API, World, now
from tests.patience import PATIENT

PLACE = ("shop", "api-config")
T = TypeVar("T")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_watch, "PAUSE", 0.05)


@pytest.fixture
async def watch(kube: World) -> AsyncIterator[ConfigWatch]:
    made = ConfigWatch(kube.cluster, now)
    yield made
    await made.close()
    assert not made.watched


def put(kube: World, **data: str) -> None:
    kube.sandbox.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": PLACE[1], "namespace": "shop"}, "data": data}
    )


async def soon(found: Callable[[], T | None]) -> T:
    """What ``found`` gives once it gives something."""
    async with asyncio.timeout(PATIENT):
        while True:
            value = found()
            if value:
                return value
            await asyncio.sleep(0.02)


async def until(kube: World, law: Callable[[Known], bool]) -> Known:
    """What is remembered once it is as it should be."""

    def found() -> Known | None:
        known = kube.cluster.configs.get(PLACE)
        return known if known is not None and law(known) else None

    return await soon(found)


async def watching(kube: World, times: int = 1) -> None:
    await soon(lambda: sum(seen.verb == "watch" for seen in kube.server.requests) >= times)


async def test_a_change_while_it_is_watched_has_a_time_and_a_writer(kube: World, watch: ConfigWatch) -> None:
    put(kube, url="s3cr3t-one")
    watch.follow([PLACE])
    await until(kube, lambda known: known.exists)
    await watching(kube)

    def change(obj: dict[str, object]) -> dict[str, object]:
        return {**obj, "data": {"url": "s3cr3t-two"}}

    kube.sandbox.writes.patch(by_kind("ConfigMap"), *PLACE, change, Writing("kubectl-edit"))
    known = await until(kube, lambda known: known.seen)
    assert known.changed_at
    assert known.by == "kubectl edit"
    assert "s3cr3t" not in str(vars(kube.cluster.configs))


async def test_another_annotation_is_no_change_of_configuration(kube: World, watch: ConfigWatch) -> None:
    put(kube, url="a")
    watch.follow([PLACE])
    version = (await until(kube, lambda known: known.exists)).version
    await watching(kube)

    def touch(obj: dict[str, object]) -> dict[str, object]:
        obj["metadata"]["annotations"] = {"leader": "me"}  # type: ignore[index]
        return obj

    kube.sandbox.writes.patch(by_kind("ConfigMap"), *PLACE, touch, Writing("someone"))
    assert not (await until(kube, lambda known: known.version != version)).seen


async def test_one_that_is_deleted_and_one_that_is_made_are_changes(kube: World, watch: ConfigWatch) -> None:
    watch.follow([PLACE])
    assert not (await until(kube, lambda _: True)).exists
    await watching(kube)
    put(kube, url="a")
    assert (await until(kube, lambda known: known.exists)).seen
    kube.sandbox.delete("ConfigMap", *PLACE)
    gone = await until(kube, lambda known: not known.exists)
    assert (gone.seen, bool(gone.changed_at)) == (True, True)


async def test_a_watch_that_ends_or_expires_is_begun_again_and_misses_nothing(
    kube: World, watch: ConfigWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_watch, "SERVED", 0)
    put(kube, url="a")
    watch.follow([PLACE])
    await watching(kube, times=3)
    kube.sandbox.store.compact()
    put(kube, url="b")
    assert (await until(kube, lambda known: known.seen)).exists


async def test_an_expired_version_inside_a_200_begins_afresh(kube: World, watch: ConfigWatch) -> None:
    """Recorded: a watch that is over, at its beginning or later, is a 200 and then an ERROR object with code 410."""
    put(kube, url="a")
    kube.server.faults.set("watch", "configmaps", status=410, times=1)
    watch.follow([PLACE])
    await watching(kube, times=2)
    await soon(lambda: kube.sandbox.store.listeners)
    assert kube.server.faults.expire_watches() == 1
    put(kube, url="b")
    await watching(kube, times=3)
    assert (await until(kube, lambda known: known.seen)).exists


async def test_the_connection_of_a_watch_that_expired_is_let_go(
    kube: World, watch: ConfigWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends the reading of its answer."""
    put(kube, url="a")
    asked: list[str] = []
    held: list[AsyncGenerator[dict[str, object], None]] = []  # so that nothing is let go for want of a reader
    lines = kube.cluster.lines

    async def expired(path: str, query: dict[str, str], silence: float) -> AsyncGenerator[dict[str, object], None]:
        asked.append(path)
        if len(asked) == 1:
            kube.sandbox.store.compact()
            query = {**query, "resourceVersion": "1"}
        async with contextlib.aclosing(lines(path, query, silence)) as events:
            async for event in events:
                yield event

    def kept(_self: object, *args: Any) -> AsyncGenerator[dict[str, object], None]:
        held.append(expired(*args))
        return held[-1]

    monkeypatch.setattr(type(kube.cluster), "lines", kept)
    watch.follow([PLACE])
    await watching(kube, times=2)
    await soon(lambda: len(asked) > 1)
    assert held[0].ag_frame is None, "the answer of the watch that expired is still open"


async def test_without_the_right_nothing_is_watched_and_it_is_said_once(
    kube: World, watch: ConfigWatch, caplog: pytest.LogCaptureFixture
) -> None:
    put(kube, url="a")
    kube.server.deny("watch", "configmaps")
    watch.follow([PLACE, ("shop", "other")])
    await soon(lambda: not watch.watched)
    watch.follow([PLACE])
    assert not watch.watched
    said = [record.message for record in caplog.records if "aren't watched" in record.message]
    assert len(said) == 1
    assert "fettle-read" in said[0]


async def test_only_what_is_followed_is_watched_and_never_too_many(
    kube: World, watch: ConfigWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_watch, "MOST", 2)
    watch.follow([("shop", "a"), ("shop", "a"), ("shop", "b"), ("shop", "c")])
    assert watch.watched == {("shop", "a"), ("shop", "b")}
    watch.follow([("shop", "b")])
    await asyncio.sleep(0)
    assert watch.watched == {("shop", "b")}
    assert all("fieldSelector" in seen.query for seen in kube.server.requests if seen.verb == "watch")


async def test_what_a_target_names_is_asked_for_once(kube: World) -> None:
    await kube.api()
    made = kube.sandbox.get("Deployment", "shop", "api")
    made["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "api-config"}}]
    kube.sandbox.apply(made)
    before = len(kube.sent("GET"))
    for _ in range(3):
        assert await configs.places_of(kube.cluster.relaxed, API) == (PLACE,)
    assert len(kube.sent("GET")) - before == 1
