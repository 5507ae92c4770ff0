"""A person with kubectl beside Fettle: the requests that kubectl sends, over the API server's socket.

It refuses to be anybody's shortcut: what is done here passes authorization, ownership and controllers like the bot's.
"""

import json
import ssl
from datetime import UTC, datetime
from typing import Any

import aiohttp

from bot.sandbox.kubernetes.server import ClusterServer
from bot.sandbox.patience import stretched

STRATEGIC = "application/strategic-merge-patch+json"


async def rollout_restart(server: ClusterServer, workload: str) -> None:
    """``kubectl rollout restart`` of a Deployment ``namespace/name``."""
    now = datetime.fromtimestamp(server.cluster.clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    marks = {"kubectl.kubernetes.io/restartedAt": now}
    await _patch(server, workload, {"spec": {"template": {"metadata": {"annotations": marks}}}}, "kubectl-rollout")


async def _patch(server: ClusterServer, workload: str, body: Any, manager: str) -> None:
    namespace, name = workload.split("/")
    url = f"{server.url}/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
    headers = {
        "Authorization": f"Bearer {server.admin_token}", "Content-Type": STRATEGIC, "User-Agent": "kubectl/v1.30.0",
    }  # fmt: skip
    async with (
        aiohttp.ClientSession(trust_env=False, timeout=aiohttp.ClientTimeout(total=stretched(10))) as session,
        session.patch(
            url, params={"fieldManager": manager}, data=json.dumps(body), headers=headers,
            ssl=ssl.create_default_context(cadata=server.ca_pem),
        ) as answer,
    ):  # fmt: skip
        answer.raise_for_status()
