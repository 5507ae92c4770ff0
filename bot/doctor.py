"""``fettle doctor``: a table of what works, what doesn't, and what each missing setting would add.

It asks the same questions as the start of ``fettle run``, and more, and changes nothing anywhere. Exit code 0 when
nothing failed (warnings are none), 1 when something did, 2 when the settings themselves are wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from bot import doctor_cluster, doctor_here, doctor_slack, doctor_sources
from bot.doctor_table import Level, Row, fail, ok, show, warn
from bot.domain import redaction
from bot.domain.errors import ConfigError
from bot.settings import Settings, load, secret_files, suspicious


def main(env_file: Path, *, as_json: bool) -> int:
    """Runs every check and prints the table; returns the exit code."""
    try:
        settings = load(env_file=env_file)
    except ConfigError as error:
        show([fail("settings", sentence) for sentence in error.sentences], as_json=as_json)
        return 2
    redaction.know(settings.secrets())
    rows = asyncio.run(examine(settings, secret_files(env_file=env_file)))
    show(rows, as_json=as_json)
    return 1 if any(row.level is Level.FAIL for row in rows) else 0


async def examine(settings: Settings, secrets: Mapping[str, Path]) -> list[Row]:
    """All rows, in the order in which a person would fix them; ``secrets`` are the files that hold any."""
    running = await doctor_here.running(settings)
    slack, cluster, store, sources = await asyncio.gather(
        doctor_slack.rows(settings, running),
        doctor_cluster.rows(settings),
        doctor_here.store_rows(settings),
        doctor_sources.rows(settings),
    )
    return [
        ok("settings", "All settings can be read."),
        *(warn("settings", f"The environment: {sentence}") for sentence in suspicious()),
        *doctor_here.file_rows(settings, secrets),
        *doctor_here.playbook_rows(settings),
        *doctor_here.handler_rows(settings),
        *slack,
        *cluster,
        *store,
        *sources,
        *doctor_here.door_rows(settings, running),
        *doctor_here.would_add(settings),
    ]
