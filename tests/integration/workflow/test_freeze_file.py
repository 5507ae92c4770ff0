"""FREEZE_FILE on a mount that hangs: writes to the cluster are denied, and nothing else waits."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain.execution import ExecutionState
from bot.domain.owed import Stage
from bot.workflow import freeze_file
from tests.patience import PATIENT

from .floor import Floor

SHIPPED = freeze_file.WITHIN
"""As it is in production; elsewhere in the suite a busy machine is forgiven."""


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, threading.Event]]:
    """A file and a switch: while that isn't set, whoever asks for the file is held, as a dead server's mount does.

    No real mount can be made to hang without rights that a test doesn't have.
    """
    file, answers, stat = tmp_path / "freeze", threading.Event(), Path.stat

    def held(self: Path, **options: Any) -> Any:
        if self == file:
            answers.wait(PATIENT)
        return stat(self, **options)

    monkeypatch.setattr(Path, "stat", held)
    answers.set()
    yield file, answers
    answers.set()


async def test_a_mount_that_hangs_denies_and_holds_up_no_alert(
    floor: Floor, mount: tuple[Path, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A press is answered once the look is given up, alerts are committed meanwhile; afterwards all is well."""
    file, answers = mount
    _, proposal = await floor.restart_asked()
    floor.configure(FREEZE_FILE=file)
    answers.clear()
    pressed = asyncio.create_task(floor.approve(proposal))
    for number in range(5):
        await floor.alert({"alertname": f"Other{number}", "namespace": "shop", "deployment": "web"})
        assert not pressed.done()
    pressed.cancel()
    await asyncio.wait({pressed})
    monkeypatch.setattr(freeze_file, "WITHIN", 0.2)
    answer = await floor.approve(proposal)
    assert not answer.ok
    assert await floor.last_rules("proposal:approval:refused") == ["frozen"]
    answers.set()
    monkeypatch.setattr(freeze_file, "WITHIN", PATIENT)
    assert (await floor.approve(proposal)).ok


def test_a_look_is_given_up_while_whoever_pressed_still_looks() -> None:
    assert SHIPPED <= 1.0


async def test_a_mount_that_begins_to_hang_after_the_claim_stops_the_write(
    floor: Floor, mount: tuple[Path, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """I8: the last look comes right before the request; what it can't see denies."""
    file, answers = mount
    floor.configure(FREEZE_FILE=file)
    await floor.approved()

    def hangs(point: str) -> None:
        if point == "after:_claim":
            answers.clear()
            monkeypatch.setattr(freeze_file, "WITHIN", 0.2)

    floor.store.crash_point = hangs
    await floor.run(Stage.EXECUTE)
    assert not floor.patches()
    execution = await floor.execution()
    assert execution.state is ExecutionState.FAILED
    assert execution.told == "not applied: I can't look for the FREEZE_FILE, so I don't write."


async def test_looks_that_were_given_up_leave_one_thread_behind(
    mount: tuple[Path, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, answers = mount
    monkeypatch.setattr(freeze_file, "WITHIN", 0.05)
    answers.clear()
    before = threading.active_count()
    assert await asyncio.gather(*(freeze_file.present(file) for _ in range(20))) == [None] * 20
    assert threading.active_count() == before + 1
    answers.set()
    monkeypatch.setattr(freeze_file, "WITHIN", PATIENT)
    assert await freeze_file.present(file) is False
    file.touch()
    assert await freeze_file.present(file) is True
