"""Addresses and keys of Prometheus, Alertmanager and Loki: what is taken, what is refused, and that no secret shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.domain.errors import ConfigError
from bot.domain.mitigation import Action, on_cluster
from bot.integrations.sources import Sources, access
from bot.secret_file import Secret
from bot.settings import Settings, load
from bot.workflow.silence_guards import namespaces

BASE = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "KUBECONFIG": "k"}


def loaded(tmp_path: Path, **more: str) -> Settings:
    return load({**BASE, **more}, tmp_path / "no.env", tmp_path / "no.yaml")


def test_without_an_address_nobody_is_asked(tmp_path: Path) -> None:
    assert Sources.of(loaded(tmp_path)) == Sources(None, None)


def test_each_of_them_has_all_the_ways_in(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken\n", encoding="utf-8")
    settings = loaded(
        tmp_path,
        LOKI_URL="https://loki.example/base/",
        LOKI_TOKEN_FILE=str(tmp_path / "token"),
        LOKI_CA_FILE="/ca.pem",
        LOKI_TENANT="team-a|team-b",
    )
    found = access(settings, "LOKI")
    assert found is not None
    assert (found.name, found.url, found.ca_file, found.tenant) == (
        "Loki", "https://loki.example/base", Path("/ca.pem"), "team-a|team-b",
    )  # fmt: skip
    assert isinstance(found.token, Secret)
    assert found.token.value == SecretStr("t0ken")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PROMETHEUS_URL", "prometheus:9090", "write its base address"),
        ("PROMETHEUS_URL", "ftp://prometheus", "write its base address"),
        ("PROMETHEUS_URL", "http://", "write its base address"),
        ("PROMETHEUS_URL", "http://x:99999", "write its base address"),
        ("PROMETHEUS_URL", "http://x/?query=up", "without a question mark"),
        ("ALERTMANAGER_URL", "http://me:hunter22@x", "must hold no credentials"),
        ("ALERTMANAGER_BASIC", "hunter22", "must be user:password"),
        ("LOKI_TOKEN", "Bearer hunter22", "without “Bearer”"),
        ("LOKI_TENANT", "a\nb", "as X-Scope-OrgID takes it"),
    ],
)
def test_what_can_not_work_is_said_without_the_secret(tmp_path: Path, name: str, value: str, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, **{name: value})
    [sentence] = raised.value.sentences
    assert sentence.startswith(name)
    assert told in sentence
    assert "hunter22" not in sentence


def test_two_ways_in_at_once_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="PROMETHEUS_TOKEN and PROMETHEUS_BASIC are both given"):
        loaded(tmp_path, PROMETHEUS_TOKEN="t0ken", PROMETHEUS_BASIC="me:hunter22")


def test_keys_are_hidden_where_settings_show_and_known_to_the_log(tmp_path: Path) -> None:
    settings = loaded(tmp_path, PROMETHEUS_BASIC="me:hunter22", LOKI_TOKEN="t0ken")
    assert "hunter22" not in repr(settings)
    assert "t0ken" not in repr(settings)
    assert {"hunter22", "me:hunter22", "t0ken"} <= set(settings.secrets())


SILENCING = {
    "ALLOWED_ACTIONS": "restart,silence", "ALERTMANAGER_URL": "http://alertmanager:9093", "APPROVERS": "S0SRE",
    "ALLOWED_NAMESPACES": "shop,pay",
}  # fmt: skip


def test_alerts_may_be_silenced_where_all_that_it_takes_is_there(tmp_path: Path) -> None:
    found = loaded(tmp_path, **SILENCING)
    assert namespaces(found) == {"shop", "pay"}
    assert on_cluster(found.ALLOWED_ACTIONS) == (Action.RESTART,), "no right in the cluster is asked for it"


@pytest.mark.parametrize(
    "change", [{"ALLOWED_ACTIONS": "restart"}, {"APPROVERS": ""}, {"MODE": "observe"}, {"ALLOWED_NAMESPACES": ""}]
)
def test_without_any_of_it_no_button_is_drawn(tmp_path: Path, change: dict[str, str]) -> None:
    assert not namespaces(loaded(tmp_path, **{**SILENCING, **change}))
