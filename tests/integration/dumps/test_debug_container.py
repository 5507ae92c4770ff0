"""Dumps of a real JVM from a debug container beside it: other files, the same processes, nothing left in the target."""
# ruff: noqa: ASYNC240 - a test looks at a few files of its own

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.domain.errors import ForbiddenError, RequestError, StoppedError, WorldChangedError
from bot.domain.execution import WriteRequest
from bot.integrations.sources import Sources
from bot.mitigations import debug_container, debug_dump
from bot.mitigations.verb import Brought
from tests.integration import jvm as machine
from tests.integration.dumps.conftest import E, Room

pytestmark = [machine.needs_jdk, pytest.mark.jdk]
IMAGE = f"registry.example/tools/jdk@sha256:{'a' * 64}"
SOURCES = Sources(debug_images={"jvm": IMAGE})
HEAP = SimpleNamespace(MITIGATION=debug_dump.HEAP_DUMP.reaching(SOURCES))
THREADS = SimpleNamespace(MITIGATION=debug_dump.THREAD_DUMP.reaching(SOURCES))


@pytest.fixture
async def beside(jvm: Room) -> Room:
    """The JVM's pod says as whom it runs."""
    pod = jvm.kube.sandbox.get("Pod", "shop", jvm.place.pod)
    pod["spec"]["securityContext"] = {"runAsUser": 10001, "runAsGroup": 20002}
    jvm.kube.sandbox.apply(pod)
    return jvm


def added(room: Room) -> list[Any]:
    pod = room.kube.sandbox.get("Pod", "shop", room.place.pod)
    assert pod is not None
    return list(pod["spec"].get("ephemeralContainers", []))


def commands_in_target(room: Room) -> list[str]:
    """Containers in which something was run."""
    asked = [one for one in room.kube.server.requests if one.path.endswith("/exec")]
    return [one.query["container"] for one in asked]


async def test_a_heap_dump_comes_whole_out_of_a_container_beside_and_leaves_no_file(beside: Room) -> None:
    done = await beside.brought(HEAP)
    data = Path(done.kept.link).read_bytes()
    assert data.startswith(b"JAVA PROFILE 1.0.")
    assert machine.MARK in data
    assert hashlib.sha256(data).hexdigest() == done.kept.sha256
    assert done.words.endswith("by jcmd, SHA-256 " + done.kept.sha256[:12] + ", from a debug container")
    assert not list(beside.tmp.glob("*.hprof"))
    assert set(commands_in_target(beside)) == {f"fettle-{E[:20]}"}, "nothing runs in the target's own image"


async def test_what_is_added_is_what_was_stored_and_no_more_than_it_takes(beside: Room) -> None:
    stored = await beside.stored(HEAP)
    await HEAP.MITIGATION.bringing.bring(beside.kube.cluster, beside.store, stored)
    (made,) = added(beside)
    (shown,) = stored.body["debug"]["patch"]["spec"]["ephemeralContainers"]
    assert {key: made[key] for key in shown} == shown
    assert made["image"] == IMAGE
    assert made["command"] == ["sleep", "1800"]
    assert made["targetContainerName"] == beside.place.container
    assert made["securityContext"] == {
        "runAsUser": 10001, "runAsGroup": 20002, "runAsNonRoot": True, "allowPrivilegeEscalation": False,
        "privileged": False, "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    assert not {"env", "volumeMounts", "stdin", "tty"} & {key for key, value in made.items() if value}


async def test_a_thread_dump_names_every_thread(beside: Room) -> None:
    done = await beside.brought(THREADS)
    text = Path(done.kept.link).read_text()
    assert "Full thread dump" in text
    assert f'"{machine.THREAD}"' in text


async def test_it_has_a_tmp_of_its_own_and_reads_the_targets_through_its_process(beside: Room) -> None:
    (beside.tmp / "only-here").write_text("x")
    await beside.brought(THREADS)
    server = beside.kube.server
    debug = server.containers.of(beside.pod["metadata"]["uid"], f"fettle-{E[:20]}")
    assert debug is not None
    assert not (debug.folder / "only-here").exists()
    assert debug.folder != beside.tmp


# -- what is refused -------------------------------------------------------------------------------


async def planned(
    room: Room, images: dict[str, str], action: Any = debug_dump.HEAP_DUMP, **wanted: Any
) -> WriteRequest:
    return await room.stored(SimpleNamespace(MITIGATION=action.reaching(Sources(debug_images=images))), **wanted)


async def test_without_an_image_in_the_settings_nothing_is_planned(beside: Room) -> None:
    with pytest.raises(RequestError, match="DEBUG_IMAGES names no image for jvm"):
        await planned(beside, {})
    with pytest.raises(RequestError, match="DEBUG_IMAGES names no image for jvm"):
        await planned(beside, {"python": IMAGE})
    with pytest.raises(RequestError, match="There is no debug image “go”"):
        await planned(beside, {"jvm": IMAGE}, kind="go")


async def test_of_a_container_whose_user_isnt_known_nothing_is_planned(jvm: Room) -> None:
    with pytest.raises(RequestError, match=r"set runAsUser in its security context"):
        await planned(jvm, {"jvm": IMAGE})


async def test_the_user_that_the_node_tells_wins_and_root_keeps_the_usual_capabilities(beside: Room) -> None:
    pod = beside.kube.sandbox.get("Pod", "shop", beside.place.pod)
    pod["status"]["containerStatuses"][0]["user"] = {"linux": {"uid": 0, "gid": 0, "supplementalGroups": [0]}}
    beside.kube.sandbox.world.store.put(beside.kube.sandbox.kubelet._pods, pod)
    stored = await planned(beside, {"jvm": IMAGE})
    (shown,) = stored.body["debug"]["patch"]["spec"]["ephemeralContainers"]
    security = shown["securityContext"]
    assert (security["runAsUser"], security["runAsGroup"]) == (0, 0)
    assert "capabilities" not in security
    assert security["privileged"] is security["allowPrivilegeEscalation"] is False


async def test_an_image_that_the_settings_dont_name_any_more_isnt_added(beside: Room) -> None:
    stored = await beside.stored(HEAP)
    later = debug_dump.HEAP_DUMP.reaching(Sources(debug_images={"jvm": IMAGE.replace("a", "b")}))
    with pytest.raises(WorldChangedError, match="DEBUG_IMAGES doesn't name the image any more"):
        await later.ready(beside.kube.cluster, stored)
    assert added(beside) == []


async def test_an_image_that_cant_be_pulled_is_told_with_what_stays(
    beside: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside.kube.sandbox.world, "lacks", lambda image: "tools" in image)
    monkeypatch.setattr(debug_container, "LOOKS_EVERY", 0.1)
    with pytest.raises(StoppedError, match=r"ErrImagePull: .*not found") as stopped:
        await beside.brought(HEAP)
    assert stopped.value.so_far.startswith(f"adding the debug container fettle-{E[:20]} to {beside.place.pod}")
    assert beside.kube.server.executing.ran == []


async def test_a_missing_right_names_the_role_and_nothing_is_added(beside: Room) -> None:
    beside.kube.server.deny("patch", "pods/ephemeralcontainers", "shop")
    with pytest.raises(ForbiddenError, match="Apply the role fettle-debug in shop"):
        await beside.brought(HEAP)
    assert added(beside) == []


@pytest.mark.parametrize("carried_out", [True, False])
async def test_a_lost_answer_is_read_back_and_nothing_is_added_twice(beside: Room, carried_out: bool) -> None:
    if carried_out:
        beside.kube.server.faults.drop_after("patch", "pods/ephemeralcontainers")
        done: Brought = await beside.brought(THREADS)
        assert done.kept.size > 0
    else:
        beside.kube.server.faults.set("patch", "pods/ephemeralcontainers", status=503, times=1)
        with pytest.raises(RequestError, match=r"isn't in the pod\. Nothing was dumped"):
            await beside.brought(THREADS)
    assert len(added(beside)) == int(carried_out)


async def test_what_goes_wrong_after_it_was_added_says_what_stays(beside: Room) -> None:
    beside.kube.server.executing.cuts = [1 << 60, 1]
    with pytest.raises(StoppedError, match="No heap dump was kept") as stopped:
        await beside.brought(HEAP)
    assert "where it stays" in stopped.value.so_far


async def test_another_pod_of_the_name_gets_nothing(beside: Room) -> None:
    stored = await beside.stored(HEAP)
    stored.body["debug"]["patch"]["metadata"]["uid"] = "another"
    with pytest.raises(WorldChangedError):
        await HEAP.MITIGATION.bringing.bring(beside.kube.cluster, beside.store, stored)
    assert added(beside) == []


async def test_after_a_crash_it_is_told_that_the_container_may_be_there(beside: Room) -> None:
    stored = await beside.stored(HEAP)
    said = await HEAP.MITIGATION.bringing.recall(beside.store, stored)
    assert isinstance(said, str)
    assert f"The debug container fettle-{E[:20]} may be in the pod" in said


async def test_a_preview_is_the_api_servers_dry_run_and_says_that_it_stays(beside: Room) -> None:
    seen = await _preview(beside)
    assert seen.problem == ""
    assert "dry run ok" in seen.facts
    assert "irreversible" in seen.consequence
    assert any("can't be taken out of a pod again" in line for line in seen.warnings)
    assert IMAGE in seen.diff
    assert added(beside) == []
    beside.kube.server.deny("patch", "pods/ephemeralcontainers", "shop")
    assert "fettle-debug" in (await _preview(beside)).problem


async def _preview(room: Room) -> Any:
    from bot.kube import reads  # noqa: PLC0415 - one use
    from tests.integration.clusters import API, now  # noqa: PLC0415 - the same

    state = await reads.target_state(room.kube.cluster, API, now=now())
    params = await HEAP.MITIGATION.plan(room.kube.cluster, state, {"pod": room.place.pod})
    return await partial(HEAP.MITIGATION.preview, room.kube.cluster)(
        state, approved_at=now(), execution_uid=E, params=params
    )
