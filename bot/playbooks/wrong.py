"""What is wrong in a playbook, each as one sentence with file, line and, for a word, the nearest known one.

It refuses to repair anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from bot.playbooks.fields import HINTS, nearest
from bot.yaml_file import Document

Place = tuple[str | int, ...]


def sentences(error: ValidationError, found: Document, file: str, model: type[BaseModel]) -> list[str]:
    """One sentence for each thing that is wrong, in the order of the file."""
    every = error.errors(include_url=False)
    places = [tuple(one["loc"]) for one in every]
    kept = [
        (found.line(_known(place, found)), _sentence(one, place, model))
        for one, place in zip(every, places, strict=True)
        # A list that counts too short only because its items are wrong isn't said twice.
        if not (one["type"] == "too_short" and any(other[: len(place)] == place != other for other in places))
    ]
    return [f"{file}, line {line}: {text}" for line, text in sorted(dict.fromkeys(kept))]


def _known(place: Place, found: Document) -> Place:
    """The place as the file has it: names of variants and marks such as ``[key]`` aren't in it."""
    made: Place = ()
    for segment in place:
        if (*made, segment) in found.lines:
            made = (*made, segment)
    return made


def _sentence(error: Mapping[str, Any], place: Place, model: type[BaseModel]) -> str:
    where = ".".join(segment for segment in place if isinstance(segment, str) and segment != "[key]")
    kind, given = str(error["type"]), error["input"]
    if kind == "extra_forbidden":
        return _ended(f"{where} is no key of a playbook{nearest(str(place[-1]), _keys(model, place))}")
    if kind == "missing":
        return f"{where} is missing{_purpose(model, place)}."
    if kind in {"literal_error", "enum"}:
        return _ended(f"{where}: {_shown(given)} isn't known here{nearest(str(given), _choices(error, model, place))}")
    if kind == "string_pattern_mismatch":
        hint = HINTS.get(str(error["ctx"]["pattern"]), "another form")
        return f"{where}: {_shown(given)} isn't written right; write {hint}."
    if kind == "value_error":
        text = str(error["ctx"]["error"])
        return _ended(f"{where}: {text}" if where else text)
    return f"{where or 'the file'}: {_lower(str(error['msg']))}, not {_shown(given)}."


def _ended(text: str) -> str:
    return text if text.endswith(("?", ".")) else f"{text}."


def _shown(given: Any) -> str:
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)
    return f"“{text[:60]}{'…' if len(text) > 60 else ''}”"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:].replace("Dictionary", "table").replace("Object", "table").replace(
        "Tuple", "list"
    )


def _keys(model: type[BaseModel], place: Place) -> tuple[str, ...]:
    """The keys that the table at this place may have."""
    table = _table(model, place[:-1])
    return tuple(field.alias or name for name, field in table.model_fields.items())


def _purpose(model: type[BaseModel], place: Place) -> str:
    field = _table(model, place[:-1]).model_fields.get(str(place[-1]))
    return f": {field.description.rstrip('.')}" if field and field.description else ""


def _table(model: type[BaseModel], place: Place) -> type[BaseModel]:
    """The model of the table at this place; keys of mappings and positions don't change it."""
    for segment in place:
        for name, field in model.model_fields.items():
            if segment in {name, field.alias}:
                model = next(_models(field.annotation), model)
                break
    return model


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for part in get_args(annotation):
        yield from _models(part)


def _choices(error: Mapping[str, Any], model: type[BaseModel], place: Place) -> tuple[str, ...]:
    field = _table(model, place[:-1]).model_fields.get(str(place[-1]))
    words = tuple(_words(field.annotation)) if field else ()
    expected = str(error["ctx"].get("expected", ""))
    return words or tuple(word.strip(" '") for word in expected.replace(" or ", ", ").split(","))


def _words(annotation: Any) -> Iterator[str]:
    for part in get_args(annotation):
        if isinstance(part, str):
            yield part
        else:
            yield from _words(part)
