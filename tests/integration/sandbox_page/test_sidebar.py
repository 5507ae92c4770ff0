"""What each person has not read yet, and what they may write where."""

import pytest

from bot.sandbox.page import home, sidebar
from bot.sandbox.page.fragments import Place
from bot.sandbox.page.sidebar import HOME, ReadMarks
from bot.sandbox.slack.models import Message
from bot.sandbox.slack.workspace import Workspace

ROOM = "C0ONCALL"


def say(workspace: Workspace, text: str, **more: object) -> Message:
    who = str(more.pop("by", "U0FETTLE"))
    return workspace.post(Message(ROOM, workspace.new_ts(), who, text, **more))


def unread(workspace: Workspace, marks: ReadMarks, user: str) -> list[str]:
    return [message.text for message in marks.unread(workspace, user, ROOM)]


def test_what_one_has_read_the_other_has_not() -> None:
    workspace, marks = Workspace(), ReadMarks()
    say(workspace, "one")
    marks.read(workspace, "U0ANA", ROOM)
    say(workspace, "two")
    assert unread(workspace, marks, "U0ANA") == ["two"]
    assert unread(workspace, marks, "U0LI") == ["one", "two"]


def test_ones_own_words_replies_and_what_others_alone_see_are_not_missed() -> None:
    workspace, marks = Workspace(), ReadMarks()
    root = say(workspace, "mine", by="U0ANA")
    say(workspace, "a reply", thread_ts=root.ts)
    say(workspace, "a reply for all", thread_ts=root.ts, reply_broadcast=True)
    say(workspace, "for Bo", ephemeral_to="U0BO")
    assert unread(workspace, marks, "U0ANA") == ["a reply for all"]
    assert unread(workspace, marks, "U0BO") == ["mine", "a reply for all", "for Bo"]


@pytest.mark.parametrize(
    ("text", "blocks", "whom"),
    [
        ("<@U0ANA> look", [], {"U0ANA"}),
        ("<!subteam^S0SRE> look", [], {"U0ANA", "U0LI"}),
        ("<!here> look", [], {"U0ANA", "U0LI", "U0BO"}),
        ("look", [], set()),
        ("", [{"type": "section", "text": {"type": "mrkdwn", "text": "by <@U0BO>"}}], {"U0BO"}),
        ("", [{"type": "rich_text", "elements": [{"type": "user", "user_id": "U0LI"}]}], {"U0LI"}),
        ("", [{"type": "rich_text", "elements": [{"type": "broadcast", "range": "here"}]}], {"U0ANA", "U0LI", "U0BO"}),
    ],
)
def test_a_message_concerns_whom_it_names(text: str, blocks: list[dict[str, object]], whom: set[str]) -> None:
    workspace, marks = Workspace(), ReadMarks()
    said = say(workspace, text, blocks=blocks)
    assert {user for user in ("U0ANA", "U0LI", "U0BO") if marks.concerns(workspace, said, user)} == whom


def test_an_edit_that_names_somebody_concerns_them_from_then_on() -> None:
    workspace, marks = Workspace(), ReadMarks()
    said = say(workspace, "look")
    assert not marks.concerns(workspace, said, "U0ANA")
    workspace.edit(said, "look, <@U0ANA>", [], None, "U0FETTLE")
    assert marks.concerns(workspace, said, "U0ANA")


def test_a_stranger_has_neither_the_app_nor_its_home() -> None:
    workspace = Workspace()
    column = sidebar.column(workspace, Place("U0MALLORY", ROOM), ReadMarks())["html"]
    assert HOME not in column
    assert sidebar.direct_of(workspace, "U0MALLORY") == []
    shown = home.state(workspace, Place("U0MALLORY", HOME))
    assert shown["home"] is None
    assert "not installed" in shown["unseen"]


@pytest.mark.parametrize(
    ("manifest", "closed"),
    [
        ({}, False),
        ({"features": {}}, True),
        ({"features": {"app_home": {"messages_tab_enabled": True}}}, True),
        ({"features": {"app_home": {"messages_tab_enabled": True, "messages_tab_read_only_enabled": False}}}, False),
    ],
)
def test_the_app_can_be_written_to_where_its_manifest_lets_people(manifest: dict[str, object], closed: bool) -> None:
    workspace = Workspace()
    room = workspace.direct_message("U0ANA")
    head = sidebar.head(workspace, Place("U0ANA", room.id), manifest)
    assert (head["closed"] != "") == closed
    assert head["name"] == "Fettle"


def test_whoever_is_not_in_a_channel_is_told_so_where_they_would_write() -> None:
    workspace = Workspace()
    workspace.add_channel("C0OTHER", "other")
    assert sidebar.head(workspace, Place("U0ANA", "C0OTHER"), {})["closed"] == "Ana Horvat is not in #other."
