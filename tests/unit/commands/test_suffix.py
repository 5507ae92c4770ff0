"""One Slack app a cluster: what the manifest offers is what is registered, for any suffix."""

import re
from typing import Any

import pytest
import yaml
from slack_bolt.app.async_app import AsyncApp

from bot import app_manifest, clock, settings_values
from bot.domain.errors import ConfigError
from bot.slack import answers
from bot.slack.cards import DigestView, digest
from bot.slack.client import SlackClient
from commands import slash
from commands.front import Front
from commands.listen import register
from tests.integration.commands.fake_verbs import FakeVerbs
from tests.patience import PATIENT
from tests.unit.slack import card_views


def table(suffix: str) -> Any:
    return yaml.safe_load(app_manifest.manifest(suffix))


@pytest.mark.parametrize("suffix", ["", "eu", "us-east-1"])
async def test_the_manifest_offers_the_commands_that_are_registered(suffix: str) -> None:
    offered = [one["command"] for one in table(suffix)["features"]["slash_commands"]]
    assert offered == list(slash.named(suffix))
    slack = await SlackClient.connect("xoxb-test", "http://127.0.0.1:9/api/", timeout=PATIENT)
    asked: list[str] = []

    class Recorder(AsyncApp):
        def command(self, command: Any, *_: Any, **__: Any) -> Any:
            asked.append(command)
            return super().command(command)

    register(Recorder(client=slack.web, signing_secret="unused"), Front(slack, FakeVerbs(), clock.now, suffix))
    await slack.close()
    assert [one for one in asked if isinstance(one, str)] == offered


def test_a_suffix_changes_names_and_nothing_else() -> None:
    plain, with_suffix = table(""), table("eu")
    assert with_suffix["display_information"].pop("name") == "Fettle eu"
    assert with_suffix["features"]["bot_user"].pop("display_name") == "Fettle eu"
    for one in with_suffix["features"]["slash_commands"]:
        one["command"] = one["command"].removesuffix("-eu")
    del plain["display_information"]["name"], plain["features"]["bot_user"]["display_name"]
    assert with_suffix == plain


def test_names_stay_within_what_slack_takes_with_the_longest_suffix() -> None:
    longest = settings_values.command_suffix("x" * 16)
    found = table(longest)
    assert all(len(one["command"]) <= 32 for one in found["features"]["slash_commands"])
    assert len(found["display_information"]["name"]) <= 35
    assert all(re.fullmatch(r"/[a-z0-9-]+", one["command"]) for one in found["features"]["slash_commands"])


@pytest.mark.parametrize("suffix", ["EU", "e u", "x" * 17, "eu-", "é", "/eu"])
def test_what_slack_would_not_take_is_a_sentence(suffix: str) -> None:
    with pytest.raises(ConfigError, match="--command-suffix"):
        app_manifest.main(suffix)


def test_it_prints_the_manifest_as_it_lies_in_the_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert app_manifest.main("") == 0
    assert capsys.readouterr().out == (app_manifest.ROOT / "manifest.yml").read_text(encoding="utf-8")


def test_messages_that_name_a_command_name_the_one_that_this_cluster_hears() -> None:
    many = tuple(card_views.incident(id=number) for number in range(1, 90))
    assert "/incident-eu list" in str(digest(DigestView(many, card_views.NOW, {}, "/incident-eu")).blocks)
    assert "/incident-eu show" in str(answers.out_of_date("", many[0], "/incident-eu").blocks)
