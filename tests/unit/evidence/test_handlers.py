"""Handlers: loaded at the start from one safe folder, looked up by name, bounded in time and in what they give."""

import asyncio
import os
import re
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import ConfigError
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.finding import Confidence
from bot.domain.snapshot import AlertSeen, Snapshot
from bot.evidence import collect, handler_files
from bot.evidence.handler_words import Option
from bot.evidence.handlers import MOST_BUSY, Handler, Handlers
from tests.patience import PATIENT, until

PAGE = Path(__file__).resolve().parents[3] / "docs/handlers.md"
NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
GOOD = "class {name}Handler:\n    def enrich(self, item):\n        return {{**item, 'enriched_data': {data}}}\n"


class Shared:
    """Of a cluster only what running collectors needs; handlers get none."""

    shared: Any = None

    def slow_lane(self, *_: Any) -> "Shared":
        """Itself."""
        return self


def put(folder: Path, name: str, text: str) -> Path:
    file = folder / f"{name}.py"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o444)
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    made = tmp_path / "handlers"
    made.mkdir()
    yield made
    made.chmod(0o755)


def loaded(folder: Path) -> Handlers:
    folder.chmod(0o555)
    return handler_files.load(folder)


def refused(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(folder)
    return "\n".join(caught.value.sentences)


async def asked(
    handlers: Handlers, name: str = "DiskSpaceLow", seconds: float = PATIENT, **labels: str
) -> list[Evidence]:
    """Each handler's evidence for one alert, as an incident gets it."""
    from bot.evidence.ask import Ask  # noqa: PLC0415 - its cluster is none here

    alert = AlertSeen({"alertname": name, **labels}, {"summary": "low"}, NOW)
    ask = Ask(Shared(), None, lambda: NOW, alerts=(alert,))  # type: ignore[arg-type]
    return await collect.gather(ask, deadline=seconds, collectors=handlers.collectors([alert]))


def one(enrich: Any, name: str = "DiskSpaceLow") -> Handlers:
    return Handlers([Handler(name, "here", "0" * 64, enrich)])


EXAMPLE = re.compile(r"<!-- example: (\w+)\.py -->\n\n```python\n(.*?)```", re.DOTALL)


async def test_the_page_s_first_example_works_as_it_is(folder: Path) -> None:
    name, text = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))[0]
    put(folder, name, text)
    (told,) = await asked(loaded(folder), mountpoint="/tmp")  # noqa: S108 - a mount point that each machine has
    assert (told.source, told.status, told.data["mountpoint"]) == ("handler:DiskSpaceLow", EvidenceStatus.OK, "/tmp")  # noqa: S108
    assert 0 <= told.data["used_percent"] <= 100
    assert told.summary.startswith("mountpoint /tmp, free_gib ")


async def test_the_page_s_example_of_all_three_methods_works_as_it_is(folder: Path) -> None:
    for name, text in EXAMPLE.findall(PAGE.read_text(encoding="utf-8")):
        put(folder, name, text)
    handlers = loaded(folder)
    assert handlers.content()["KubePodCrashLooping"]["does"] == ["enrich", "find", "propose"]
    (told,) = await asked(handlers, "KubePodCrashLooping")
    alerts = (AlertSeen({"alertname": "KubePodCrashLooping"}, {}, NOW),)
    snapshot = Snapshot(NOW, alerts, None, {told.source: told})
    (found,), (line,) = await handlers.find(snapshot, ("restart",), within=5)
    assert line.status is EvidenceStatus.OK
    assert (found.confidence, found.suggestions[0].action) == (Confidence.MEDIUM, "restart")
    assert found.sentence == "Handler KubePodCrashLooping: the queue orders is full: 4200 messages wait"
    pick, _ = await handlers.pick(snapshot, (found,), (Option("restart"),), within=5)
    assert pick is not None
    assert pick.why == "the handler KubePodCrashLooping proposes nothing: the queue is being emptied"


async def test_only_the_handler_of_the_alerts_name_is_asked_and_names_open_nothing(folder: Path) -> None:
    put(folder, "DiskSpaceLow", GOOD.format(name="DiskSpaceLow", data="{'a': 1}"))
    (folder / "_secret.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    handlers = loaded(folder)
    for name in ("Other", "_secret", "../DiskSpaceLow", "os", "DiskSpaceLow.py", "", "DiskSpaceLow\x00"):
        assert await asked(handlers, name) == []
    (told,) = await asked(handlers)
    assert told.data == {"a": 1}


@pytest.mark.parametrize(
    ("enrich", "problem"),
    [
        (lambda _: 1 / 0, "The handler failed: ZeroDivisionError: division by zero"),
        (lambda _: exit(3), "The handler failed: SystemExit: 3"),  # noqa: PLR1722 - what foreign code may do
        (lambda item: item, "The handler returned no item with enriched_data."),
        (lambda _: None, "The handler returned no item with enriched_data."),
        (lambda _: {"enriched_data": {str(n): "x" * 999 for n in range(40)}}, "more than 12000 characters"),
    ],
    ids=["raises", "exits", "adds nothing", "returns nothing", "says too much"],
)
async def test_one_that_fails_costs_its_own_line(enrich: Any, problem: str) -> None:
    (told,) = await asked(one(enrich))
    assert told.status is EvidenceStatus.FAILED
    assert problem in told.problem


async def test_one_that_hangs_is_late_and_is_not_called_for_ever() -> None:
    free = threading.Event()
    calls: list[int] = []

    def hang(_: Any) -> dict[str, Any]:
        calls.append(1)
        free.wait(PATIENT)
        return {"enriched_data": {}}

    handlers = one(hang)
    try:
        for _ in range(MOST_BUSY):
            (told,) = await asked(handlers, seconds=0.05)
            assert told.problem == "No answer within 0.05 s."
        (told,) = await asked(handlers)
        assert "still busy with 4 earlier calls" in told.problem
        await until(lambda: len(calls) >= MOST_BUSY)
        assert len(calls) == MOST_BUSY
    finally:
        free.set()

    async def asked_again() -> bool:
        return (await asked(handlers))[0].status is EvidenceStatus.EMPTY

    await until(asked_again)  # once it ends


async def test_the_loop_turns_while_a_handler_works() -> None:
    turned = threading.Event()
    asyncio.get_running_loop().call_later(0.05, turned.set)
    (told,) = await asked(one(lambda _: turned.wait(PATIENT) and {"enriched_data": {"a": "b"}}))
    assert told.data == {"a": "b"}


async def test_a_coroutine_is_run_beside_the_loop_too() -> None:
    async def enrich(item: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"enriched_data": {"thread": threading.current_thread().name, "at": item["startsAt"]}}

    (told,) = await asked(one(enrich))
    assert told.data == {"thread": "handler-DiskSpaceLow", "at": NOW.isoformat()}


async def test_what_it_gives_is_plain_redacted_and_cut() -> None:
    class Odd:
        def __str__(self) -> str:
            return "odd"

    secret = "ghp_0123456789abcdefghijABCDEFGHIJ0123"
    data: dict[str, Any] = {
        "password": "hunter2", "name": f"token {secret}", "long": "y" * 5000, "odd": Odd(), "nan": float("nan"),
        "big": 2**70, "list": list(range(100)), "set": {1}, "none": None,
    }  # fmt: skip
    data["itself"] = data
    (told,) = await asked(
        one(lambda _: {"enriched_data": {"few": data["set"], **{k: data[k] for k in data if k != "itself"}}})
    )
    assert told.data["password"] == "[hidden]"
    assert secret not in repr(told)
    assert len(told.data["long"]) == 1000
    assert (told.data["odd"], told.data["nan"], told.data["big"]) == ("odd", "nan", str(2**70))
    assert (len(told.data["list"]), told.data["set"], told.data["none"]) == (40, [1], None)


async def test_what_contains_itself_ends() -> None:
    data: dict[str, Any] = {}
    data["again"] = data
    (told,) = await asked(one(lambda _: {"enriched_data": data}))
    assert "…" in repr(told.data)


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_others_could_write_is_refused(folder: Path, what: str) -> None:
    file = put(folder, "DiskSpaceLow", GOOD.format(name="DiskSpaceLow", data="{}"))
    folder.chmod(0o555)
    (folder if what == "folder" else file).chmod(0o777)
    with pytest.raises(ConfigError, match="may be written by its group or by everybody: chmod go-w"):
        handler_files.load(folder)


def test_what_fettle_itself_could_write_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bits allow its owner alone, and that is who runs; as root, who may write everywhere, nothing is asked."""
    put(folder, "DiskSpaceLow", GOOD.format(name="DiskSpaceLow", data="{}"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ConfigError, match="may be written by Fettle itself"):
        handler_files.load(folder)


def test_a_read_only_mount_is_safe_whatever_its_bits_say(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, "DiskSpaceLow", GOOD.format(name="DiskSpaceLow", data="{}"))
    folder.chmod(0o777)
    mounted = os.statvfs(folder)
    flags = (*tuple(mounted)[:8], mounted.f_flag | os.ST_RDONLY, *tuple(mounted)[9:])
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(flags))
    assert list(handler_files.load(folder).content()) == ["DiskSpaceLow"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("class Other: ...\n", "has no class DiskSpaceLowHandler"),
        ("def broken(:\n", "DiskSpaceLow.py is no Python at line 1: invalid syntax."),
        ("import acme_nowhere\n", "needs the module acme_nowhere, which isn't installed here"),
        ("raise SystemExit\n", "can't be loaded (SystemExit"),
        ("class DiskSpaceLowHandler: ...\n", "has none of the methods enrich, find, propose"),
        ("class DiskSpaceLowHandler:\n    enrich = 3\n", "has enrich, which is no method"),
    ],
)
def test_a_wrong_file_stops_the_start_with_a_sentence(folder: Path, text: str, sentence: str) -> None:
    put(folder, "DiskSpaceLow", text)
    told = refused(folder)
    assert sentence in told
    assert "DiskSpaceLow.py" in told


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"HANDLERS_DIR is “.*none”, which can't be read"):
        handler_files.load(tmp_path / "none")


def test_the_hash_is_of_what_runs(folder: Path) -> None:
    put(folder, "A", GOOD.format(name="A", data="{}"))
    first = loaded(folder)
    folder.chmod(0o755)
    (folder / "A.py").unlink()
    put(folder, "A", GOOD.format(name="A", data="{'b': 1}"))
    second = loaded(folder)
    assert first.content().keys() == second.content().keys()
    assert first.hash != second.hash
    assert Handlers().hash == ""


def test_a_package_registers_a_handler_by_an_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_disk.py").write_text(GOOD.format(name="Disk", data="{}"), encoding="utf-8")
    info = tmp_path / "acme-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.2\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[fettle.handlers]\nDiskFull = acme_disk:DiskHandler\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert handler_files.load().content()["DiskFull"]["from"] == "acme_disk:DiskHandler of acme 1.2"
