"""Who people of Slack are to the cluster: ``REQUIRE_RBAC`` and the table that it goes by.

It refuses to map two people to one user: of two who have to approve, both would be the same to the cluster. It asks
nobody whether a user exists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator

from bot import settings_values as values
from bot import yaml_file
from bot.domain.cluster_user import ANYBODY, EMAIL, ClusterUser

Users = Mapping[str, ClusterUser]

_EMAIL = re.compile(r"[^@\s,;<>\"\\]{1,120}@[^@\s,;<>\"\\]{3,120}")
_LONGEST = 253
SHAPE = "write Slack ids, each with its user, such as U0123ANA: ana@example.com or U0123ANA: {user: ana, groups: [sre]}"


def cluster_users(value: Any) -> Users:
    """A table; YAML as text; or ``U0123ANA=ana@example.com groups=sre|dev, U0123BO=bo``."""
    found = dict(_each(value))
    named = [one.name for key, one in found.items() if key != ANYBODY]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise ValueError(f"maps several people to the user {twice[0]}: whoever approves is one person to the cluster")
    return found


def _each(value: Any) -> Iterator[tuple[str, ClusterUser]]:
    for key, given in _given(value):
        if key != ANYBODY and not values.is_person(key):
            raise ValueError(f"names “{key[:40]}”, which is no Slack id of a person; {SHAPE}")
        if isinstance(given, ClusterUser):
            yield key, given
            continue
        table = given if isinstance(given, Mapping) else {"user": given}
        unknown = sorted(str(one) for one in table.keys() - {"user", "groups"})
        if unknown:
            raise ValueError(f"gives {key} what it doesn't know: {', '.join(unknown)[:80]}; it knows user and groups")
        groups = table.get("groups") or ()
        listed = [groups] if isinstance(groups, str) else list(groups)
        user = ClusterUser(_name(key, table.get("user")), tuple(_name(key, one) for one in listed))
        if key == ANYBODY and EMAIL not in user.name:
            raise ValueError(f"gives everybody else ({ANYBODY}) one user: write {EMAIL} into it")
        if key != ANYBODY and EMAIL in user.name:
            raise ValueError(f"gives {key} a template: {EMAIL} belongs into the user of everybody else ({ANYBODY})")
        yield key, user


def _given(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, str) and (":" in value.partition("=")[0] or "\n" in value.strip()):
        try:
            value = yaml_file.parse(value).value
        except yaml_file.NotPlainError as error:
            raise ValueError(f"can't be read at line {error.line}: it {error}") from error
    if isinstance(value, Mapping):
        yield from ((str(key), one) for key, one in value.items())
        return
    if not isinstance(value, str):
        raise ValueError(SHAPE)  # noqa: TRY004 - pydantic takes no other
    for entry in filter(str.strip, value.split(",")):
        first, *rest = entry.split()
        key, _, user = first.partition("=")
        options = dict(word.partition("=")[::2] for word in rest)
        if options.keys() - {"groups"}:
            raise ValueError(f"gives {key[:40]} what it doesn't know; {SHAPE}")
        yield key, {"user": user, "groups": options["groups"].split("|") if "groups" in options else []}


def _name(key: str, value: Any) -> str:
    text = str(value if value is not None else "").strip()
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise ValueError(f"gives {key} no name of a user or group; {SHAPE}")
    if text.startswith("system:"):
        raise ValueError(f"gives {key} the name {text[:60]}: what begins with system: is no person's and may do more")
    return text


class ClusterUserSettings(BaseModel):
    """Part of ``Settings``."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)

    REQUIRE_RBAC: Annotated[bool, BeforeValidator(values.switch)] = Field(
        default=False,
        description="An approval counts only if the cluster lets that person's own account do the same "
        "(CLUSTER_USERS), asked at the press and before anything is sent; needs the role fettle-review.",
    )
    CLUSTER_USERS: Annotated[Users, PlainValidator(cluster_users), PlainSerializer(repr, return_type=str)] = Field(
        default_factory=dict,
        description="Who people are to the cluster, by Slack id: U0123ANA=ana@example.com groups=sre|dev, comma "
        "separated or a table in `fettle.yaml`, see docs/policy.md.",
    )
    CLUSTER_USERS_FILE: Annotated[Path | None, BeforeValidator(values.file)] = Field(
        None, description="The same as a file of its own (YAML), instead of CLUSTER_USERS."
    )

    @property
    def wants_emails(self) -> bool:
        """Whether somebody's user is made of their e-mail address, which Slack tells with a scope of its own."""
        return self.REQUIRE_RBAC and ANYBODY in self.CLUSTER_USERS

    def cluster_user(self, slack_id: str, email: str) -> ClusterUser | None:
        """Who this person is to the cluster; None where nobody says."""
        known: ClusterUser | None = self.CLUSTER_USERS.get(slack_id)
        template: ClusterUser | None = self.CLUSTER_USERS.get(ANYBODY)
        if known is not None or template is None or not _EMAIL.fullmatch(email):
            return known
        made = ClusterUser(template.name.replace(EMAIL, email), template.groups)
        # A table that names somebody by hand means that one person by it.
        return None if made.name in {one.name for one in self.CLUSTER_USERS.values()} else made
