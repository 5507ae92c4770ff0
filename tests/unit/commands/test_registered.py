from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.domain.answer import Answer, TimelineRow
from bot.domain.note import Noting
from bot.sandbox.slack.validation import check
from bot.slack import answers, home, ids, modals, note_modal, silence_modal
from bot.slack.cards import DigestView, card, digest
from bot.slack.cards.buttons import kept_blocks
from bot.slack.preflight import SCOPES
from commands import buttons, pushpin, shortcuts, slash, views
from commands import help as words
from commands import home as home_commands
from tests.unit.slack import card_views

ROOT = Path(__file__).parents[3]
MANIFEST = yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8"))


def action_ids(value: Any) -> set[str]:
    """Every action id inside some JSON."""
    if isinstance(value, dict):
        own = {value["action_id"]} if "action_id" in value else set()
        return own.union(*(action_ids(item) for item in value.values()))
    return set().union(*(action_ids(item) for item in value)) if isinstance(value, list | tuple) else set()


def test_the_manifest_offers_the_commands_that_are_registered() -> None:
    offered = [command["command"] for command in MANIFEST["features"]["slash_commands"]]
    assert offered == list(slash.COMMANDS)
    assert all(command["should_escape"] and command["usage_hint"] for command in MANIFEST["features"]["slash_commands"])
    assert all("url" not in command for command in MANIFEST["features"]["slash_commands"])


def test_the_manifest_offers_the_shortcuts_that_are_registered() -> None:
    offered = MANIFEST["features"]["shortcuts"]
    assert [one["callback_id"] for one in offered] == list(shortcuts.SHORTCUTS) == list(ids.SHORTCUTS)
    assert {one["type"] for one in offered} == {"message"}
    assert all(len(one["name"]) <= 24 and 0 < len(one["description"]) <= 150 for one in offered)


def test_the_manifest_asks_for_the_permissions_that_preflight_checks() -> None:
    assert MANIFEST["oauth_config"]["scopes"]["bot"] == sorted(SCOPES)


def test_each_permission_has_its_reason_beside_it() -> None:
    text = (ROOT / "manifest.yml").read_text(encoding="utf-8")
    for scope, reason in SCOPES.items():
        assert re.search(rf"- {re.escape(scope)} # {re.escape(reason)}", text)


def test_the_app_needs_no_public_address() -> None:
    settings = MANIFEST["settings"]
    assert settings["socket_mode_enabled"]
    assert settings["interactivity"] == {"is_enabled": True}
    assert not settings["token_rotation_enabled"]


def test_every_emitted_action_has_a_listener() -> None:
    emitted = {found for build in card_views.STATES.values() for found in action_ids(card(build()).blocks)}
    emitted |= action_ids(digest(DigestView((card_views.incident(),), card_views.NOW, {})).blocks)
    emitted |= action_ids(kept_blocks("Heap dump kept.", 3))
    assert emitted == set(buttons.HANDLERS) == set(ids.CARD_ACTIONS)


def test_every_action_of_app_home_has_a_listener() -> None:
    emitted = {found for drawn in HOMES for found in action_ids(drawn)}
    assert emitted == set(home_commands.HANDLERS) == set(ids.HOME_ACTIONS)


def test_the_question_for_an_incident_has_a_listener_and_slack_takes_it() -> None:
    many = [card_views.incident(id=n, title="<!here>" * 99, alertname="") for n in range(1, 150)]
    asked = answers.which_incident(Answer("Which one?", asks_incident=7), many)
    assert action_ids(asked.blocks) == set(pushpin.HANDLERS) == set(ids.PIN_ACTIONS)
    assert check.message_blocks(list(asked.blocks)) == []
    assert "Only the first 100 open ones are listed." in asked.text
    assert ids.read_pin(ids.pin_value(42, 7)) == 7
    assert ids.read_id(ids.pin_value(42, 7), "i") == 42


HOMES = [
    home.view(found, lambda channel, ts: f"https://x.slack.com/archives/{channel}/p{ts}", "x" * 9000)
    for found in card_views.HOMES
]


@pytest.mark.parametrize("drawn", HOMES)
def test_slack_takes_every_app_home(drawn: dict[str, Any]) -> None:
    assert check.view(drawn) == []


MANY = tuple(card_views.incident(id=n, title="<!here>" * 99, alertname="") for n in range(1, 150))
NOTED = modals.Place(
    "C1", "https://hooks.slack.com/x", ts="1.2", thread_ts="1.1", author="U0LI", text='"<!here>\n' * 900
)
VIEWS = {
    ids.VIEW_CHANGE: modals.change(modals.Place(value="p:12"), card_views.proposal(action="rollback")),
    ids.VIEW_FREEZE: modals.freeze(),
    ids.VIEW_APPROVE: modals.approve(modals.Place(value="p:12"), card_views.proposal()),
    ids.VIEW_BREAK_GLASS: modals.break_glass(modals.Place(value="p:12"), card_views.proposal()),
    ids.VIEW_REJECT: modals.reject(modals.Place("C1", "https://hooks.slack.com/x", "p:12")),
    ids.VIEW_RESOLVE: modals.resolve(modals.Place(reason="x" * 9000)),
    ids.VIEW_DECLARE: modals.declare(modals.Place(), "checkout is slow" * 30),
    ids.VIEW_RESTART: modals.restart(modals.Place(namespace="shop")),
    ids.VIEW_FIND_TARGET: modals.find_target(modals.Place(value="i:42", namespace="n" * 300)),
    ids.VIEW_PICK_INCIDENT: modals.pick_incident(
        modals.Place(verb="ack"), [card_views.incident(id=n, title="x" * 500, alertname="") for n in range(1, 150)]
    ),
    ids.VIEW_MORE: modals.more(
        card_views.incident(title="<!here>" * 99), [card_views.proposal(id=n) for n in range(1, 20)], []
    ),
    ids.VIEW_SILENCE: silence_modal.form(
        modals.Place("C1", "https://hooks.slack.com/x", "i:42"),
        replace(
            card_views.PREVIEW, matchers=('pod="`<!channel>' + "x" * 5000 + '"',) * 70, warnings=("<!here>" * 300,) * 9
        ),
        comment="why " * 300,
    ),
    ids.VIEW_NOTE: note_modal.form(NOTED, Noting(MANY, likely=True)),
    ids.VIEW_RETRACT: note_modal.form(NOTED, Noting(MANY[:1], likely=True, standing=1, mine=True)),
    ids.VIEW_MESSAGE: modals.message("A very long heading that does not fit", "<!channel>" * 900),
}


@pytest.mark.parametrize("name", VIEWS)
def test_slack_takes_every_modal(name: str) -> None:
    assert check.view(VIEWS[name]) == []
    assert VIEWS[name]["callback_id"] == name


def test_no_line_of_a_long_timeline_is_cut_for_its_neighbours() -> None:
    """Notes with long texts and addresses: Slack takes them all, each line whole."""
    address = f"https://a-long-name-of-a-workspace.slack.com/archives/C0ONCALL/p1764126000000100?thread_ts={'1' * 17}"
    rows = [TimelineRow(card_views.NOW, "a" * 60, "note added, retracted since", f"{n} " + "<" * 400, address)
            for n in range(60)]  # fmt: skip
    shown = answers.incident_shown(card_views.incident(), [], rows, card_views.NOW, "https://x.slack.com/p1")
    view = modals.more(card_views.incident(), [], rows)
    assert check.message_blocks(list(shown.blocks)) == []
    assert check.view(view) == []
    for drawn, lines in ((shown.blocks, 24), (view["blocks"], 30)):
        assert str(drawn).count(f"{address}|message>") == lines


def test_a_message_that_is_too_long_for_a_form_is_cut_and_says_so() -> None:
    kept = modals.Place.unpacked(NOTED.packed())
    assert 1500 < len(kept.text) < 3000
    assert (kept.ts, kept.thread_ts, kept.author, kept.text[-4:]) == ("1.2", "1.1", "U0LI", " […]")
    assert NOTED.text.startswith(kept.text[:-4])
    assert modals.Place.unpacked(replace(NOTED, reason="x" * 9000, response_url="u" * 1900).packed()).text == ""


@pytest.mark.parametrize(
    ("found", "says"),
    [(Noting(MANY[:2]), "Add"), (Noting(MANY[:1], standing=7), "both of you retract it")],
    ids=["nothing is likely", "held by somebody else"],
)
def test_slack_takes_the_other_forms_of_a_note(found: Noting, says: str) -> None:
    view = note_modal.form(NOTED, found)
    assert check.view(view) == []
    assert says in str(view)
    assert "initial_option" not in str(view)
    assert check.view(note_modal.waiting(NOTED)) == check.view(note_modal.refused("x" * 9000)) == []


def test_every_modal_that_submits_has_a_listener() -> None:
    submitting = {name for name, view in VIEWS.items() if "submit" in view}
    assert submitting == set(views.SUBMISSIONS) == set(ids.SUBMISSIONS)


def test_a_place_survives_its_modal_and_nonsense_is_an_empty_place() -> None:
    place = modals.Place("C1", "https://hooks.slack.com/x", "p:12", "shop", "ack", "because", "d1g3st", "C1 1.2")
    assert modals.Place.unpacked(place.packed()) == place
    assert modals.Place.unpacked("{nonsense") == modals.Place()
    assert modals.Place.unpacked('{"unknown": 1}') == modals.Place()


@pytest.mark.parametrize(
    ("value", "kind", "number"),
    [
        ("p:12", "p", 12), ("i:42:t:ab", "i", 42), ("p:12", "i", 0), ("p:", "p", 0), ("", "p", 0), ("p:-1", "p", 0),
        ("p:²", "p", 0), ("p:1e3", "p", 0), ("p:" + "9" * 30, "p", 0), ("p:12 OR 1=1", "p", 0),
    ],
)  # fmt: skip
def test_a_value_is_read_as_an_id_or_not_at_all(value: str, kind: str, number: int) -> None:
    assert ids.read_id(value, kind) == number


def test_every_alias_means_a_command() -> None:
    assert set(words.ALIASES.values()) <= set(words.INCIDENT)
    assert words.verb_of("LS") == "list"
    assert words.verb_of("frobnicate") == ""
    assert "Did you mean" not in words.incident_help("/incident", "zzzzzz")
