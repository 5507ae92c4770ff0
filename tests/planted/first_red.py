"""A plugin of the test runs over planted bugs: writes the first red test's id into the file that FIRST_RED names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Red is whatever failed, in the test itself or in what it stands on."""
    file = Path(os.environ["FIRST_RED"])
    if report.failed and not file.exists():
        file.write_text(report.nodeid, encoding="utf-8")
