"""A stand-in for Go programs in pods here: it answers the two addresses of ``net/http/pprof`` in the form of the real.

So a profile can be seen on a machine without Go. What it tells says nothing of a real program, and says so.
"""

import gzip
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from bot.sandbox.kubernetes.proxying import Proxying

GOROUTINES = "goroutine 1 [select (no cases)]:\nsandbox.standIn()\n\t/sandbox/stand_in.go:1 +0x1\n"
STRINGS = (b"", b"inuse_space", b"bytes", b"the stand-in for a Go program of the sandbox")


async def start(proxying: Proxying, pods: Sequence[Mapping[str, Any]], port: int) -> None:
    """From now on each of these pods answers on this port, until the server stops."""
    app = web.Application()
    app.router.add_get("/debug/pprof/goroutine", _goroutines)
    app.router.add_get("/debug/pprof/heap", _heap)
    at = await proxying.serve(app)
    for pod in pods:
        proxying.listening[(pod["metadata"]["name"], port)] = at


async def _goroutines(_request: web.Request) -> web.Response:
    return web.Response(text=GOROUTINES)


async def _heap(_request: web.Request) -> web.Response:
    """A profile.proto without a sample: its table of strings (field 6) alone."""
    body = b"".join(b"\x32" + bytes([len(one)]) + one for one in STRINGS)
    return web.Response(body=gzip.compress(body), content_type="application/octet-stream")
