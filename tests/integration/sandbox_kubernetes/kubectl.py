"""kubectl, whichever version is there, with a kubeconfig and a home of its own."""

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from bot.sandbox.kubernetes.server import ClusterServer
from tests.patience import PATIENT

KUBECTL = shutil.which("kubectl")
WITNESS = [
    pytest.mark.kubectl,
    pytest.mark.skipif(KUBECTL is None, reason="KUBECTL IS MISSING: the cluster was not checked by its witness"),
]


class Kubectl:
    """The program in the namespace shop."""

    def __init__(self, server: ClusterServer, home: Path) -> None:
        self.home = home
        for who in ("admin", "bot"):
            (home / who).write_text(server.kubeconfig(who), encoding="utf-8")

    async def minor(self) -> int:
        """The 32 of version 1.32."""
        told = json.loads(await self("version", "--client", "-o", "json"))
        return int(told["clientVersion"]["minor"].rstrip("+"))

    async def start(self, *words: str, as_: str = "admin", **more: str) -> asyncio.subprocess.Process:
        """The running program; its errors come with its output, ``more`` are variables of its environment."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "KUBECONFIG": str(self.home / as_), **more}
        pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
        return await asyncio.create_subprocess_exec(str(KUBECTL), "-n", "shop", *words, env=environment, **pipes)

    async def __call__(self, *words: str, as_: str = "admin", expect: int = 0, **more: str) -> str:
        """What the program wrote; it must end with the expected code."""
        process = await self.start(*words, as_=as_, **more)
        out, _ = await asyncio.wait_for(process.communicate(), PATIENT)
        assert process.returncode == expect, f"{' '.join(words)}: {out.decode()}"
        return out.decode()
