"""A registry of images for the sandbox: it answers tags, manifests and configurations as any OCI registry does.

Nodes of the sandbox's cluster pull from it in so far as an image of its host that it hasn't can't be pulled. It refuses
to take images over the wire, and to page: a test or a scenario says what is there.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

from aiohttp import web

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


class ImageRegistry:
    """Answers on loopback; ``host`` is what its images' names begin with, empty until it listens.

    ``refuses`` is a status that is answered to everything, 0 for none. ``asked`` are the paths of all questions.
    """

    def __init__(self) -> None:
        self.host = ""
        self.refuses = 0
        self.asked: list[str] = []
        self._tags: dict[str, dict[str, str]] = {}
        self._contents: dict[str, bytes] = {}
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listens on a free port."""
        app = web.Application()
        app.router.add_get("/v2/", self._root)
        app.router.add_get("/v2/{repository:.+}/tags/list", self._list)
        app.router.add_get("/v2/{repository:.+}/manifests/{reference}", self._manifest)
        app.router.add_get("/v2/{repository:.+}/blobs/{reference}", self._blob)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.host = f"127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Closes the port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def push(self, repository: str, tag: str, created: datetime | None = None) -> str:
        """Puts an image there, another one under a tag that exists; its digest."""
        made = (created or datetime.now(UTC)).astimezone(UTC).isoformat().replace("+00:00", "Z")
        config = json.dumps(
            {"architecture": "amd64", "os": "linux", "created": made, "n": len(self._contents)}
        ).encode()
        parts = {"mediaType": CONFIG, "digest": self._keep(config), "size": len(config)}
        body = {"schemaVersion": 2, "mediaType": MANIFEST, "config": parts, "layers": []}
        digest = self._keep(json.dumps(body).encode())
        self._tags.setdefault(repository, {})[tag] = digest
        return digest

    def remove(self, repository: str, tag: str) -> None:
        """The tag is gone."""
        self._tags.get(repository, {}).pop(tag, None)

    def lacks(self, image: str) -> bool:
        """Whether this image would be pulled from here and can't be; False for images of other hosts."""
        named, _, digest = image.partition("@")
        host, _, path = named.partition("/")
        if not self.host or host != self.host:
            return False
        repository, _, tag = path.partition(":")
        tags = self._tags.get(repository, {})
        return digest not in tags.values() if digest else (tag or "latest") not in tags

    def _keep(self, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._contents[digest] = content
        return digest

    def _refused(self, request: web.Request) -> web.Response | None:
        self.asked.append(request.path)
        return _error(self.refuses, "DENIED") if self.refuses else None

    async def _root(self, request: web.Request) -> web.Response:
        return self._refused(request) or web.json_response({})

    async def _list(self, request: web.Request) -> web.Response:
        repository = request.match_info["repository"]
        tags = self._tags.get(repository)
        if tags is None:
            return self._refused(request) or _error(404, "NAME_UNKNOWN")
        return self._refused(request) or web.json_response({"name": repository, "tags": sorted(tags) or None})

    async def _manifest(self, request: web.Request) -> web.Response:
        reference = request.match_info["reference"]
        tags = self._tags.get(request.match_info["repository"], {})
        digest = reference if reference in tags.values() else tags.get(reference, "")
        if not digest:
            return self._refused(request) or _error(404, "MANIFEST_UNKNOWN")
        return self._refused(request) or web.Response(
            body=self._contents[digest], content_type=MANIFEST, headers={"Docker-Content-Digest": digest}
        )

    async def _blob(self, request: web.Request) -> web.Response:
        content = self._contents.get(request.match_info["reference"])
        if content is None:
            return self._refused(request) or _error(404, "BLOB_UNKNOWN")
        return self._refused(request) or web.Response(body=content, content_type="application/octet-stream")


def _error(status: int, code: str) -> web.Response:
    return web.json_response({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}, status=status)
