"""A start that can't be: all that is wrong is said at once."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from bot import sandboxed
from bot.app import _open
from bot.domain.errors import ConfigError
from bot.sandbox.moved_time import NO_LINE
from bot.sandbox.slack.server import SlackServer
from bot.sandboxed import SHORT_SOAK
from bot.settings import Settings
from tests.patience import PATIENT

from .door import AWAY, settings_for


async def test_database_addresses_certificate_and_kubeconfig_are_said_together(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = settings_for(
            KUBECONFIG=str(tmp_path / "none"),
            DATABASE_URL="sqlite:////proc/none/fettle.db",
            SLACK_API_URL="http://127.0.0.1:9/api/",
            TLS_CERT=str(tmp_path / "cert.pem"),
            TLS_KEY=str(tmp_path / "key.pem"),
            METRICS_PORT=str(taken.getsockname()[1]),
        )
        async with contextlib.AsyncExitStack() as closing:
            with pytest.raises(ConfigError) as said:
                await _open(settings, closing)
    starts = [sentence.split()[0] for sentence in said.value.sentences]
    assert starts == ["The", "TLS_CERT:", "TLS_KEY:", "METRICS_PORT:", "KUBECONFIG:"]


async def refused(folder: Path, **changes: str) -> list[str]:
    """What a start says of these settings; the cluster can't be reached, which is no mistake."""
    (folder / "kubeconfig").write_text(AWAY)
    settings = settings_for(
        KUBECONFIG=str(folder / "kubeconfig"), DATABASE_URL=f"sqlite:///{folder / 'fettle.db'}", **changes
    )
    async with contextlib.AsyncExitStack() as closing:
        with pytest.raises(ConfigError) as said:
            await _open(settings, closing)
    return said.value.sentences


async def test_tokens_that_slack_refuses_end_the_start_and_are_no_lines_in_a_log(tmp_path: Path) -> None:
    server = SlackServer()
    await server.start()
    sentences = await refused(tmp_path, SLACK_API_URL=server.api_url)
    await server.stop()
    assert [sentence.split()[0] for sentence in sentences] == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]


async def test_a_soak_of_seconds_is_for_the_sandboxs_cluster_alone(tmp_path: Path) -> None:
    assert await refused(tmp_path, SLACK_API_URL="http://127.0.0.1:9/api/", VERIFY_SOAK="5s") == [SHORT_SOAK]


async def test_wrong_playbooks_end_the_start_with_every_sentence(tmp_path: Path) -> None:
    """They may hold what narrows: a start without them would allow more than was meant."""
    folder = tmp_path / "playbooks"
    folder.mkdir()
    (folder / "mine.yaml").write_text("name: mine\ntitle: Mine\nevidence: [pod]\ncolour: red\n", encoding="utf-8")
    sentences = await refused(tmp_path, SLACK_API_URL="http://127.0.0.1:9/api/", PLAYBOOKS_DIR=str(folder))
    assert ["line 3" in sentences[0], "line 4" in sentences[1], len(sentences)] == [True, True, 2]


SANDBOX = AWAY.replace("name: away, cluster: {server", "name: fettle-sandbox, cluster: {server").replace(
    "cluster: away", "cluster: fettle-sandbox"
)
"""A kubeconfig that calls its cluster as the sandbox does."""


@dataclass
class Ahead:
    """A clock that somebody would move."""

    ahead: float = 3600.0
    asked: float = 0.0

    def listen(self, wake: Callable[[], None]) -> None:
        """Nobody gets so far."""
        raise AssertionError(wake)

    async def let(self) -> None:
        """Nobody gets so far."""
        raise AssertionError


@pytest.mark.parametrize(
    ("slack", "kubeconfig"),
    [
        ("https://slack.com/api/", SANDBOX),
        ("http://127.0.0.1:9/api/", AWAY),
        ("http://127.0.0.1:9/api/", SANDBOX.replace("127.0.0.1", "192.0.2.1")),
    ],
    ids=["Slack's own", "another cluster", "a cluster elsewhere of the sandbox's name"],
)
def test_a_clock_is_moved_for_a_bot_of_the_sandbox_alone(slack: str, kubeconfig: str) -> None:
    """Whatever is handed to it: an approval must not outlive its time, and no soak pass that wasn't watched."""
    config = yaml.safe_load(kubeconfig)
    name, server = config["contexts"][0]["context"]["cluster"], config["clusters"][0]["cluster"]["server"]
    settings = settings_for(SLACK_API_URL=slack)
    assert sandboxed.refused(settings, name, server, Ahead()) == [sandboxed.MOVED]
    assert sandboxed.refused(settings, name, server, None) == []
    ours = settings_for(SLACK_API_URL="http://127.0.0.1:9/api/")
    assert sandboxed.refused(ours, "fettle-sandbox", "https://127.0.0.1:9", Ahead()) == []


async def test_a_start_with_a_moved_clock_ends_where_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text(AWAY)
    settings = settings_for(
        KUBECONFIG=str(tmp_path / "kubeconfig"), DATABASE_URL=f"sqlite:///{tmp_path / 'fettle.db'}",
        SLACK_API_URL="http://127.0.0.1:9/api/",
    )  # fmt: skip
    async with contextlib.AsyncExitStack() as closing:
        with pytest.raises(ConfigError) as said:
            await _open(settings, closing, Ahead())
    assert said.value.sentences == [sandboxed.MOVED]


def test_no_setting_and_no_environment_moves_a_clock() -> None:
    """The one way is an option that needs a line inherited from the sandbox; a number alone opens nothing."""
    assert not [name for name in Settings.model_fields if "CLOCK" in name or "AHEAD" in name]
    told = subprocess.run(
        [sys.executable, "-m", "bot", "run", "--sandbox-clock", "7"],
        env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False, timeout=PATIENT,
    )  # fmt: skip
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr == f"{NO_LINE}\n"
