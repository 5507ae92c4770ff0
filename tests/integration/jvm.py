"""A real JVM for the container of a pod of the sandbox's cluster."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.kubernetes.containers import Container
from bot.sandbox.kubernetes.server import ClusterServer

SOURCE = Path(__file__).parents[1] / "jvm" / "Stuck.java"
HAS_JDK = all(map(shutil.which, ("java", "javac", "jcmd", "jmap", "jstack")))
needs_jdk = pytest.mark.skipif(not HAS_JDK, reason="needs a JDK (default-jdk-headless)")
MARK, THREAD = b"fettle-heap-mark-1f3a", "fettle-waits-for-nothing"


@contextmanager
def compiled() -> Iterator[Path]:
    """The folder of the compiled program; not below /tmp, of which a container has its own."""
    javac = shutil.which("javac")
    assert javac
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        subprocess.run([javac, "-d", folder, str(SOURCE)], check=True)  # noqa: S603 - the test's own program
        yield Path(folder)


def argv(program: Path, *options: str, mib: int = 12) -> tuple[str, ...]:
    """A small JVM that holds so much."""
    return ("java", "-Xmx64m", "-XX:TieredStopAtLevel=1", *options, "-cp", str(program), "Stuck", str(mib))


async def started(server: ClusterServer, pod: Any, *words: str, until: str = "up", **env: str) -> Container:
    """The first container of a pod, with this program running in it."""
    container = pod["spec"]["containers"][0]["name"]
    made = await server.containers.start(pod["metadata"]["uid"], container, words, env)
    while True:
        if any(until in line for _, line in made.lines):
            return made
        if made.process.returncode is not None:
            break
        await asyncio.sleep(0.1)
    raise AssertionError([line for _, line in made.lines])
