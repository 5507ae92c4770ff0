"""Nights on one cluster and one database file each: ``night`` builds it, crash or not; ``fresh`` builds any number."""

import logging
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import structlog

from tests.integration import jvm
from tests.patience import unhurried

from .night import Night, shop

Fresh = Callable[..., AbstractAsyncContextManager[Night]]


@pytest.fixture(autouse=True)
def _unhurried() -> Iterator[None]:
    """A busy machine makes no answer late, here; the tests that the same worker plays next know the true limits."""
    with unhurried():
        yield


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stage that fails says so with a traceback, and an entry is printed: right, and here it happens too often."""
    monkeypatch.setattr("bot.app.print_entries", None)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.fixture
async def night(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Night]]]:
    made: list[Night] = []
    async with shop() as server:

        async def build(*crash_at: str, times: int = 1) -> Night:
            one = Night(server, sqlite_url, tmp_path, crash_at)
            one.times = times
            await one.begin()
            made.append(one)
            return one

        yield build
        for one in made:
            await one.end()


@pytest.fixture
def fresh(sqlite_template: Path, tmp_path: Path) -> Fresh:
    """One night after the other, each in a world of its own; for tests that play many cases."""
    numbers = iter(range(10**6))

    @asynccontextmanager
    async def build(
        url: str = "", kube_timeout: float = 2.0, soak: str = "1s", crash_at: Collection[str] = ()
    ) -> AsyncIterator[Night]:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        shutil.copy(sqlite_template, folder / "fettle.db")
        async with shop() as server:
            one = Night(server, url or f"sqlite:///{folder / 'fettle.db'}", folder, crash_at)
            one.kube_timeout, one.soak = kube_timeout, soak
            await one.begin()
            try:
                yield one
            finally:
                await one.end()

    return build


@pytest.fixture(scope="session")
def program() -> Iterator[Path]:
    """The folder of the compiled program of a JVM."""
    with jvm.compiled() as folder:
        yield folder
