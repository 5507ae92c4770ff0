"""What the free sandbox prints is to be typed again as it stands."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from bot.sandbox import free
from bot.sandbox.options import SandboxOptions
from bot.sandbox.slack.server import listening
from bot.sandbox.stage import Stage


@pytest.mark.parametrize(
    ("called", "on_the_path", "typed"),
    [
        (".venv/bin/fettle", "", ".venv/bin/fettle"),
        ("/opt/my tools/fettle", "", "'/opt/my tools/fettle'"),
        ("/opt/tools/fettle", "/opt/tools", "fettle"),
        ("/src/bot/__main__.py", "", "fettle"),
    ],
)
def test_the_program_is_named_as_it_can_be_called_in_another_terminal(
    called: str, on_the_path: str, typed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / on_the_path.strip("/")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fettle").touch(mode=0o755)
    here = called.replace("/opt/tools", str(folder)) if on_the_path else called
    monkeypatch.setattr(sys, "argv", [here])
    monkeypatch.setenv("PATH", str(folder))
    assert free.program() == typed


async def test_a_port_that_is_taken_is_said_by_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    with listening() as taken:
        port = taken.getsockname()[1]
        assert await Stage(SandboxOptions(port=port), {}, asyncio.Event()).run(None) == 2
    said = capsys.readouterr().err
    assert said == f"Port {port} is in use by another program. Stop that one, or choose another --port.\n"
