"""One request in, one answer out: authentication, authorization, faults, then the verb.

It refuses requests that aren't meant for loopback, and answers what isn't emulated as the real
server answers an unknown path or method.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from email.utils import formatdate

from aiohttp import web

from bot.sandbox.kubernetes import (
    discovery,
    faults,
    log_requests,
    logs,
    openapi,
    own_metrics,
    proxying,
    reading,
    status,
)
from bot.sandbox.kubernetes.access import Access, Question, refused
from bot.sandbox.kubernetes.changing import Asked, Changing, decode
from bot.sandbox.kubernetes.clock import stamp
from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.containers import Containers
from bot.sandbox.kubernetes.executing import Command, Executing
from bot.sandbox.kubernetes.kinds import GROUP_VERSIONS, METRICS, READ_ONLY, REFUSED, Kind, by_kind, find
from bot.sandbox.kubernetes.log_requests import Follow
from bot.sandbox.kubernetes.metrics import Metrics
from bot.sandbox.kubernetes.ownership import record
from bot.sandbox.kubernetes.pages import Answer, Plain
from bot.sandbox.kubernetes.routes import Route, parse
from bot.sandbox.kubernetes.status import StatusError
from bot.sandbox.kubernetes.watching import Expired, Watch
from bot.sandbox.kubernetes.wire import Json, dig, dump

_FLOW, _LEVEL = str(uuid.uuid4()), str(uuid.uuid4())
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_BODY_KEPT = 65_536
_UNAVAILABLE = Plain(503, b"service unavailable\n")
"""What the aggregator says for a server that is gone."""
log = logging.getLogger(__name__)


@dataclass
class Record:
    """One request for the log of the server; `status` 0 while it is not answered yet, `time` by the cluster's clock."""

    method: str
    path: str
    query: dict[str, str]
    user_agent: str
    user: str = ""
    status: int = 0
    verb: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    body: str = ""
    dropped: bool = False
    time: float = 0.0


Streamed = Watch | Expired | Follow
"""What is answered bit by bit."""


class Gateway:
    """Everything between the socket and the cluster."""

    def __init__(self, cluster: Cluster, access: Access, switches: faults.Faults) -> None:
        self.cluster, self.access, self.faults = cluster, access, switches
        self.reading, self.changing = reading.Reading(cluster), Changing(cluster)
        self.containers = Containers()
        self.executing = Executing(self.containers)
        self.proxying = proxying.Proxying()
        self.metrics = Metrics(cluster.world)
        self.requests = own_metrics.Requests()

    async def answer(self, request: web.BaseRequest, seen: Record) -> web.StreamResponse:
        """The response to a request; `seen` is filled in on the way."""
        try:
            found = await self._answer(request, seen)
            if isinstance(found, Command):
                seen.status = 101
                return await self.executing.answer(request, found)
        except StatusError as refused:
            found = Answer(refused.code, refused.body, refused.headers)
        except Exception:
            # The edge of the server: a bug here must look like a server's error, not like a lost line.
            log.exception("%s %s failed", request.method, request.path)
            found = Answer(500, faults.refusal(500).body)
        code = found.code if isinstance(found, Answer | Plain) else 200
        self.requests.count(seen.verb or seen.method, seen.resource, code)
        if isinstance(found, Watch | Expired):
            return await self._stream(request, (dump(event) async for event in found.events()), seen)
        if isinstance(found, Follow):
            return await self._stream(request, found.pieces(), seen, "text/plain")
        seen.status = found.code
        return self._respond(found)

    def _respond(self, found: "Answer | Plain") -> web.Response:
        headers = self._headers(found.headers)
        if isinstance(found, Plain):
            if found.body:
                headers["Content-Type"] = found.content_type
            return web.Response(status=found.code, body=found.body, headers=headers)
        headers.setdefault("Content-Type", "application/json")
        said = [warning.replace("\\", "\\\\").replace('"', '\\"') for warning in found.warnings]
        if said:
            headers["Warning"] = ", ".join(f'299 - "{one}"' for one in said)
        return web.Response(status=found.code, body=dump(found.body), headers=headers)

    def _headers(self, extra: dict[str, str]) -> dict[str, str]:
        off = self.faults.clock_off + self.cluster.clock.offset
        return {
            **({"Date": formatdate(time.time() + off, usegmt=True)} if off else {}),
            "Audit-Id": str(uuid.uuid4()),
            "Cache-Control": "no-cache, private",
            "X-Kubernetes-Pf-Flowschema-Uid": _FLOW,
            "X-Kubernetes-Pf-Prioritylevel-Uid": _LEVEL,
            **extra,
        }

    async def _stream(
        self, request: web.BaseRequest, pieces: AsyncIterator[bytes], seen: Record, kind: str = "application/json"
    ) -> web.StreamResponse:
        seen.status = 200
        headers = {**self._headers({}), "Content-Type": kind}
        response = web.StreamResponse(status=200, headers=headers)
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            async for piece in pieces:
                await response.write(piece)
            await response.write_eof()
        except ConnectionError:
            pass  # the client went away, which is how most streams end
        return response

    def _user(self, request: web.BaseRequest, question: Question) -> str:
        user = self.access.user(request.headers.get("Authorization", ""))
        other = request.headers.get("Impersonate-User")
        if not other:
            return user
        if user != self.access.admin_user:
            verb = f"impersonate-on:user-info:{question.verb}"
            asked = Question(verb, question.group, question.resource, "", question.namespace)
            self.access.require(user, asked)
        return other

    async def _answer(self, request: web.BaseRequest, seen: Record) -> "Answer | Plain | Streamed | Command":
        host = request.headers.get("Host", "").rsplit(":", 1)[0]
        if host not in _LOOPBACK:
            return Plain(403, b"this server only answers on loopback\n")
        path, query = request.path, dict(request.query)
        route = parse(request.method, path, query)
        question = route.question if route else Question(request.method.lower(), path=path)
        seen.user = self._user(request, question)
        self.access.require(seen.user, question)
        if route is None:
            return self._page(request, path)
        seen.verb, seen.resource = route.verb, route.question.full
        seen.namespace, seen.name = route.namespace, route.name
        body = await request.read()
        seen.body = body[:_BODY_KEPT].decode("utf-8", "replace")
        fault = self.faults.take(route.verb, route.question.full, route.namespace)
        if fault and fault.status == 410 and route.verb == "watch":
            return Expired()
        if fault:
            await self._before(fault, request, seen, route.question)
        content = request.headers.get("Content-Type", "")
        asked = Asked(body, content, query, seen.user_agent)
        if route.question.full == "pods/exec" and route.verb in ("get", "create"):
            return self._command(request, route, seen.user)
        if route.question.full == "pods/proxy" and route.verb == "get":
            name, port = proxying.split(route.name)
            pod = self.cluster.writes.current(by_kind("Pod"), route.namespace, name)
            return await self.proxying.get(pod, port, route.tail, request.query_string)
        found = self._dispatch(route, asked, seen, request.headers.get("Accept", ""))
        if fault and fault.hang is not None and fault.late:
            await asyncio.sleep(fault.hang)
        if fault and fault.drop_after:
            self._hang_up(request, seen)
        return found

    async def _before(
        self, fault: faults.Fault, request: web.BaseRequest, seen: Record, question: Question
    ) -> None:  # fmt: skip
        """What a fault does before the work, or instead of it."""
        if fault.hang is not None and not fault.late:
            await asyncio.sleep(fault.hang)
        elif fault.status == 403:
            raise refused(seen.user, question)
        elif fault.status:
            raise faults.refusal(fault.status, fault.retry_after)
        elif fault.drop_before:
            self._hang_up(request, seen)
            raise faults.refusal(503)  # nobody hears it

    @staticmethod
    def _hang_up(request: web.BaseRequest, seen: Record) -> None:
        seen.dropped = True
        if request.transport is not None:
            request.transport.abort()

    def _page(self, request: web.BaseRequest, path: str) -> "Answer | Plain":
        parts = [part for part in path.split("/") if part]
        accept = request.headers.get("Accept", "")
        if path in ("/healthz", "/livez", "/readyz"):
            said = discovery.health(path[1:], verbose="verbose" in request.query)
            return Plain(200, said.encode())
        if path == "/metrics":
            return Plain(200, own_metrics.page(self.requests, self.cluster.store), own_metrics.CONTENT_TYPE)
        if path.startswith("/openapi"):
            return openapi.page(path, accept)
        if path.rstrip("/") == "/version":
            return Answer(200, discovery.VERSION)
        if path.rstrip("/") in ("/api", "/apis"):
            return self._discovery(parts[0], accept)
        found: Json | None = None
        if parts[:1] == ["api"] and parts[1:] == ["v1"]:
            found = discovery.resources("", "v1")
        elif parts[:1] == ["apis"]:
            of = parts[1:]
            if of[:1] == [METRICS] and len(of) > 1 and not self.metrics.answers:
                return _UNAVAILABLE
            found = discovery.group(of[0]) if len(of) == 1 else discovery.resources(of[0], of[1])
        return Answer(200, found) if found else Plain(404, b"404 page not found\n")

    def _discovery(self, root: str, accept: str) -> Answer:
        for version in ("v2", "v2beta1"):
            form = discovery.AGGREGATED.format(version=version)
            if form in accept.replace(" ", ""):
                stale = () if self.metrics.answers else (METRICS,)
                body = discovery.aggregated(version, core=root == "api", stale=stale)
                return Answer(200, body, {"Content-Type": form})
        body = discovery.core_versions() if root == "api" else discovery.group_list()
        return Answer(200, body)

    def _dispatch(self, route: Route, asked: Asked, seen: Record, accept: str) -> "Answer | Plain | Watch | Follow":
        kind = find(route.group, route.version, route.resource)
        if kind is None or (route.namespace and not kind.namespaced and kind.kind != "Namespace"):
            if (route.group, route.version) not in GROUP_VERSIONS:
                return Plain(404, b"404 page not found\n")
            raise status.no_such_resource()
        form = reading.form_of(accept, asked.query)
        if route.subresource:
            return self._subresource(kind, route, asked, form)
        if kind.verbs == ("create",):
            return self._review(kind, route, asked, seen.user)
        self._must_have(kind, route)
        if kind.group == METRICS and not self.metrics.answers:
            return _UNAVAILABLE
        if kind.group == METRICS:
            return Answer(200, self._measured(kind, route, asked, table=form.kind == "Table"))
        return self._verb(kind, route, asked, form)

    def _measured(self, kind: Kind, route: Route, asked: Asked, *, table: bool) -> Json:
        if route.name:
            return self.metrics.get(kind, route.namespace, route.name, table=table)
        return self.metrics.list(kind, route.namespace or None if kind.namespaced else "", asked.query, table=table)

    def _must_have(self, kind: Kind, route: Route) -> None:
        named = route.verb in ("get", "update", "patch", "delete")
        if route.verb not in kind.verbs and kind.plural in READ_ONLY:
            raise status.not_emulated(READ_ONLY[kind.plural])
        if route.verb not in kind.verbs or named is not bool(route.name):
            raise status.wrong_method()

    def _verb(self, kind: Kind, route: Route, asked: Asked, form: reading.Form) -> "Answer | Watch":
        space = route.namespace if kind.namespaced else ""
        scope = (space or None) if kind.namespaced else ""
        if route.verb == "get":
            return Answer(200, self.reading.get(kind, space, route.name, form))
        if route.verb == "list":
            return Answer(200, self.reading.list(kind, scope, asked.query, form))
        if route.verb == "watch":
            return Watch(self.cluster, kind, scope, "", asked.query, form)
        changing = self.changing
        if route.verb == "create":
            code, body, warnings = changing.create(kind, space, asked)
        elif route.verb == "deletecollection":
            code, body, warnings = changing.delete_collection(kind, space, asked)
        elif route.verb == "delete":
            code, body, warnings = changing.delete(kind, space, route.name, asked)
        elif route.verb == "update":
            code, body, warnings = changing.update(kind, space, route.name, "", asked)
        else:
            code, body, warnings = changing.patch(kind, space, route.name, "", asked)
        if body.get("kind") == kind.kind and form.kind:
            body = self.reading.single(kind, body, form)
        return Answer(code, body, warnings=warnings)

    def _subresource(self, kind: Kind, route: Route, asked: Asked, form: reading.Form) -> "Answer | Plain | Follow":
        sub = kind.subresource(route.subresource)
        if sub is None:
            if sentence := REFUSED.get(route.question.full):
                raise status.not_emulated(sentence)
            raise status.no_such_resource()
        if route.verb not in sub.verbs:
            raise status.wrong_method()
        space, name = route.namespace if kind.namespaced else "", route.name
        if sub.name == "log":
            return log_requests.answer(self.cluster, self.containers, space, name, asked)
        if sub.name == "token":
            return self._token(kind, space, name)
        if sub.name == "eviction":
            found = self.changing.evict(space, name, asked)
        elif sub.name == "scale":
            method = {"get": "GET", "update": "PUT"}.get(route.verb, "PATCH")
            found = self.changing.scale(kind, space, name, method, asked)
        elif route.verb == "get":
            return Answer(200, self.reading.get(kind, space, name, form))
        elif route.verb == "update":
            found = self.changing.update(kind, space, name, sub.name, asked)
        else:
            found = self.changing.patch(kind, space, name, sub.name, asked)
        code, body, warnings = found
        return Answer(code, body, warnings=warnings)

    def _command(self, request: web.BaseRequest, route: Route, user: str) -> Command:
        """Since 1.35 a WebSocket, which is a GET, takes the right to create as well."""
        self.access.require(user, replace(route.question, verb="create"))
        pod = self.cluster.writes.current(by_kind("Pod"), route.namespace, route.name)
        if pod["spec"].get("nodeName") in self.cluster.world.down:
            raise logs.unreachable(pod, str(dig(pod, "status", "hostIP", default="127.0.0.1")))
        return self.executing.check(request, pod)

    def _token(self, kind: Kind, namespace: str, name: str) -> Answer:
        """What ``kubectl create token`` asks for; its body (protobuf) says how long, and here it is always an hour."""
        self.cluster.writes.current(kind, namespace, name)
        until = stamp(self.cluster.clock.now() + 3600)
        status_part = {"token": self.access.issue(namespace, name), "expirationTimestamp": until}
        body: Json = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"audiences": []}}
        return Answer(201, {**body, "metadata": {"name": name, "namespace": namespace}, "status": status_part})

    def _review(self, kind: Kind, route: Route, asked: Asked, user: str) -> Answer:
        if route.verb != "create" or route.name:
            raise status.wrong_method()
        obj = decode(kind, asked)
        spec = obj.get("spec") or {}
        now = stamp(self.cluster.clock.now())
        body: Json = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {}}
        if kind.kind == "SelfSubjectReview":
            info = {"username": user, "groups": self.access.groups(user)}
            body["metadata"] = {"creationTimestamp": now}
            return Answer(201, {**body, "status": {"userInfo": info}})
        if kind.kind == "SelfSubjectRulesReview":
            rules = self.access.rules(user, spec.get("namespace", ""))
            return Answer(201, {**body, "spec": {}, "status": rules})
        body["spec"] = spec
        if kind.kind == "SubjectAccessReview":
            told = self.access.review_of(spec)
            record(None, body, asked.manager, now)
            return Answer(201, {**body, "status": told})
        record(None, body, asked.manager, now)
        return Answer(201, {**body, "status": self.access.review(user, spec)})
