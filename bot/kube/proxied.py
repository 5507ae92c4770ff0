"""One GET to a port of a pod through the API server's proxy: what the process there says, whole and bounded.

The API takes no uid here: whether the pod is still the one that was meant is looked at before and after by whoever
calls. It refuses any other method. Only ``bot.mitigations`` imports it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from bot.domain.errors import FettleError, ForbiddenError, NotFoundError, RejectedError
from bot.domain.redaction import redact
from bot.kube.client import Cluster
from bot.kube.errors import missing_right, status_error

MOST_SAID = 200
LEAST = 64 * 1024
"""What is read of any answer: a refusal is an object of some size."""


def where(namespace: str, pod: str, port: int, path: str) -> str:
    """``/api/v1/namespaces/shop/pods/api-1:6060/proxy/debug/pprof/heap``."""
    return f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{path}"


async def fetched(
    cluster: Cluster, at: str, query: Mapping[str, str], *, most: int, within: float, execution: str
) -> bytes:
    """The body of an answer 200, of ``most`` bytes at most.

    ``execution`` goes into the User-Agent, so that the cluster's audit log joins ours.

    Raises ``ForbiddenError`` and ``NotFoundError`` as the API server says, ``ClusterUnavailableError`` for no answer,
    ``RejectedError`` where nobody listens there or the process answers something else.
    """
    status, body, headers = await cluster.raw(
        at, query, max(most, LEAST) + 1, within, f"{cluster.user_agent} {execution}".strip()
    )
    if status == 200:
        if len(body) > most:
            raise RejectedError(f"What came is larger than {most // 1024**2} MiB, so it wasn't kept.", "size")
        return body
    said = _status_of(body)
    if said is None:
        text = redact(" ".join(body[:MOST_SAID].decode(errors="replace").split()))
        raise RejectedError(f"The process answers {status} there{f': {text}' if text else ''}.", str(status))
    raise _by_server(at, status, str(said.get("message", "")), body, headers)


def _status_of(body: bytes) -> Mapping[str, object] | None:
    """The API server's own word; None where the process itself answered."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) and found.get("kind") == "Status" else None


def _by_server(at: str, status: int, message: str, body: bytes, headers: Mapping[str, str]) -> FettleError:
    namespace, pod = at.split("/")[4], at.split("/")[6]
    if status == 403:
        return ForbiddenError(missing_right("get", "pods/proxy", "", namespace))
    if status == 404:
        return NotFoundError(f"Pod {namespace}/{pod.partition(':')[0]} isn't there any more.")
    if "error trying to reach service" in message:
        why = redact(message.partition("error trying to reach service")[2].strip(" :'\""))[:MOST_SAID]
        return RejectedError(
            f"The API server reaches nobody at {pod} ({why}). What is to be asked has to listen on the pod's own "
            "address: on localhost alone it can't be reached, and a network policy may stand between.",
            "reach",
        )
    return status_error("GET", at, status, body, headers, acts=False)
