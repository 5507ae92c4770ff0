"""``ONCALL``: schedules that say who is on call, for lists of approvers that name ``oncall`` or ``oncall:NAME``.

A rotation that stands here, or schedules of PagerDuty's. It refuses what nobody could be meant by, and asks nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator

from bot import settings_calendar as calendar
from bot import settings_values as values
from bot import yaml_file
from bot.domain.oncall import Override, Rotation, Schedule

Schedules = Mapping[str, Schedule]

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_THEIRS = re.compile(r"[A-Z0-9]{4,20}")
_HANDOVER = re.compile(r"(daily|[a-z]{3,9})\s+([01][0-9]|2[0-3]):([0-5][0-9])")
ROTATION = ("people", "handover", "starts", "zone", "overrides")
PAGERDUTY = ("pagerduty", "users")
SHAPE = "write a table of schedules, each with people, handover, starts and zone, or with pagerduty"
MOST = 100


def parse(value: Any) -> Schedules:
    """A table of schedules by name, or one schedule alone; also YAML as text. By id: ``oncall:sre``, ``oncall``."""
    if isinstance(value, str):
        try:
            value = yaml_file.parse(value).value
        except yaml_file.NotPlainError as error:
            raise ValueError(f"can't be read at line {error.line}: it {error}") from error
    if not isinstance(value, Mapping) or len(value) > MOST:
        raise ValueError(SHAPE)
    if all(isinstance(one, Schedule) for one in value.values()):
        return dict(value)
    alone = bool(value.keys() & {*ROTATION, *PAGERDUTY})
    found = [_schedule("", value)] if alone else [_schedule(str(name), table) for name, table in value.items()]
    return {one.id: one for one in found}


def _schedule(name: str, table: Any) -> Schedule:
    where = f"schedule {name[:40]}: " if name else ""
    if name and not _NAME.fullmatch(name):
        raise ValueError(f"{where}its name is small letters, digits and dashes, such as sre")
    if not isinstance(table, Mapping):
        raise ValueError(f"{where}{SHAPE}")  # noqa: TRY004 - pydantic takes no other
    known = PAGERDUTY if "pagerduty" in table else ROTATION
    unknown = sorted(str(one) for one in table.keys() - set(known))
    if unknown:
        raise ValueError(f"{where}it knows no {', '.join(unknown)[:80]}; there are {', '.join(known)}")
    try:
        if "pagerduty" in table:
            return Schedule(name, None, _theirs(table["pagerduty"]), dict(_users(table.get("users") or {})))
        return Schedule(name, _rotation(table))
    except ValueError as error:
        raise ValueError(f"{where}{error}") from error


def _theirs(value: Any) -> tuple[str, ...]:
    found = values.words(value)
    if not found or any(not _THEIRS.fullmatch(one) for one in found):
        raise ValueError("pagerduty takes ids of schedules, such as PABC123 (at the end of the schedule's address)")
    return found


def _users(value: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(value, Mapping):
        raise ValueError("users takes PagerDuty's user ids, each with its Slack id")  # noqa: TRY004 - as above
    for theirs, slack_id in value.items():
        if not _THEIRS.fullmatch(str(theirs)) or not values.is_person(str(slack_id)):
            raise ValueError(
                f"users: write PagerDuty's user id and a Slack id, such as PXYZ987: U0123ANA, not {theirs}"
            )
        yield str(theirs), str(slack_id)


def _rotation(table: Mapping[str, Any]) -> Rotation:
    people = _people(table.get("people"))
    handover = " ".join(str(table.get("handover", "")).split())
    found = _HANDOVER.fullmatch(handover.lower())
    if not found:
        raise ValueError("handover is such as Mon 09:00 or daily 09:00")
    day, hour, minute = found.groups()
    weekday = None if day == "daily" else calendar.weekday(day)
    zone = calendar.zone(table.get("zone", ""))
    try:
        starts = date.fromisoformat(str(table.get("starts", "")))
    except ValueError:
        raise ValueError("starts is the day on which the first of them takes over, such as 2026-11-02") from None
    given = table.get("overrides") or ()
    if not isinstance(given, list | tuple):
        raise ValueError("overrides takes a list")  # noqa: TRY004 - as above
    overrides = tuple(_override(one) for one in given)
    return Rotation(people, zone, time(int(hour), int(minute)), starts, weekday, handover, overrides)


def _people(value: Any) -> tuple[str, ...]:
    found = values.words(value) if value else ()
    if not found or any(not values.is_person(one) for one in found):
        raise ValueError("people takes Slack ids of people (U...), in the order of their turns")
    return found


def _override(value: Any) -> Override:
    if not isinstance(value, Mapping) or value.keys() != {"who", "from", "until"}:
        raise ValueError("an override has who, from and until")
    who = str(value["who"])
    if not values.is_person(who):
        raise ValueError(f"an override names {who[:40]}, which is no Slack id of a person")
    span = calendar.dates(f"{value['from']} - {value['until']}")
    return Override(who, span.since, span.until)


class OncallSettings(BaseModel):
    """Part of ``Settings``."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)

    ONCALL: Annotated[Schedules, PlainValidator(parse), PlainSerializer(repr, return_type=str)] = Field(
        default_factory=dict,
        description="Who is on call, by a rotation or by schedules of PagerDuty's, for lists that name oncall or "
        "oncall:NAME as an approver; a table in `fettle.yaml`, see docs/policy.md.",
    )
    ONCALL_FILE: Annotated[Path | None, BeforeValidator(values.file)] = Field(
        None, description="The same as a file of its own (YAML), instead of ONCALL."
    )

    @property
    def schedules(self) -> Schedules:
        """Every schedule by its id."""
        found: Schedules = self.ONCALL
        return found


def unknown(named: tuple[str, ...], known: Schedules, *, token: bool) -> list[str]:
    """What is wrong between lists of approvers, schedules and PagerDuty's key."""
    told = [
        f"{one} is named as an approver, and ONCALL has no such schedule"
        + (f"; there are {', '.join(known)}." if known else ": say who is on call.")
        for one in dict.fromkeys(named)
        if one not in known
    ]
    if any(one.pagerduty for one in known.values()) and not token:
        told.append("ONCALL names a schedule of PagerDuty's without PAGERDUTY_API_TOKEN: give a key that may read.")
    return told
