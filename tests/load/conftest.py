"""How large: seconds in the suite, the whole promise with FETTLE_SOAK=1 (`make soak`)."""

from __future__ import annotations

import pytest

from tests.chance import SOAK


@pytest.fixture(scope="session")
def soak() -> bool:
    """Whether the full sizes are asked for."""
    return SOAK
