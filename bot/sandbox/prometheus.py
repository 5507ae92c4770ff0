"""A Prometheus for the sandbox's cluster: it answers what is usually asked about pods, from what the cluster shows.

It speaks the HTTP API as recorded, and it isn't one: an expression is known by the metric in it, and of its matchers
namespace, pod and the status code count. What it doesn't know has no data, unless somebody put a measure there. It
refuses to evaluate PromQL, and it keeps no history (see ``kubernetes.usage``).
"""

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.usage import USES, Seen, seen, troubled
from bot.sandbox.measures import matchers

Json = dict[str, Any]
MOST_POINTS = 11_000


def restarts(pod: Seen, at: float) -> float:
    """The counter, one less before its newest end."""
    return float(pod.restarts if not pod.ended or at >= pod.ended else max(pod.restarts - 1, 0))


def _share(pods: list[Seen], at: float) -> float:
    there = [pod for pod in pods if pod.created <= at]
    return sum(troubled(pod, at) for pod in there) / len(there) if there else 0.0


def errors(pods: list[Seen], at: float) -> float:
    """The share of requests that failed, as large as the share of pods in trouble."""
    return 0.002 + 0.001 * math.sin(at / 90) + 0.9 * _share(pods, at)


def latency(pods: list[Seen], at: float) -> float:
    """Seconds."""
    return 0.12 + 0.01 * math.sin(at / 120) + 1.1 * _share(pods, at)


def traffic(_pods: list[Seen], at: float) -> float:
    """Requests a second."""
    return 40.0 + 4 * math.sin(at / 400)


ALL: tuple[tuple[str, Callable[[list[Seen], float], float]], ...] = (
    ("histogram_quantile(", latency),
    ('=~"5.."', errors),
    ("http_requests_total", traffic),
)
EACH: tuple[tuple[str, Callable[[Seen, float], float]], ...] = (
    *USES,
    ("kube_pod_container_status_restarts_total", restarts),
)
"""A word of the expression -> what is answered: one curve for all pods, or one for each."""


class PrometheusServer:
    """Answers on loopback; start it after the cluster's state exists."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._runner: web.AppRunner | None = None
        self.url = ""
        self.queries: list[str] = []
        self.measures = cluster.world.measures
        """What was measured beside the pods; asked first."""

    async def start(self) -> None:
        """Listens on a free port."""
        app = web.Application()
        for path, handler in (
            ("/api/v1/query", self._query), ("/api/v1/query_range", self._range), ("/api/v1/rules", _rules),
            ("/api/v1/status/buildinfo", _buildinfo),
        ):  # fmt: skip
            app.router.add_route("*", path, handler)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Closes the port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _query(self, request: web.Request) -> web.Response:
        asked = await _asked(request)
        try:
            at = float(asked.get("time") or self._cluster.clock.now())
        except ValueError:
            return _bad('invalid parameter "time"')
        try:
            rows = self._rows(asked.get("query", ""), [at])
        except (ValueError, re.error) as error:
            return _bad(f'invalid parameter "query": {error}')
        return _good({"resultType": "vector", "result": [{"metric": m, "value": v[-1]} for m, v in rows]})

    async def _range(self, request: web.Request) -> web.Response:
        asked = await _asked(request)
        try:
            begin, end, step = (float(asked.get(name, "")) for name in ("start", "end", "step"))
        except ValueError:
            return _bad('invalid parameter "start", "end" or "step"')
        if step <= 0:
            return _bad('invalid parameter "step": zero or negative query resolution step widths are not accepted')
        if (end - begin) / step > MOST_POINTS:
            return _bad("exceeded maximum resolution of 11,000 points per timeseries")
        times = [begin + step * number for number in range(int((end - begin) / step) + 1)]
        try:
            rows = self._rows(asked.get("query", ""), times)
        except (ValueError, re.error) as error:
            return _bad(f'invalid parameter "query": {error}')
        return _good(
            {"resultType": "matrix", "result": [{"metric": metric, "values": values} for metric, values in rows]}
        )

    def _rows(self, expr: str, times: list[float]) -> Iterable[tuple[Json, list[tuple[float, str]]]]:
        self.queries.append(expr)
        wanted = matchers(expr)
        own = [one for one in self.measures if one.fits(expr, wanted)]
        if own:
            return [(dict(one.labels), [(at, f"{one.curve(at):.6g}") for at in times]) for one in own]
        if "id" in wanted:
            return []  # of a node's own cgroup, which nobody measures here
        objects = self._objects(wanted)
        pods = [seen(pod) for pod in objects]
        for word, value in ALL:
            if word in expr:
                kept = [at for at in times if any(pod.created <= at for pod in pods)]
                return [({}, [(at, f"{value(pods, at):.6g}") for at in kept])] if kept else []
        for word, of in EACH:
            if word in expr:
                containers = [seen(pod, number) for pod in objects for number in range(len(pod["spec"]["containers"]))]
                each = [(one, [at for at in times if at >= one.created]) for one in containers]
                return [
                    ({"pod": pod.name, "container": pod.container}, [(at, f"{of(pod, at):.6g}") for at in kept])
                    for pod, kept in each
                    if kept
                ]
        return []

    def _objects(self, wanted: dict[str, tuple[str, str]]) -> list[Json]:
        """The pods that these matchers mean."""
        namespace = wanted["namespace"][1] if "namespace" in wanted else None
        sign, pattern = wanted.get("pod", ("=~", ".*"))
        meant = re.compile(re.escape(pattern) if sign == "=" else pattern)
        found = self._cluster.world.store.list(by_kind("Pod"), namespace)
        return [pod for pod in found if meant.fullmatch(pod["metadata"]["name"])]


async def _asked(request: web.Request) -> dict[str, str]:
    form = await request.post() if request.method == "POST" else {}
    return {**request.query, **{key: str(value) for key, value in form.items()}}


async def _rules(_request: web.Request) -> web.Response:
    return _good({"groups": []})


async def _buildinfo(_request: web.Request) -> web.Response:
    return _good({"version": "sandbox"})


def _good(data: Json) -> web.Response:
    return web.json_response({"status": "success", "data": data})


def _bad(told: str) -> web.Response:
    return web.json_response({"status": "error", "errorType": "bad_data", "error": told}, status=400)
