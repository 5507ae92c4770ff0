"""Goroutines and heap profiles through the API server's proxy, of what a real program of Go 1.26 answered.

``tests/captures/go`` holds its source and its answers; a small server speaks them again in its place.
"""
# ruff: noqa: ASYNC240 - a test looks at a few files of its own

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from bot.domain.errors import (
    ClusterUnavailableError,
    ForbiddenError,
    NotFoundError,
    RejectedError,
    RequestError,
    WorldChangedError,
)
from bot.kube import proxied
from bot.mitigations import pprof
from tests.integration.dumps.conftest import E, Room
from tests.patience import PATIENT

GO = Path(__file__).parents[2] / "captures" / "go"
STACKS, PROFILE = (GO / "goroutine.txt").read_bytes(), (GO / "heap.pb.gz").read_bytes()
GOROUTINES = SimpleNamespace(MITIGATION=pprof.GOROUTINE_DUMP)
HEAP = SimpleNamespace(MITIGATION=pprof.HEAP_PROFILE)


@dataclass
class Program:
    """What answers in the place of the Go program; ``asked`` are the addresses that were."""

    status: int = 200
    bodies: dict[str, bytes] = field(default_factory=lambda: {"goroutine": STACKS, "heap": PROFILE})
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        """What was recorded, or 404."""
        self.asked.append(request.path_qs)
        body = self.bodies.get(request.match_info["what"], b"404 page not found\n")
        return web.Response(status=self.status, body=body)


@pytest.fixture
async def program(room: Room) -> AsyncIterator[Program]:
    """It listens, and the pod says on which port."""
    one = Program()
    app = web.Application()
    app.router.add_get("/debug/pprof/{what}", one.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    room.kube.server.proxying.listening[(room.place.pod, 6060)] = runner.addresses[0][1]
    annotate(room, "6060")
    yield one
    await runner.cleanup()


def annotate(room: Room, port: str | None) -> None:
    room.kube.sandbox.annotate("Pod", "shop", room.place.pod, {pprof.ANNOTATION: port})


async def test_the_goroutines_are_kept_as_the_program_tells_them(room: Room, program: Program) -> None:
    done = await room.brought(GOROUTINES)
    assert Path(done.kept.link).read_bytes() == STACKS
    assert b"main.waitsForNothing" in STACKS
    assert done.kept.name == f"{E}-{room.place.pod}.goroutines.txt"
    assert program.asked == ["/debug/pprof/goroutine?debug=2"]
    assert room.kube.server.executing.ran == []


async def test_the_heap_profile_is_kept_byte_for_byte(room: Room, program: Program) -> None:
    done = await room.brought(HEAP)
    assert Path(done.kept.link).read_bytes() == PROFILE
    assert b"main.holdsMemory" in gzip.decompress(PROFILE)
    assert program.asked == ["/debug/pprof/heap"]


async def test_what_is_stored_is_the_whole_address_and_nothing_is_asked_before(room: Room, program: Program) -> None:
    stored = await room.stored(GOROUTINES)
    at = f"/api/v1/namespaces/shop/pods/{room.place.pod}:6060/proxy/debug/pprof/goroutine"
    assert (stored.method, stored.path, dict(stored.query)) == ("GET", at, {"debug": "2"})
    assert program.asked == []


# -- what isn't kept -------------------------------------------------------------------------------


def kept_nothing(room: Room) -> bool:
    """The store has no file."""
    folder = Path(room.store.place.removeprefix("folder "))
    return not folder.exists() or not list(folder.iterdir())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<html>login</html>", "is no heap profile"),
        (PROFILE[:-20], "has no end"),
        (PROFILE[:200] + b"\0" * 40 + PROFILE[240:], "is damaged"),
        (PROFILE + PROFILE, "has no end"),
        (gzip.compress(b"hello", mtime=0), "profile.proto"),
        (gzip.compress(b"", mtime=0), "profile.proto"),
        (gzip.compress(b"\x32\x03cpu", mtime=0), "profile.proto"),
        (b"", "is no heap profile"),
    ],
)
async def test_what_is_no_heap_profile_isnt_kept(room: Room, program: Program, data: bytes, words: str) -> None:
    program.bodies["heap"] = data
    with pytest.raises(RejectedError, match=words):
        await room.brought(HEAP)
    assert kept_nothing(room)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<html>login</html>\n", "is no goroutine dump"),
        (b"goroutine profile: total 7\n", "is no goroutine dump"),
        (STACKS[:-7], "has no end"),
        (PROFILE, "is no goroutine dump"),
    ],
)
async def test_what_is_no_goroutine_dump_isnt_kept(room: Room, program: Program, data: bytes, words: str) -> None:
    program.bodies["goroutine"] = data
    with pytest.raises(RejectedError, match=words):
        await room.brought(GOROUTINES)
    assert kept_nothing(room)


async def test_an_answer_without_end_is_cut_and_not_kept(
    room: Room, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pprof, "MOST", 1024**2)
    program.bodies["goroutine"] = STACKS * 1000
    with pytest.raises(RejectedError, match="larger than 1 MiB"):
        await room.brought(GOROUTINES)


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("port", "words"),
    [(None, "doesn't say where its pprof listens"), ("http", "has to be a port"), ("0", "a port"), ("70000", "a port")],
)
async def test_a_pod_that_names_no_port_is_asked_nothing(
    room: Room, program: Program, port: str | None, words: str
) -> None:
    annotate(room, port)
    with pytest.raises(RequestError, match=words):
        await room.stored(HEAP)
    assert program.asked == []


async def test_where_nobody_listens_the_sentence_says_what_to_look_at(room: Room) -> None:
    annotate(room, "7070")
    with pytest.raises(RejectedError, match=r"nobody at .*:7070 .*connection refused.*on the pod's own address"):
        await room.brought(HEAP)


@pytest.mark.parametrize(
    ("status", "words"), [(404, "answers 404"), (403, "answers 403"), (401, "answers 401"), (500, "answers 500")]
)
async def test_the_programs_own_no_is_told_as_its_own(room: Room, program: Program, status: int, words: str) -> None:
    """It isn't the cluster that refuses: no role helps."""
    program.status, program.bodies["heap"] = status, b"no\n"
    with pytest.raises(RejectedError, match=words):
        await room.brought(HEAP)


async def test_a_missing_right_names_the_role(room: Room, program: Program) -> None:
    room.kube.server.deny("get", "pods/proxy", "shop")
    with pytest.raises(ForbiddenError, match="Apply the role fettle-pprof in shop"):
        await room.brought(HEAP)
    assert program.asked == []


async def test_a_pod_that_is_gone_and_a_server_that_fails_are_told(room: Room, program: Program) -> None:
    del program
    at = proxied.where("shop", "api-none", 6060, "/debug/pprof/heap")
    with pytest.raises(NotFoundError, match="shop/api-none isn't there any more"):
        await proxied.fetched(room.kube.cluster, at, {}, most=10, within=PATIENT, execution="e")
    room.kube.server.faults.set("get", "pods/proxy", status=503, times=1)
    with pytest.raises(ClusterUnavailableError):
        await room.brought(HEAP)


async def test_a_container_that_was_restarted_meanwhile_is_told(room: Room, program: Program) -> None:
    stored: Any = await room.stored(HEAP)
    await room.kube.crashing(pods=3)
    with pytest.raises(WorldChangedError):
        await HEAP.MITIGATION.ready(room.kube.cluster, stored)
    with pytest.raises(WorldChangedError):
        await HEAP.MITIGATION.bringing.bring(room.kube.cluster, room.store, stored)
    assert kept_nothing(room)
    assert len(program.asked) == 1
