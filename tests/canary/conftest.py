"""What scenarios share in the suite: the bot's coverage is measured where the suite's is."""

import os
from collections.abc import Mapping

import pytest


@pytest.fixture(scope="session")
def measuring() -> Mapping[str, str]:
    """Environment that lets a child be measured; empty when nothing is measured."""
    return {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
