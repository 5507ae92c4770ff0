"""The tables of the page on scenarios: which there are. ``generate.py`` writes them."""

from __future__ import annotations

from collections.abc import Iterator

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
