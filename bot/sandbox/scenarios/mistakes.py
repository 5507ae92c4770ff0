"""What is wrong in a scenario's file, in a sentence with its place as a person counts. It refuses to read the file."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

import yaml
from pydantic_core import ErrorDetails

EMPTY = "it is empty; a scenario has a name, a title and steps."
NO_MAPPING = "it is no scenario, which has the keys name, title and steps."
KINDS = {"tuple_type": "a list", "model_type": "keys with values, such as key: value", "string_type": "text"}
"""What should stand there, by the library's name of the mistake."""


def sentences(errors: Sequence[ErrorDetails], scenario: Collection[str], step: Collection[str]) -> list[str]:
    """All that is wrong, one each. A list without its wrong entries isn't too short on top of that."""
    return [sentence(one, scenario, step) for one in errors if one["type"] != "too_short" or not one["input"]]


def unread(error: yaml.YAMLError | UnicodeDecodeError) -> str:
    """Why it can't be read, with the line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        start = error.context_mark
        begun = f", {error.context} that begins in line {start.line + 1}" if error.context and start else ""
        return f"line {error.problem_mark.line + 1}: {error.problem}{begun}."
    if isinstance(error, UnicodeDecodeError):
        line = error.object[: error.start].count(b"\n") + 1
        return f"line {line}: that is no text in UTF-8."
    return "a character in it is none of a text."


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
        case "too_short":
            return f"{named}: there is none; write at least one."
        case kind if kind in KINDS:
            return f"{named} should be {KINDS[kind]}."
    said = wrong["msg"].removeprefix("Value error, ")
    if said.startswith("Input should"):
        return f"{named} {said.removeprefix('Input ')}."
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
