"""Read by Python at its start where this folder is on the path: the program then runs on a disk that is recorded.

``DISK_LOG`` names the log, ``DISK_FOLDER`` the folder whose databases are meant. ``DISK_SYNCHRONOUS`` is for the
control alone: it sets SQLite's ``synchronous`` after Fettle has set its own.
"""

import os
from pathlib import Path

from tests.disk.power import Recorder
from tests.disk.watched import Door

Door(Path(os.environ["DISK_FOLDER"]), Recorder(Path(os.environ["DISK_LOG"]))).put_up()

if weaker := os.environ.get("DISK_SYNCHRONOUS"):
    from typing import Any

    from bot.storage.engines import SqliteEngine

    connect = SqliteEngine.connect

    def weakened(self: SqliteEngine, *, writer: bool) -> Any:
        connection = connect(self, writer=writer)
        connection.execute(f"PRAGMA synchronous = {weaker}")
        return connection

    SqliteEngine.connect = weakened  # type: ignore[method-assign]
