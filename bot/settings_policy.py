"""``POLICY``: rules that narrow, freeze windows and who may break the glass, from ``fettle.yaml`` or a file of its own.

All that is wrong is said at once, each thing with the rule it stands in and the nearest known word. What a rule means
is ``bot.policy``'s business.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator, ValidationError

from bot import settings_values as values
from bot import yaml_file
from bot.domain.rules import Policy
from bot.settings_cluster_users import ClusterUserSettings
from bot.settings_policy_parts import MOST, PolicyPart

T = TypeVar("T")

IN_FILES = ("POLICY", "CLUSTER_USERS", "ONCALL")
"""Tables that may stand in a file of their own."""


class PolicyError(ValueError):
    """The policy can't be used; ``sentences`` say why, one thing each."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self.sentences = [one if one.endswith((".", "?")) else f"{one}." for one in sentences]
        super().__init__(f"can't be used. {' '.join(self.sentences)}"[:3000])


def policy(value: Any) -> Policy:
    """A table, or YAML as text; raises ``PolicyError``."""
    if isinstance(value, Policy):
        return value
    given = value
    if isinstance(value, str):
        try:
            given = yaml_file.parse(value).value
        except yaml_file.NotPlainError as error:
            raise PolicyError([f"Line {error.line}: it {error}"]) from error
    if not isinstance(given, Mapping):
        raise PolicyError(["It holds no table: write rules, windows, environments or break_glass"])
    try:
        part = PolicyPart.model_validate(dict(given))
    except ValidationError as error:
        raise PolicyError([_sentence(one, given) for one in error.errors(include_url=False)]) from None
    return _made(part)


def _made(part: PolicyPart) -> Policy:
    sentences: list[str] = []
    rules = tuple(_tried(f"rule {one.name}", one.made, sentences) for one in part.rules)
    windows = tuple(_tried(f"window {one.name}", one.made, sentences) for one in part.windows)
    for what, names in (("rules", [one.name for one in part.rules]), ("windows", [one.name for one in part.windows])):
        twice = sorted({name for name in names if names.count(name) > 1})
        sentences += [f"Two {what} are called {name}: give each a name of its own" for name in twice]
    sentences += _strangers(part)
    if sentences:
        raise PolicyError(sentences)
    return Policy(
        tuple(one for one in rules if one), tuple(one for one in windows if one), part.environments.made(),
        part.break_glass,
    )  # fmt: skip


def _tried(where: str, make: Callable[[], T], sentences: list[str]) -> T | None:
    try:
        return make()
    except ValueError as error:
        sentences.append(f"{where[:1].upper()}{where[1:]}: {error}")
        return None


def _strangers(part: PolicyPart) -> Iterator[str]:
    """Environments that are named and that no namespace can be of; with a label any may be."""
    known = tuple(part.environments.namespaces)
    if part.environments.label:
        return
    named = [(f"Rule {one.name}", one.match) for one in part.rules]
    named += [(f"Window {one.name}", one.match) for one in part.windows]
    for where, match in named:
        for name in match.environments:
            if name not in known:
                meant = _nearest(name, known) if known else ": say in environments how one is told"
                yield f"{where}: {name} is no environment that environments names{meant}"


def _sentence(error: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Where it is, in the words of the file, and what to write instead."""
    place, key, kind = tuple(error["loc"]), str(error["loc"][-1]), str(error["type"])
    where = _where(place[:-1] if kind in {"extra_forbidden", "missing"} else place, given)
    if kind == "extra_forbidden":
        return f"{where}{key} is no key here{_nearest(key, _keys(place[:-1]))}"
    if kind == "missing":
        return f"{where}{key} is missing"
    if kind == "value_error":
        return (
            f"{where.rstrip()} {error['ctx']['error']}" if where.endswith(": ") else f"{where}{error['ctx']['error']}"
        )
    return f"{where}write {_shape(kind)}"


def _where(place: tuple[str | int, ...], given: Any) -> str:
    """``Rule prod-rollback, quorum: ``; empty at the top."""
    parts: list[str] = []
    for at, segment in enumerate(place):
        if isinstance(segment, int):
            row = _inside(given, place[: at + 1])
            name = row.get("name") if isinstance(row, Mapping) else None
            parts[-1] = f"{str(parts[-1]).rstrip('s')} {name if isinstance(name, str) else segment + 1}"
        else:
            parts.append(str(segment))
    text = ", ".join(parts)
    return f"{text[:1].upper()}{text[1:]}: " if text else ""


def _inside(given: Any, place: tuple[str | int, ...]) -> Any:
    for segment in place:
        try:
            given = given[segment]
        except (KeyError, IndexError, TypeError):
            return None
    return given


def _shape(kind: str) -> str:
    if kind in {"tuple_type", "list_type"}:
        return "a list"
    if kind == "too_long":
        return f"at most {MOST}"
    return "a table" if kind in {"model_type", "model_attributes_type", "mapping_type", "dict_type"} else "text"


def _keys(place: tuple[str | int, ...]) -> tuple[str, ...]:
    """The keys that the table at this place may have."""
    model: type[BaseModel] = PolicyPart
    for segment in place:
        if isinstance(segment, str) and segment in model.model_fields:
            annotation = model.model_fields[segment].annotation
            parts = (annotation, *get_args(annotation))
            model = next((one for one in parts if isinstance(one, type) and issubclass(one, BaseModel)), model)
    return tuple(model.model_fields)


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f": did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"


class PolicySettings(ClusterUserSettings):
    """Part of ``Settings``, and all that ``fettle policy check`` needs."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)

    POLICY: Annotated[Policy, PlainValidator(policy), PlainSerializer(repr, return_type=str)] = Field(
        default_factory=Policy,
        description="Rules that narrow who may approve what and when, freeze windows, and who may break the glass; "
        "a table in `fettle.yaml`, see docs/policy.md.",
    )
    POLICY_FILE: Annotated[Path | None, BeforeValidator(values.file)] = Field(
        None, description="The same as a file of its own (YAML), instead of POLICY."
    )


def from_file(raw: dict[str, Any]) -> list[str]:
    """Puts what POLICY_FILE and its like say in POLICY's place; a sentence for each where that can't be."""
    return [sentence for name in IN_FILES if raw.get(f"{name}_FILE") for sentence in _from_file(raw, name)]


def _from_file(raw: dict[str, Any], name: str) -> Iterator[str]:
    if raw.get(name):
        yield f"{name} and {name}_FILE are both given: keep one of them."
        return
    path = Path(str(raw[f"{name}_FILE"])).expanduser()
    try:
        with path.open("rb") as opened:
            raw[name] = opened.read(yaml_file.MAX_YAML + 1).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        yield f"{name}_FILE is “{path}”, which can't be read ({reason}): name a readable file."
