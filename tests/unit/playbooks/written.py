"""Playbooks and findings as tests write them: what isn't said is empty."""

import json
from typing import Any

from bot.domain.finding import Cause, Confidence, Finding, Suggestion
from bot.playbooks import choose
from bot.playbooks.choose import PlaybookSet
from bot.playbooks.schema import Playbook


def playbook(name: str = "mine", /, **keys: Any) -> Playbook:
    """One that collects pods."""
    return Playbook.model_validate_json(json.dumps({"name": name, "title": "Mine", "evidence": ["pods"], **keys}))


def set_of(*playbooks: Playbook, own: tuple[str, ...] = ()) -> PlaybookSet:
    """These and a default."""
    return choose.ordered([*playbooks, playbook("default")], frozenset(own))


def finding(cause: str = "crash_loop", *suggested: str | Suggestion, **fields: Any) -> Finding:
    """A finding of medium confidence that suggests these, each with the command by hand."""
    suggestions = tuple(
        one if isinstance(one, Suggestion) else Suggestion(one, {}, f"{one} helps", f"kubectl {one}")
        for one in suggested
    )
    return Finding(
        Cause(cause), fields.pop("sentence", f"It is {cause}."), fields.pop("confidence", Confidence.MEDIUM), (),
        suggestions=suggestions, **fields,
    )  # fmt: skip
