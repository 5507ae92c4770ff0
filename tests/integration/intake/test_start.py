"""A start that can't be: all that is wrong is said at once."""

import contextlib
import socket
from pathlib import Path

import pytest

from bot.app import _open
from bot.domain.errors import ConfigError

from .door import settings_for


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
    assert starts == ["The", "TLS_CERT:", "TLS_KEY:", "METRICS_HOST:METRICS_PORT", "KUBECONFIG:"]
