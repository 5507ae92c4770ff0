"""What is wrong in a scenario's file, in a sentence with its place as a person counts. It refuses to read the file."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

from pydantic_core import ErrorDetails


def sentence(wrong: ErrorDetails, scenario: Collection[str], step: Collection[str]) -> str:
    """One thing that is wrong, with its place as a person counts: steps begin with 1."""
    parts = _places(wrong["loc"])
    named = " in ".join(reversed(parts))
    match wrong["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(parts[-1], _keys(wrong["loc"][:-1], scenario, step), n=1)
            return f"there is nothing called {named}{f': did you mean {near[0]}?' if near else '.'}"
        case "missing":
            return f"{named} is missing."
    said = wrong["msg"].removeprefix("Value error, ")
    return f"{named}: {said}." if named else f"{said}."


def _places(path: Sequence[str | int]) -> list[str]:
    """From the outside in; the list of steps itself is no place, each of them is."""
    found: list[str] = []
    for before, part in zip(("", *path), path, strict=False):
        if before == "steps" and isinstance(part, int):
            found[-1:] = [f"step {part + 1}"]
        else:
            found.append(f"entry {part + 1}" if isinstance(part, int) else part)
    return found


def _keys(place: Sequence[str | int], scenario: Collection[str], step: Collection[str]) -> Collection[str]:
    """What may stand there, as far as a slip of the finger is concerned: a scenario's keys or the verbs."""
    if not place:
        return scenario
    return step if isinstance(place[-1], int) else []
