"""What the free sandbox prints is to be typed again as it stands."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bot.sandbox import free


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
