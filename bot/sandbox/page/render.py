"""Blocks as HTML: a pure function from Block Kit JSON to markup, one template per block type.

A block of type `x` is drawn by `templates/blocks/x.html`, an element by `templates/elements/x.html`;
a new type is a new file. What has no template is drawn as an honest box with its JSON. It refuses
to know about servers, people's presses and time: the same blocks always give the same HTML.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from bot.sandbox.page import charts, markdown, mrkdwn, rich_text
from bot.sandbox.page.mrkdwn import EMPTY, Directory

Json = Mapping[str, Any]

TEMPLATES = Path(__file__).parent / "templates"

# Elements that differ from another one only in what they list or in the keyboard they ask for.
_ELEMENT_TEMPLATES = {
    "workflow_button": "button",
    "users_select": "static_select",
    "channels_select": "static_select",
    "conversations_select": "static_select",
    "multi_static_select": "multi_select",
    "multi_users_select": "multi_select",
    "multi_channels_select": "multi_select",
    "multi_conversations_select": "multi_select",
    "multi_external_select": "external_select",
    "datepicker": "text_field",
    "timepicker": "text_field",
    "datetimepicker": "text_field",
    "plain_text_input": "text_field",
    "number_input": "text_field",
    "email_text_input": "text_field",
    "url_text_input": "text_field",
    "rich_text_input": "text_field",
}


@dataclass(frozen=True)
class Scene:
    """Where blocks stand and who reads them.

    `key` is unique on the page and prefixes the ids of form fields. `people` and `channels` are
    (id, name) pairs in the order in which selects list them. `values` holds what was chosen before,
    by block_id and action_id, in the same plain form in which the page sends it: a string, or a list
    of strings. `errors` are sentences by block_id.
    """

    names: Directory
    key: str = "m"
    surface: str = "message"
    people: Sequence[tuple[str, str]] = ()
    channels: Sequence[tuple[str, str]] = ()
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else []


def text_object(value: Any, scene: Scene) -> Markup:
    """A text object (`plain_text` or `mrkdwn`) or a bare string as HTML."""
    if isinstance(value, str):
        return mrkdwn.plain(value)
    if not isinstance(value, Mapping):
        return EMPTY
    text = str(value.get("text", ""))
    if value.get("type") == "mrkdwn":
        return mrkdwn.to_html(text, scene.names, verbatim=bool(value.get("verbatim")))
    return mrkdwn.plain(text, with_emoji=value.get("emoji", True) is not False)


def text_only(value: Any) -> str:
    """A text object's words without markup, for attributes and `<option>`s."""
    text = value.get("text", "") if isinstance(value, Mapping) else value
    return str(mrkdwn.plain(str(text or "")).striptags())


@dataclass(frozen=True)
class Choice:
    """One option of a select, as the page lists it. `group` is empty outside option groups."""

    value: str
    label: str
    group: str = ""
    description: str = ""


def _options(element: Json) -> list[Choice]:
    """The options of an element, option groups flattened with their group's name."""
    groups = [("", _as_list(element.get("options")))]
    groups += [
        (text_only(group.get("label")), _as_list(group.get("options")))
        for group in _as_list(element.get("option_groups"))
    ]
    return [
        Choice(
            value=str(option.get("value", "")),
            label=text_only(option.get("text")),
            group=name,
            description=text_only(option.get("description")),
        )
        for name, options in groups
        for option in options
    ]


def choices(element: Json, scene: Scene) -> list[Choice]:
    """What a select offers: its options, or the workspace's people or channels."""
    kind = str(element.get("type", ""))
    if "users" in kind:
        return [Choice(person, f"@{name}") for person, name in scene.people]
    if "channels" in kind or "conversations" in kind:
        return [Choice(channel, f"#{name}") for channel, name in scene.channels]
    return _options(element)


def groups(element: Json, scene: Scene) -> list[tuple[str, list[Choice]]]:
    """What a select offers, by option group, in the order given; the first name may be empty."""
    grouped: dict[str, list[Choice]] = {}
    for choice in choices(element, scene):
        grouped.setdefault(choice.group, []).append(choice)
    return list(grouped.items())


def _initial(element: Json) -> Any:
    """What the element starts with, in the plain form in which the page sends values."""
    if isinstance(element.get("initial_option"), Mapping):
        return str(element["initial_option"].get("value", ""))
    if isinstance(element.get("initial_options"), list):
        return [str(option.get("value", "")) for option in element["initial_options"]]
    for key, value in element.items():
        if key.startswith("initial_") and isinstance(value, str | list | int | float):
            return value
    return None


def chosen(element: Json, block: Json, scene: Scene) -> Any:
    """What the element shows: what was chosen on this page, else what it starts with."""
    kept = scene.values.get(str(block.get("block_id", "")), {})
    value = kept.get(str(element.get("action_id", "")))
    return _initial(element) if value is None else value


def initial_choices(element: Json) -> list[Choice]:
    """The options that an external select starts with: nothing else could name them."""
    options = _as_list(element.get("initial_options"))
    if isinstance(element.get("initial_option"), Mapping):
        options.append(element["initial_option"])
    return _options({"options": options})


def dispatches(block: Json) -> bool:
    """Whether a change is told to the app at once: always, but for plain input blocks."""
    return block.get("type") != "input" or bool(block.get("dispatch_action"))


@cache
def environment() -> Environment:
    """The templates, escaping everything. A key that a block does not have reads as nothing."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        block=render_block,
        element=render_element,
        text=text_object,
        text_only=text_only,
        choices=choices,
        curves=charts.drawing,
        groups=groups,
        markdown=markdown.to_html,
        chosen=chosen,
        initial_choices=initial_choices,
        dispatches=dispatches,
        inline=lambda elements, scene: rich_text.inline(elements, scene.names),
        pretty=lambda value: json.dumps(value, indent=1, ensure_ascii=False),
    )
    return made


@lru_cache(maxsize=200)
def _template(folder: str, kind: str) -> str:
    # A type comes from outside: only letters and underscores may name a file.
    known = kind.replace("_", "").isalpha() and (TEMPLATES / folder / f"{kind}.html").is_file()
    return f"{folder}/{kind}.html" if known else f"{folder}/unknown.html"


def render(template: str, **values: Any) -> Markup:
    """A template of this page by its path under `templates/`."""
    html = environment().get_template(template).render(**values)
    return Markup(html)  # noqa: S704 - autoescape is on in every template


def render_block(block: Json, scene: Scene) -> Markup:
    """One block as HTML."""
    return render(_template("blocks", str(block.get("type", ""))), b=block, scene=scene)


def render_element(element: Json, block: Json, scene: Scene) -> Markup:
    """One element (button, select, input, image, text) as HTML; `block` is the block around it."""
    kind = str(element.get("type", ""))
    name = _template("elements", _ELEMENT_TEMPLATES.get(kind, kind))
    return render(name, e=element, b=block, scene=scene)


def render_blocks(blocks: Sequence[Json], scene: Scene) -> Markup:
    """All blocks of a message or view, in order."""
    return EMPTY.join(render_block(block, scene) for block in blocks)
