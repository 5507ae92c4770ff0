"""The options that most commands share, so that each is told in the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.domain.errors import ConfigError

DOTENV = Path(".env")


def _there(file: Path) -> Path:
    """The file that ``--env-file`` names must be there; ``.env`` may be missing, the environment can hold it all."""
    if file != DOTENV and not file.is_file():
        raise ConfigError([f"--env-file names {file}, and there is no such file: name the file with your settings."])
    return file


EnvFile = Annotated[
    Path,
    typer.Option("--env-file", help="Settings in dotenv form; the environment wins over it.", callback=_there),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]
