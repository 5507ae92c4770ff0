"""What is wrong in a playbook, each as one sentence with file, line and, for a word, the nearest known one.

It refuses to repair anything.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from bot.playbooks.fields import HINTS, nearest
from bot.yaml_file import Document

Place = tuple[str | int, ...]


def sentences(error: ValidationError, found: Document, file: str, model: type[BaseModel]) -> list[str]:
    """One sentence for each thing that is wrong, in the order of the file."""
    every = [_Wrong(one, _known(tuple(one["loc"]), found), model) for one in error.errors(include_url=False)]
    told = {(found.line(one.place), one.sentence()) for one in every if not one.follows_from(every)}
    return [f"{file}, line {line}: {text}" for line, text in sorted(told)]


@dataclass(frozen=True)
class _Wrong:
    """One thing that is wrong; ``place`` is where, in the words of the file."""

    error: Mapping[str, Any]
    place: Place
    model: type[BaseModel]

    @property
    def kind(self) -> str:
        return str(self.error["type"])

    @property
    def key(self) -> str:
        """The key that is missing or too much."""
        return str(self.error["loc"][-1])

    @property
    def table(self) -> Place:
        """Where the table stands whose key is missing or too much."""
        return self.place[:-1] if self.place[-1:] == (self.key,) else self.place

    def follows_from(self, every: Sequence[_Wrong]) -> bool:
        """Whether it says only what another one says better."""
        if self.kind == "missing":  # it is there, and misspelt
            return any(
                one.kind == "extra_forbidden"
                and one.table == self.table
                and difflib.get_close_matches(one.key, _keys(one.model, one.table), n=1, cutoff=0.5) == [self.key]
                for one in every
            )
        if self.kind == "extra_forbidden":
            return False
        # A list counts too short because its items are wrong; of the forms a value may have, another fits better.
        several = self.kind == "too_short" or len(self.error["loc"]) > len(self.place)
        inside = any(one.place != self.place and one.place[: len(self.place)] == self.place for one in every)
        beside = next((one for one in every if one.place == self.place and one.kind != "missing"), self)
        return several and (inside or beside is not self)

    def sentence(self) -> str:
        """What is wrong, whole."""
        shown = (*self.table, self.key) if self.kind in {"missing", "extra_forbidden"} else self.place
        where = ".".join(segment for segment in shown if isinstance(segment, str))
        given = self.error["input"]
        if self.kind == "extra_forbidden":
            return _ended(f"{where} is no key of a playbook{nearest(self.key, _keys(self.model, self.table))}")
        if self.kind == "missing":
            return f"{where} is missing{_purpose(self.model, self.table, self.key)}."
        if self.kind in {"literal_error", "enum"}:
            choices = _choices(self.error, self.model, self.place)
            return _ended(f"{where}: {_shown(given)} isn't known here{nearest(str(given), choices)}")
        if self.kind == "string_pattern_mismatch":
            hint = HINTS.get(str(self.error["ctx"]["pattern"]), "another form")
            return f"{where}: {_shown(given)} isn't written right; write {hint}."
        if self.kind == "value_error":
            text = str(self.error["ctx"]["error"])
            return _ended(f"{where}: {text}" if where else text)
        return f"{where or 'the file'}: {_lower(str(self.error['msg']))}, not {_shown(given)}."


def _known(place: Place, found: Document) -> Place:
    """The place as the file has it: names of variants and marks such as ``[key]`` aren't in it."""
    made: Place = ()
    for segment in place:
        if (*made, segment) in found.lines:
            made = (*made, segment)
    return made


def _ended(text: str) -> str:
    return text if text.endswith(("?", ".")) else f"{text}."


def _shown(given: Any) -> str:
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)
    return f"“{text[:60]}{'…' if len(text) > 60 else ''}”"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:].replace("Dictionary", "table").replace("Object", "table").replace(
        "Tuple", "list"
    )


def _keys(model: type[BaseModel], table: Place) -> tuple[str, ...]:
    """The keys that the table at this place may have."""
    found = _table(model, table)
    return tuple(field.alias or name for name, field in found.model_fields.items())


def _purpose(model: type[BaseModel], table: Place, key: str) -> str:
    fields = _table(model, table).model_fields
    field = next((one for name, one in fields.items() if key in {name, one.alias}), None)
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
