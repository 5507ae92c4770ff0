"""Threads of a Python process by the py-spy that lies beside it, and what is said where none does."""
# ruff: noqa: ASYNC240 - a test looks at a file of its own

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from bot.domain.errors import RequestError
from bot.mitigations import heap_dump, thread_dump
from tests.integration.dumps.conftest import Room

PYTHON = os.path.realpath(sys.executable)
"""The interpreter itself: the folder of an environment may lie in /tmp, and the container has one of its own."""
PROGRAM = """
import threading, time
def waits_for_nothing():
    threading.Event().wait()
threading.Thread(target=waits_for_nothing, daemon=True).start()
print("up", flush=True)
time.sleep(600)
"""


async def test_the_threads_of_a_python_process_are_named_by_py_spy(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Path(sys.executable).with_name("py-spy")
    assert spy.is_file()
    monkeypatch.setenv("PATH", "/tmp:/usr/bin:/bin")  # noqa: S108 - the container's own
    await room.start(PYTHON, "-c", PROGRAM)
    shutil.copy(spy, room.tmp)
    done = await room.brought(thread_dump)
    text = Path(done.kept.link).read_text()
    assert "waits_for_nothing" in text
    assert "by py-spy" in done.words
    with pytest.raises(RequestError, match="no Java process"):
        await room.brought(heap_dump)


async def test_without_py_spy_it_says_so(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    await room.start(PYTHON, "-c", PROGRAM)
    with pytest.raises(RequestError, match="there is no py-spy"):
        await room.brought(thread_dump)
