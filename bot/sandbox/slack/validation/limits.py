"""Slack's documented lengths and counts, as one table and a walk over blocks that applies it.

It refuses to know shapes (which keys, which types): that is `schema`'s part. Problems come back
as the sentences Slack uses, each ending in the JSON pointer of the place.
"""

from collections.abc import Iterator
from typing import Any

from bot.sandbox.slack.validation import charts

Json = dict[str, Any]

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
MESSAGE_CHARACTERS = 13_000  # all text of a message's blocks together
MESSAGE_TEXT = 40_000  # longer text is cut by chat.postMessage
UPDATE_TEXT = 4_000  # longer text is refused by chat.update
HEADER = 150
SECTION_TEXT = 3_000
SECTION_FIELDS = 10
SECTION_FIELD = 2_000
CONTEXT_ELEMENTS = 10
CONTEXT_TEXT = 2_000
ACTIONS_ELEMENTS = 25
ID = 255  # action_id, block_id, callback_id, external_id
BUTTON_TEXT = 75
BUTTON_VALUE = 2_000
URL = 3_000
PLACEHOLDER = 150
OPTIONS = 100
OPTION_TEXT = 75
OPTION_VALUE = 150
OVERFLOW_OPTIONS = 5
CHOICE_OPTIONS = 10  # radio buttons and checkboxes
CONFIRM_TITLE = 100
CONFIRM_TEXT = 300
CONFIRM_BUTTON = 30
VIEW_TITLE = 24
PRIVATE_METADATA = 3_000
VIEW_BYTES = 250_000
VIEW_STACK = 3
INPUT_LABEL = 2_000
INPUT_VALUE = 3_000
IMAGE_ALT = 2_000
IMAGE_TITLE = 2_000
MARKDOWN = 12_000
TABLE_ROWS = 100
TABLE_COLUMNS = 20
LABELS = {"static_select", "multi_static_select", "overflow", "radio_buttons", "checkboxes"}


def _length(text: Any, low: int, high: int, at: str) -> Iterator[str]:
    value = text.get("text") if isinstance(text, dict) else text
    where = f"{at}/text" if isinstance(text, dict) else at
    if not isinstance(value, str):
        return
    if len(value) < low:
        yield f"must be more than {low - 1} characters [json-pointer:{where}]"
    if len(value) > high:
        yield f"must be less than {high + 1} characters [json-pointer:{where}]"


def _count(items: Any, low: int, high: int, at: str) -> Iterator[str]:
    if not isinstance(items, list):
        return
    if len(items) < low:
        yield f"no less than {low} items allowed [json-pointer:{at}]"
    if len(items) > high:
        yield f"no more than {high} items allowed [json-pointer:{at}]"


def _dicts(items: Any) -> Iterator[tuple[int, Json]]:
    if isinstance(items, list):
        yield from ((n, item) for n, item in enumerate(items) if isinstance(item, dict))


def _options(options: Any, low: int, high: int, at: str) -> Iterator[str]:
    yield from _count(options, low, high, at)
    seen: set[str] = set()
    for n, option in _dicts(options):
        yield from _length(option.get("text"), 1, OPTION_TEXT, f"{at}/{n}/text")
        yield from _length(option.get("value"), 1, OPTION_VALUE, f"{at}/{n}/value")
        yield from _length(option.get("description"), 1, OPTION_TEXT, f"{at}/{n}/description")
        value = str(option.get("value"))
        if value in seen:
            yield f"value `{value}` must be unique among the options [json-pointer:{at}/{n}/value]"
        seen.add(value)


def _confirm(confirm: Any, at: str) -> Iterator[str]:
    if not isinstance(confirm, dict):
        return
    yield from _length(confirm.get("title"), 1, CONFIRM_TITLE, f"{at}/title")
    yield from _length(confirm.get("text"), 1, CONFIRM_TEXT, f"{at}/text")
    yield from _length(confirm.get("confirm"), 1, CONFIRM_BUTTON, f"{at}/confirm")
    yield from _length(confirm.get("deny"), 1, CONFIRM_BUTTON, f"{at}/deny")


def element_problems(element: Json, at: str) -> Iterator[str]:
    """Problems of one interactive element; `at` is its JSON pointer."""
    kind = str(element.get("type"))
    yield from _length(element.get("action_id"), 1, ID, f"{at}/action_id")
    yield from _length(element.get("placeholder"), 1, PLACEHOLDER, f"{at}/placeholder")
    yield from _confirm(element.get("confirm"), f"{at}/confirm")
    if kind == "button":
        yield from _length(element.get("text"), 1, BUTTON_TEXT, f"{at}/text")
        yield from _length(element.get("value"), 0, BUTTON_VALUE, f"{at}/value")
        yield from _length(element.get("url"), 0, URL, f"{at}/url")
        label = element.get("accessibility_label")
        yield from _length(label, 0, BUTTON_TEXT, f"{at}/accessibility_label")
    if kind == "image":
        yield from _length(element.get("image_url"), 1, URL, f"{at}/image_url")
        yield from _length(element.get("alt_text"), 0, IMAGE_ALT, f"{at}/alt_text")
    if kind == "plain_text_input":
        yield from _length(element.get("initial_value"), 0, INPUT_VALUE, f"{at}/initial_value")
        for name in ("min_length", "max_length"):
            length = element.get(name)
            if isinstance(length, int) and length > INPUT_VALUE:
                yield f"must be less than {INPUT_VALUE + 1} [json-pointer:{at}/{name}]"
    if kind in LABELS:
        high = {"overflow": OVERFLOW_OPTIONS, "static_select": OPTIONS}.get(kind, CHOICE_OPTIONS)
        high = OPTIONS if kind == "multi_static_select" else high
        yield from _options(element.get("options"), 1, high, f"{at}/options")
        yield from _count(element.get("option_groups"), 1, OPTIONS, f"{at}/option_groups")
        for n, group in _dicts(element.get("option_groups")):
            yield from _length(group.get("label"), 1, OPTION_TEXT, f"{at}/option_groups/{n}/label")
            yield from _options(group.get("options"), 1, OPTIONS, f"{at}/option_groups/{n}/options")


def _section(block: Json, at: str) -> Iterator[str]:
    if not block.get("text") and not block.get("fields"):
        yield f"missing required field: text or fields [json-pointer:{at}]"
    yield from _length(block.get("text"), 1, SECTION_TEXT, f"{at}/text")
    yield from _count(block.get("fields"), 1, SECTION_FIELDS, f"{at}/fields")
    for n, item in _dicts(block.get("fields")):
        yield from _length(item, 1, SECTION_FIELD, f"{at}/fields/{n}")
    if isinstance(block.get("accessory"), dict):
        yield from element_problems(block["accessory"], f"{at}/accessory")


def _elements(block: Json, high: int, at: str) -> Iterator[str]:
    yield from _count(block.get("elements"), 1, high, f"{at}/elements")
    seen: set[str] = set()
    for n, element in _dicts(block.get("elements")):
        where = f"{at}/elements/{n}"
        if element.get("type") in ("mrkdwn", "plain_text"):
            yield from _length(element, 1, CONTEXT_TEXT, where)
        else:
            yield from element_problems(element, where)
        action_id = element.get("action_id")
        if action_id is not None and str(action_id) in seen:
            yield f"`action_id` {action_id} already exists in the block [json-pointer:{where}]"
        seen.add(str(action_id))


def _table(block: Json, at: str) -> Iterator[str]:
    yield from _count(block.get("rows"), 1, TABLE_ROWS, f"{at}/rows")
    rows = block.get("rows")
    for n, row in enumerate(rows if isinstance(rows, list) else []):
        yield from _count(row, 1, TABLE_COLUMNS, f"{at}/rows/{n}")


_WHOLE = {"section": _section, "table": _table, "data_visualization": charts.problems}


def block_problems(block: Json, at: str) -> Iterator[str]:
    """Problems of one block; `at` is its JSON pointer."""
    kind = block.get("type")
    yield from _length(block.get("block_id"), 1, ID, f"{at}/block_id")
    whole = _WHOLE.get(str(kind))
    if whole is not None:
        yield from whole(block, at)
    elif kind == "header":
        yield from _length(block.get("text"), 1, HEADER, f"{at}/text")
    elif kind == "context":
        yield from _elements(block, CONTEXT_ELEMENTS, at)
    elif kind == "actions":
        yield from _elements(block, ACTIONS_ELEMENTS, at)
    elif kind == "input":
        yield from _length(block.get("label"), 1, INPUT_LABEL, f"{at}/label")
        yield from _length(block.get("hint"), 1, INPUT_LABEL, f"{at}/hint")
        if isinstance(block.get("element"), dict):
            yield from element_problems(block["element"], f"{at}/element")
    elif kind == "image":
        yield from element_problems(block, at)
        yield from _length(block.get("title"), 1, IMAGE_TITLE, f"{at}/title")
    elif kind == "markdown":
        yield from _length(block.get("text"), 1, MARKDOWN, f"{at}/text")


def blocks_problems(blocks: list[Json], most: int, at: str = "/blocks") -> Iterator[str]:
    """Problems of a list of blocks, `most` being the surface's limit; duplicate ids included."""
    yield from _count(blocks, 0, most, at)
    seen: set[str] = set()
    tables = drawn = 0
    for n, block in _dicts(blocks):
        yield from block_problems(block, f"{at}/{n}")
        block_id = block.get("block_id")
        if block_id is not None and str(block_id) in seen:
            yield f"`block_id` {block_id} already exists [json-pointer:{at}/{n}/block_id]"
        seen.add(str(block_id))
        tables += block.get("type") == "table"
        drawn += block.get("type") == "data_visualization"
    if tables > 1:
        yield f"only one table allowed [json-pointer:{at}]"
    if drawn > charts.BLOCKS:
        yield f"only {charts.BLOCKS} data visualizations allowed [json-pointer:{at}]"


def text_characters(value: Any) -> int:
    """How many characters of text the value (blocks, an element, ...) shows in all."""
    if isinstance(value, list):
        return sum(text_characters(item) for item in value)
    if not isinstance(value, dict):
        return 0
    own = len(value["text"]) if isinstance(value.get("text"), str) else 0
    return own + sum(text_characters(item) for item in value.values())


def view_problems(view: Json) -> Iterator[str]:
    """Problems of a modal or home tab, its blocks included."""
    for name in ("title", "submit", "close"):
        yield from _length(view.get(name), 1, VIEW_TITLE, f"/{name}")
    yield from _length(view.get("private_metadata"), 0, PRIVATE_METADATA, "/private_metadata")
    yield from _length(view.get("callback_id"), 0, ID, "/callback_id")
    yield from _length(view.get("external_id"), 0, ID, "/external_id")
    blocks = view.get("blocks")
    if isinstance(blocks, list):
        yield from blocks_problems(blocks, VIEW_BLOCKS)
        inputs = [b for _, b in _dicts(blocks) if b.get("type") == "input"]
        if view.get("type") == "modal" and inputs and not view.get("submit"):
            yield "submit is required when an input block is in the view [json-pointer:/submit]"
