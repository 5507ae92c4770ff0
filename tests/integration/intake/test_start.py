"""A start that can't be: all that is wrong is said at once."""

import contextlib
import socket
from pathlib import Path

import pytest

from bot.app import SHORT_SOAK, _open
from bot.domain.errors import ConfigError
from bot.sandbox.slack.server import SlackServer

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
