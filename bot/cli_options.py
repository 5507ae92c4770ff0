"""What commands share: options that are told in the same words, and the way to what an installation may lack."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any

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


def sandbox_module(module: str) -> Any:
    """A module of the sandbox, which an image for production lacks: then a sentence and exit code 2."""
    try:
        return importlib.import_module(f"bot.sandbox.{module}")
    except ModuleNotFoundError as missing:
        if str(missing.name).startswith("bot."):
            text = "The sandbox isn't in this image; run make sandbox in a copy of Fettle's sources."
        else:
            text = f"The sandbox isn't installed here ({missing.name}): pip install 'fettle-bot[sandbox]'."
        typer.echo(text, err=True)
        raise typer.Exit(2) from missing
