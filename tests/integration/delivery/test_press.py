"""The process that draws: started when it is wanted, ended when it isn't, replaced when it dies."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.domain.chart import Chart, Line
from bot.domain.errors import UnavailableError
from bot.slack.charts import press
from tests.patience import until

CHART = Chart("memory", "Memory", "bytes", (Line("api-1", ((0.0, 1.0), (60.0, 2.0), (120.0, 3.0))),))
ROOT = Path(__file__).resolve().parents[3]


def process_of(drawing: press.Press) -> int:
    assert drawing._pool is not None
    [number] = drawing._pool._processes
    return number


def alive(number: int) -> bool:
    """Whether it runs; one that ended and waits for its parent to notice doesn't."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{number}/status").read_text(encoding="ascii")
    except OSError:
        return False


async def gone(number: int) -> None:
    await until(lambda: not alive(number))


async def test_the_process_ends_when_no_picture_was_wanted_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(press, "REST", 0.3)
    drawing = press.Press()
    first, second = await asyncio.gather(drawing.draw([CHART]), drawing.draw([CHART, CHART]))
    assert first.startswith(b"\x89PNG")
    assert len(second) > len(first)
    await gone(process_of(drawing))
    assert (await drawing.draw([CHART])) == first, "and it comes back"
    number = process_of(drawing)
    drawing.close()
    await gone(number)


async def test_a_process_that_dies_costs_one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = press.Press()
    await drawing.draw([CHART])
    os.kill(process_of(drawing), signal.SIGKILL)
    with pytest.raises(UnavailableError, match="could not be drawn"):
        await drawing.draw([CHART])
    assert (await drawing.draw([CHART])).startswith(b"\x89PNG")
    monkeypatch.setattr(press, "LONGEST", 0.0)
    number = process_of(drawing)
    with pytest.raises(UnavailableError, match="TimeoutError"):
        await drawing.draw([CHART])
    await gone(number)
    drawing.close()


def test_the_bot_itself_never_loads_matplotlib() -> None:
    code = "import sys, bot.app; sys.exit('matplotlib' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0  # noqa: S603 - this interpreter and a constant
