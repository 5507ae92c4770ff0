"""The intake over a socket, and without one, on both databases."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bot.kube.client import Cluster
from bot.storage.db import Store

from .door import Desk, Door, opened


@pytest.fixture
async def open_door(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Door]]]:
    """Opens doors on a store with settings; all are closed at the end."""
    doors: list[tuple[Door, Cluster]] = []

    async def one(store: Store, **changes: str) -> Door:
        doors.append(await opened(store, tmp_path, **changes))
        return doors[-1][0]

    yield one
    for door, cluster in doors:
        await door.http.close()
        await door.servers.stop()
        await cluster.close()


@pytest.fixture
async def door(store: Store, open_door: Callable[..., Awaitable[Door]]) -> Door:
    """A door without tokens, on a store of either kind."""
    return await open_door(store)


@pytest.fixture
async def lite(sqlite_store: Store, open_door: Callable[..., Awaitable[Door]]) -> Door:
    """The same on SQLite alone, for laws of HTTP."""
    return await open_door(sqlite_store)


@pytest.fixture
def desk(store: Store) -> Desk:
    """Intake without HTTP."""
    return Desk(store)
