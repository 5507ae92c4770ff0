"""Whatever is wrong at the start has a sentence that says what happened and what to do, in ``doctor`` and in ``run``.

What is asked of both happens in this process, against the sandbox's servers; exit codes are those of real processes.
"""

import contextlib
import copy
import dataclasses
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from bot import doctor
from bot.app import _open
from bot.domain.errors import ConfigError
from bot.domain.redaction import redact
from bot.sandbox.bot_process import fettle
from bot.sandbox.ports import free_port
from bot.sandbox.world import World
from bot.settings import load
from tests.chance import most

from .wrong_cluster import CLUSTER
from .wrong_here import HERE
from .wrong_place import Place, Wrong
from .wrong_slack import SLACK

EVERYTHING = (*SLACK, *CLUSTER, *HERE)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(540)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with World(tmp_path_factory.mktemp("servers")) as world:
        world.slack_server.enforce_rates = False
        yield world


@contextlib.contextmanager
def put_back(world: World) -> Iterator[None]:
    """The servers as they were, whatever a case did to them."""
    slack, cluster = world.slack_server, world.cluster_server
    scopes, channels, access = (
        slack.scopes,
        copy.deepcopy(slack.workspace.channels),
        dataclasses.replace(cluster.access),
    )
    denied, granted = list(access.denied), list(access.granted)
    try:
        yield
    finally:
        slack.faults.clear()
        slack._doors.tokens.revoked.clear()
        slack.scopes, slack.workspace.channels = scopes, channels
        cluster.faults.clear()
        cluster.access.denied, cluster.access.granted, cluster.access.incomplete = denied, granted, ""


@pytest.fixture
def place(servers: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.chdir(tmp_path)
    fresh = {
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'data' / 'fettle.db'}",
        "LISTEN_PORT": str(free_port()),
        "METRICS_PORT": str(free_port()),
        # Nothing here is silent, so nothing waits for these; on a busy machine the servers themselves are slow.
        "SLACK_TIMEOUT": "10s",
        "KUBE_TIMEOUT": "10s",
    }
    made = Place(servers, {**servers.built_settings(), **fresh}, tmp_path)
    with put_back(servers):
        yield made
    for each in made.kept:
        each.close()  # type: ignore[attr-defined]


async def examined(settings: Mapping[str, str], folder: Path) -> list[tuple[str, str]]:
    """What doctor says, as (level, sentence); settings that can't be read fail."""
    try:
        found = load(settings, folder / ".env", folder / "fettle.yaml")
    except ConfigError as error:
        return [("fail", sentence) for sentence in error.sentences]
    secrets = {name: Path(value) for name, value in settings.items() if name.endswith("TOKEN_FILE")}
    return [(row.level, row.sentence) for row in await doctor.examine(found, secrets)]


async def started(settings: Mapping[str, str], folder: Path) -> list[str]:
    """What a start refuses with; empty when it goes on."""
    async with contextlib.AsyncExitStack() as closing:
        try:
            await _open(load(settings, folder / ".env", folder / "fettle.yaml"), closing)
        except ConfigError as error:
            return error.sentences
    return []


def said(sentences: list[str], wanted: str) -> bool:
    return any(re.search(wanted, sentence) for sentence in sentences)


@pytest.mark.parametrize("wrong", most(EVERYTHING, 20), ids=lambda wrong: wrong.name)
async def test_it_is_said_with_what_to_do(wrong: Wrong, place: Place) -> None:
    wrong.arrange(place)
    rows = await examined(place.settings, place.folder)
    assert said([sentence for level, sentence in rows if level == wrong.doctor], wrong.says), rows
    bad = [row for row in rows if row[0] == "fail"]
    assert bool(bad) is (wrong.doctor == "fail"), bad
    for sentence in (sentence for _, sentence in rows):
        assert sentence.endswith((".", "?")), sentence
        assert "\n" not in sentence
        assert redact(sentence) == sentence, "a log would hide a part of it"
        assert not re.search(r"[a-z]Error\b|Traceback|sesame|xox.-\w|xapp-\w", sentence), sentence
    with structlog.testing.capture_logs():
        refused = await started(place.settings, place.folder)
    assert bool(refused) is (wrong.start == "refused"), refused
    assert not refused or said(refused, wrong.says), refused


async def test_with_nothing_wrong_nothing_is_wrong(place: Place) -> None:
    rows = await examined(place.settings, place.folder)
    assert {level for level, _ in rows} == {"ok"}, rows
    with structlog.testing.capture_logs():
        assert await started(place.settings, place.folder) == []


# -- exit codes, of real processes --------------------------------------------------------------------------------


async def ran(place: Place, *words: str) -> tuple[int, str]:
    return await fettle(place.folder, place.settings, *words)


REFUSED = [
    "bot token wrong", "port taken", "newer schema", "authority wrong", "postgresql away", "typing error in .env",
]  # fmt: skip


@pytest.mark.parametrize("name", most(REFUSED, 2))
async def test_a_start_that_is_refused_ends_with_two(place: Place, name: str) -> None:
    (wrong,) = [one for one in EVERYTHING if one.name == name]
    wrong.arrange(place)
    code, out = await ran(place, "run")
    assert code == 2, out
    assert re.search(wrong.says, out)
    assert "Traceback" not in out


@pytest.mark.parametrize(("name", "code"), most([("channel shared", 0), ("not in the channel", 1), ("no mode", 2)], 2))
async def test_doctor_ends_with_zero_one_or_two(place: Place, name: str, code: int) -> None:
    """Warnings are no failure; settings that can't be read come first."""
    (wrong,) = [one for one in EVERYTHING if one.name == name]
    wrong.arrange(place)
    found, out = await ran(place, "doctor")
    assert found == code, out
    lines = out.splitlines()
    assert all(re.fullmatch(r"(ok|warn|fail) +\S+ +\S.*[.?]", line) for line in lines), out
    assert (await ran(place, "doctor", "--json"))[1].count('"level":') == len(lines)


@pytest.mark.parametrize("words", most([("run",), ("freeze", "on")], 1))
async def test_a_file_of_settings_that_is_named_must_be_there(place: Place, words: tuple[str, ...]) -> None:
    code, out = await ran(place, *words, "--env-file", "sandbx.env")
    assert (code, out) == (
        2,
        "--env-file names sandbx.env, and there is no such file: name the file with your settings.\n",
    )


async def test_nothing_listens_where_an_alert_is_sent(place: Place) -> None:
    code, out = await ran(place, "alert", "send")
    assert code == 2
    assert "can't be reached (connection refused). Is fettle run running there?" in out


@pytest.mark.parametrize("words", most([("audit", "list"), ("store", "backup", "copy.db")], 1))
async def test_before_the_first_start_there_is_no_store(place: Place, words: tuple[str, ...]) -> None:
    code, out = await ran(place, *words)
    assert code == 2
    assert "There is no database at" in out
