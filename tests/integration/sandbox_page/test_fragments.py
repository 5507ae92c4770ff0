"""What a person's page is made of: keys, digests, and what is drawn again when."""

import pytest

from bot.sandbox.page.drawn import Drawn
from bot.sandbox.page.fragments import FIRST_DRAWN, MORE_DRAWN, SHOWN_MESSAGES, Have, Place, plain_value, state
from bot.sandbox.slack.models import Message
from bot.sandbox.slack.workspace import Workspace

ANA = Place("U0ANA", "C0ONCALL")


def say(workspace: Workspace, text: str, **more: object) -> Message:
    message = Message("C0ONCALL", workspace.new_ts(), "U0FETTLE", text, bot_id="B0FETTLE", **more)
    return workspace.post(message)


def test_an_edit_changes_the_digest_of_its_message_alone() -> None:
    workspace = Workspace()
    first, second = say(workspace, "one"), say(workspace, "two")
    before = state(workspace, ANA)["messages"]
    workspace.edit(second, "three", [], None, "U0FETTLE")
    after = state(workspace, ANA)["messages"]
    assert [item["key"] for item in after] == [first.ts, second.ts]
    assert before[0] == after[0]
    assert before[1]["digest"] != after[1]["digest"]
    assert "three" in after[1]["html"]


def test_a_new_name_draws_every_message_anew() -> None:
    workspace = Workspace()
    say(workspace, "ask <@U0LI>")
    drawn = Drawn()
    before = state(workspace, ANA, drawn=drawn)
    workspace.add_person("U0LI", "li-wei", "Li Wei")
    after = state(workspace, ANA, Have(before["version"]), drawn=drawn)
    assert "@li-wei" in after["messages"][0]["html"]
    assert after["messages"][0]["digest"] != before["messages"][0]["digest"]


def test_what_was_drawn_is_not_drawn_twice_and_never_shown_to_someone_else() -> None:
    workspace = Workspace()
    say(workspace, "ask <@U0ANA>")
    drawn = Drawn()
    mine = state(workspace, ANA, drawn=drawn)["messages"][0]["html"]
    again = state(workspace, ANA, drawn=drawn)["messages"][0]["html"]
    theirs = state(workspace, Place("U0BO", "C0ONCALL"), drawn=drawn)["messages"][0]["html"]
    assert again is mine
    assert "mention-me" in mine
    assert "mention-me" not in theirs


def test_the_memory_of_drawn_messages_is_bounded() -> None:
    drawn, calls = Drawn(kept=2), []
    for key in ("a", "b", "a", "c", "b"):
        drawn.html(key, lambda key=key: calls.append(key) or key)
    assert calls == ["a", "b", "c", "b"]


def test_a_storm_shows_the_newest_messages() -> None:
    workspace = Workspace()
    last = [say(workspace, f"alert {number}") for number in range(SHOWN_MESSAGES + 200)][-1]
    drawn = Drawn()
    told = state(workspace, ANA, drawn=drawn)
    assert len(told["messages"]) == FIRST_DRAWN
    asked = 0
    while told["more"]:
        have = Have(told["version"], told["messages"][0]["key"], older=True)
        before, told = told, state(workspace, ANA, have, drawn=drawn)
        fresh = [item for item in told["messages"] if "html" in item]
        assert 0 < len(fresh) <= MORE_DRAWN
        assert [item["key"] for item in told["messages"][len(fresh) :]] == [item["key"] for item in before["messages"]]
        asked += 1
    assert asked > 1
    assert len(told["messages"]) == SHOWN_MESSAGES
    assert told["messages"][-1]["key"] == last.ts


def test_what_the_page_has_is_told_without_being_sent_again() -> None:
    workspace = Workspace()
    first = [say(workspace, f"alert {number}") for number in range(FIRST_DRAWN + 10)][-FIRST_DRAWN]
    before = state(workspace, ANA)
    say(workspace, "one more")
    after = state(workspace, ANA, Have(before["version"], first.ts))
    assert len(after["messages"]) == FIRST_DRAWN + 1
    assert [item["key"] for item in after["messages"] if "html" in item] == [after["messages"][-1]["key"]]


def test_a_deleted_message_is_gone() -> None:
    workspace = Workspace()
    message = say(workspace, "oops")
    workspace.delete(message)
    assert state(workspace, ANA)["messages"] == []


def test_an_ephemeral_reply_stands_in_its_thread_only() -> None:
    workspace = Workspace()
    root = say(workspace, "root")
    say(workspace, "for ana in the thread", thread_ts=root.ts, ephemeral_to="U0ANA")
    assert len(state(workspace, ANA)["messages"]) == 1
    thread = state(workspace, Place("U0ANA", "C0ONCALL", root.ts))["thread"]
    assert [("for ana" in item["html"]) for item in thread] == [False, True]


@pytest.mark.parametrize(
    ("slacks", "pages"),
    [
        ({"type": "plain_text_input", "value": "x"}, "x"),
        ({"type": "plain_text_input", "value": None}, None),
        ({"type": "static_select", "selected_option": {"value": "a"}}, "a"),
        ({"type": "static_select", "selected_option": None}, None),
        ({"type": "checkboxes", "selected_options": [{"value": "a"}, {"value": "b"}]}, ["a", "b"]),
        ({"type": "multi_users_select", "selected_users": ["U1"]}, ["U1"]),
        ({"type": "datetimepicker", "selected_date_time": 1700000000}, "1700000000"),
    ],
)
def test_a_state_of_slacks_is_read_into_the_pages_plain_form(slacks: dict[str, object], pages: object) -> None:
    assert plain_value(slacks) == pages
