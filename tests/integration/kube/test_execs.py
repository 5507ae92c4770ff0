"""Commands in containers: a real process behind a real WebSocket, its output whole, its code, and each way to break."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from bot.domain.errors import (
    ClusterUnavailableError,
    FettleError,
    ForbiddenError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
)
from bot.kube import execs
from bot.kube.execs import Place
from tests.integration.clusters import World
from tests.patience import PATIENT, until


async def place(kube: World) -> Place:
    await kube.api()
    pod = kube.sandbox.pods("shop", "api")[0]
    return Place("shop", pod["metadata"]["name"], pod["spec"]["containers"][0]["name"], "e1")


async def said(kube: World, where: Place, *argv: str, within: float = 10.0, most: int = 1 << 26) -> bytes:
    return await execs.output(kube.cluster, where, argv, within=within, what="the test", most=most)


async def test_stdout_comes_whole_and_stderr_stays_apart(kube: World) -> None:
    where = await place(kube)
    script = "head -c 5000000 /dev/zero | tr '\\0' a; echo noise >&2"
    found = await said(kube, where, "sh", "-c", script)
    assert hashlib.sha256(found).hexdigest() == hashlib.sha256(b"a" * 5_000_000).hexdigest()
    request = next(one for one in kube.server.requests if one.resource == "pods/exec")
    assert request.user_agent == "fettle/0.1.0 e1"


async def test_an_argv_is_passed_as_it_is(kube: World) -> None:
    """No shell, no splitting: what looks like one is a word."""
    where = await place(kube)
    words = ("a b", "$(id)", ";", "ü&command=x", "--", "")
    assert await said(kube, where, "printf", "[%s]", *words) == "".join(f"[{one}]" for one in words).encode()


@pytest.mark.parametrize("code", [1, 2, 126, 137, 255])
async def test_an_exit_code_comes_from_the_status_channel(kube: World, code: int) -> None:
    where = await place(kube)
    with pytest.raises(RejectedError, match=f"ended with {code}: went wrong") as raised:
        await said(kube, where, "sh", "-c", f"echo went wrong >&2; exit {code}")
    assert raised.value.code == f"exit {code}"


async def test_a_program_that_is_not_there_could_not_be_started(kube: World) -> None:
    where = await place(kube)
    with pytest.raises(RejectedError, match=r"could not be started: .*not found"):
        await said(kube, where, "no-such-program")


async def test_a_secret_in_what_went_wrong_is_hidden(kube: World) -> None:
    where = await place(kube)
    with pytest.raises(RejectedError) as raised:
        await said(kube, where, "sh", "-c", "echo password=hunter2hunter2 >&2; exit 1")
    assert "hunter2" not in str(raised.value)


async def test_a_connection_that_breaks_says_nothing_and_is_not_made_again(kube: World) -> None:
    where = await place(kube)
    kube.server.executing.cuts = [200_000]
    with pytest.raises(OutcomeUnknownError, match=r"broke|ended before"):
        await said(kube, where, "head", "-c", "1000000", "/dev/zero")
    assert len(kube.server.executing.ran) == 1


async def test_a_command_goes_on_without_its_client(kube: World) -> None:
    where = await place(kube)
    kube.server.executing.cuts = [1]
    with pytest.raises(OutcomeUnknownError):
        await said(kube, where, "sh", "-c", "echo begun; sleep 0.5; touch /tmp/ended")

    async def ended() -> bool:
        return b"ended" in await said(kube, where, "ls", "/tmp")  # noqa: S108 - its own

    await until(ended, lambda: "it was killed with its client")


async def test_a_command_has_a_deadline_of_its_own(kube: World) -> None:
    """Longer than a request's, and it ends."""
    where = await place(kube)
    kube.cluster.timeout, limit = 1.0, kube.cluster.timeout  # a request's
    assert await said(kube, where, "sh", "-c", "sleep 1.5; echo done", within=PATIENT) == b"done\n"
    kube.cluster.timeout = limit
    with pytest.raises(OutcomeUnknownError, match="didn't end within"):
        await said(kube, where, "sleep", "60", within=0.5)


async def test_a_slow_reader_stops_the_command_and_is_no_deadline_of_it(
    kube: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = await place(kube)
    size, loop = 0, asyncio.get_running_loop()
    truly = loop.time
    argv = ("head", "-c", "30000000", "/dev/zero")
    async for piece in execs.stream(kube.cluster, where, argv, within=PATIENT, what="the test"):
        if not size:
            await asyncio.sleep(0.1)
            monkeypatch.setattr(loop, "time", lambda: truly() + 2 * PATIENT)  # so long it was away
        size += len(piece)
    assert size == 30_000_000


async def test_too_much_output_is_refused(kube: World) -> None:
    where = await place(kube)
    with pytest.raises(RejectedError, match="more than 64 KiB"):
        await said(kube, where, "head", "-c", "1000000", "/dev/zero", most=65_536)


@pytest.mark.parametrize("verb", ["get", "create"])
async def test_both_rights_are_needed_and_the_role_is_named(kube: World, verb: str) -> None:
    where = await place(kube)
    kube.server.deny(verb, "pods/exec")
    with pytest.raises(ForbiddenError, match="fettle-exec"):
        await said(kube, where, "true")
    assert kube.server.executing.ran == []


async def test_where_nothing_can_run_nothing_ran(kube: World) -> None:
    where = await place(kube)
    for other, kind in (
        (Place("shop", "api-gone", "api"), NotFoundError),
        (Place("shop", where.pod, "no-such-container"), RejectedError),
    ):
        with pytest.raises(kind):
            await said(kube, other, "true")
    kube.server.faults.set("get", "pods/exec", status=503)
    with pytest.raises(ClusterUnavailableError):
        await said(kube, where, "true")
    await kube.server.stop()
    with pytest.raises(FettleError):
        await said(kube, where, "true")
    assert kube.server.executing.ran == []


async def test_a_container_sees_its_own_processes_and_tmp_alone(kube: World) -> None:
    where = await place(kube)
    seen = (await said(kube, where, "sh", "-c", "ls -d /proc/[0-9]* | wc -l; touch /tmp/mine; ls /tmp")).decode()
    count, *files = seen.split()
    assert int(count) < 8
    assert files == ["mine"]
    other = kube.sandbox.pods("shop", "api")[1]["metadata"]["name"]
    assert await said(kube, Place("shop", other, where.container), "ls", "/tmp") == b""  # noqa: S108 - its own
