"""Who a person of Slack is to the cluster's API server, and what that server said of them.

``bot.policy`` judges the answers. It refuses to guess an identity: somebody who isn't mapped is nobody there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.errors import FettleError

ANYBODY = "*"
"""The key of a mapping that makes the user of everybody else out of their e-mail address."""
EMAIL = "{email}"


@dataclass(frozen=True)
class ClusterUser:
    """A user name and the groups that the cluster knows the person by."""

    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Needed:
    """One right that an action takes: on one object by its ``name``, or on any where that is empty."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""

    @property
    def words(self) -> str:
        """``patch deployments.apps``."""
        return f"{self.verb} {self.resource}{f'.{self.group}' if self.group else ''}"


@dataclass(frozen=True)
class Review:
    """The API server's answer to one question; ``reason`` in its own words, which name the person."""

    needed: Needed
    allowed: bool
    reason: str = ""


@dataclass(frozen=True)
class Vouched:
    """What the API server said of one person at one moment.

    ``user`` is None where nobody is mapped, and ``unmapped`` says why. ``problem`` is why it couldn't be asked.
    ``at`` is from before it was asked.
    """

    user: ClusterUser | None
    at: datetime
    reviews: tuple[Review, ...] = ()
    unmapped: str = ""
    problem: FettleError | None = None

    def kept(self) -> dict[str, object]:
        """For the audit, with the person: identity, each right, each answer and when it was given."""
        user = self.user
        return {
            "user": user.name if user is not None else "",
            "groups": list(user.groups) if user is not None else [],
            "at": self.at.isoformat(),
            "asked": [{**_right(one), "reason": one.reason} for one in self.reviews],
        }


def without_names(vouched: Mapping[str, Vouched], people: Iterable[str]) -> list[dict[str, object]]:
    """The same for an entry where nothing is erased: people by their principal ids, and no words of the server's."""
    return [
        {"person": who, "at": vouched[who].at.isoformat(), "asked": [_right(one) for one in vouched[who].reviews]}
        for who in people
        if who in vouched
    ]


def _right(review: Review) -> dict[str, object]:
    needed = review.needed
    where = {"namespace": needed.namespace, "name": needed.name}
    return {"right": needed.words, **{key: text for key, text in where.items() if text}, "allowed": review.allowed}
