"""Dumps of a real JVM through the sandbox's exec: whole, kept once, removed there, and nothing is ended."""
# ruff: noqa: ASYNC240 - a test looks at a few files of its own

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bot.domain.errors import RejectedError, RequestError, WorldChangedError
from bot.domain.units import in_bytes
from bot.integrations.artifacts_folder import Folder
from bot.mitigations import dump_found, heap_dump, thread_dump
from tests.integration import jvm as machine
from tests.integration.dumps.conftest import E, Room

pytestmark = [machine.needs_jdk, pytest.mark.jdk]


async def alive(room: Room) -> bool:
    """The JVM is the one that it was."""
    running = room.kube.server.containers.of(room.pod["metadata"]["uid"], room.place.container)
    return running is not None and [line for _, line in running.lines if line == "up"] == ["up"]


async def test_a_heap_dump_comes_whole_and_leaves_nothing_behind(jvm: Room) -> None:
    done = await jvm.brought(heap_dump)
    data = Path(done.kept.link).read_bytes()
    assert data.startswith(b"JAVA PROFILE 1.0.")
    assert hashlib.sha256(data).hexdigest() == done.kept.sha256
    assert machine.MARK in data
    assert len(data) > 12 * 1024**2
    assert done.kept.execution == E
    assert done.words == f"{in_bytes(len(data))} by jcmd, SHA-256 {done.kept.sha256[:12]}"
    assert not list(jvm.tmp.glob("*.hprof"))
    assert await alive(jvm)


async def test_a_thread_dump_names_every_thread(jvm: Room) -> None:
    done = await jvm.brought(thread_dump)
    text = Path(done.kept.link).read_text()
    assert "Full thread dump" in text
    assert f'"{machine.THREAD}"' in text
    assert "Object.wait" in text
    assert await alive(jvm)


def without(found: bytes, *tools: str) -> bytes:
    """The first look into an image that lacks these."""
    lines = found.splitlines(keepends=True)
    return b"".join(line for line in lines if not any(f" {tool} ".encode() in line for tool in tools))


@pytest.fixture
def image(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tools that the image of the pod lacks: a JDK without some, down to a JRE."""
    lacking: list[str] = []
    real = dump_found.read
    monkeypatch.setattr(dump_found, "read", lambda told: real(without(told, *lacking)))
    return lacking


async def test_by_what_the_container_has(jvm: Room, image: list[str]) -> None:
    image.append("jcmd")
    heap = await jvm.brought(heap_dump)
    assert "by jmap" in heap.words
    assert machine.MARK in Path(heap.kept.link).read_bytes()
    threads = await jvm.brought(thread_dump)
    assert "by jstack" in threads.words
    assert machine.THREAD in Path(threads.kept.link).read_text()
    image += ["jmap", "jstack"]
    await jvm.store.delete(threads.kept)
    asked = await jvm.brought(thread_dump)
    assert "by kill -3" in asked.words
    text = Path(asked.kept.link).read_text()
    assert f'"{machine.THREAD}"' in text
    assert "JNI global ref" in text
    await jvm.store.delete(heap.kept)
    with pytest.raises(RequestError, match="neither jcmd nor jmap"):
        await jvm.brought(heap_dump)
    assert await alive(jvm)


async def test_a_jvm_that_sigquit_would_end_is_not_asked_by_it(room: Room, program: Path, image: list[str]) -> None:
    """-Xrs leaves the signal to the system, which ends the process."""
    await room.start(*machine.argv(program, "-Xrs"))
    image += ["jcmd", "jmap", "jstack"]
    with pytest.raises(RequestError, match="kill -3 would end it"):
        await room.brought(thread_dump)
    assert room.ran("kill") == []
    assert await alive(room)


async def test_a_container_without_a_jvm_is_told(room: Room) -> None:
    with pytest.raises(RequestError, match="no Java process"):
        await room.brought(heap_dump)
    with pytest.raises(RequestError, match="neither a Java nor a Python"):
        await room.brought(thread_dump)


async def test_a_connection_that_breaks_while_the_file_is_read_goes_on_where_it_was(
    jvm: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading is begun again at the last piece that is kept; the dump itself is made once."""
    cuts = [None, None, 1, 8 * 1024**2 + 5, 3_000_000]
    monkeypatch.setattr(jvm.kube.server.executing, "cuts", [1 << 60 if one is None else one for one in cuts])
    done = await jvm.brought(heap_dump)
    data = Path(done.kept.link).read_bytes()
    assert hashlib.sha256(data).hexdigest() == done.kept.sha256
    assert len(jvm.ran("GC.heap_dump")) == 1
    assert [argv[3] for argv in jvm.ran("bs=1048576")] == ["skip=0", "skip=0", "skip=8", "skip=8"]
    assert not list(jvm.tmp.glob("*.hprof"))


async def test_a_connection_that_stays_broken_keeps_nothing_and_leaves_nothing(jvm: Room) -> None:
    jvm.kube.server.executing.cuts = [1 << 60, 1 << 60, 1, 1, 1, 1]
    with pytest.raises(RejectedError, match="No heap dump was kept"):
        await jvm.brought(heap_dump)
    assert await jvm.store.find(f"{E}-{jvm.place.pod}.hprof", E) is None
    assert not list(jvm.tmp.glob("*.hprof"))
    assert await alive(jvm)


async def test_a_connection_that_breaks_while_the_jvm_writes_is_told_and_not_repeated(jvm: Room) -> None:
    jvm.kube.server.executing.cuts = [1 << 60, 1]
    with pytest.raises(RejectedError, match="No heap dump was kept"):
        await jvm.brought(heap_dump)
    assert len(jvm.ran("GC.heap_dump")) == 1
    assert await alive(jvm)


async def test_what_cannot_be_removed_is_told_with_the_command_that_removes_it(
    jvm: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = heap_dump.dumps.Job.told

    async def told(job: heap_dump.Job, command: str, **more: object) -> bytes:
        if command == "remove":
            raise RejectedError("no", "403")
        return await real(job, command, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(heap_dump.dumps.Job, "told", told)
    done = await jvm.brought(heap_dump)
    assert f"rm -f {{/var,}}/tmp/fettle-{E}.hprof" in done.words
    assert jvm.tmp.joinpath(f"fettle-{E}.hprof").is_file()


async def test_a_store_without_room_is_told_before_the_jvm_is_stopped(jvm: Room, tmp_path: Path) -> None:
    jvm.store = Folder(tmp_path / "small", 32 * 1024**2)
    with pytest.raises(RequestError, match="the store of dumps has 32 MiB left"):
        await jvm.brought(heap_dump)
    assert jvm.ran("GC.heap_dump") == []


async def test_a_disk_without_room_is_told_before_the_jvm_is_stopped(
    jvm: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump_found, "LEAST", 1 << 60)
    monkeypatch.setattr(jvm.store, "room", _much)
    with pytest.raises(RequestError, match=r"has .* left; nothing was dumped"):
        await jvm.brought(heap_dump)
    assert jvm.ran("GC.heap_dump") == []


async def _much() -> int | None:
    return None


async def test_a_limit_that_would_evict_the_pod_is_told_before(jvm: Room) -> None:
    pod = jvm.kube.sandbox.get("Pod", "shop", jvm.place.pod)
    pod["spec"]["volumes"] = [{"name": "scratch", "emptyDir": {"sizeLimit": "32Mi"}}]
    pod["spec"]["containers"][0]["volumeMounts"] = [{"name": "scratch", "mountPath": "/tmp"}]  # noqa: S108 - its own
    jvm.kube.sandbox.apply(pod)
    with pytest.raises(RequestError, match="the pod would be evicted"):
        await jvm.brought(heap_dump)
    assert jvm.ran("GC.heap_dump") == []


async def test_a_container_that_was_replaced_meanwhile_is_not_dumped(jvm: Room) -> None:
    stored = await jvm.stored(heap_dump)
    await jvm.kube.crashing(pods=3)
    with pytest.raises(WorldChangedError, match=r"was restarted|doesn't run"):
        await heap_dump.MITIGATION.ready(jvm.kube.cluster, stored)


async def test_what_a_store_holds_of_an_execution_is_found_again(jvm: Room) -> None:
    """After a crash: found by the name and the mark, and said where there is nothing."""
    stored = await jvm.stored(heap_dump)
    said = await heap_dump.MITIGATION.bringing.recall(jvm.store, stored)
    assert isinstance(said, str)
    assert "may be left in the container" in said
    done = await jvm.brought(heap_dump)
    found = await heap_dump.MITIGATION.bringing.recall(jvm.store, stored)
    assert not isinstance(found, str)
    assert found.kept == done.kept
