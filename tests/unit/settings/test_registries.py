"""``REGISTRIES``: one line in the environment or a table in YAML; what can't work is said, and never a password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import ConfigError
from bot.integrations.sources import Sources
from bot.settings import Settings, load, suspicious
from bot.settings_registries import RegistrySetting, registries

BASE = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "KUBECONFIG": "k"}
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"


def loaded(tmp_path: Path, yaml: str = "", **more: str) -> Settings:
    (tmp_path / "fettle.yaml").write_text(yaml, encoding="utf-8")
    return load({**BASE, **more}, tmp_path / "no.env", tmp_path / "fettle.yaml")


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("hunter22\n", encoding="utf-8")
    return path


def test_none_is_asked_unless_it_is_listed(tmp_path: Path) -> None:
    assert loaded(tmp_path).REGISTRIES == ()
    assert Sources.of(loaded(tmp_path)).registries is None


def test_the_environment_and_yaml_say_the_same(tmp_path: Path, password: Path) -> None:
    line = (
        f"docker.io, registry.example.com:5000 user=fettle password_file={password} ca_file=/ca.pem insecure "
        f"also=auth.example.com also=cdn.example.com:8443,\n{ECR} ecr"
    )
    yaml = f"""
registries:
  index.docker.io: {{}}
  Registry.Example.com:5000:
    user: fettle
    password_file: {password}
    ca_file: /ca.pem
    insecure: true
    also: [auth.example.com, "cdn.example.com:8443"]
  {ECR}: {{ ecr: true }}
"""
    by_line, by_yaml = loaded(tmp_path, REGISTRIES=line), loaded(tmp_path, yaml)
    assert by_line.REGISTRIES == by_yaml.REGISTRIES
    hub, own, aws = by_line.REGISTRIES
    assert hub == RegistrySetting("docker.io")
    assert (own.host, own.user, own.ca_file, own.insecure) == (
        "registry.example.com:5000", "fettle", Path("/ca.pem"), True,
    )  # fmt: skip
    assert own.also == ("auth.example.com", "cdn.example.com:8443")
    assert (aws.ecr, aws.account, aws.region) == (True, "123456789012", "eu-central-1")
    assert own.files == (password,)
    assert "hunter22" in by_line.secrets()
    assert "hunter22" not in repr(by_line)
    found = Sources.of(by_line).registries
    assert found is not None
    assert found.hosts == ("docker.io", "registry.example.com:5000", ECR)


def test_a_single_host_in_yaml_may_be_a_word_or_a_list(tmp_path: Path) -> None:
    for yaml in ("registries: ghcr.example", "registries: [ghcr.example]", "registries: {ghcr.example: }"):
        assert [one.host for one in loaded(tmp_path, yaml).REGISTRIES] == ["ghcr.example"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("https://registry.example.com", "write hosts with their ports"),
        ("registry.example.com/shop", "write hosts with their ports"),
        ("user:hunter22@registry.example.com", "write hosts with their ports"),
        ("registry.example.com:99999", "write hosts with their ports"),
        ("*", "write hosts with their ports"),
        ("169.254.169.254", "clouds keep credentials"),
        ("169.254.170.2:80 insecure", "clouds keep credentials"),
        ("[fe80::1]:5000", "clouds keep credentials"),
        ("registry.example.com also=169.254.169.254", "clouds keep credentials"),
        ("registry.example.com password=hunter22", "an option password that there isn't: write user, password_file"),
        ("registry.example.com user=fettle", "only one of user and password_file"),
        ("registry.example.com password_file={ok}", "only one of user and password_file"),
        ("registry.example.com user=f:g password_file={ok}", "only one of user and password_file"),
        ("registry.example.com user=f token_file={ok} password_file={ok}", "both a user and a token_file"),
        ("registry.example.com token_file=/nowhere/x", "which can't be read (No such file or directory)"),
        ("registry.example.com token_file={empty}", "which is empty"),
        ("registry.example.com token_file={lines}", "holds more than one line"),
        ("registry.example.com insecure=perhaps", "insecure neither true nor false"),
        ("registry.example.com ecr", "which is no ACCOUNT.dkr.ecr.REGION.amazonaws.com"),
        ("registry.example.com region=eu-central-1", "a region, which only ecr has"),
        (f"{ECR} ecr insecure", "more than ecr and region"),
        (f"{ECR} ecr region=http://x", "a region that is none"),
        ("docker.io, index.docker.io", "names one registry twice"),
    ],
)
def test_what_can_not_work_is_said_without_what_was_written(tmp_path: Path, value: str, told: str) -> None:
    for name, text in (("ok", "hunter22"), ("empty", ""), ("lines", "hunter22\nhunter23")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    given_so = value.format(**{name: tmp_path / name for name in ("ok", "empty", "lines")})
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, REGISTRIES=given_so)
    [sentence] = raised.value.sentences
    assert sentence.startswith("REGISTRIES ")
    assert told in sentence
    assert "hunter2" not in sentence


def test_a_table_with_a_password_in_it_is_refused_without_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, "registries: {registry.example.com: {user: fettle, password: hunter22}}")
    assert "hunter22" not in str(raised.value)
    with pytest.raises(ConfigError, match="no table of options"):
        loaded(tmp_path, "registries: {registry.example.com: hunter22}")


def test_a_name_that_is_nearly_this_one_is_asked_about() -> None:
    assert suspicious({"REGISTRYS": "x"}) == ["REGISTRYS is no setting: did you mean REGISTRIES?"]


@given(st.one_of(st.text(max_size=60), st.lists(st.text(max_size=20), max_size=3), st.dictionaries(
    st.text(max_size=20), st.one_of(st.none(), st.text(max_size=9), st.dictionaries(st.text(max_size=9), st.text())),
    max_size=3,
)))  # fmt: skip
def test_whatever_is_written_is_read_or_refused(value: Any) -> None:
    try:
        found = registries(value)
    except ValueError:
        return
    assert len({one.host for one in found}) == len(found)
