"""The one door to validation: what is wrong with these blocks, this view, these options.

It returns sentences and never raises; what error code they become is the Web API's affair.
"""

import json
from typing import Any

from bot.sandbox.slack.validation import limits, schema, sdk_models

Json = dict[str, Any]


def message_blocks(blocks: Any) -> list[str]:
    """Everything wrong with the blocks of a message; empty when nothing is."""
    if not isinstance(blocks, list):
        return ["must be an array [json-pointer:/blocks]"]
    problems = list(limits.blocks_problems(blocks, limits.MESSAGE_BLOCKS))
    for n, block in enumerate(blocks):
        problems += schema.block_problems(block, f"/blocks/{n}")
    # The SDK's classes assume the shape; they are asked only about what has one.
    if not problems:
        for n, block in enumerate(blocks):
            problems += sdk_models.block_problems(block, f"/blocks/{n}")
    return problems


def view(body: Any) -> list[str]:
    """Everything wrong with a view; empty when nothing is."""
    if not isinstance(body, dict):
        return ["must be an object [json-pointer:/view]"]
    problems = [*limits.view_problems(body), *schema.view_problems(body)]
    return problems or list(sdk_models.view_problems(body))


def view_bytes(body: Json) -> int:
    """The size of a view as JSON in bytes, for the 250 kB limit."""
    return len(json.dumps(body, ensure_ascii=False).encode())


def metadata(value: Any) -> list[str]:
    """Everything wrong with a message's metadata; empty when nothing is."""
    return list(schema.metadata_problems(value))


def options(payload: Any) -> list[str]:
    """Everything wrong with the answer to a block_suggestion (`options` or `option_groups`)."""
    if not isinstance(payload, dict):
        return ["must be an object with options or option_groups [json-pointer:/]"]
    select: Json = {"type": "static_select", "action_id": "options"}
    for name in ("options", "option_groups"):
        if payload.get(name):
            select[name] = payload[name]
    block = {"type": "actions", "elements": [select]}
    if "options" in select or "option_groups" in select:
        return message_blocks([block])
    known = isinstance(payload.get("options", payload.get("option_groups")), list)
    return [] if known else ["needs options or option_groups [json-pointer:/]"]
