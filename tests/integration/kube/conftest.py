"""One fresh sandbox cluster for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.clusters import World, world


@pytest.fixture
async def kube(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made
