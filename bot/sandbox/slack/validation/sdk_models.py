"""What the Python SDK's own model classes refuse: a second opinion written by Slack.

It only looks; nothing the classes produce is kept, so their normalising cannot change a message.
"""

from collections.abc import Iterator
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

Json = dict[str, Any]

# The classes were written for building, not for judging: on odd input they fail in these ways too.
REFUSALS = (SlackObjectFormationError, TypeError, ValueError, AttributeError, KeyError)


def block_problems(block: Json, at: str) -> Iterator[str]:
    """The SDK's sentence about one block, if it refuses it."""
    try:
        parsed = Block.parse(block)
        if parsed is not None:
            parsed.validate_json()
            parsed.to_dict()
    except REFUSALS as error:
        yield f"{error} [json-pointer:{at}]"


def view_problems(view: Json) -> Iterator[str]:
    """The SDK's sentence about a whole view, if it refuses it."""
    try:
        parsed = View(**view)
        parsed.validate_json()
        parsed.to_dict()
    except REFUSALS as error:
        yield f"{error} [json-pointer:/]"
