"""Amazon's services, played by moto's server over HTTP; and a compiled program for JVMs."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.sandbox.ports import free_port
from tests.integration import jvm
from tests.patience import PATIENT, unhurried


@pytest.fixture(autouse=True)
def _unhurried() -> Iterator[None]:
    """A busy machine makes no answer late, here; the tests that the same worker plays next know the true limits."""
    with unhurried():
        yield


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server of moto in a process of its own; its imports are heavy."""
    port = free_port()
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - the test's own server
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=output, stderr=output, env={**os.environ, "MOTO_ACCOUNT_ID": "123456789012"},
        )  # fmt: skip
    try:
        while True:
            assert process.poll() is None, log.read_text(encoding="utf-8")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), PATIENT):
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the pod's role would give, and nothing of this machine."""
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def program() -> Iterator[Path]:
    """The folder of the compiled program."""
    with jvm.compiled() as folder:
        yield folder
