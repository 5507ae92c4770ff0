"""Charts and files in the thread: once, by whichever way the workspace takes, and never at the card's cost."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from bot.delivery import attach
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.incident import Incident
from bot.sandbox.slack.models import Message
from bot.sandbox.slack.server import SlackServer
from bot.slack.charts import press
from bot.storage import evidence, outbox
from bot.storage.db import Tx
from bot.workflow import owing
from tests.integration.delivery import desk as d
from tests.integration.delivery.desk import CHANNEL, FAST, Desk
from tests.patience import PATIENT
from tests.unit.slack import chart_samples as s

PICTURES = dataclasses.replace(FAST, charts=attach.PICTURE)
LOGS = {
    "logs": [
        {
            "pod": "api-1", "container": "api", "previous": True, "lines": 80, "tail": ["last words", "<!channel> bye"],
            "signatures": [{"text": "KeyError", "count": 14, "sample": "KeyError: 'DB_URL'", "trace": ["at x.py:3"]}],
        },
    ]
}  # fmt: skip


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was shared is seen at once here; a read-back need not wait."""
    monkeypatch.setattr("bot.delivery.send.SHOWN_AFTER", 0.2)


def measured(tx: Tx, number: int = 1, **more: object) -> Incident:
    """An incident whose memory was measured: its card, its evidence and its charts are owed."""
    incident = d.add_incident(tx, number, **more)
    found = s.metrics(s.series("memory", "bytes", s.LEAK, pod="api-1"), s.series("cpu", "cores", [0.1, 0.2, 0.1, 0.3]))
    evidence.put(tx, incident.id, dataclasses.replace(found, observed_at=d.clock()))
    owing.evidence(tx, incident, d.clock())
    return incident


def logged(tx: Tx) -> Incident:
    """An incident with long logs, owed as a file."""
    incident = d.add_incident(tx)
    evidence.put(tx, incident.id, Evidence("logs", EvidenceStatus.OK, "", d.clock(), LOGS))
    owing.file(tx, incident, "logs", "Logs of shop/api", d.clock())
    return incident


def thread(desk: Desk, card: int = 0) -> list[Message]:
    return desk.server.workspace.messages(CHANNEL, desk.cards()[card].ts)[1:]


def native(message: Message) -> bool:
    return any(block["type"] == "data_visualization" for block in message.blocks)


async def test_charts_go_into_the_thread_as_slacks_own_where_it_takes_them(desk: Desk) -> None:
    async with desk.working():
        await desk.do(measured)
        await desk.idle()
    [charts] = [message for message in thread(desk) if native(message)]
    assert charts.text == "Charts for INC-1: memory at most 504 MiB"
    assert [block["title"] for block in charts.blocks] == ["Memory", "Cpu"]
    assert not any(message.files for message in thread(desk))


async def test_a_workspace_that_takes_none_gets_one_picture_and_is_not_asked_again(desk: Desk) -> None:
    desk.server.unknown_blocks.add("data_visualization")
    async with desk.working():
        await desk.do(measured)
        await desk.idle()
        before = desk.calls("chat.postMessage")
        await desk.do(measured, 2)
        await desk.idle()
    assert desk.calls("chat.postMessage") - before == 2, "card and evidence"
    for card in range(2):
        [picture] = [message for message in thread(desk, card) if message.files]
        file = desk.server.workspace.files[picture.files[0]]
        assert (file.content or b"").startswith(b"\x89PNG")
        assert (file.name, file.title) == (f"chart-{card + 1}-1.png", "Memory, Cpu")
        assert file.alt_text == picture.text == f"Charts for INC-{card + 1}: memory at most 504 MiB"


async def test_a_chart_that_a_block_can_not_show_is_a_picture_where_blocks_are_taken_too(desk: Desk) -> None:
    def gapped(tx: Tx) -> None:
        incident = d.add_incident(tx)
        late = s.series("memory", "bytes", [1, 2, 3], pod="new")
        found = s.metrics(s.series("memory", "bytes", s.LEAK, pod="old"), late)
        evidence.put(tx, incident.id, dataclasses.replace(found, observed_at=d.clock()))
        owing.evidence(tx, incident, d.clock())

    async with desk.working():
        await desk.do(gapped)
        await desk.idle()
    assert [len(message.files) for message in thread(desk)] == [0, 1]


@pytest.mark.parametrize("fault", ["drop_after", "hang_after", "drop_before", "fatal_error", 503])
async def test_no_answer_never_makes_two_pictures(desk: Desk, fault: str | int) -> None:
    """Shared and silent, or never shared: the file's name is looked for in the thread before the next try."""
    faults = desk.server.faults
    if isinstance(fault, int) or fault == "fatal_error":
        faults.error("files.completeUploadExternal", fault, times=1)
    else:
        getattr(faults, fault)("files.completeUploadExternal", times=1)
    async with desk.working(PICTURES):
        await desk.do(measured)
        if fault == "hang_after":
            await desk.until(lambda: bool(desk.cards()))
            desk.limit(1.0)
            await desk.until(lambda: any(message.files for message in thread(desk)))
            desk.limit(PATIENT)
        await desk.idle()
    assert sum(len(message.files) for message in thread(desk)) == 1
    assert desk.calls("conversations.replies") == 1


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "upload"])
@pytest.mark.parametrize("fault", ["drop_before", "drop_after", 503])
async def test_what_fails_before_it_is_shared_is_simply_done_again(desk: Desk, method: str, fault: str | int) -> None:
    if isinstance(fault, int):
        desk.server.faults.error(method, fault, times=1)
    else:
        getattr(desk.server.faults, fault)(method, times=1)
    async with desk.working(PICTURES):
        await desk.do(measured)
        await desk.idle()
    assert sum(len(message.files) for message in thread(desk)) == 1


async def test_a_crash_between_sharing_and_recording_makes_no_second_picture(desk: Desk) -> None:
    class Killed(BaseException):
        pass

    def die(name: str) -> None:
        if name == "after:share":
            raise Killed

    await desk.do(measured)
    desk.slack.crash_point = die
    async with desk.working(PICTURES):
        await desk.until(lambda: bool(desk.cards()) and any(message.files for message in thread(desk)))
        await asyncio.sleep(0.05)
        desk.slack.crash_point = None
    desk.clock = lambda: d.clock() + PICTURES.lease
    async with desk.working(PICTURES):
        await desk.idle()
    assert sum(len(message.files) for message in thread(desk)) == 1


async def test_a_second_look_at_the_same_incident_draws_no_second_picture(desk: Desk) -> None:
    async with desk.working(PICTURES):
        incident = await desk.do(measured)
        await desk.idle()
        await desk.do(owing.evidence, incident, d.clock())
        await desk.idle()
        again = dataclasses.replace(incident, episodes=2)
        await desk.do(owing.evidence, again, d.clock())
        await desk.idle()
    assert sum(len(message.files) for message in thread(desk)) == 2, "one for each episode"


async def test_charts_wait_for_the_whole_look(desk: Desk) -> None:
    """They can't be edited: what else is found by then, such as limits and rollouts, is drawn beside them."""
    async with desk.working():
        incident = await desk.do(measured, investigated_at=None)
        await desk.idle()
        assert not any(native(message) for message in thread(desk))
        whole = dataclasses.replace(incident, investigated_at=d.clock())
        await desk.do(owing.evidence, whole, d.clock())
        await desk.idle()
    assert any(native(message) for message in thread(desk))


async def test_without_the_permission_only_the_picture_is_missing(desk: Desk) -> None:
    assert desk.slack.identity is not None
    desk.slack.identity = dataclasses.replace(desk.slack.identity, scopes=frozenset({"chat:write"}))
    async with desk.working(PICTURES) as dispatcher:
        await desk.do(measured)
        await desk.idle()
        assert dispatcher.status()["problems"] == {}
    assert desk.calls("files.getUploadURLExternal") == 0
    assert "memory" in str(thread(desk)[0].blocks), "its figures stand in the evidence"


async def test_a_permission_that_slack_denies_costs_only_the_picture_too(desk: Desk) -> None:
    desk.server.faults.error("files.getUploadURLExternal", "missing_scope")
    async with desk.working(PICTURES) as dispatcher:
        await desk.do(measured)
        await desk.idle()
        assert dispatcher.status()["problems"] == {}
    assert not any(message.files for message in thread(desk))


@pytest.mark.parametrize("charts", ["off", "no matplotlib"])
async def test_where_nothing_can_be_drawn_the_line_of_text_is_left(
    desk: Desk, charts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if charts != "off":
        monkeypatch.setattr(press, "installed", lambda: False)
    async with desk.working(dataclasses.replace(FAST, charts="off" if charts == "off" else attach.PICTURE)):
        await desk.do(measured)
        await desk.idle()
    [told] = thread(desk)
    assert "▄▄▅▅▆▆▆▇▇███" in str(told.blocks)


async def test_an_address_that_is_not_slacks_gets_no_bytes(
    desk: Desk, server: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk.working(PICTURES) as dispatcher:
        monkeypatch.setattr(server._api, "base_url", lambda: "http://127.0.0.1:9")
        await desk.do(measured)
        await desk.until(lambda: bool(dispatcher.status()["problems"]))
        assert dispatcher.status()["problems"][CHANNEL] == "The upload address is not Slack's."


async def test_long_logs_are_a_file_made_from_what_is_stored(desk: Desk) -> None:
    async with desk.working():
        await desk.do(logged)
        await desk.idle()
    [message] = [message for message in thread(desk) if message.files]
    file = desk.server.workspace.files[message.files[0]]
    assert (file.name, file.title, message.text) == ("file-1-1-logs.txt", "Logs of shop/api", "INC-1: Logs of shop/api")
    text = (file.content or b"").decode()
    assert text.splitlines()[0] == "=== api-1 api (previous), 80 lines read"
    assert "KeyError: 'DB_URL'\nat x.py:3" in text
    assert text.endswith("<!channel> bye")


@pytest.mark.parametrize("how", ["not granted", "denied"])
async def test_a_log_that_may_not_be_uploaded_is_a_line_that_says_so(desk: Desk, how: str) -> None:
    assert desk.slack.identity is not None
    if how == "not granted":
        desk.slack.identity = dataclasses.replace(desk.slack.identity, scopes=frozenset({"chat:write"}))
    else:
        desk.server.faults.error("files.getUploadURLExternal", "missing_scope")
    async with desk.working() as dispatcher:
        await desk.do(logged)
        await desk.idle()
        assert dispatcher.status()["problems"] == {}
    [told] = thread(desk)
    assert told.text.startswith("INC-1: Logs of shop/api: the file couldn't be uploaded.")
    assert "reinstall it from manifest.yml" in told.text


async def test_a_log_that_retention_erased_meanwhile_is_no_file(desk: Desk) -> None:
    incident = await desk.do(logged)
    await desk.do(lambda tx: tx.execute("UPDATE evidence SET data = NULL WHERE incident_id = ?", (incident.id,)))
    async with desk.working():
        await desk.idle()
    assert thread(desk) == []


async def test_a_file_without_content_ends_quietly(desk: Desk) -> None:
    def owe(tx: Tx) -> None:
        incident = d.add_incident(tx)
        owing.file(tx, incident, "logs", "Logs", d.clock())
        owing.file(tx, incident, "passwords", "of nobody", d.clock())
        owing.file(tx, dataclasses.replace(incident, digest_id=1), "logs", "in the digest", d.clock())

    async with desk.working():
        await desk.do(owe)
        await desk.idle()
        assert (await desk.store.read(outbox.lag, d.clock()))[0] == 0
    assert thread(desk) == []


async def test_a_picture_waits_for_its_card_and_shows_what_is_stored_by_then(desk: Desk) -> None:
    """Rendered late: between owing and sending the incident was looked at again."""
    incident = await desk.do(measured)

    def again(tx: Tx) -> None:
        found = s.metrics(s.series("errors", "ratio", [0.1, 0.2, 0.3]), summary="failed requests 30 %")
        evidence.put(tx, incident.id, dataclasses.replace(found, observed_at=d.clock()))

    await desk.do(again)
    async with desk.working():
        await desk.idle()
    [charts] = [message for message in thread(desk) if native(message)]
    assert charts.text.endswith("failed requests 30 %")
