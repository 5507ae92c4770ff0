"""What was committed, and the answer is lost: whoever waited for it tries again, and nothing is there twice."""

import asyncio
import contextlib
import random
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import psycopg
import pytest

from tests.chance import SEED, some
from tests.conftest import named

from .conftest import Fresh
from .night import Clears, Fires, approves, ended_well, insists
from .whole import running, whole

pytestmark = pytest.mark.timeout(3000)

SOCKET = ".s.PGSQL.5432"


class Wire:
    """Between a client and a server: passes everything on but the answers that ``loses`` names.

    The server has done its work by then; instead of its answer both get a reset.
    """

    def __init__(self, server: str | tuple[str, int], loses: Callable[[bytes], bool]) -> None:
        self._server, self._loses = server, loses
        self.lost = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        if isinstance(self._server, str):
            answers, asks = await asyncio.open_unix_connection(self._server)
        else:
            answers, asks = await asyncio.open_connection(*self._server)
        ways = [asyncio.create_task(self._ask(reader, asks)), asyncio.create_task(self._answer(answers, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for side in (writer, asks):
                side.transport.abort()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _ask(self, reader: asyncio.StreamReader, asks: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            asks.write(data)
            await asks.drain()

    async def _answer(self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await answers.read(1 << 16):
            if self._loses(data):
                self.lost += 1
                return
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def lossy_sender(url: str, rng: random.Random) -> AsyncIterator[tuple[str, Wire]]:
    """The address of a webhook that loses every second answer or so."""
    there = urlsplit(url)
    wire = Wire(
        (str(there.hostname), int(there.port or 0)), lambda data: b" 200 OK" in data[:20] and rng.random() < 0.5
    )
    server = await asyncio.start_server(wire, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield f"http://127.0.0.1:{port}{there.path}", wire


async def test_an_alert_whose_answer_is_lost_comes_again_and_is_one(
    tmp_path: Path, rng: random.Random, tell: Callable[[object], None]
) -> None:
    """Every second answer of the webhook is reset after the commit: one alert, one card, one restart."""
    async with whole(tmp_path) as night, lossy_sender(night.world.alertmanager.url, rng) as (url, wire):
        night.world.alertmanager.url = url
        async with running(night):
            await night.play()
            for body in [one.body for one in night.world.alertmanager.deliveries] * 5:
                await night.world.alertmanager.send(body)
        night.ended_well()
        assert wire.lost > 1
        tell(f"{wire.lost} answers lost of {sum(one.tries for one in night.world.alertmanager.deliveries)} posts")


class Commits:
    """Counts the commits that pass by, and says which one's answer is lost."""

    def __init__(self, at: int) -> None:
        self.count = 0
        self._at = at

    def __call__(self, data: bytes) -> bool:
        """Whether the answer to this one is in here; PostgreSQL ends such an answer with the command's name."""
        before = self.count
        self.count += data.count(b"COMMIT\0")
        return before < self._at <= self.count


@contextlib.contextmanager
def lossy_database(url: str, at: int) -> Iterator[tuple[str, Commits]]:
    """The address of a PostgreSQL that carries out the ``at``-th commit, and its answer is lost; 0 for none.

    In a thread of its own, because a store is opened, and asked by the checker, without a loop.
    """
    host = parse_qs(urlsplit(url).query)["host"][0]
    commits, ready, stop = Commits(at), threading.Event(), asyncio.Event()
    # A short folder of its own: the path of a socket may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="fettle-wire-") as folder:

        async def serve() -> None:
            server = await asyncio.start_unix_server(Wire(f"{host}/{SOCKET}", commits), f"{folder}/{SOCKET}")
            loops.append(asyncio.get_running_loop())
            ready.set()
            await stop.wait()
            server.close()

        loops: list[asyncio.AbstractEventLoop] = []
        thread = threading.Thread(target=asyncio.run, args=(serve(),))
        thread.start()
        ready.wait(10)
        try:
            yield url.replace(host, folder), commits
        finally:
            loops[0].call_soon_threadsafe(stop.set)
            thread.join()


@pytest.fixture
def databases(postgres_server: str, postgres_template: str) -> Callable[[], str]:
    """New migrated databases on the run's server."""

    def create() -> str:
        name = f"wire_{uuid4().hex[:12]}"
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")  # type: ignore[arg-type]
        return named(postgres_server, name)

    return create


async def test_a_commit_whose_answer_is_lost_is_done_once(
    fresh: Fresh, databases: Callable[[], str], tell: Callable[[object], None]
) -> None:
    """The connection to PostgreSQL breaks after any commit of a night: whoever wasn't answered comes again."""
    total = await _night(fresh, databases(), 0)
    numbers = some(range(1, total + 1), 5)
    for number in numbers:
        try:
            await _night(fresh, databases(), number)
        except AssertionError as error:
            raise AssertionError(f"commit {number} of {total}") from error
    tell(f"seed {SEED}: {len(numbers)} nights, each with the answer to one of {total} commits lost")


async def _night(fresh: Fresh, url: str, at: int) -> int:
    """How many commits it made."""
    with lossy_database(url, at) as (lossy, commits):
        async with fresh(lossy) as night:
            await night.live(Fires(), approves, insists, Clears())
            count = commits.count
            await ended_well(night)
            assert count >= at
            return count
