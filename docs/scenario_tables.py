"""The tables of the page on scenarios: which there are, and what can fail. ``generate.py`` writes them."""

from __future__ import annotations

from collections.abc import Iterator

from bot.sandbox.faults.every import KINDS, WHO
from bot.sandbox.faults.presets import PRESETS
from bot.sandbox.scenarios import schema
from bot.sandbox.scenarios.listing import in_groups


def scenario_rows() -> Iterator[str]:
    """A table a group, in the order of ``--list``."""
    for head, listed in in_groups(schema.load_all().values()).items():
        yield f"**{head}**"
        yield ""
        yield "| scenario | what it tells |"
        yield "| --- | --- |"
        yield from (f"| `{one.name}` | {one.title} |" for one in listed)
        yield ""


def fault_rows() -> Iterator[str]:
    """A line a kind of fault, in the words of the captions, and the rows of the page that do it."""
    yield "| `of` | `kind` | what happens | takes | on the page |"
    yield "| --- | --- | --- | --- | --- |"
    for of, kinds in KINDS.items():
        for kind in kinds.values():
            words = kind.words
            for name in ("seconds", "status", "error", "reason", "times"):
                words = words.replace(f" ({{{name}}})", "").replace(f"{{{name}}}", f"`{name}`")
            takes = ", ".join(f"`{name}`" for name in kind.takes)
            rows = [
                one.label
                for listed in PRESETS.values()
                for one in listed
                if any((order.of, order.kind) == (of, kind.name) for order in one.orders)
            ]
            yield f"| `{of}` | `{kind.name}` | {WHO[of]} {words} | {takes} | {'; '.join(rows)} |"
