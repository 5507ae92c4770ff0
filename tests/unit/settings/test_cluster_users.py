"""CLUSTER_USERS: each person one user, nothing guessed, and a sentence for whatever can't be meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.domain.cluster_user import ClusterUser
from bot.domain.errors import ConfigError
from bot.settings import Settings, load
from bot.settings_cluster_users import cluster_users

BASE = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "KUBECONFIG": "k"}
ANA, BO = ClusterUser("ana@shop.example"), ClusterUser("bo", ("sre", "oidc:dev"))


def settings(tmp_path: Path, **more: str) -> Settings:
    return load({**BASE, **more}, tmp_path / "no.env", tmp_path / "no.yaml")


WRITTEN: list[Any] = [
    "U0ANA=ana@shop.example, U0BO=bo groups=sre|oidc:dev",
    {"U0ANA": "ana@shop.example", "U0BO": {"user": "bo", "groups": ["sre", "oidc:dev"]}},
    "U0ANA: ana@shop.example\nU0BO: {user: bo, groups: [sre, 'oidc:dev']}\n",
    {"U0ANA": ANA, "U0BO": BO},
]


@pytest.mark.parametrize("value", WRITTEN, ids=["line", "table", "yaml", "made"])
def test_each_form_says_the_same(value: Any) -> None:
    assert cluster_users(value) == {"U0ANA": ANA, "U0BO": BO}


WRONG: dict[str, tuple[Any, str]] = {
    "two people, one user": ("U0ANA=x, U0BO=x", "several people to the user x"),
    "a group's id": ("S0SRE=x", "no Slack id of a person"),
    "a name": ("@ana=x", "no Slack id of a person"),
    "nobody": ("U0ANA=", "no name of a user"),
    "the masters": ({"U0ANA": {"user": "a", "groups": ["system:masters"]}}, "begins with system:"),
    "an account": ({"U0ANA": "system:serviceaccount:shop:x"}, "begins with system:"),
    "a key too many": ({"U0ANA": {"user": "a", "role": "b"}}, "it knows user and groups"),
    "an option too many": ("U0ANA=a role=b", "what it doesn't know"),
    "one for everybody": ({"*": "sre"}, "one user: write"),
    "a template for one": ({"U0ANA": "{email}"}, "belongs into the user of everybody else"),
    "no table": (7, "write Slack ids"),
    "a line break": ({"U0ANA": "a\nb"}, "no name of a user"),
    "an alias": ("U0ANA: &a ana\nU0BO: *a\n", "can't be read at line"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_can_not_be_meant_is_a_sentence(case: str) -> None:
    value, told = WRONG[case]
    with pytest.raises(ValueError, match=told):
        cluster_users(value)


def test_it_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "users.yaml"
    file.write_text("U0ANA: ana@shop.example\n")
    found = settings(tmp_path, CLUSTER_USERS_FILE=str(file), REQUIRE_RBAC="true")
    assert found.REQUIRE_RBAC
    assert found.cluster_user("U0ANA", "") == ANA
    with pytest.raises(ConfigError, match="both given"):
        settings(tmp_path, CLUSTER_USERS_FILE=str(file), CLUSTER_USERS="U0BO=bo")
    with pytest.raises(ConfigError, match=r"CLUSTER_USERS_FILE .* can't be read"):
        settings(tmp_path, CLUSTER_USERS_FILE=str(tmp_path / "none"))


def test_a_wrong_table_is_not_repeated_in_the_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as wrong:
        settings(tmp_path, CLUSTER_USERS="U0ANA=ana@shop.example, U0BO=ana@shop.example, S0X=secretly")
    assert "secretly" not in str(wrong.value)


@pytest.mark.parametrize(
    ("email", "user"),
    [
        ("cora@shop.example", ClusterUser("oidc:cora@shop.example", ("dev",))),
        ("", None),
        ("cora", None),
        ("a b@shop.example", None),
        ("ana,x@shop.example", None),
        ("taken@shop.example", None),
    ],
)
def test_a_template_makes_the_user_of_everybody_else(tmp_path: Path, email: str, user: ClusterUser | None) -> None:
    table = '{"U0ANA": "oidc:taken@shop.example", "*": {"user": "oidc:{email}", "groups": ["dev"]}}'
    found = settings(tmp_path, REQUIRE_RBAC="true", CLUSTER_USERS=table)
    assert found.wants_emails
    assert found.cluster_user("U0CORA", email) == user
    assert found.cluster_user("U0ANA", "other@shop.example") == ClusterUser("oidc:taken@shop.example")


def test_without_a_table_nobody_is_anybody(tmp_path: Path) -> None:
    found = settings(tmp_path, REQUIRE_RBAC="true")
    assert found.cluster_user("U0ANA", "ana@shop.example") is None
    assert not found.wants_emails
