"""What a command in a pod can reach of the machine that the sandbox runs on: nothing that it could change."""
# ruff: noqa: ASYNC240 - a test looks at a few files of its own

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.domain.errors import RejectedError
from bot.kube import execs
from bot.kube.execs import Place
from bot.sandbox.kubernetes import containers
from bot.sandbox.kubernetes.containers import Container, Containers, NoContainerError
from bot.sandbox.kubernetes.server import ClusterServer
from tests.integration.clusters import World, world
from tests.integration.sandbox_kubernetes.kubectl import WITNESS, Kubectl
from tests.integration.sandbox_kubernetes.test_kubectl_day import WEBSOCKETS
from tests.patience import PATIENT

ORDINARY = 12345
"""A user of no name and no right."""
ENDS = [
    "touch {outside}/proof",
    "rm -f {outside}/mine",
    "echo changed > {outside}/mine",
    "mount -o remount,rw / && echo changed > {outside}/mine",
    "mount -o remount,bind,rw / && echo changed > {outside}/mine",
    "unshare -Urm sh -c 'mount -o remount,bind,rw /; rm -f {outside}/mine'",
    "echo changed > /proc/1/root{outside}/mine",
    "echo 1 > /proc/sys/vm/drop_caches",
    "mknod /tmp/disk b 254 0",
]


@pytest.fixture
async def kube(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as kube:
        yield kube


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder of this machine that a container sees."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder, "mine").write_text("kept")
        yield Path(folder)


async def place(kube: World) -> Place:
    await kube.api()
    pod = kube.sandbox.pods("shop", "api")[0]
    return Place("shop", pod["metadata"]["name"], pod["spec"]["containers"][0]["name"], "e1")


async def said(kube: World, where: Place, script: str) -> str:
    found = await execs.output(kube.cluster, where, ("sh", "-c", script), within=PATIENT, what="the test", most=1 << 20)
    return found.decode()


async def test_nothing_of_this_machine_is_changed_by_a_command(kube: World, outside: Path) -> None:
    where = await place(kube)
    for script in ENDS:
        with pytest.raises(RejectedError):
            await said(kube, where, script.format(outside=outside))
    assert [one.name for one in outside.iterdir()] == ["mine"]
    assert (outside / "mine").read_text() == "kept"


async def test_its_own_tmp_and_its_devices_can_be_written(kube: World) -> None:
    where = await place(kube)
    script = "echo own > /tmp/a; echo gone > /dev/null; head -c 3 /dev/zero > /dev/null; cat /tmp/a"
    assert await said(kube, where, script) == "own\n"


async def test_homes_folders_sockets_variables_and_the_network_are_not_seen(
    kube: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What isn't the system's is empty but for the way to the interpreter."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-of-this-machine")
    where = await place(kube)
    assert "xoxb" not in await said(kube, where, "env")
    interpreter = Path(sys.base_prefix).resolve()
    for folder in {"/home", "/root", "/run", "/srv", "/mnt", "/work", str(Path.home())}:
        ways = {one.name for one in (interpreter, *interpreter.parents) if str(one.parent) == folder}
        shown = await said(kube, where, f"ls -A {folder} 2>/dev/null || true")
        assert set(shown.split()) <= ways, folder
    assert (await said(kube, where, "cat /proc/net/dev | tail -n +3 | cut -d: -f1")).split() == ["lo"]
    assert await said(kube, where, "cat /proc/net/route | tail -n +2") == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="who isn't root tries it as itself in all tests above")
async def test_an_ordinary_user_is_enclosed_as_well(outside: Path) -> None:
    """In a namespace of users, in which the container's root is that user; beside another one, too."""
    outside.chmod(0o777)
    script = f"touch {outside}/proof; echo own > /tmp/a; echo gone > /dev/null && cat /tmp/a"
    program = f"""
import asyncio
from bot.sandbox.kubernetes.containers import Container, Containers, NoContainerError
async def go():
    made = Containers()
    first = await made.start("u", "a")
    for one in (first, await made.start("u", "b", beside="a")):
        process = await asyncio.create_subprocess_exec(*one.enter, "sh", "-c", {script!r}, env=one.env)
        await process.wait()
    await made.stop()
asyncio.run(go())
"""
    system = shutil.which("python3", path="/usr/bin")
    if system is None:
        pytest.skip("needs a python3 that every user may run")
    user = ("setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups", "--")
    root = str(Path(containers.__file__).parents[3])
    process = await asyncio.create_subprocess_exec(
        *user, system, "-B", "-c", program, cwd="/", env={"PATH": "/usr/bin:/bin", "PYTHONPATH": root},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), PATIENT)
    assert out.decode().splitlines().count("own") == 2, out.decode()
    assert out.decode().count("Read-only file system") == 2
    assert [one.name for one in outside.iterdir()] == ["mine"]


@pytest.mark.parametrize("lacking", ["unshare", "setpriv"])
async def test_where_a_command_cannot_be_enclosed_it_is_refused(
    kube: World, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    """In a sentence of the API server's form, and nothing of it runs; the rest of the cluster is as ever."""
    where = await place(kube)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as tools:
        for name in {"sh", "unshare", "nsenter", "setpriv"} - {lacking}:
            Path(tools, name).symlink_to(shutil.which(name) or "")
        monkeypatch.setenv("PATH", tools)
        with pytest.raises(RejectedError, match=rf"runs no command in this pod: .*{lacking}.*logs, describe and get"):
            await said(kube, where, "true")
    assert kube.server.executing.ran == []


class Refusing(Containers):
    """Those of a machine that can't enclose: it lets nobody make a namespace."""

    async def start(self, *_: object, **__: object) -> Container:
        """Says what unshare says there."""
        raise NoContainerError("unshare: unshare failed: Operation not permitted")


@pytest.mark.kubectl
@WITNESS[1]
async def test_kubectl_shows_why_it_is_refused(server: ClusterServer, kubectl: Kubectl) -> None:
    if await kubectl.minor() < WEBSOCKETS:
        pytest.skip("needs a kubectl that speaks to exec over WebSockets")
    server.executing._containers = Refusing()
    told = await kubectl("exec", "db-0", "--", "rm", "-rf", "/var/cache/nothing", expect=1)
    assert "can't keep one away from your own files (unshare: unshare failed: Operation not permitted)" in told
    assert "logs, describe and get work" in told
    assert "db-0" in await kubectl("describe", "pod", "db-0")
