"""What people may do: roles bound to users and groups, asked by a SubjectAccessReview as RBAC answers it.

A rule is a Role's own (`apiGroups`, `resources`, `verbs`, `resourceNames`, with their wildcards). It refuses to let
anybody log in: people are asked about here, they send no requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.sandbox.kubernetes import status
from bot.sandbox.kubernetes.wire import Json

if TYPE_CHECKING:
    from bot.sandbox.kubernetes.access import Question

Rule = Mapping[str, Sequence[str]]
"""One rule of a Role, as it is written there."""

MASTERS = "system:masters"
NOBODY = "at least one of user or group must be specified"
NOTHING = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


@dataclass(frozen=True)
class Bound:
    """A role bound to one user or group; in a namespace, or everywhere where that is empty."""

    name: str
    rules: tuple[Rule, ...]
    user: str = ""
    group: str = ""
    namespace: str = ""

    def is_of(self, user: str, groups: Iterable[str]) -> bool:
        """Whether the binding is theirs."""
        return bool(self.user and self.user == user) or bool(self.group and self.group in set(groups))

    def covers(self, question: Question) -> bool:
        """Whether one of its rules allows this."""
        if self.namespace and self.namespace != question.namespace:
            return False
        return any(_covers(rule, question) for rule in self.rules)

    @property
    def reason(self) -> str:
        """As RBAC words it."""
        subject = f'User "{self.user}"' if self.user else f'Group "{self.group}"'
        if self.namespace:
            return f'RBAC: allowed by RoleBinding "{self.name}/{self.namespace}" of Role "{self.name}" to {subject}'
        return f'RBAC: allowed by ClusterRoleBinding "{self.name}" of ClusterRole "{self.name}" to {subject}'


def _covers(rule: Rule, question: Question) -> bool:
    names = rule.get("resourceNames") or []
    resources = rule.get("resources") or []
    return (
        bool({"*", question.verb} & set(rule.get("verbs") or []))
        and bool({"*", question.group} & set(rule.get("apiGroups") or []))
        and bool({"*", question.full, f"*/{question.subresource}"} & set(resources))
        and (not names or question.name in names)
    )


@dataclass
class People:
    """Every binding of one server's people."""

    bound: list[Bound] = field(default_factory=list)

    def bind(self, name: str, rules: Iterable[Rule], *, user: str = "", group: str = "", namespace: str = "") -> None:
        """Give a user or a group a role."""
        self.bound.append(Bound(name, tuple(rules), user, group, namespace))

    def unbind(self, name: str) -> None:
        """Take every binding of that name away."""
        self.bound = [one for one in self.bound if one.name != name]

    def review(self, user: str, groups: Iterable[str], question: Question) -> Json:
        """The status of an access review about somebody."""
        theirs = [one for one in self.bound if one.is_of(user, groups) and one.covers(question)]
        if MASTERS in set(groups):
            return {"allowed": True}
        return {"allowed": True, "reason": theirs[0].reason} if theirs else {"allowed": False}


def check(spec: Json) -> None:
    """Refuse a review that names nobody or nothing, as the server does."""
    causes = []
    if bool(spec.get("resourceAttributes")) is bool(spec.get("nonResourceAttributes")):
        causes.append(status.cause("spec.resourceAttributes", f"Invalid value: null: {NOTHING}"))
    if not spec.get("user") and not spec.get("groups"):
        causes.append(status.cause("spec.user", f'Invalid value: "": {NOBODY}'))
    if causes:
        raise status.invalid("SubjectAccessReview", "authorization.k8s.io", "", causes)
