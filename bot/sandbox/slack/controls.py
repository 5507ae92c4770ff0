"""Finding the controls in blocks and what a person's use of them looks like in a payload.

Pure: blocks and a plain Python value go in, Slack's JSON for the state or the action comes out.
It refuses a value the control does not offer, as no person could choose it.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.sandbox.slack.errors import NotThere
from bot.sandbox.slack.models import Json
from bot.sandbox.slack.shapes import blocks_within, elements_within

# state key and whether the value is a list, for controls whose value is plain
PLAIN = {
    "plain_text_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "number_input": "value",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
    "rich_text_input": "rich_text_value",
}
ONE_OPTION = {"static_select", "external_select", "overflow", "radio_buttons"}
MANY_OPTIONS = {"multi_static_select", "multi_external_select", "checkboxes"}
EXTERNAL = {"external_select", "multi_external_select"}
WITHOUT_STATE = {"button", "overflow", "workflow_button", "icon_button", "feedback_buttons"}
INITIAL = {
    "plain_text_input": "initial_value",
    "email_text_input": "initial_value",
    "url_text_input": "initial_value",
    "number_input": "initial_value",
    "datepicker": "initial_date",
    "timepicker": "initial_time",
    "datetimepicker": "initial_date_time",
    "users_select": "initial_user",
    "conversations_select": "initial_conversation",
    "channels_select": "initial_channel",
    "multi_users_select": "initial_users",
    "multi_conversations_select": "initial_conversations",
    "multi_channels_select": "initial_channels",
    "rich_text_input": "initial_value",
}


@dataclass(frozen=True)
class Control:
    """An interactive element and the block it stands in."""

    block: Json
    element: Json

    @property
    def kind(self) -> str:
        """The element's type, e.g. "button"."""
        return str(self.element.get("type"))

    @property
    def action_id(self) -> str:
        """The element's action_id."""
        return str(self.element.get("action_id"))

    @property
    def block_id(self) -> str:
        """The id of the block it stands in."""
        return str(self.block.get("block_id"))

    @property
    def label(self) -> str:
        """The words on a button."""
        return str((self.element.get("text") or {}).get("text", ""))


def controls(blocks: list[Json]) -> Iterator[Control]:
    """All interactive elements, in the order a person sees them."""
    for block in blocks:
        found = elements_within(block)
        for name in ("accessory", "element"):
            if isinstance(block.get(name), dict):
                found.append(block[name])
        for element in found:
            if element.get("action_id") is not None and element.get("type") != "image":
                yield Control(block, element)
        yield from controls(blocks_within(block))


def find(blocks: list[Json], *, action_id: str | None, text: str | None, block_id: str | None = None) -> Control:
    """The first control with this action id, these words or in this block.

    NotThere tells what there is. What is None does not narrow; the words only count without id.
    """
    everything = list(controls(blocks))
    for control in everything:
        right_block = block_id is None or control.block_id == block_id
        right_action = action_id is None or control.action_id == action_id
        right_words = text is None or action_id is not None or control.label == text
        if right_block and right_action and right_words:
            return control
    there = ", ".join(f"{c.label or c.kind} ({c.action_id})" for c in everything) or "none"
    raise NotThere(f"There is no control {action_id or text or block_id!r} here; there are: {there}.")


def options_of(element: Json) -> list[Json]:
    """All options of a select, those in groups included."""
    options = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        options += group.get("options") or []
    return options


def _pick(element: Json, value: Any, offered: list[Json]) -> Json:
    if isinstance(value, dict):
        return value
    for option in [*options_of(element), *offered]:
        if value in (option.get("value"), (option.get("text") or {}).get("text")):
            return copy.deepcopy(option)
    there = ", ".join(str(o.get("value")) for o in [*options_of(element), *offered]) or "none"
    raise NotThere(f"The option {value!r} is not offered; there are: {there}.")


def state_of(element: Json, value: Any, offered: list[Json] | None = None) -> Json:
    """The `state.values` entry for a control set to `value`.

    An option is named by its value or its words; `offered` are the options an external select
    showed last. None empties the control.
    """
    kind = str(element.get("type"))
    more = offered or []
    if kind in ONE_OPTION:
        chosen = None if value is None else _pick(element, value, more)
        return {"type": kind, "selected_option": chosen}
    if kind in MANY_OPTIONS:
        return {"type": kind, "selected_options": [_pick(element, v, more) for v in value or []]}
    if kind in PLAIN:
        if kind.startswith("multi_"):
            value = list(value or [])
        elif kind == "plain_text_input" and value is not None:
            value = str(value)
        return {"type": kind, PLAIN[kind]: value}
    raise NotThere(f"A {kind} holds no value.")


def initial_values(blocks: list[Json]) -> Json:
    """`state.values` of fresh blocks: each stateful control with what it starts with."""
    values: Json = {}
    for control in controls(blocks):
        if control.kind in WITHOUT_STATE:
            continue
        element = control.element
        if control.kind in ONE_OPTION:
            entry: Json = {
                "type": control.kind,
                "selected_option": copy.deepcopy(element.get("initial_option")),
            }
        elif control.kind in MANY_OPTIONS:
            chosen = copy.deepcopy(element.get("initial_options") or [])
            entry = {"type": control.kind, "selected_options": chosen}
        elif control.kind in PLAIN:
            start = element.get(INITIAL[control.kind])
            entry = state_of(element, start)
        else:
            continue
        values.setdefault(control.block_id, {})[control.action_id] = entry
    return values


def is_empty(entry: Json) -> bool:
    """Whether a state entry holds nothing."""
    return all(v in (None, "", []) for k, v in entry.items() if k != "type")


def _vote(element: Json, value: Any) -> str:
    offered = [str((element.get(name) or {}).get("value")) for name in ("positive_button", "negative_button")]
    if value not in offered:
        raise NotThere(f"The answer {value!r} is not offered; there are: {', '.join(offered)}.")
    return str(value)


def action_of(control: Control, action_ts: str, value: Any, offered: list[Json]) -> Json:
    """The entry of `actions[]` for a use of the control (`value` only where it has one)."""
    action: Json = {
        "type": control.kind,
        "action_id": control.action_id,
        "block_id": control.block_id,
        "action_ts": action_ts,
    }
    element = control.element
    if control.kind == "feedback_buttons":
        action["value"] = _vote(element, value)
    elif control.kind in ("button", "workflow_button", "icon_button"):
        action["text"] = copy.deepcopy(element.get("text"))
        action |= {k: element[k] for k in ("value", "style", "url") if element.get(k)}
    else:
        action |= state_of(element, value, offered)
    for name in ("confirm", "placeholder"):
        if element.get(name):
            action[name] = copy.deepcopy(element[name])
    return action


def input_problems(blocks: list[Json], values: Json) -> dict[str, str]:
    """What Slack's own client would say about the inputs before sending them, by block id."""
    out: dict[str, str] = {}
    for control in controls(blocks):
        if control.block.get("type") != "input":
            continue
        entry = values.get(control.block_id, {}).get(control.action_id, {})
        if is_empty(entry):
            if not control.block.get("optional"):
                out[control.block_id] = "Please complete this required field."
            continue
        low = int(control.element.get("min_length") or 0)
        high = int(control.element.get("max_length") or 3000)
        typed = entry.get("value")
        if isinstance(typed, str) and not low <= len(typed) <= high:
            out[control.block_id] = f"Enter between {low} and {high} characters."
    return out
