"""A modal with an input of every kind, what a person puts into each by its words, and what the app must get."""

from typing import Any

Json = dict[str, Any]


def words(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def _option(value: str, text: str, about: str = "") -> Json:
    return {"text": words(text), "value": value, **({"description": words(about)} if about else {})}


def _input(block: str, label: str, **element: Any) -> Json:
    return {"type": "input", "block_id": block, "label": words(label), "element": {"action_id": "it", **element}}


VERBS = [_option("restart", "Restart", "rolls all pods"), _option("scale", "Scale"), _option("evict", "Evict")]
FORM_VIEW: Json = {
    "type": "modal",
    "callback_id": "form",
    "title": words("Every kind"),
    "submit": words("Send"),
    "blocks": [
        _input("line", "One line", type="plain_text_input"),
        _input("lines", "Several lines", type="plain_text_input", multiline=True),
        _input("number", "How many", type="number_input", is_decimal_allowed=False),
        _input("verb", "Verb", type="static_select", options=VERBS),
        _input("verbs", "More verbs", type="multi_static_select", options=VERBS),
        _input("who", "Person", type="users_select"),
        _input("where", "Workload", type="external_select", min_query_length=1),
        _input("wheres", "All workloads", type="multi_external_select", min_query_length=1),
        _input("kind", "Kind", type="radio_buttons", options=VERBS),
        _input("also", "Also", type="checkboxes", options=VERBS, initial_options=VERBS[:1]),
        _input("day", "Day", type="datepicker"),
        _input("hour", "Hour", type="timepicker"),
        _input("moment", "Moment", type="datetimepicker"),
        {
            "type": "section",
            "block_id": "beside",
            "text": {"type": "mrkdwn", "text": "Severity of it"},
            "accessory": {"type": "static_select", "action_id": "level", "options": VERBS},
        },
    ],
}
MOMENT = 1_800_000_060
PUT: Json = {
    "one line": "shop/api",
    "Several": "a\nb",
    "How many": 3,
    "Verb": "Restart",
    "More": ["Restart", "evict"],
    "Person": "@li",
    "Workload": "shop/web",
    "All": ["shop/api", "shop/web"],
    "Kind": "Scale",
    "Also": ["scale", "Evict"],
    "Day": "2026-11-26",
    "Hour": "14:05",
    "Moment": MOMENT,
    "Severity": "Evict",
}
GOT: Json = {
    "line": "shop/api",
    "lines": "a\nb",
    "number": "3",
    "verb": "restart",
    "verbs": ["restart", "evict"],
    "who": "U0LI",
    "where": "shop/web",
    "wheres": ["shop/api", "shop/web"],
    "kind": "scale",
    "also": ["scale", "evict"],
    "day": "2026-11-26",
    "hour": "14:05",
    "moment": MOMENT,
    "beside": "evict",
}


def bare(values: Json) -> Json:
    """``state.values`` as block id -> what was put in."""
    return {block: _value(entry) for block, actions in values.items() for entry in actions.values()}


def _value(entry: Json) -> Any:
    (held,) = (value for key, value in entry.items() if key != "type")
    if isinstance(held, list):
        return [one["value"] for one in held]
    return held["value"] if isinstance(held, dict) else held
