"""Who is asking and what they may do: tokens, the bot's role, access reviews.

Grants and denials name a verb, a resource (`deployments`, `deployments/scale`, `*`) and maybe a namespace; a denial
wins. What is measured takes its group (`pods.metrics.k8s.io`). It refuses roles and bindings as objects.
"""

import secrets
from dataclasses import dataclass, field

from bot.sandbox.kubernetes import status
from bot.sandbox.kubernetes.kinds import KINDS, METRICS
from bot.sandbox.kubernetes.people import People, check
from bot.sandbox.kubernetes.wire import Json

ANONYMOUS = "system:anonymous"
_READ = ("get", "list", "watch")
_PUBLIC = ("/healthz", "/livez", "/readyz", "/version")
_DISCOVERY = ("/api", "/apis", "/openapi")
BOT_ROLE: tuple["Rights", ...] = (
    (
        _READ,
        "",
        (
            "pods",
            "events",
            "services",
            "endpoints",
            "nodes",
            "namespaces",
            "configmaps",
            "persistentvolumeclaims",
            "resourcequotas",
            "limitranges",
        ),
    ),
    (("get",), "", ("pods/log",)),
    (("get", "create"), "", ("pods/exec",)),
    (("patch",), "", ("pods/ephemeralcontainers",)),
    (("get",), "", ("pods/proxy",)),
    (("create",), "", ("pods/eviction",)),
    (("delete",), "", ("pods",)),
    (_READ, "apps", ("deployments", "replicasets", "statefulsets", "daemonsets", "controllerrevisions")),
    (("patch", "update"), "apps", ("deployments", "statefulsets", "daemonsets")),
    (("get", "patch", "update"), "apps", ("deployments/scale", "statefulsets/scale")),
    (_READ, "batch", ("jobs", "cronjobs")),
    (("create", "delete"), "batch", ("jobs",)),
    (("patch",), "", ("nodes", "persistentvolumeclaims")),
    ((*_READ, "patch"), "autoscaling", ("horizontalpodautoscalers",)),
    (_READ, "policy", ("poddisruptionbudgets",)),
    (_READ, "discovery.k8s.io", ("endpointslices",)),
    (_READ, "events.k8s.io", ("events",)),
    (("get",), "storage.k8s.io", ("storageclasses",)),
    ((*_READ, "create", "update", "patch"), "coordination.k8s.io", ("leases",)),
)
_SELF: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("authorization.k8s.io", ("selfsubjectaccessreviews", "selfsubjectrulesreviews")),
    ("authentication.k8s.io", ("selfsubjectreviews",)),
)


@dataclass(frozen=True)
class Question:
    """What is asked of the authorizer; `path` is set for paths that are no resources."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full(self) -> str:
        """`deployments/scale`, or `deployments`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True)
class _Rule:
    verb: str
    resource: str
    namespace: str | None

    def covers(self, question: Question) -> bool:
        resource, _, group = self.resource.partition(".") if "/" not in self.resource else (self.resource, "", "")
        return (
            self.verb in ("*", question.verb)
            and resource in ("*", question.full)
            and self.namespace in (None, question.namespace)
            and (resource == "*" or (group == METRICS) is (question.group == METRICS))
        )


Rights = tuple[tuple[str, ...], str, tuple[str, ...]]
"""Verbs, API group, resources."""


@dataclass
class Access:
    """The authenticator and the authorizer of one server.

    `bound` replaces the bot's usual role by roles bound everywhere (namespaces None) or in some namespaces.
    `incomplete` is why a rules review can't tell everything, as an authorizer besides RBAC makes it say.
    """

    bot_user: str = "system:serviceaccount:fettle:bot"
    admin_user: str = "kubernetes-admin"
    bot_token: str = field(default_factory=lambda: f"sandbox-bot-{secrets.token_hex(16)}")
    admin_token: str = field(default_factory=lambda: f"sandbox-admin-{secrets.token_hex(16)}")
    denied: list[_Rule] = field(default_factory=list)
    granted: list[_Rule] = field(default_factory=list)
    only: bool = False
    issued: dict[str, str] = field(default_factory=dict)
    bound: list[tuple[tuple[Rights, ...], frozenset[str] | None]] | None = None
    incomplete: str = ""
    people: People = field(default_factory=People)

    def user(self, authorization: str) -> str:
        """The user of an Authorization header; 401 for an unknown token, anonymous without."""
        if not authorization:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer":
            if secrets.compare_digest(token.strip().encode(), self.bot_token.encode()):
                return self.bot_user
            if secrets.compare_digest(token.strip().encode(), self.admin_token.encode()):
                return self.admin_user
            if token.strip() in self.issued:
                return self.issued[token.strip()]
        raise status.unauthorized()

    def issue(self, namespace: str, account: str) -> str:
        """A new token of a service account, good for as long as this server lives."""
        token = f"sandbox-account-{secrets.token_hex(16)}"
        self.issued[token] = f"system:serviceaccount:{namespace}:{account}"
        return token

    def groups(self, user: str) -> list[str]:
        """The groups of a user, as a SelfSubjectReview tells them."""
        if user == self.admin_user:
            return ["system:masters", "system:authenticated"]
        if user.startswith("system:serviceaccount:"):
            space = user.split(":")[2]
            accounts = ["system:serviceaccounts", f"system:serviceaccounts:{space}"]
            return [*accounts, "system:authenticated"]
        return ["system:unauthenticated" if user == ANONYMOUS else "system:authenticated"]

    def deny(self, verb: str, resource: str, namespace: str | None = None) -> None:
        """Take a right from the bot."""
        rule = _Rule(verb, resource, namespace)
        self.granted = [one for one in self.granted if one != rule]
        self.denied.append(rule)

    def allow(self, verb: str, resource: str, namespace: str | None = None) -> None:
        """Give a right to the bot, or give one back."""
        rule = _Rule(verb, resource, namespace)
        self.denied = [one for one in self.denied if one != rule]
        self.granted.append(rule)

    def restrict(self) -> None:
        """From now on the bot has only what `allow` gives it, not its usual role."""
        self.only = True

    def allowed(self, user: str, question: Question) -> bool:
        """Whether a user may do something."""
        if user == self.admin_user:
            return True
        if question.path:
            return _path_allowed(user, question.path)
        if user == ANONYMOUS:
            return False
        if question.verb == "create" and any(
            question.group == group and question.resource in names for group, names in _SELF
        ):
            return True
        if user != self.bot_user or any(rule.covers(question) for rule in self.denied):
            return False
        if any(rule.covers(question) for rule in self.granted):
            return True
        return not self.only and any(
            question.verb in verbs and question.group == group and question.full in names
            for verbs, group, names in self._role(question.namespace)
        )

    def bind(self, rules: list[Json], namespaces: frozenset[str] | None = None) -> None:
        """Give the bot a role's rules, in these namespaces or everywhere, instead of its usual role."""
        rights = tuple(
            (tuple(rule["verbs"]), group, tuple(rule["resources"])) for rule in rules for group in rule["apiGroups"]
        )
        self.bound = [*(self.bound or []), (rights, namespaces)]

    def _role(self, namespace: str) -> tuple[Rights, ...]:
        if self.bound is None:
            return BOT_ROLE
        here = (rights for rights, namespaces in self.bound if namespaces is None or namespace in namespaces)
        return tuple(right for rights in here for right in rights)

    def require(self, user: str, question: Question) -> None:
        """Raise 403 as the real server words it, or return."""
        if not self.allowed(user, question):
            raise refused(user, question)

    def review_of(self, spec: Json) -> Json:
        """The status of a SubjectAccessReview: of the accounts that are known here, and of people."""
        check(spec)
        user, question = str(spec.get("user") or ""), _asked(spec)
        if user in {self.bot_user, self.admin_user}:
            return self.review(user, spec)
        return self.people.review(user, spec.get("groups") or (), question)

    def review(self, user: str, attributes: Json) -> Json:
        """The status of a SelfSubjectAccessReview."""
        question = _asked(attributes)
        if not self.allowed(user, question):
            return {"allowed": False}
        return {"allowed": True, "reason": self._reason(user)}

    def _reason(self, user: str) -> str:
        if user != self.bot_user:
            return ""
        space, account = user.split(":")[2:4]
        return (
            f'RBAC: allowed by RoleBinding "{account}/{space}" of Role "{account}" to'
            f' ServiceAccount "{account}/{space}"'
        )

    def rules(self, user: str, namespace: str) -> Json:
        """The status of a SelfSubjectRulesReview."""
        found = [{"verbs": ["create"], "apiGroups": [group], "resources": list(names)} for group, names in _SELF]
        if user == self.admin_user:
            found.append({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})
        elif user == self.bot_user:
            found += self._bot_rules(user, namespace)
        paths = [
            {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version"]},
            {"verbs": ["get"], "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*"]},
        ]
        answer: Json = {"resourceRules": found, "nonResourceRules": paths, "incomplete": bool(self.incomplete)}
        if self.incomplete:
            answer["evaluationError"] = self.incomplete
        return answer

    def _bot_rules(self, user: str, namespace: str) -> list[Json]:
        found: list[Json] = []
        for verbs, group, names in () if self.only else self._role(namespace):
            for name in names:
                resource, _, sub = name.partition("/")
                held = [verb for verb in verbs if self.allowed(user, Question(verb, group, resource, sub, namespace))]
                if held:
                    found.append({"verbs": held, "apiGroups": [group], "resources": [name]})
        return found + [
            {"verbs": [rule.verb], "apiGroups": _groups(rule.resource), "resources": [_bare(rule.resource)]}
            for rule in self.granted
            if rule.namespace in (None, namespace)
        ]


def _asked(attributes: Json) -> Question:
    where = attributes.get("resourceAttributes")
    if where is None:
        path = attributes.get("nonResourceAttributes", {})
        return Question(path.get("verb", "get"), path=path.get("path", "/"))
    return Question(
        where.get("verb", "*"),
        where.get("group", ""),
        where.get("resource", "*"),
        where.get("subresource", ""),
        where.get("namespace", ""),
        where.get("name", ""),
    )


def _bare(resource: str) -> str:
    return resource if "/" in resource else resource.partition(".")[0]


def _groups(resource: str) -> list[str]:
    """The API groups of a resource; every group for one that isn't served here (`users`)."""
    plural, _, group = resource.partition("/")[0].partition(".")
    if group == METRICS:
        return [METRICS]
    return sorted({kind.group for kind in KINDS if kind.plural == plural and kind.group != METRICS}) or ["*"]


def _path_allowed(user: str, path: str) -> bool:
    if any(path == one or path.startswith(f"{one}/") for one in _PUBLIC):
        return True
    known = any(path == one or path.startswith(f"{one}/") for one in _DISCOVERY)
    return known and user != ANONYMOUS


def _details(question: Question) -> Json:
    details: Json = {"name": question.name} if question.name else {}
    if question.group:
        details["group"] = question.group
    details["kind"] = question.resource
    return details


def refused(user: str, question: Question) -> status.StatusError:
    """A 403 in the real server's words."""
    if question.path:
        return status.forbidden(f'forbidden: User "{user}" cannot {question.verb} path "{question.path}"', {})
    return status.forbidden(_refusal(user, question), _details(question))


def _refusal(user: str, question: Question) -> str:
    resource = question.resource
    qualified = f"{resource}.{question.group}" if question.group else resource
    named = f'{qualified} "{question.name}"' if question.name else qualified
    where = f'in the namespace "{question.namespace}"' if question.namespace else "at the cluster scope"
    return (
        f'{named} is forbidden: User "{user}" cannot {question.verb} resource "{question.full}" in'
        f' API group "{question.group}" {where}'
    )
