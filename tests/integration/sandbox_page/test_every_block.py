"""Every type of block and element that Slack has is drawn, and nothing from outside gets out of its text."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.page.mrkdwn import Directory
from bot.sandbox.page.render import Scene, render_block
from bot.sandbox.slack import controls, shapes
from bot.sandbox.slack.errors import NotThere
from bot.sandbox.slack.validation import schema

SCENE = Scene(names=Directory(viewer="U0BO"), key="m1")
SHAPES = Path(schema.__file__).parent
BAD = "<b onclick=x>"


def words(text: str = BAD) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = BAD) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def rich(text: str = BAD) -> dict[str, Any]:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [section]}


PICTURE = {"type": "image", "image_url": f'">{BAD}', "alt_text": BAD}
BUTTON = {"type": "button", "action_id": "go", "text": words(), "value": "1"}
CARD = {"type": "card", "title": mrkdwn(), "subtitle": mrkdwn(), "body": mrkdwn(), "icon": PICTURE, "actions": [BUTTON]}
TASK = {"type": "task_card", "task_id": "t", "title": BAD, "status": "complete", "details": rich(), "output": rich()}
CELLS = [{"type": "raw_text", "text": BAD}, {"type": "raw_number", "text": "14", "value": 14}, rich()]
VOTES = {
    "type": "feedback_buttons",
    "action_id": "vote",
    "positive_button": {"text": words("Helped"), "value": "up"},
    "negative_button": {"text": words(), "value": "down"},
}
BLOCKS: list[dict[str, Any]] = [
    {"type": "alert", "level": "error", "text": mrkdwn()},
    CARD,
    {"type": "carousel", "elements": [{**CARD, "hero_image": PICTURE}]},
    {
        "type": "container",
        "title": words(),
        "subtitle": words(),
        "child_blocks": [{"type": "section", "text": words()}],
    },
    {"type": "container", "rich_text_title": rich(), "is_collapsible": True, "child_blocks": [{"type": "divider"}]},
    {"type": "data_table", "caption": BAD, "row_header_column_index": 0, "rows": [CELLS, CELLS]},
    {"type": "file", "external_id": BAD, "source": BAD},
    {"type": "markdown", "text": f"# {BAD}\n\n| {BAD} |\n|---|\n| [x](javascript:x) ![{BAD}](https://x.test/p.png) |"},
    {"type": "plan", "title": BAD, "tasks": [TASK]},
    {**TASK, "sources": [{"type": "url", "url": "javascript:x()", "text": BAD}]},
    {"type": "video", "title": words(), "title_url": "javascript:x()", "thumbnail_url": f'">{BAD}', "alt_text": BAD},
    {"type": "context_actions", "elements": [VOTES, {"type": "icon_button", "icon": "trash", "text": words()}]},
    {"type": "input", "label": words(), "element": {"type": "file_input", "filetypes": [BAD]}},
]


def _types() -> set[str]:
    """Of every block and interactive element in Slack's published shapes."""
    files = ("blocks.schema.json", "blocks.extra.schema.json")
    found = [json.loads((SHAPES / name).read_text())["definitions"] for name in files]
    # What has neither a block's nor an action's id stands inside of something that is drawn.
    kinds = {
        body["properties"]["type"].get("const", "")
        for definitions in found
        for body in definitions.values()
        if {"block_id", "action_id"} & set(body.get("properties", {}))
    }
    return kinds - {""}


def test_every_block_and_element_of_slacks_shapes_has_a_template() -> None:
    kinds = _types()
    assert {"section", "video", "feedback_buttons", "data_visualization"} <= kinds
    for kind in sorted(kinds):
        as_block = render_block({"type": kind}, SCENE) if kind != "input" else ""
        as_element = render_block({"type": "actions", "elements": [{"type": kind, "options": []}]}, SCENE)
        assert "does not draw" not in as_block or "does not draw" not in as_element, kind


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: str(block["type"]))
def test_what_is_drawn_holds_its_words_and_none_of_their_markup(block: dict[str, Any]) -> None:
    html = render_block(block, SCENE)
    assert "does not draw" not in html
    assert "<b onclick" not in html
    assert 'href="javascript' not in html
    assert "&lt;b onclick=x&gt;" in html or block["type"] == "input"


def test_a_state_is_told_by_its_word_not_by_its_colour_alone() -> None:
    assert "Error: " in render_block(BLOCKS[0], SCENE)
    assert "✓ done" in render_block(TASK, SCENE)


def test_the_buttons_inside_of_cards_and_containers_can_be_found_and_pressed() -> None:
    inside = {"type": "container", "child_blocks": [{"type": "actions", "elements": [{**BUTTON, "action_id": "in"}]}]}
    blocks = shapes.filled_blocks([{"type": "carousel", "elements": [CARD]}, inside])
    found = list(controls.controls(blocks))
    assert [one.action_id for one in found] == ["go", "in"]
    assert all(one.block_id for one in found)
    assert controls.action_of(found[0], "1.0", None, [])["value"] == "1"


def test_an_answer_that_feedback_buttons_do_not_offer_is_none() -> None:
    (votes,) = controls.controls([{"type": "context_actions", "block_id": "c", "elements": [VOTES]}])
    assert controls.action_of(votes, "1.0", "up", [])["value"] == "up"
    with pytest.raises(NotThere):
        controls.action_of(votes, "1.0", "sideways", [])
