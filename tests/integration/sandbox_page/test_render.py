"""Blocks as HTML: each block type by its own template, and an honest box for what has none."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.page.mrkdwn import Directory
from bot.sandbox.page.render import Scene, render_block, render_blocks

NAMES = Directory(users={"U0ANA": "ana"}, viewer="U0BO")
SCENE = Scene(names=NAMES, key="m1", people=[("U0ANA", "ana")], channels=[("C1", "oncall")])
SAMPLES = Path(__file__).parent / "card_samples.json"


def words(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "block_id": "b", "elements": list(elements)}


def option(value: str) -> dict[str, Any]:
    return {"text": words(value.upper()), "value": value}


def test_the_sample_cards_need_no_template_that_is_missing() -> None:
    for message in json.loads(SAMPLES.read_text()):
        html = render_blocks(message.get("blocks", []), SCENE)
        assert "does not draw" not in html


@pytest.mark.parametrize("kind", ["hologram", "../page", "", "_control"])
def test_a_block_without_a_template_is_shown_as_an_honest_box_with_its_json(kind: str) -> None:
    html = render_block({"type": kind, "secret_field": "kept"}, SCENE)
    assert "which this page does not draw" in html
    assert "secret_field" in html


def test_text_from_outside_is_escaped_in_every_part_of_a_block() -> None:
    bad = "<b onclick=x>"
    blocks = [
        {"type": "header", "text": words(bad)},
        {"type": "section", "text": words(bad), "fields": [words(bad)]},
        {"type": "context", "elements": [words(bad)]},
        {"type": "image", "image_url": '"><b onclick=x>', "alt_text": bad, "title": words(bad)},
        {"type": "table", "rows": [[{"type": "raw_text", "text": bad}]]},
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": bad}]},
            ],
        },
        actions({"type": "button", "action_id": '"><b onclick=x>', "text": words(bad)}),
        actions(
            {
                "type": "static_select",
                "action_id": "s",
                "placeholder": words(bad),
                "options": [{"text": words(bad), "value": '"><b onclick=x>'}],
            }
        ),
        {"type": bad},
    ]
    for block in blocks:
        assert "<b onclick" not in render_block(block, SCENE), block["type"]


def test_a_button_carries_its_place_its_style_and_what_is_asked_before() -> None:
    confirm = {
        "title": words("Restart shop/api?"),
        "text": {"type": "mrkdwn", "text": "Restarts *6 pods*."},
        "confirm": words("Restart"),
        "deny": words("Not now"),
        "style": "danger",
    }
    html = render_block(
        actions(
            {"type": "button", "action_id": "approve", "style": "primary", "text": words("Approve"), "confirm": confirm}
        ),
        SCENE,
    )
    assert 'data-block="b" data-action="approve" data-dispatch="1"' in html
    assert "btn-primary" in html
    assert 'data-title="Restart shop/api?"' in html
    assert 'data-yes="Restart" data-no="Not now"' in html
    assert "<strong>6 pods</strong>" in html


def chart(kind: str = "line", **more: Any) -> dict[str, Any]:
    points = [{"label": label, "value": value} for label, value in (("03:00", 0), ("03:03 alert", 256), ("03:06", 512))]
    axis = {"categories": [point["label"] for point in points], "y_label": "MiB"}
    body = {"type": kind, "series": [{"name": "api-1", "data": points}], "axis_config": axis, **more}
    return {"type": "data_visualization", "title": "Memory", "chart": body}


def test_a_chart_is_drawn_as_curves_with_its_figures() -> None:
    html = render_block(chart(), SCENE)
    assert '<polyline class="chart-0" points="0.0,120.0 160.0,60.0 320.0,0.0">' in html
    assert "512 MiB" in html
    assert "03:03 alert" in html
    assert "<li>a: 3</li>" in render_block(chart("pie", segments=[{"label": "a", "value": 3}]), SCENE)


def test_a_chart_without_sense_is_drawn_without_harm() -> None:
    bad = "<b onclick=x>"
    series = [{"name": bad, "data": [{"label": bad, "value": "x"}, None]}, 3]
    html = render_block({**chart(series=series), "title": bad}, SCENE)
    assert "<b onclick" not in html
    assert "b-chart" in render_block({"type": "data_visualization", "chart": {}}, SCENE)


def test_a_link_button_opens_only_web_addresses() -> None:
    button = {"type": "button", "action_id": "l", "text": words("Go"), "url": "javascript:x()"}
    assert 'href="#"' in render_block(actions(button), SCENE)
    web = render_block(actions({**button, "url": "https://x.test/"}), SCENE)
    assert 'href="https://x.test/"' in web


def test_a_select_keeps_the_order_of_its_groups_and_shows_what_is_chosen() -> None:
    select = {
        "type": "static_select",
        "action_id": "s",
        "initial_option": option("z"),
        "option_groups": [
            {"label": words("Second by name"), "options": [option("z")]},
            {"label": words("A first"), "options": [option("a")]},
        ],
    }
    html = render_block(actions(select), SCENE)
    assert html.index("Second by name") < html.index("A first")
    assert '<option value="z" selected>Z</option>' in html
    chosen = Scene(names=NAMES, values={"b": {"s": "a"}})
    assert '<option value="a" selected>' in render_block(actions(select), chosen)


def test_a_people_select_offers_the_people_of_the_workspace() -> None:
    html = render_block(actions({"type": "users_select", "action_id": "u"}), SCENE)
    assert '<option value="U0ANA">@ana</option>' in html


def test_an_input_has_a_label_for_its_field_and_its_error_beside_it() -> None:
    block = {
        "type": "input",
        "block_id": "why",
        "label": words("Reason"),
        "hint": words("One sentence."),
        "element": {"type": "plain_text_input", "action_id": "text", "multiline": True},
    }
    html = render_block(block, Scene(names=NAMES, key="V1", errors={"why": "Say why."}))
    assert '<label class="b-label" for="V1-why-text">' in html
    assert '<textarea id="V1-why-text"' in html
    assert 'aria-describedby="V1-why-error" aria-invalid="true"' in html
    assert "Say why." in html
    assert "data-dispatch" not in html


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("datepicker", "date"),
        ("timepicker", "time"),
        ("datetimepicker", "datetime-local"),
        ("number_input", "number"),
        ("email_text_input", "email"),
        ("url_text_input", "url"),
        ("plain_text_input", "text"),
    ],
)
def test_each_kind_of_field_is_asked_for_by_the_browsers_own_control(kind: str, field: str) -> None:
    block = {"type": "input", "block_id": "b", "label": words("L"), "element": {"type": kind, "action_id": "a"}}
    assert f'<input type="{field}"' in render_block(block, SCENE)


@pytest.mark.parametrize(
    ("kind", "drawn"),
    [
        ("checkboxes", 'type="checkbox" value="a" checked'),
        ("radio_buttons", 'type="radio"'),
        ("overflow", '<button type="button" value="a"'),
        ("multi_static_select", 'type="checkbox" value="a" checked'),
        ("external_select", 'role="combobox"'),
        ("multi_external_select", 'data-many="1"'),
    ],
)
def test_controls_with_options_are_drawn(kind: str, drawn: str) -> None:
    element = {"type": kind, "action_id": "x", "options": [option("a"), option("b")], "initial_options": [option("a")]}
    assert drawn in render_block(actions(element), SCENE)


def test_a_table_has_a_head_and_aligned_cells() -> None:
    def raw(text: str) -> dict[str, str]:
        return {"type": "raw_text", "text": text}

    html = render_block(
        {
            "type": "table",
            "column_settings": [{"align": "right"}],
            "rows": [[raw("Pod"), raw("Restarts")], [raw("api-1"), raw("14")]],
        },
        SCENE,
    )
    assert '<th scope="col" class="align-right">Pod</th>' in html
    assert '<td class="align-left">14</td>' in html
    assert html.count("<tbody>") == html.count("</tbody>") == 1


def test_a_table_of_one_row_is_well_formed() -> None:
    html = render_block({"type": "table", "rows": [[{"type": "raw_text", "text": "Pod"}]]}, SCENE)
    assert html.count("<tbody>") == html.count("</tbody>")


def test_rich_text_draws_its_inline_elements_with_their_styles() -> None:
    parts: list[dict[str, Any]] = [
        {"type": "text", "text": "b", "style": {"bold": True, "code": True}},
        {"type": "link", "url": "https://x.test/", "text": "l"},
        {"type": "emoji", "name": "red_circle"},
        {"type": "user", "user_id": "U0ANA"},
        {"type": "broadcast", "range": "here"},
        {"type": "date", "timestamp": 1700000000, "format": "{time}", "fallback": "22:13 UTC"},
        {"type": "color", "value": "#ff0000"},
        {"type": "from_the_future", "text": "still said"},
    ]
    html = render_block(
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_section", "elements": parts},
                {
                    "type": "rich_text_list",
                    "style": "ordered",
                    "offset": 2,
                    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "item"}]}],
                },
            ],
        },
        SCENE,
    )
    for piece in (
        "<strong><code>b</code></strong>",
        "🔴",
        "@ana",
        "mention-loud",
        "22:13 UTC",
        'fill="#ff0000"',
        "still said",
        '<ol class="indent-0" start="3">',
    ):
        assert piece in html
