"""Debian's docker-registry as a child process on loopback: open, by password over TLS, or by tokens."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from bot.sandbox.ports import free_port
from tests.patience import PATIENT

PROGRAM = shutil.which("docker-registry")
MISSING = "NO DOCKER-REGISTRY: docker-registry is missing, no real registry was asked (apt-get install it)"
STARTED_WITHIN = PATIENT
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


def digest_of(content: bytes) -> str:
    """The name of a content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class RealRegistry:
    """One running registry; ``headers`` are what lets the test push."""

    host: str
    url: str
    session: aiohttp.ClientSession
    headers: dict[str, str]

    async def push(self, repository: str, tag: str, created: str = "", *, many: bool = False) -> str:
        """A tiny image, as one manifest or as an index of two platforms; gives its digest."""
        made = {"created": created} if created else {}
        config = await self._blob(repository, json.dumps({"architecture": "amd64", "os": "linux", **made}).encode())
        layer = await self._blob(repository, b"")
        body = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, **config},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **layer}],
        }
        if not many:
            return await self._manifest(repository, tag, body)
        size = len(json.dumps(body).encode())
        digest = digest_of(json.dumps(body).encode())
        await self._manifest(repository, digest, body)
        of = {"mediaType": MANIFEST, "digest": digest, "size": size}
        platforms = [{"architecture": one, "os": "linux"} for one in ("arm64", "amd64")]
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{**of, "platform": one} for one in platforms]}
        return await self._manifest(repository, tag, index)

    async def _blob(self, repository: str, content: bytes) -> dict[str, Any]:
        digest = digest_of(content)
        async with self.session.post(f"{self.url}/v2/{repository}/blobs/uploads/", headers=self.headers) as got:
            assert got.status == 202, await got.text()
            to = got.headers["Location"]
        async with self.session.put(to, params={"digest": digest}, data=content, headers=self.headers) as got:
            assert got.status == 201, await got.text()
        return {"digest": digest, "size": len(content)}

    async def _manifest(self, repository: str, tag: str, body: dict[str, Any]) -> str:
        content = json.dumps(body).encode()
        headers = {**self.headers, "Content-Type": body["mediaType"]}
        url = f"{self.url}/v2/{repository}/manifests/{tag}"
        async with self.session.put(url, data=content, headers=headers) as got:
            assert got.status == 201, await got.text()
        return digest_of(content)


def basic(user: str, password: str) -> dict[str, str]:
    """What shows a password."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


@asynccontextmanager
async def running(
    folder: Path, headers: dict[str, str] | None = None, tls: tuple[Path, Path] | None = None, **auth: Any
) -> AsyncIterator[RealRegistry]:
    """Starts it with its images in ``folder`` and ends it again; ``tls`` are certificate and key."""
    assert PROGRAM is not None
    host = f"127.0.0.1:{free_port()}"
    url = f"{'https' if tls else 'http'}://{host}"
    config: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        "http": {"addr": host, **({"tls": {"certificate": str(tls[0]), "key": str(tls[1])}} if tls else {})},
    }
    if auth:
        config["auth"] = auth
    path, log = folder / "registry.yml", folder / "registry.log"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            PROGRAM, "serve", str(path),
            cwd=folder, env={"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"}, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        connector = aiohttp.TCPConnector(ssl=False)  # the test pushes; whom it trusts isn't what is tested
        async with aiohttp.ClientSession(trust_env=False, connector=connector) as session:
            await _until_ready(process, url, session, log)
            yield RealRegistry(host, url, session, headers or {})
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until_ready(
    process: asyncio.subprocess.Process, url: str, session: aiohttp.ClientSession, log: Path
) -> None:
    async with asyncio.timeout(STARTED_WITHIN):
        while True:
            assert process.returncode is None, f"it ended: see {log}"
            try:
                async with session.get(f"{url}/v2/") as got:
                    if got.status in {200, 401}:
                        return
            except aiohttp.ClientError:
                pass  # not listening yet
            await asyncio.sleep(0.05)
